//! Moments, for people.

use installer::epoch::Civil;

/// Seconds since 1970 as ISO 8601 writes them.
pub fn date(secs: u64) -> String {
    Civil::from_secs(secs).to_string()
}
