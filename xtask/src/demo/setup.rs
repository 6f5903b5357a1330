//! Where the demo works, and with what.

/// Everything it makes.
pub(super) const FOLDER: &str = "target/demo";
/// The sample product.
pub(super) const MANIFEST: &str = "payloads/theonermm/stampwright.toml";
