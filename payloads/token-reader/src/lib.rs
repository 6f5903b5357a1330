//! A custom action of Windows Installer: takes the enrollment token out of the slot beside a package's signature.
//!
//! ```text
//!   the open database's _Streams ──\x05DigitalSignature──┐
//!   the file OriginalDatabase ─────[compound]────────────┴─▶ [slot] ─▶ ENROLLMENTTOKEN, if it is empty
//! ```
//!
//! The slot is outside of what the signature covers, so every byte in it may come from anybody. What is read is bounded, nothing is
//! searched for, and only a token in the compact form of a JSON Web Signature is taken; whether its issuer signed it is for the agent to
//! find out, which has the keys. Whatever goes wrong leaves the property as it is and says so in the installer's log: a package that
//! needs a token refuses by itself then. The token is never logged.
//!
//! It runs as the system or an administrator inside `msiexec`. A panic would end that, so the code has none, and what it
//! would not have foreseen is caught at the boundary.

pub mod compound;
pub mod der;
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
    /// Something is not what it must be.
    Wrong(&'static str),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSignature => f.write_str("there is no signature"),
            Self::NoSlot => f.write_str("the signature has no slot for a token"),
            Self::Empty => f.write_str("the slot is empty"),
            Self::Wrong(what) => write!(f, "refused: {what}"),
        }
    }
}
