//! A private key and its certificates in a PKCS #12 file (RFC 7292), as certificate authorities and Windows export them.

use p12_keystore::KeyStore;
use p12_keystore::error::Error;

use super::KeyError;
use super::file::FileKey;
use crate::certificate::Certificate;
use crate::secret::Passphrase;

/// Opens a PKCS #12 file: its key, and the certificates with the leaf first. A file without a password has the empty one.
pub fn open(bytes: &[u8], passphrase: Option<&Passphrase>) -> Result<(FileKey, Vec<Certificate>), KeyError> {
    let password = passphrase.map_or("", Passphrase::expose);
    let store = KeyStore::from_pkcs12(bytes, password).map_err(|error| match error {
        Error::MacError(_) | Error::UnpadError if passphrase.is_none() => KeyError::Locked,
        Error::MacError(_) | Error::UnpadError | Error::Pkcs5Error(_) => KeyError::Passphrase,
        Error::DerError(_) => KeyError::Format("the file is not PKCS #12"),
        _ => KeyError::Format("the PKCS #12 file uses something that is not supported"),
    })?;
    let (_, chain) = store
        .private_key_chain()
        .ok_or(KeyError::Format("the PKCS #12 file has no private key together with its certificate"))?;
    let key = FileKey::from_pkcs8(chain.key())?;
    let certificates = chain.chain().iter().map(|certificate| Certificate::from_der(certificate.as_der()));
    let certificates = certificates
        .collect::<Result<_, _>>()
        .map_err(|_| KeyError::Format("a certificate in the PKCS #12 file cannot be parsed"))?;
    Ok((key, certificates))
}
