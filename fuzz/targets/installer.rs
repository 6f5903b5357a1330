//! An installer of any format, read the way the commands read it.
#![no_main]

use installer::{Report, formats};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(format) = formats::recognise(&data) else { return };
    let _ = format.token(&data);
    let _ = format.inspect(&data);
    let _ = format.verify(&data, &mut Report::new());
});
