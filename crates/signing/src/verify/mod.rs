//! Signatures, read and judged: every fact by its name, every problem, never only the first.
//!
//! ```text
//! bytes ──signed_data──▶ SignedData ──┬─ content:   is it over this file?          signature-digest
//!                                     ├─ signature: did the certificate's key?     signature-forged
//!                                     ├─ chain:     up to a given root?            signature-chain
//!                                     ├─ timestamp: whose, over this signature?    signature-timestamp
//!                                     └─ validity:  at the timestamp, else now     signature-expired
//! ```
//!
//! Nothing here knows an installer: the message and what it must be over are arguments, and so are the roots and the time.

mod authenticode;
mod chain;
mod checks;
mod facts;
mod package;
pub(crate) mod signed_data;
mod signer;

pub use authenticode::authenticode;
pub use facts::{CertificateFacts, Problem, Severity, SignatureFacts, TimestampFacts, Trust, Unreadable};
pub use package::{PlainSignature, package};
