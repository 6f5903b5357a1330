//! Names and sizes inside a package.

/// Where the encrypted archive lies, and its name in `Detection.xml`.
pub(super) const CONTENTS: &str = "IntuneWinPackage/Contents/IntunePackage.intunewin";
/// Where the description lies.
pub(super) const DETECTION: &str = "IntuneWinPackage/Metadata/Detection.xml";
/// The name that Graph wants for the content.
pub const CONTENT_NAME: &str = "IntunePackage.intunewin";
pub(super) const KEY_BYTES: usize = 32;
pub(super) const MAC_BYTES: usize = 32;
pub(super) const BLOCK_BYTES: usize = 16;
