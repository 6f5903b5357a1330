//! systemd's units, as far as rules look at them.

/// A unit's settings.
pub(super) struct Unit<'a>(pub(super) &'a str);

impl<'a> Unit<'a> {
    /// Every value of a key, in order.
    pub(super) fn all(&self, key: &str) -> Vec<&'a str> {
        let value =
            |line: &'a str| line.split_once('=').filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim());
        self.0.lines().filter(|line| !line.trim_start().starts_with(['#', ';'])).filter_map(value).collect()
    }

    /// The one that counts; empty where there is none.
    pub(super) fn last(&self, key: &str) -> &'a str {
        self.all(key).last().copied().unwrap_or_default()
    }
}

/// The first word of a command line, which may be quoted.
pub(super) fn program_of(line: &str) -> &str {
    match line.strip_prefix('"') {
        Some(rest) => rest.split('"').next().unwrap_or(rest),
        None => line.split_whitespace().next().unwrap_or(line),
    }
}
