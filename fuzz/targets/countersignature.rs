//! Countersignatures: what stands in the attribute of a message that is otherwise good.
#![no_main]

use std::sync::OnceLock;

use container::cms::{COUNTERSIGNATURE, SIGNED_DATA, SignedData};
use container::der::{CONTEXT_0, CONTEXT_1, Encoding, OBJECT_IDENTIFIER, SEQUENCE, SET, encode};
use container::digest::Digest;
use container::pe::Image;
use libfuzzer_sys::fuzz_target;
use signing::openpgp::Keyring;
use signing::verify::{self, Trust};

/// The message of a signed program.
fn message() -> &'static [u8] {
    static MESSAGE: OnceLock<Vec<u8>> = OnceLock::new();
    MESSAGE.get_or_init(|| {
        let file: &[u8] = include_bytes!("../seeds/signed.exe");
        Image::open(&file).unwrap().certificate(&file).unwrap().unwrap().signed_data
    })
}

/// The message with a countersignature.
fn countersigned(value: &[u8]) -> Vec<u8> {
    let data = SignedData::read(Encoding::Der, message()).unwrap().signed_data;
    let parts = data.values().all("SignedData").unwrap();
    let (signers, before) = parts.split_last().unwrap();
    let signer = signers.only(SEQUENCE, "SignerInfo").unwrap();
    let kind = encode(OBJECT_IDENTIFIER, &[COUNTERSIGNATURE.as_bytes()]);
    let attribute = encode(SEQUENCE, &[&kind, &encode(SET, &[value])]);
    let signer = encode(SEQUENCE, &[signer.content, &encode(CONTEXT_1, &[&attribute])]);
    let before: Vec<&[u8]> = before.iter().map(|part| part.whole).collect();
    let data = encode(SEQUENCE, &[&before.concat(), &encode(SET, &[&signer])]);
    let kind = encode(OBJECT_IDENTIFIER, &[SIGNED_DATA.as_bytes()]);
    encode(SEQUENCE, &[&kind, &encode(CONTEXT_0, &[&data])])
}

fuzz_target!(|value: &[u8]| {
    let keys = Keyring::default();
    let trust = Trust { roots: &[], keys: &keys, now: 1_700_000_000 };
    if let Ok(facts) = verify::authenticode(&countersigned(value), &[Digest::Sha256([7; 32])], trust) {
        // The key that could make one is not here.
        assert!(facts.timestamp.is_none());
    }
});
