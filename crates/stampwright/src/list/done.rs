//! What became of a list.

use serde::Serialize;

/// What was done.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Done {
    /// How many installers there are now.
    pub files: usize,
    /// How many of them were stamped by this run.
    pub stamped: usize,
    /// How many were there from an earlier run.
    pub found: usize,
    /// Their lengths together.
    pub bytes: u64,
}
