//! Keys, signed messages, timestamps and external signers: the only crate that sees a private key.
//!
//! | module | what |
//! |---|---|
//! | [`key`] | private keys: in files, in PKCS #12, behind PKCS #11, behind a command |
//! | [`certificate`] | certificates, read once, their bytes kept |
//! | [`identity`] | a key with its certificates: whether it may sign this, now |
//! | [`issuer`] | who mints enrollment tokens |
//! | [`cms`] | signed messages, written: Authenticode and the two signatures of a product archive |
//! | [`openpgp`] | signatures of rpms and the key blocks for them: written, read and judged |
//! | [`timestamp`] | RFC 3161, asked for and checked |
//! | [`verify`] | signed messages, read and judged |
//!
//! Nothing here knows an installer: what is signed is a digest, and the answer is bytes. The clock, randomness and roots
//! are arguments. Writers of messages share nothing with readers, which use `container`'s.

pub mod algorithm;
mod asn1;
pub mod certificate;
pub mod cms;
pub mod identity;
pub mod issuer;
pub mod key;
pub mod openpgp;
mod pem;
pub mod secret;
pub mod time;
pub mod timestamp;
pub mod verify;

pub use certificate::{Certificate, CertificateError};
pub use identity::{Identity, IdentityError, Purpose};
pub use secret::Passphrase;
