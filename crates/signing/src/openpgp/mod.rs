//! OpenPGP, as far as an rpm needs it: one kind of signature and one kind of key block written, and what others write read.
//!
//! The crates `pgp` and `sequoia-openpgp` want the private key in memory, as OpenPGP has it; here it is wherever
//! [`crate::key`] can find it, and answers with a raw signature of a SHA-256. They bring more than a hundred crates as
//! well.
//!
//! # A signature (RFC 4880 §5.2.3, version 4)
//!
//! ```text
//! packet 2
//!   04  type 00  algorithm  08        a binary document, SHA-256
//!   hashed subpackets                 2 creation time, 33 issuer fingerprint
//!   unhashed subpackets               16 issuer, for readers that do not know 33
//!   two bytes of the digest
//!   RSA: one number (algorithm 1)     Ed25519: R and S, a number each (algorithm 22)
//! ```
//!
//! Its digest is over the document, the packet from `04` to the end of the hashed subpackets, and `04 ff` with the
//! length of that.
//!
//! # A key block (RFC 4880 §11.1), what `rpm --import` takes
//!
//! ```text
//! packet 6     04, creation time, algorithm, the key's numbers     SHA-1 over 99, length and this: the fingerprint
//! packet 13    the user's name and address
//! packet 2     type 13: the key says that the two belong together, and that it signs
//! ```
//!
//! A key's *creation time* is part of its fingerprint, and a private key elsewhere does not know any. So it comes from the
//! certificate (the start of its validity), from a key block that was published already, or from the caller.
//!
//! # Which keys
//!
//! RSA and Ed25519, with which every rpm from 4.16 to 6.1 can verify; RSA also where FIPS rules or rpm 4.11 is in use.
//! ECDSA is refused: rpm 4.16 and 4.18 with their internal parser cannot import such a key and call each package that it
//! signed bad.
//!
//! # Time
//!
//! rpm with Sequoia (4.20, 6) refuses a signature from before its key, and one from the future; older rpm does not look.
//! So the time is an argument, and one before the key's is refused here.
//!
//! Writing: [`Signer`] ← `write`. Reading: [`Keyring`], [`Signature`] ← `packet`, `armor`, `material`. The two share
//! the crates for the arithmetic and nothing else.

mod armor;
mod certify;
mod check;
mod key;
mod keyring;
mod material;
mod packet;
mod signature;
mod signer;
mod write;

pub use check::{CheckError, Good};
pub use key::Key;
pub use keyring::Keyring;
pub use signature::Signature;
pub use signer::{OpenPgpError, Signer};

#[cfg(test)]
mod tests;
