//! A base that takes a token: what opens must stamp to something that reads back, or say why not.
#![no_main]

use installer::Token;
use installer::stamp::Base;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (Ok(base), Ok(token)) = (Base::open(data, true), Token::parse(b"fuzz-token")) else { return };
    let _ = base.stamp(&token);
});
