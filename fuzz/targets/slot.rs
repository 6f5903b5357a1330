//! What the Windows token reader makes of a signature, and of a package that it has to find the signature in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use token_reader::{compound, slot};

fuzz_target!(|data: &[u8]| {
    if let Ok(token) = slot::token(data) {
        // What is taken is a token in the compact form, whatever stands around it.
        assert!(token.len() <= 4096 && token.split('.').count() == 3);
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)));
    }
    if let Ok(signature) = compound::stream(&mut &*data, "\u{5}DigitalSignature") {
        let _ = slot::token(&signature);
    }
});
