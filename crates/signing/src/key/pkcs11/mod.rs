//! A private key on a card, in a dongle or in a network HSM, through its vendor's PKCS #11 library.
//!
//! The key is asked for `CKM_RSA_PKCS` over a DigestInfo, or `CKM_ECDSA` over a digest: what every card has; an Ed25519 key
//! for `CKM_EDDSA` over a digest.

mod uri;

use std::fmt;
use std::sync::Mutex;

use container::digest::Algorithm;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;

use super::{KeyError, PrivateKey};
use crate::algorithm::{KeyKind, digest_info_prefix};
use crate::secret::Passphrase;

pub use uri::Uri;

/// A private key behind a PKCS #11 library, logged in.
pub struct TokenKey {
    session: Mutex<Session>,
    key: ObjectHandle,
}

impl TokenKey {
    /// Finds the key and logs in with the PIN; without one, a token that has a keypad of its own may ask there.
    pub fn open(uri: &Uri, pin: Option<&Passphrase>) -> Result<Self, KeyError> {
        let module = Pkcs11::new(&uri.module)
            .map_err(|error| KeyError::Device(format!("load {}: {error}", uri.module.display())))?;
        match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(said("initialise the library", &error)),
        }
        let slot = find_slot(&module, uri)?;
        let session = module.open_ro_session(slot).map_err(|error| said("open a session", &error))?;
        let pin = pin.map(|pin| AuthPin::new(pin.expose().to_owned().into()));
        match session.login(UserType::User, pin.as_ref()) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(Error::Pkcs11(RvError::PinIncorrect, _)) => return Err(KeyError::Token("the PIN is wrong".to_owned())),
            Err(Error::Pkcs11(RvError::PinLocked, _)) => return Err(KeyError::Token("the PIN is locked".to_owned())),
            Err(error) => return Err(said("log in", &error)),
        }
        let key = find_key(&session, uri)?;
        Ok(Self { session: Mutex::new(session), key })
    }
}

fn said(verb: &str, error: &Error) -> KeyError {
    KeyError::Device(format!("{verb}: {error}"))
}

/// The one slot whose token has the label and serial number of the address.
fn find_slot(module: &Pkcs11, uri: &Uri) -> Result<Slot, KeyError> {
    let slots = module.get_slots_with_token().map_err(|error| said("list the tokens", &error))?;
    let mut found = Vec::new();
    for slot in slots {
        let Ok(info) = module.get_token_info(slot) else { continue };
        let label = uri.token.as_deref().is_none_or(|label| label == info.label());
        let serial = uri.serial.as_deref().is_none_or(|serial| serial == info.serial_number());
        if info.token_initialized() && label && serial {
            found.push(slot);
        }
    }
    match found.as_slice() {
        [slot] => Ok(*slot),
        [] => Err(KeyError::Token("no token has the label and serial number of the URI".to_owned())),
        _ => Err(KeyError::Token("several tokens fit the URI: name one by token or serial".to_owned())),
    }
}

/// The one private key with the label and identifier of the address.
fn find_key(session: &Session, uri: &Uri) -> Result<ObjectHandle, KeyError> {
    let mut template = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
    template.extend(uri.object.as_ref().map(|label| Attribute::Label(label.clone().into_bytes())));
    template.extend(uri.id.clone().map(Attribute::Id));
    let found = session.find_objects(&template).map_err(|error| said("find the key", &error))?;
    match found.as_slice() {
        [key] => Ok(*key),
        [] => Err(KeyError::Token("the token has no private key with the label and id of the URI".to_owned())),
        _ => Err(KeyError::Token("several private keys fit the URI: name one by id".to_owned())),
    }
}

impl PrivateKey for TokenKey {
    fn public_key(&self) -> Option<Vec<u8>> {
        // A token need not have the public half; the first signature shows whether the certificate fits.
        None
    }

    fn sign_sha1(&self, digest: &[u8; 20]) -> Result<Option<Vec<u8>>, KeyError> {
        let session = self.session.lock().map_err(|_| KeyError::Device("the session is lost".to_owned()))?;
        let (mut info, _) = digest_info_prefix(Algorithm::Sha1);
        info.extend_from_slice(digest);
        // Some modules look into the DigestInfo and refuse SHA-1 there.
        Ok(session.sign(&Mechanism::RsaPkcs, self.key, &info).ok())
    }

    fn sign(&self, kind: KeyKind, digest: &[u8; 32]) -> Result<Vec<u8>, KeyError> {
        let session = self.session.lock().map_err(|_| KeyError::Device("the session is lost".to_owned()))?;
        let signed = match kind {
            KeyKind::Rsa { .. } => {
                let (mut info, _) = digest_info_prefix(Algorithm::Sha256);
                info.extend_from_slice(digest);
                session.sign(&Mechanism::RsaPkcs, self.key, &info)
            }
            KeyKind::P256 | KeyKind::P384 => session.sign(&Mechanism::Ecdsa, self.key, digest),
            KeyKind::Ed25519 => {
                session.sign(&Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure)), self.key, digest)
            }
        };
        signed.map_err(|error| match error {
            Error::Pkcs11(RvError::KeyTypeInconsistent, _) => {
                KeyError::Token(format!("the key is of another kind than its certificate's ({kind})"))
            }
            error => said("sign", &error),
        })
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("private key(on a PKCS #11 token)")
    }
}
