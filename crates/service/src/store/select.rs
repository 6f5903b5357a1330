//! Which base a request means.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::Deserialize;

use super::catalog::Store;
use super::entry::{Entry, Listed};

/// How a client names a base: by its digest, or by what it is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Selection {
    /// A SHA-256 in hex.
    pub(crate) base: Option<String>,
    /// The product's name.
    pub(crate) product: Option<String>,
    /// `windows`, `macos` or `linux`.
    pub(crate) platform: Option<String>,
    /// `x64`, `arm64` or `universal`.
    pub(crate) arch: Option<String>,
    /// `msi`, `pkg`, `deb` or `rpm`.
    pub(crate) format: Option<String>,
    /// Default: the highest one.
    pub(crate) version: Option<String>,
}

/// Why there is not exactly one base.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SelectionError {
    /// The request names neither a base nor a product.
    #[error("the request must name a base or a product")]
    Incomplete,
    /// There is none.
    #[error("no base is what the request asks for")]
    None,
    /// There are several.
    #[error("several bases are what the request asks for; they differ in {0}")]
    Several(&'static str),
}

impl Store {
    /// The base that is meant: the highest version, and of two with the same version the one that came later.
    ///
    /// # Errors
    /// No base is meant, or several that differ in more than that.
    pub(crate) fn select(&self, selection: &Selection) -> Result<Arc<Entry>, SelectionError> {
        let entries = self.list();
        if selection.base.is_none() && selection.product.is_none() {
            return Err(SelectionError::Incomplete);
        }
        let named = entries.iter().filter(|entry| fits(selection, entry.listed()));
        let mut found: Vec<&Arc<Entry>> = named.collect();
        found.sort_by(|a, b| {
            by_version(&a.listed().version, &b.listed().version).then(a.label().imported().cmp(&b.label().imported()))
        });
        let best = *found.last().ok_or(SelectionError::None)?;
        let version = &best.listed().version;
        for other in found.iter().map(|entry| entry.listed()).filter(|other| other.version == *version) {
            if other.platform != best.listed().platform {
                return Err(SelectionError::Several("platform"));
            }
            if other.format != best.listed().format {
                return Err(SelectionError::Several("format"));
            }
            if other.arch != best.listed().arch {
                return Err(SelectionError::Several("arch"));
            }
        }
        Ok(best.clone())
    }
}

fn fits(selection: &Selection, listed: &Listed) -> bool {
    let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
    let arch = selection.arch.as_deref().is_none_or(|wanted| wanted == listed.arch || listed.arch == "universal");
    arch && is(&selection.base, &listed.sha256)
        && is(&selection.product, &listed.product)
        && is(&selection.platform, listed.platform)
        && is(&selection.format, listed.format.extension())
        && is(&selection.version, &listed.version)
}

/// Numbers by their value, anything else as text; what comes before a release (`1.5.0~rc1`, `1.5.0-beta.2`) is lower than the release.
fn by_version(a: &str, b: &str) -> Ordering {
    fn split(version: &str) -> (Vec<u64>, Option<&str>) {
        let (numbers, before) = match version.split_once(['~', '-']) {
            Some((numbers, before)) => (numbers, Some(before)),
            None => (version, None),
        };
        (numbers.split('.').map(|number| number.parse().unwrap_or(0)).collect(), before)
    }
    let ((a_numbers, a_before), (b_numbers, b_before)) = (split(a), split(b));
    let before = match (a_before, b_before) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => a.cmp(b),
    };
    a_numbers.cmp(&b_numbers).then(before).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        let mut versions = ["1.10.0", "1.9.9", "1.10.0-beta.2", "1.10.0~rc1", "2.0.0", "1.10.0.1"];
        versions.sort_by(|a, b| by_version(a, b));
        assert_eq!(versions, ["1.9.9", "1.10.0-beta.2", "1.10.0~rc1", "1.10.0", "1.10.0.1", "2.0.0"]);
    }
}
