//! An installer of any format, read the way the commands read it.
#![no_main]

use installer::{Report, formats};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(file) = formats::open(&data) else { return };
    let _ = file.token();
    let _ = file.inspect();
    let _ = file.verify(&mut Report::new());
});
