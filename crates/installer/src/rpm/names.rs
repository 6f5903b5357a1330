//! Names that writers and readers share: of the format, in the header, and on the device.

use crate::claims::IssuerKeys;

/// The format.
#[derive(Debug, Clone, Copy)]
pub struct Rpm;

/// The tag with the product's name: a token says for which product it is, and the package has a name of its own.
pub(super) const PRODUCT_NAME: u32 = 0x5354_574e;
/// The tag with the issuer's keys, a JSON Web Key Set as it was given: what a stamp checks tokens with.
pub(super) const ISSUER_KEYS: u32 = 0x5354_574b;

/// Where the agent is installed.
pub(super) fn agent_path(package: &str, executable: &str) -> String {
    format!("usr/libexec/{package}/{executable}")
}

/// Where the script is that acts once rpm is done.
pub(super) fn after_rpm_path(package: &str) -> String {
    format!("usr/libexec/{package}/after-rpm")
}

/// Where rpm puts the token.
pub(super) fn token_path(package: &str) -> String {
    format!("usr/lib/{package}/enrollment-token")
}

/// Where rpm puts the issuer's keys.
pub(super) fn keys_path(package: &str) -> String {
    format!("usr/lib/{package}/{}", IssuerKeys::FILE_NAME)
}

/// Where the agent says that the device is enrolled.
pub(super) fn state_path(package: &str) -> String {
    format!("var/lib/{package}/enrollment-state")
}

/// Where the agent finds its token.
pub(super) fn live_token_path(package: &str) -> String {
    format!("etc/{package}/enrollment-token")
}
