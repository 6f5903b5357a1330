//! A Windows program, its certificate, digest and version.
#![no_main]

use container::digest::Algorithm;
use container::pe::Image;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(image) = Image::open(&data) else { return };
    let _ = image.certificate(&data);
    let _ = image.version(&data);
    let _ = image.authenticode(&data, Algorithm::Sha256);
});
