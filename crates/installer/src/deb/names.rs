//! The format, and the names that its builder and its readers agree on.

use crate::claims::IssuerKeys;

/// The format.
#[derive(Debug, Clone, Copy)]
pub struct Deb;

/// The field of the control file with the product's name: a token says for which product it is, and the package has a name of its own.
pub(super) const PRODUCT_NAME: &str = "X-Product-Name";

/// What `debian-binary` holds.
pub(super) const FORMAT_VERSION: &[u8] = b"2.0\n";

/// Where the agent is installed.
pub(super) fn agent_path(package: &str, executable: &str) -> String {
    format!("usr/lib/{package}/{executable}")
}

/// Where dpkg puts the token.
pub(super) fn token_path(package: &str) -> String {
    format!("usr/lib/{package}/enrollment-token")
}

/// Where dpkg puts the issuer's keys.
pub(super) fn keys_path(package: &str) -> String {
    format!("usr/lib/{package}/{}", IssuerKeys::FILE_NAME)
}

/// Where the agent says that the device is enrolled.
pub(super) fn state_path(package: &str) -> String {
    format!("var/lib/{package}/enrollment-state")
}
