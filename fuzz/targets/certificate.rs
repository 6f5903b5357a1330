//! Certificates in PEM and DER.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for certificate in signing::Certificate::read_all(data).unwrap_or_default() {
        let _ = (certificate.subject(), certificate.public_key(), certificate.invalid_at(1_700_000_000));
    }
});
