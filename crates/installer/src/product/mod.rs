//! A product: what the manifest means, checked once, with private fields.
//!
//! ```text
//!   stampwright.toml ──serde──▶ Manifest ──check──▶ Product ──▶ every format
//!    what was typed,             as typed            what it means: names, folders, versions are their own
//!                                                    types; defaults are filled in; files exist
//! ```
//!
//! No format looks at the manifest, and none decides a name: folders, file names, the service's name, the place of
//! the token are settled here, so that the installers of one product agree.

mod check;
mod definition;
mod destination;
mod errors;
mod files;
mod links;
pub mod manifest;
mod names;
mod overrides;
mod packages;
mod registry;
mod requirement;
mod shape;
mod signing;

pub use definition::{
    AgentFile, ExtraFile, ExtraLink, Product, RegistryData, RegistryValue, RpmCompare, Service, Signing,
    SigningReferences,
};
pub use errors::{ManifestError, ManifestProblem};
pub use manifest::{Arch, Compression, InstallLocation, Platform, Restart};
pub(crate) use names::guid;
pub use overrides::{Overrides, Setting};

pub use crate::version::Version;

#[cfg(test)]
pub(crate) mod tests;
