//! What wraps or goes with an installer in one management system.
//!
//! ```text
//!   installer ──facts──▶ windows::Windows │ macos::Macos ──▶ intune │ gpo │ jamf │ dnf ──▶ Folder: bodies, profiles,
//!   token file, if the installer has none ─────────────────────▲                     wrappers, README.md
//! ```
//!
//! | module | noun |
//! |---|---|
//! | `folder` | a kit on its way: files that only their owner can read |
//! | `text` | values from an installer on their way into documents |
//! | `windows`, `macos` | what a kit needs to know of an installer, checked |
//! | `intune` | `.intunewin`, `.intunemac`, bodies for Microsoft Graph |
//! | `rules` | what a management system will make of an installer |
//! | `gpo` | the transform with the token, the share's rights |
//! | `jamf` | bodies for Jamf's API |
//! | `dnf` | a repository's package and `.repo` file |
//! | `profiles`, `manifest` | configuration profiles and Apple's manifest, for every management of Macs |
//!
//! Values from an installer are untrusted input: each document's own library or [`installer::template::Escape`] writes them,
//! and what stands in a command line (file names, product codes, versions) is checked to be plain before.

pub mod dnf;
pub mod folder;
pub mod gpo;
pub mod intune;
pub mod jamf;
pub mod macos;
pub mod manifest;
pub mod profiles;
pub mod rules;
pub mod text;
pub mod windows;

pub use folder::{Folder, KitError};
