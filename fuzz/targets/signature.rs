//! Signed messages, with all that they have in them: certificates, timestamps, nested signatures.
#![no_main]

use container::digest::Digest;
use libfuzzer_sys::fuzz_target;
use signing::verify::{self, Trust};

fuzz_target!(|data: &[u8]| {
    let trust = Trust { roots: &[], keys: &signing::openpgp::Keyring::default(), now: 1_700_000_000 };
    let _ = verify::authenticode(data, &[Digest::Sha1([7; 20]), Digest::Sha256([7; 32])], trust);
    let _ = verify::package(data, None, &[7; 20], trust);
});
