//! What management systems will make of an installer: a table of rules, each with its reason, its remedy and its source.
//!
//! ```text
//!   file ──subject──▶ Subject: name, token's claims, leaks, tables │ daemons │ units ──▶ each Rule ──▶ Outcome
//! ```
//!
//! A rule is data and one function from what was read to what breaks it. The functions see facts, never bytes, and the
//! facts come from the readers, which share no code with the writers; so an installer of anybody can be judged. A rule of
//! one of two ways to deploy (Intune's line-of-business type, Jamf's PreStage) is a warning, because the same file can go
//! the other way; a rule of all ways is an error.
//!
//! Devices that were installed and never enrolled have few causes: no service, a service that is not started or not
//! started again, an agent that cannot be executed, a token that the agent cannot read or that has expired, a missing
//! profile. Each is a rule here.

mod debian;
mod ice;
mod intune_macos;
mod macos;
mod profile;
mod rhel;
mod rule;
mod subject;
mod systemd;
mod table;
mod token;
mod windows;

pub use profile::{PROFILE_PAYLOADS, Profile};
pub use rule::{Outcome, Rule};
pub use subject::{Base, Beside, FormatFacts, Subject};
pub use table::{check, page, rules_of};
