//! `.intunewin`: what Intune takes as a Windows app (Win32).
//!
//! ```text
//! TheOneRMM-Agent.intunewin                            zip, every entry stored          stored.rs
//! ├─ IntuneWinPackage/Contents/IntunePackage.intunewin
//! │    HMAC-SHA256 (32) │ IV (16) │ AES-256-CBC, PKCS#7 ─┐                              write.rs, read.rs
//! │    └── over IV and ciphertext ──┘                    │
//! │    zip, deflate: the setup file and what lies beside it
//! └─ IntuneWinPackage/Metadata/Detection.xml             both keys, digest, MsiInfo     detection.rs
//! ```
//!
//! **This is no secrecy.** Both keys lie beside the ciphertext. A wrapped installer with a token in it is as secret as the
//! installer itself, and so is every document with the same `fileEncryptionInfo`.
//!
//! Uploaders send the inner file to storage as it is and tell Intune what stands in `Detection.xml`; so the content is
//! encrypted once, here, and every package has fresh keys.
//!
//! Sources: a file made by Microsoft's tool (IntuneWinAppUtil 1.4.0.0), taken apart: order, names, method 0, flags 0, versions 45
//! and 10, no attributes; its `Detection.xml` and one of 1.8.4.0 for the elements of an MSI; Microsoft's own
//! PowerShell samples for the encryption. Deviations seen: packages of .NET Framework with `\` in the inner archive's
//! names, which are refused here and never written.

mod detection;
mod package;
mod read;
mod stored;
mod write;

pub use detection::EncryptionInfo;
pub use package::CONTENT_NAME;
pub use read::{Wrapped, content, read};
pub use write::{Keys, Source, WrapError, Written, write};

#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
pub(crate) use tests::windows;
