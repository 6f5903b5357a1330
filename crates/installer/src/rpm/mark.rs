//! The first line of two scriptlets, which tells bases, stamps and other packages apart, and tells the scriptlets whether the
//! package has a token.
//!
//! ```text
//! stamped=no # stampwright 1 base                      a base of layout 1
//! stamped=yes # stampwright 1 9f2c4c1d5e6f7a8b         a stamp of it; the token's fingerprint
//! ```
//!
//! `%pre` runs before any file is there, and `%post` while the old package's files still are: neither can see from the
//! files what it is about.

use crate::token::Token;

/// The layout that this version writes and stamps.
pub(super) const LAYOUT: &str = "1";
const NO: &str = "stamped=no # stampwright ";
const YES: &str = "stamped=yes # stampwright ";
const BASE: &str = "base";

/// What the line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) layout: String,
    /// The token's fingerprint; none in a base.
    pub(super) fingerprint: Option<String>,
}

impl Mark {
    pub(super) fn base() -> Self {
        Self { layout: LAYOUT.to_owned(), fingerprint: None }
    }

    pub(super) fn stamp(token: &Token) -> Self {
        Self { fingerprint: Some(token.fingerprint()), ..Self::base() }
    }

    /// A scriptlet of which this is the first line.
    pub(super) fn script(&self, rest: &str) -> String {
        match &self.fingerprint {
            None => format!("{NO}{} {BASE}\n{rest}", self.layout),
            Some(fingerprint) => format!("{YES}{} {fingerprint}\n{rest}", self.layout),
        }
    }

    /// Reads a scriptlet's first line, and gives what follows it; `None` when it is no mark.
    pub(super) fn parse(script: &str) -> Option<(Self, &str)> {
        let (line, rest) = script.split_once('\n')?;
        let (said, is_base) = match (line.strip_prefix(NO), line.strip_prefix(YES)) {
            (Some(said), None) => (said, true),
            (None, Some(said)) => (said, false),
            _ => return None,
        };
        let (layout, id) = said.split_once(' ')?;
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !plain(layout) || !plain(id) || (id == BASE) != is_base {
            return None;
        }
        Some((Self { layout: layout.to_owned(), fingerprint: (!is_base).then(|| id.to_owned()) }, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_as_it_was_written() {
        let token = Token::parse(b"secret").unwrap();
        for mark in [Mark::base(), Mark::stamp(&token)] {
            assert_eq!(Mark::parse(&mark.script("exit 0\n")), Some((mark, "exit 0\n")));
        }
        assert_eq!(Mark::base().script(""), "stamped=no # stampwright 1 base\n");
        for other in [
            "",
            "exit 0\n",
            "stamped=no # stampwright 1 base",
            "stamped=yes # stampwright 1 base\n",
            "stamped=no # stampwright 1 0123\n",
            "stamped=no # stampwright 1 \n",
            "stamped=yes # stampwright 1 $(id)\n",
        ] {
            assert_eq!(Mark::parse(other), None, "{other}");
        }
    }
}
