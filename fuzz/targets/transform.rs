//! A transform that carries a token.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = kit::gpo::transform::read(&data);
});
