//! A base that takes a token: what opens must stamp to something that reads back, or say why not.
#![no_main]

use installer::Token;
use installer::stamp::{Base, OpenOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let options = OpenOptions { restamp: true, issuer_keys: None };
    let (Ok(base), Ok(token)) = (Base::open(data, options), Token::parse(b"fuzz-token")) else { return };
    if let Ok(token) = base.accept(token, 0) {
        let _ = base.stamp(&token);
    }
});
