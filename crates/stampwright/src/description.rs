//! What an installer says of itself, in words that are the same for every format.

use std::collections::BTreeMap;

use installer::Kind;
use installer::format::{Inspection, TokenSummary};
use serde::Serialize;

/// What an installer says of itself; part of receipts and of what `inspect` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Description {
    /// Its format.
    pub kind: Kind,
    /// The product's name; the package's where the installer does not say it.
    pub product: String,
    /// The product's version.
    pub version: String,
    /// `x64`, `arm64` or `universal`; the format's own word where it means none of these.
    pub arch: String,
    /// How it takes a token.
    pub mode: Mode,
    /// The token's length and fingerprint, if there is a token.
    pub token: Option<TokenSummary>,
    /// Whether the file carries a signature.
    pub signed: bool,
    /// Whether Stampwright built it, by its mark.
    #[serde(skip)]
    pub is_ours: bool,
    /// What only this format knows, by the field's own name, e.g. `ProductCode`.
    pub details: BTreeMap<&'static str, String>,
}

/// How an installer takes a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It is not signed: nothing depends on its bytes.
    Plain,
    /// It is signed, and a stamp needs a new signature.
    Resign,
    /// It is signed and prepared: its slot takes a token, and the signature stays valid.
    Preserve,
}

impl Mode {
    pub(crate) const fn new(is_signed: bool, has_slot: bool) -> Self {
        match (has_slot, is_signed) {
            (true, _) => Self::Preserve,
            (false, true) => Self::Resign,
            (false, false) => Self::Plain,
        }
    }
}

/// The format's own word for the architecture, where [`Description::arch`] is another one.
const NATIVE: &str = "native-architecture";

impl From<Inspection> for Description {
    fn from(inspection: Inspection) -> Self {
        let Inspection { kind, product, version, arch: native, token, signed, is_ours, mut details } = inspection;
        let arch = arch(&native).map_or_else(|| native.clone(), str::to_owned);
        if arch != native {
            details.insert(NATIVE, native);
        }
        let mode = Mode::new(signed, details.contains_key("slot"));
        Self { kind, product, version, arch, mode, token, signed, is_ours, details }
    }
}

/// The word of manifests for one of a format's: Debian's (`amd64`), Windows Installer's (`x64`, `Arm64`), Apple's (`arm64,x86_64`).
fn arch(native: &str) -> Option<&'static str> {
    let one = |word: &str| match word.trim().to_ascii_lowercase().as_str() {
        "amd64" | "x64" | "x86_64" => Some("x64"),
        "arm64" | "aarch64" => Some("arm64"),
        _ => None,
    };
    if matches!(native.to_ascii_lowercase().as_str(), "intel" | "i386" | "i586" | "i686" | "x86") {
        return Some("x86");
    }
    let mut words = native.split(',').map(one);
    let first = words.next()??;
    match words.next() {
        None => Some(first),
        Some(Some(second)) if second != first && words.next().is_none() => Some("universal"),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_says_the_same_word() {
        for (native, expected) in [
            ("amd64", Some("x64")),
            ("x64", Some("x64")),
            ("Arm64", Some("arm64")),
            ("arm64,x86_64", Some("universal")),
            ("x86_64", Some("x64")),
            ("Intel", Some("x86")),
            ("i386", Some("x86")),
            ("all", None),
            ("", None),
            ("i386,x86_64", None),
            ("arm64,x86_64,i386", None),
        ] {
            assert_eq!(arch(native), expected, "{native}");
        }
    }

    #[test]
    fn a_slot_counts_before_a_signature() {
        assert_eq!(Mode::new(true, true), Mode::Preserve);
        assert_eq!(Mode::new(true, false), Mode::Resign);
        assert_eq!(Mode::new(false, false), Mode::Plain);
    }
}
