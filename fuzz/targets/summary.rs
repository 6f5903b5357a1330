//! The summary information of an MSI.
#![no_main]

use container::msidb::Summary;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = Summary::read(data);
});
