//! Where the tree is.

use std::path::Path;

/// The top of the tree: commands work the same from any folder in it.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}
