//! The mark in the control file that tells bases, stamps and other packages apart.
//!
//! ```text
//! Replaces: example-agent (<< 0~stampwright.1~base)                     a base of layout 1
//! Replaces: example-agent (<< 0~stampwright.1~9f2c4c1d5e6f7a8b)         a stamp of it; the token's fingerprint
//! ```
//!
//! The relation says that this package replaces older versions of itself than any that can be, which is nothing. It is
//! there for apt: two packages of one version are the same one to apt, and the second is not installed, unless one of
//! a few fields differs that apt hashes: Installed-Size, Depends, Pre-Depends, Conflicts, Breaks and Replaces
//! (debListParser::VersionHash). With it, `apt install ./agent.deb` takes over another token for the same version. A
//! version suffix would not do: of two suffixes one sorts lower, and apt refuses to downgrade.

use crate::token::Token;

/// The layout that this version writes and stamps.
pub(super) const LAYOUT: &str = "1";
const START: &str = "0~stampwright.";
const BASE: &str = "base";

/// What the mark says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) package: String,
    pub(super) layout: String,
    /// The token's fingerprint; none in a base.
    pub(super) fingerprint: Option<String>,
}

impl Mark {
    pub(super) fn base(package: &str) -> Self {
        Self { package: package.to_owned(), layout: LAYOUT.to_owned(), fingerprint: None }
    }

    pub(super) fn stamp(package: &str, token: &Token) -> Self {
        Self { fingerprint: Some(token.fingerprint()), ..Self::base(package) }
    }

    /// The field's value.
    pub(super) fn relation(&self) -> String {
        let id = self.fingerprint.as_deref().unwrap_or(BASE);
        format!("{} (<< {START}{}~{id})", self.package, self.layout)
    }

    /// Reads a field's value; `None` when it is not a mark.
    pub(super) fn parse(relation: &str) -> Option<Self> {
        let (package, rest) = relation.split_once(" (<< ")?;
        let (layout, id) = rest.strip_prefix(START)?.strip_suffix(')')?.split_once('~')?;
        let fingerprint = (id != BASE).then(|| id.to_owned());
        Some(Self { package: package.to_owned(), layout: layout.to_owned(), fingerprint })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_as_it_was_written() {
        let token = Token::parse(b"secret").unwrap();
        for mark in [Mark::base("a-b"), Mark::stamp("a-b", &token)] {
            assert_eq!(Mark::parse(&mark.relation()), Some(mark));
        }
        assert_eq!(Mark::base("x").relation(), "x (<< 0~stampwright.1~base)");
        for other in ["", "x", "x (<< 1.0)", "x (<< 0~stampwright.1)", "x (>> 0~stampwright.1~base)"] {
            assert_eq!(Mark::parse(other), None, "{other}");
        }
    }
}
