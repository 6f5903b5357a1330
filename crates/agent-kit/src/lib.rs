//! What an endpoint agent links to get from the token that its installer left to a device in the list, and to stay there.
//!
//! ```no_run
//! use agent_kit::{Kit, Product, Stop};
//!
//! # fn main() -> agent_kit::Result {
//! let kit = Kit::builder(Product {
//!     name: "TheOneRMM Agent".into(),
//!     publisher_folder: "TheOneRMM".into(),
//!     folder: "TheOneRMM Agent".into(),
//!     package: "theonermm-agent".into(),
//!     service: "theonermm-agent".into(),
//!     bundle_id: "com.theonermm.agent".into(),
//!     version: [1, 0, 0],
//! })
//! .server("https://api.theonermm.example")
//! .fingerprint_key([7; 32])
//! .build()?;
//! let stop = Stop::default();
//! kit.start()?.run(&stop, |event, _queue| eprintln!("{event}"));
//! # Ok(())
//! # }
//! ```
//!
//! One thread, no async, no `unsafe`. The kit never ends for lack of a token, never asks twice for what it was granted, and never takes a
//! server's address from a token.
//!
//! | | |
//! |---|---|
//! | [`Kit`] | what a vendor compiles in: product, server, roots, fingerprint key |
//! | [`Agent`] | the started agent: enrolls, checks in, sends what waits |
//! | [`queue`] | records on disk that outlive crashes, full disks and flipped bytes |
//! | [`doctor`] | what keeps this device from being enrolled: one cause, its evidence, what to do |
//! | [`offline`] | enrollment by files, for devices that never have a network |
//!
//! What installers leave and expect is in docs/agent-contract.md, what goes over the wire in docs/enrollment.md.

mod agent;
mod class;
pub mod doctor;
mod durable;
mod error;
mod fingerprint;
mod hardware;
mod identity;
mod jws;
mod key;
mod kit;
mod lock;
pub mod net;
pub mod offline;
mod product;
pub mod queue;
mod retry;
mod slot;
mod sorted;
mod status;
mod system;
mod token;

pub use agent::{Agent, Event, Next, Stop};
pub use class::Class;
pub use error::{Error, Result};
pub use fingerprint::{Dropped, Fingerprint, Part};
pub use identity::{Outcome, Standing};
pub use kit::{Kit, KitBuilder};
pub use product::{Places, Product};
pub use status::Status;
