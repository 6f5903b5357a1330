//! The heart of Stampwright: a product, the installers that are built from it, and the token that turns a base into a
//! tenant's installer without touching its bulk.
//!
//! ```
//! use installer::splice::{Segment, Splice};
//!
//! // A stamp is a splice: kept ranges of the base and a few patches.
//! let base = b"agent agent agent [slot]";
//! let splice = Splice::new(24, [Segment::Keep(0..18), Segment::put(*b"token")])?;
//! let mut stamped = Vec::new();
//! splice.write_to(base.as_slice(), &mut stamped)?;
//! assert_eq!(stamped, b"agent agent agent token");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Who may import whom in here: [`token`], [`claims`], [`splice`], [`product`], [`payload`], [`report`], [`signature`], [`slot`] ← [`policy`] ← [`format`](mod@format) ← [`proof`], [`prepare`] ← `deb`,
//! `msi`, `pkg`, `rpm` ← [`formats`] ← [`stamp`]. The formats' folders never import each other.

// The test support that units share with the integration tests names this crate as they do.
#[cfg(test)]
extern crate self as installer;

pub mod agent;
pub mod claims;
pub mod deb;
pub mod epoch;
pub mod format;
pub mod formats;
pub mod guid;
pub mod msi;
pub mod payload;
pub mod pkg;
pub mod policy;
pub mod prepare;
pub mod product;
pub mod proof;
pub mod report;
pub mod rpm;
pub mod secret;
pub mod signature;
pub mod slot;
pub mod splice;
pub mod stamp;
mod systemd;
pub mod template;
pub mod token;
mod version;

#[cfg(test)]
#[allow(dead_code, missing_docs, unreachable_pub, reason = "the integration tests use all of it")]
#[path = "../../../tests/support/once.rs"]
mod once;

pub use claims::{Claims, IssuerKeys};
pub use epoch::Epoch;
pub use format::{Format, Installer, Kind};
pub use payload::Payload;
pub use policy::{AcceptedToken, TokenPolicy};
pub use product::{Arch, Platform, Product};
pub use report::{Check, CheckOutcome, Finding, Report, Severity};
pub use secret::SecretBytes;
pub use splice::Splice;
pub use token::Token;
