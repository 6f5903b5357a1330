//! Certificates from files, and which authorities a server must come from that the service connects to.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use stampwright::{Error, Result};

/// What a server is held against that this service connects to: its certificate must come from one of these authorities, and be for its name.
///
/// # Errors
/// The file has no certificates.
pub(crate) fn client_config(authorities: &Path) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(authorities)? {
        roots.add(certificate).map_err(|error| wrong(authorities, "has no authority", &error))?;
    }
    trusting(roots)
}

fn trusting(roots: RootCertStore) -> Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::machine(format!("TLS cannot be set up: {error}")))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The certificates of a file.
///
/// # Errors
/// It has none.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let found = found.map_err(|error| wrong(path, "has no certificates", &error))?;
    if found.is_empty() { Err(Error::wrong("has no certificates").about(path)) } else { Ok(found) }
}

/// What a file of keys or certificates is.
pub(crate) fn wrong(path: &Path, what: &str, error: &dyn fmt::Display) -> Error {
    Error::wrong(format!("{what}: {error}")).about(path)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn trusting_none() -> ClientConfig {
        trusting(RootCertStore::empty()).unwrap()
    }
}
