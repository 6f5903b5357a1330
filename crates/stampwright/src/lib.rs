//! The whole job: open a base, accept a token, stamp, sign, verify. Every rule is in here; the program and a server are faces of it.
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/small/mod.rs"));
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let small = Small::new();
//! # let (path, bytes, now, range) = (small.deb(), b"t1.tenant.0123456789abcdef\n", 1_700_000_000, 100..4096);
//! # let mut out = Vec::new();
//! use stampwright::{Base, Token};
//!
//! // Once per release: a base, which a build made and perhaps somebody signed.
//! let base = Base::open(path)?;
//!
//! // Once per download: form, issuer, product and expiry are checked here, and nothing else can be stamped.
//! let token = base.accept(Token::parse(bytes)?, now)?;
//! let stamp = base.stamp(&token)?;
//!
//! // A response: all of this is known before the first byte is written.
//! println!("Content-Length: {}\nETag: {}", stamp.len(), stamp.etag()?);
//! stamp.slice(range)?.write_to(&mut out)?;
//! # assert_eq!(out.len(), 3996);
//!
//! // A record of what was handed out: digests and the token's fingerprint, never the token.
//! let receipt = stamp.receipt()?;
//! # assert_eq!(receipt.digest.size, stamp.len());
//! # assert!(!format!("{receipt:?}").contains("0123456789abcdef"));
//! # Ok(())
//! # }
//! ```
//!
//! A server answers range requests for one installer from many threads, and reads the base for none of them but for the bytes that it sends:
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/small/mod.rs"));
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let small = Small::new();
//! # let path = small.deb();
//! use std::thread;
//!
//! use stampwright::{Base, Token};
//!
//! let base = Base::open(path)?;
//! let token = base.accept(Token::parse(b"t1.tenant.0123456789abcdef")?, 1_700_000_000)?;
//! let stamp = base.stamp(&token)?;
//! let (quarter, len) = (stamp.len().div_ceil(4), stamp.len());
//!
//! let parts: Vec<Vec<u8>> = thread::scope(|scope| {
//!     let requests: Vec<_> = (0..4)
//!         .map(|n| {
//!             let stamp = stamp.clone();
//!             scope.spawn(move || {
//!                 let mut body = Vec::new();
//!                 stamp.slice(n * quarter..len.min((n + 1) * quarter))?.write_to(&mut body).map(|()| body).map_err(|error| {
//!                     stampwright::Error::machine(error)
//!                 })
//!             })
//!         })
//!         .collect();
//!     requests.into_iter().map(|request| request.join().expect("no panic")).collect::<Result<_, _>>()
//! })?;
//!
//! let mut whole = Vec::new();
//! stamp.write_to(&mut whole)?;
//! assert_eq!(parts.concat(), whole);
//! # Ok(())
//! # }
//! ```
//!
//! | module or type | what |
//! |---|---|
//! | [`Base`], [`Options`] | an installer without a token, opened once |
//! | [`TokenPolicy`], [`AcceptedToken`] | which tokens a base takes |
//! | [`Stamp`], [`Slice`], [`Plan`] | a base with a token in it: a file, a stream, a range, a document |
//! | [`Signer`], [`sign`], [`signature`] | keys, signing whole files, and whether a signature holds |
//! | [`prepare`](mod@prepare) | signed bases that take tokens without a key |
//! | [`list`] | a list of devices or tenants, an installer for each |
//! | [`build()`], [`make()`], [`kit()`] | from a product's manifest to bases, installers, and what goes with them |
//! | [`inspect()`], [`extract()`], [`verify()`] | any installer, ours or another tool's |
//! | [`issuer`] | who mints tokens |
//! | [`s3`] | installers that an S3-compatible store puts together itself |
//! | [`receipt`] | what was made and proven, as a document |
//! | [`input`], [`output`] | what is read, and files that appear whole or not at all |
//! | [`Observer`], [`Entropy`] | what a caller hears, and the random bytes that it gives |
//!
//! Nothing here prints, reads a clock, an environment or a terminal: `now` and random bytes are arguments. Where time counts, it is seconds
//! since 1970-01-01 UTC. An [`Error`] says whose fault it is, in one sentence, with the place and the next step.

mod base;
mod build;
mod check;
mod description;
mod disk;
mod doctor;
mod error;
mod extract;
pub mod input;
mod inspect;
mod intune_archive;
pub mod issuer;
mod kits;
pub mod list;
mod make;
mod observer;
pub mod output;
mod own_program;
mod plan;
mod policy;
pub mod prepare;
mod profile;
mod programs;
pub mod receipt;
pub mod s3;
pub mod sign;
pub mod signature;
mod signer;
mod source;
mod stamp;
mod system;
mod verify;
mod wrap;

pub use container::ReadAt;
pub use installer::claims::ClaimsError;
pub use installer::format::StampError;
pub use installer::prepare::KeySource;
pub use installer::product::{Overrides, Setting, SigningReferences};
pub use installer::signature::Existing;
pub use installer::signature::SignatureForm;
pub use installer::splice::Piece;
pub use installer::{
    AcceptedToken, Check, CheckOutcome, Claims, Epoch, Finding, IssuerKeys, Kind, Platform, Product, Report, Severity,
    Token, TokenPolicy,
};
pub use kit::rules::Profile;
pub use signing::verify::Trust;
pub use signing::{Certificate, Passphrase};

pub use base::{Base, Options};
pub use build::{BuildItem, BuildPlan, Made, UnsignedAgent, build, build_with};
pub use check::{CheckOptions, Checked, Planned, check};
pub use description::{Description, Mode};
pub use doctor::{DeviceFinding, Diagnosis};
pub use error::{Error, ErrorKind, Result};
pub use extract::{ExtractedEntry, Extraction, Modes, extract};
pub use inspect::{Inspected, inspect};
pub use intune_archive::{About, Inside, IntuneArchive, intune_archive};
pub use kits::{KitOptions, KitReceipt, kit};
pub use make::{MakeOptions, make};
pub use observer::{Entropy, Event, Observer, Unit};
pub use plan::{Plan, Step};
pub use prepare::{Preparation, Prepared, prepare};
pub use receipt::Receipt;
pub use sign::{SigningMethod, sign as sign_file};
pub use signer::{KeyPlace, Signer, SignerOptions};
pub use stamp::{Slice, SliceReader, Stamp};
pub use system::System;
pub use verify::{Expected, Verification, verify};
pub use wrap::Wrapped;
