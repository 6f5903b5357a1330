//! What the Windows token reader makes of a signature, and of a package that it has to find the signature in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use token_reader::{compound, jws, slot};

/// The keys of RFC 8037 appendix A and RFC 7517 appendix A.1.
const KEYS: &[u8] = br#"{"keys":[
{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
{"kty":"EC","crv":"P-256","kid":"b","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
"y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#;

fuzz_target!(|data: &[u8]| {
    if let Ok(token) = slot::token(data) {
        // What comes out is a token in the compact form, whatever stands around it.
        assert!(token.len() <= 4096 && token.split('.').count() == 3);
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)));
        // The private key is printed there as well, but no key has signed this.
        assert!(jws::verify(token, KEYS, "Example Agent").is_err());
    }
    if let Ok(signature) = compound::stream(&mut &*data, "\u{5}DigitalSignature") {
        let _ = slot::token(&signature);
    }
});
