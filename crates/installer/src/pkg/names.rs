//! The format, and the names and sizes that its builder and its readers agree on.

/// The format.
#[derive(Debug, Clone, Copy)]
pub struct Pkg;

/// The layout that this version writes and stamps; it stands in `PackageInfo`, `generator-version`.
pub(super) const GENERATOR: &str = "Stampwright-1";
/// The token's name in `Scripts` and where it is installed.
pub(super) const TOKEN_NAME: &str = "enrollment-token";
/// Where applications go that management systems look for, below the root.
pub(super) const APPLICATIONS: &str = "Applications";
/// Where the data of applications goes, below the root. Only root can write there.
pub(super) const APPLICATION_SUPPORT: &str = "Library/Application Support";
/// The room for the table of contents' XML. Its six members with names of 64 characters take 3,100 bytes.
pub(super) const TOC_XML_BYTES: usize = 4096;
