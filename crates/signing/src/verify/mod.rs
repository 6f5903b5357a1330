//! Signatures, read and judged: every fact by its name, every problem, never only the first.
//!
//! ```text
//! bytes ──container──▶ SignedData ──┬─ content:   is it over this file?          signature-digest
//!                                   ├─ signature: did the certificate's key?     signature-forged
//!                                   ├─ chain:     up to a given root?            signature-chain
//!                                   ├─ timestamp: whose, over this signature?    signature-timestamp
//!                                   └─ validity:  at the timestamp, else now     signature-expired
//! ```
//!
//! "Valid" is said of what was computed and holds. What names an algorithm that is not computed here is "not checked"
//! (`signature-unchecked`), which is an error of a verification and no word against the file.
//!
//! Nothing here knows an installer: the message and what it must be over are arguments, and so are the roots and the time.

mod authenticode;
mod chain;
mod checks;
mod ending;
mod facts;
mod openpgp;
mod package;
pub(crate) mod signature;
mod signer;
mod timestamps;

pub use authenticode::authenticode;
pub use ending::untimestamped;
pub use facts::{
    CertificateFacts, Problem, Severity, SignatureFacts, TimestampFacts, TimestampForm, Trust, Unreadable, Verdict,
};
pub use openpgp::openpgp;
pub use package::{PlainSignature, package};
