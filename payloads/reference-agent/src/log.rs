//! What the agent says of itself: a line for each event, without any secret.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// A log that is longer is begun anew; the one before is kept.
const MAX_BYTES: u64 = 1 << 20;

/// Writes a line: to the file, or to standard error, which systemd and launchd keep.
pub(crate) fn line(log: Option<&Path>, text: &str) {
    #[allow(clippy::disallowed_methods, reason = "an agent's log says when; nothing that is made depends on it")]
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let Some(path) = log else {
        eprintln!("{text}");
        return;
    };
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() > MAX_BYTES) {
        let _ = fs::rename(path, path.with_extension("old"));
    }
    let file = OpenOptions::new().create(true).append(true).open(path);
    // A log that cannot be written is no reason to stop.
    let _ = file.and_then(|mut file| writeln!(file, "{seconds} {text}"));
}
