//! Durations as they are typed: `45s`, `10m`, `12h`, `30d`.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::http::time::parse_duration;

pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).ok_or_else(|| D::Error::custom("must be a duration, e.g. 45s, 10m, 12h or 30d"))
}
