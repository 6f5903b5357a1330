//! The members of a deb's outer archive.
#![no_main]

use container::ar;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = ar::members(data);
});
