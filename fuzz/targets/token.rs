//! A token, or the keys that tokens are checked with, as they come from a file.
#![no_main]

use installer::{Claims, IssuerKeys, Token};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = IssuerKeys::parse(data);
    if let Ok(token) = Token::parse(data) {
        // What is taken is printable ASCII, and what prints is not the token.
        assert!(token.expose().bytes().all(|byte| byte.is_ascii_graphic()));
        let _ = Claims::from_token(&token);
        assert!(token.len() < 8 || !format!("{token:?}{token}").contains(token.expose()));
    }
});
