//! HTTPS: certificates from files, exchanged by a signal to reload.

use std::sync::Arc;

use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use stampwright::{Error, Result};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::config::Tls;
use crate::trust::{self, wrong};

/// A certificate that ends within so many seconds is warned of: 30 days.
const SOON_SECS: u64 = 30 * 86_400;

/// What a connection is taken with.
pub(crate) struct Identity {
    /// Certificates and key.
    pub(crate) config: Arc<ServerConfig>,
    /// When the first of the certificates ends, in seconds since 1970.
    pub(crate) ends: u64,
}

impl Identity {
    /// Warns of a certificate that has ended or soon will.
    pub(crate) fn warn(&self, now: u64) {
        match lasts(self.ends, now) {
            Lasts::Long => {}
            Lasts::Days(days) => {
                tracing::warn!(days, ends = self.ends, "the certificate of this service ends soon");
            }
            Lasts::Not => tracing::error!(ends = self.ends, "the certificate of this service has ended"),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Lasts {
    Long,
    /// So many whole days.
    Days(u64),
    Not,
}

/// A certificate is valid through its last second (RFC 5280 §4.1.2.5).
const fn lasts(ends: u64, now: u64) -> Lasts {
    match ends.checked_sub(now) {
        None => Lasts::Not,
        Some(left) if left <= SOON_SECS => Lasts::Days(left / 86_400),
        Some(_) => Lasts::Long,
    }
}

/// Reads certificates and key. HTTP/1.1 is the only protocol that is offered: a download gains nothing by HTTP/2.
///
/// # Errors
/// A file cannot be read, or key and certificate do not belong together.
pub(crate) fn identity(tls: &Tls) -> Result<Identity> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificates = trust::certificates(&tls.certificates)?;
    let mut ends = u64::MAX;
    for certificate in &certificates {
        let parsed = Certificate::from_der(certificate)
            .map_err(|error| wrong(&tls.certificates, "has a certificate that cannot be read", &error))?;
        ends = ends.min(parsed.tbs_certificate.validity.not_after.to_unix_duration().as_secs());
    }
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|error| wrong(&tls.key, "has no private key", &error))?;
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::machine(format!("TLS cannot be set up: {error}")))?;
    let builder = match &tls.client_authorities {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in trust::certificates(path)? {
                roots.add(certificate).map_err(|error| wrong(path, "has no authority", &error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| wrong(path, "has no authorities", &error))?)
        }
    };
    let mut config = builder
        .with_single_cert(certificates, key)
        .map_err(|error| wrong(&tls.certificates, "and the key do not go together", &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Identity { config: Arc::new(config), ends })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_warned_of_for_its_last_thirty_days() {
        const DAY: u64 = 86_400;
        let now = 1_700_000_000;
        for (ends, expected) in [
            (now + 30 * DAY + 1, Lasts::Long),
            (now + 30 * DAY, Lasts::Days(30)),
            (now + DAY - 1, Lasts::Days(0)),
            (now, Lasts::Days(0)),
            (now - 1, Lasts::Not),
            (0, Lasts::Not),
        ] {
            assert_eq!(lasts(ends, now), expected, "{ends}");
        }
    }
}
