//! One thing that is wrong.

use serde::Serialize;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// A name that stays the same: `token-expired`, `port-blocked`, …
    pub id: &'static str,
    /// What is wrong, as a sentence.
    pub cause: &'static str,
    /// What was seen.
    pub evidence: Vec<String>,
    /// What to do.
    pub action: &'static str,
}
