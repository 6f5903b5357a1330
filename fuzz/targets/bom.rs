//! A flat package's bill of materials.
#![no_main]

use container::bom;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = bom::read(data);
});
