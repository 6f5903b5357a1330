//! Custom actions of Windows Installer: one takes the enrollment token out of the slot beside a package's signature, two look after the
//! agent's own folder (`windows/state.rs`).
//!
//! ```text
//!   ENROLLMENTTOKEN, where something has given one ─────────────────┐
//!   the open database's _Streams ──\x05DigitalSignature──┐          ▼
//!   the file OriginalDatabase ─────[compound]────────────┴─▶ [slot] ─▶ [jws] ─▶ ENROLLMENTTOKEN, or nothing
//!   the open database's Binary ────IssuerKeys────────────────────────────┘
//! ```
//!
//! The slot is outside of what the signature covers, so every byte in it may come from anybody. What is read is bounded, nothing is
//! searched for, and only a token that an issuer listed in the signed part has signed for this product is taken. Its expiry is for the agent
//! and the server to judge: a device's clock may be wrong. Whatever goes wrong leaves the property as it is and says so in the
//! installer's log: a package that needs a token refuses by itself then. The token is never logged.
//!
//! It runs as the system or an administrator inside `msiexec`. A panic would end that, so the code has none, and what it
//! would not have foreseen is caught at the boundary.

pub mod compound;
pub mod der;
pub mod jws;
pub mod slot;

#[cfg(windows)]
mod windows;

use std::fmt;

/// Why there is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The package has no signature.
    NoSignature,
    /// The signature has no slot.
    NoSlot,
    /// The slot is empty.
    Empty,
    /// The package lists no issuer whose tokens it takes.
    NoIssuerKeys,
    /// Something is not what it must be.
    Wrong(&'static str),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSignature => f.write_str("there is no signature"),
            Self::NoSlot => f.write_str("the signature has no slot for a token"),
            Self::Empty => f.write_str("the slot is empty"),
            Self::NoIssuerKeys => {
                f.write_str("refused: there are no issuer keys in the package to verify the token with")
            }
            Self::Wrong(what) => write!(f, "refused: {what}"),
        }
    }
}
