//! OpenPGP: public keys, armored and not, and signatures with them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signing::openpgp::{Keyring, Signature};

fuzz_target!(|data: &[u8]| {
    let keys = Keyring::read(data);
    if let Ok(signature) = Signature::read(data) {
        let keys = keys.unwrap_or_default();
        let _ = keys.check(&signature, b"message", 1_700_000_000);
    }
});
