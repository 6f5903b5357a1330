//! A token as it comes from a file.
#![no_main]

use installer::Token;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(token) = Token::parse(data) {
        // What is taken is printable ASCII, and what prints is not the token.
        assert!(token.expose().bytes().all(|byte| byte.is_ascii_graphic()));
        assert!(token.len() < 8 || !format!("{token:?}{token}").contains(token.expose()));
    }
});
