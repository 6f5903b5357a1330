//! A small XML document.
#![no_main]

use container::xml;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = xml::parse("document", data);
});
