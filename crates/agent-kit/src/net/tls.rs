//! What the kit links of TLS: both versions and every signature that rustls has with ring, less what no server of its vendor can be without.
//!
//! Left out, at a tenth of what the kit adds to an agent:
//!
//! - cipher suites with ChaCha20-Poly1305: a server of TLS 1.3 must have AES-128-GCM (RFC 8446 §9.1), and of TLS 1.2 rustls knows no others;
//! - X25519: a server of TLS 1.3 must have P-256 (§9.1), which every server of TLS 1.2 with ECDHE has, and whose tables the device's own
//!   key brings along;
//! - private keys: a device signs its requests and has no certificate.

use std::sync::Arc;

use ring::rand::{SecureRandom as _, SystemRandom};
use rustls::crypto::ring::{cipher_suite as suite, kx_group};
use rustls::crypto::{CryptoProvider, GetRandomFailed, KeyProvider, SecureRandom, WebPkiSupportedAlgorithms};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use rustls::{SignatureScheme as Scheme, SupportedCipherSuite};
use webpki::ring as algorithm;

/// The suites, as rustls prefers them.
const SUITES: [SupportedCipherSuite; 6] = [
    suite::TLS13_AES_256_GCM_SHA384,
    suite::TLS13_AES_128_GCM_SHA256,
    suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
];

/// Every signature of a certificate or a handshake that rustls takes with ring. Its own list is to be had only with all the rest.
static SIGNATURES: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        algorithm::ECDSA_P256_SHA256,
        algorithm::ECDSA_P256_SHA384,
        algorithm::ECDSA_P384_SHA256,
        algorithm::ECDSA_P384_SHA384,
        algorithm::ED25519,
        algorithm::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        algorithm::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
        algorithm::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
        algorithm::RSA_PKCS1_2048_8192_SHA256,
        algorithm::RSA_PKCS1_2048_8192_SHA384,
        algorithm::RSA_PKCS1_2048_8192_SHA512,
        algorithm::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
        algorithm::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
        algorithm::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
    ],
    // TLS 1.2 does not tie a curve to a scheme, so each has both.
    mapping: &[
        (Scheme::ECDSA_NISTP384_SHA384, &[algorithm::ECDSA_P384_SHA384, algorithm::ECDSA_P256_SHA384]),
        (Scheme::ECDSA_NISTP256_SHA256, &[algorithm::ECDSA_P256_SHA256, algorithm::ECDSA_P384_SHA256]),
        (Scheme::ED25519, &[algorithm::ED25519]),
        (Scheme::RSA_PSS_SHA512, &[algorithm::RSA_PSS_2048_8192_SHA512_LEGACY_KEY]),
        (Scheme::RSA_PSS_SHA384, &[algorithm::RSA_PSS_2048_8192_SHA384_LEGACY_KEY]),
        (Scheme::RSA_PSS_SHA256, &[algorithm::RSA_PSS_2048_8192_SHA256_LEGACY_KEY]),
        (Scheme::RSA_PKCS1_SHA512, &[algorithm::RSA_PKCS1_2048_8192_SHA512]),
        (Scheme::RSA_PKCS1_SHA384, &[algorithm::RSA_PKCS1_2048_8192_SHA384]),
        (Scheme::RSA_PKCS1_SHA256, &[algorithm::RSA_PKCS1_2048_8192_SHA256]),
    ],
};

/// The cryptography of the kit's connections.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: SUITES.to_vec(),
        kx_groups: vec![kx_group::SECP256R1, kx_group::SECP384R1],
        signature_verification_algorithms: SIGNATURES,
        secure_random: &System,
        key_provider: &System,
    })
}

/// The system's randomness, and no keys of certificates.
#[derive(Debug)]
struct System;

impl SecureRandom for System {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        SystemRandom::new().fill(bytes).map_err(|_| GetRandomFailed)
    }
}

impl KeyProvider for System {
    fn load_private_key(&self, _key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("the agent kit has no client certificates".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::SignatureVerificationAlgorithm;

    #[test]
    fn all_but_what_is_left_out_is_there() {
        let (ours, theirs) = (provider(), rustls::crypto::ring::default_provider());
        let names = |provider: &CryptoProvider| -> Vec<_> {
            let suites = provider.cipher_suites.iter().map(|suite| format!("{:?}", suite.suite()));
            let groups = provider.kx_groups.iter().map(|group| format!("{:?}", group.name()));
            suites.chain(groups).filter(|name| !name.contains("CHACHA20") && name != "X25519").collect()
        };
        assert_eq!(names(&ours), names(&theirs));
        let count = |provider: &CryptoProvider| provider.cipher_suites.len() + provider.kx_groups.len();
        assert_eq!((names(&ours).len(), count(&ours), count(&theirs)), (8, 8, 12));
        let (ours, theirs) = (ours.signature_verification_algorithms, theirs.signature_verification_algorithms);
        let ids = |one: &dyn SignatureVerificationAlgorithm| (one.public_key_alg_id(), one.signature_alg_id());
        let all = |of: &WebPkiSupportedAlgorithms| -> Vec<_> { of.all.iter().map(|one| ids(*one)).collect() };
        assert_eq!(all(&ours), all(&theirs));
        let by_scheme = |of: &WebPkiSupportedAlgorithms| -> Vec<_> {
            of.mapping
                .iter()
                .map(|(scheme, list)| (*scheme, list.iter().map(|one| ids(*one)).collect::<Vec<_>>()))
                .collect()
        };
        assert_eq!(by_scheme(&ours), by_scheme(&theirs));
    }
}
