//! HTTPS: certificates from files, exchanged by a signal to reload.

use std::sync::Arc;

use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use stampwright::{Error, Result};

use crate::config::Tls;
use crate::trust::{self, wrong};

/// Reads certificates and key. HTTP/1.1 is the only protocol that is offered: a download gains nothing by HTTP/2.
///
/// # Errors
/// A file cannot be read, or key and certificate do not belong together.
pub(crate) fn server_config(tls: &Tls) -> Result<Arc<ServerConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificates = trust::certificates(&tls.certificates)?;
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
    Ok(Arc::new(config))
}
