//! Signed messages, read and not decoded: CMS SignedData (RFC 5652 §5) and its elder, PKCS #7 (RFC 2315 §9).
//!
//! ```text
//! ContentInfo
//!   contentType            1.2.840.113549.1.7.2, signedData
//!   [0] SignedData
//!     version, digestAlgorithms
//!     encapContentInfo     eContentType, [0] eContent              absent: the content is elsewhere
//!     [0] certificates     a bag: the signer's, its issuers', a timestamp authority's
//!     [1] crls             skipped
//!     signerInfos
//!       SignerInfo         sid, digestAlgorithm, [0] signedAttrs, signatureAlgorithm, signature, [1] unsignedAttrs
//! … what follows the message in its place
//! ```
//!
//! Everything keeps its bytes and its place: a signature is over bytes as they stand, a slot is added without touching the others, and an
//! error says where. Who judges a signature (`signing`), who names an agent's signer and who adds a slot all read here.
//!
//! Seen in real files, and taken: a certificate that is there twice and sets that are not sorted (everything that Azure's Trusted Signing
//! signs); indefinite lengths outside of what is signed (`codesign`, `productsign`); a timestamp's content in pieces; bytes behind the
//! message in its place (reported, see [`SignedData::left_over`]). What is hashed must be DER all the same: the signed attributes, each certificate.
//!
//! The `cms` crate decodes the same into types, sorts sets as it reads and refuses a set with two equal certificates; it stays for what
//! is written.
//!
//! | file | noun |
//! |---|---|
//! | `signed_data` | [`SignedData`] |
//! | `signer_info` | [`SignerInfo`], [`Attributes`] |
//! | `oid` | object identifiers |
//! | `certificate` | [`Certificate`]: the fields that a signer is found and named by |

mod certificate;
mod oid;
mod signed_data;
mod signer_info;

pub use certificate::{COMMON_NAME, Certificate, ORGANISATION, name_part};
pub use oid::*;
pub use signed_data::SignedData;
pub use signer_info::{Attribute, Attributes, SignerIdentifier, SignerInfo};

#[cfg(test)]
mod tests;
