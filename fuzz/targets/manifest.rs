//! A manifest as somebody types it.
#![no_main]

use std::path::Path;

use installer::Product;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = Product::load(Path::new("stampwright.toml"), text);
    }
});
