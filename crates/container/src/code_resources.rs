//! `CodeResources`: what a code signature says of every other file of an application (Apple's Security framework,
//! `resources.cpp` and `StaticCode.cpp`).
//!
//! ```text
//! files2    path ─▶ hash (SHA-1), hash2 (SHA-256), optional      a file
//!                   symlink                                      a link, and where it must point to
//!                   cdhash, requirement                          code that is signed by itself
//! rules2    regular expression ─▶ true, or weight, omit, optional, nested
//! files, rules   the same as it was before OS X 10.9: a bare SHA-1, and no links and no nested code
//! ```
//!
//! Both halves count. What is named in `files2` must be there as it says, unless it is optional; and each file that there is and that
//! the rules do not omit must be named. The rule with the greatest weight decides, of equal ones the first. Paths count from
//! the folder that has `_CodeSignature` in it. Version 2 is read where it is there, version 1 where it is alone.
//!
//! The expressions are POSIX's extended ones. `regex-lite` takes those that Apple's and other people's signers write; its `.` and its
//! classes are set to mean what POSIX means.

use std::collections::BTreeMap;

use regex_lite::{Regex, RegexBuilder};

use crate::property_list::{self, Value};
use crate::reader::{Malformed, Problem};

const STRUCTURE: &str = "CodeResources";
/// Apple's own have 14.
const MAX_RULES: usize = 200;
/// A compiled expression may not take more memory.
const MAX_RULE_BYTES: usize = 1 << 20;

/// The list, of the version that counts.
#[derive(Debug)]
pub struct CodeResources {
    version: u8,
    rules: Vec<(Regex, Rule)>,
    seals: BTreeMap<String, Seal>,
}

/// What a rule says of the files that it matches.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rule {
    /// Which of several rules decides.
    pub weight: f64,
    /// They are not sealed.
    pub omits: bool,
    /// They are signed by themselves, and so are folders that have a dot in their names.
    pub is_nested: bool,
}

/// What a path must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// What it is sealed as.
    pub kind: SealKind,
    /// Whether it may be missing.
    pub is_optional: bool,
}

/// What a path is sealed as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealKind {
    /// A file, with its digests; at least one.
    File {
        /// SHA-1.
        sha1: Option<[u8; 20]>,
        /// SHA-256.
        sha256: Option<[u8; 32]>,
    },
    /// A symbolic link to this.
    Link(String),
    /// Code with a signature of its own.
    Nested {
        /// The first 20 bytes of its code directory's digest.
        cdhash: [u8; 20],
        /// The requirement that it must meet, as text.
        requirement: String,
    },
}

impl CodeResources {
    /// Reads a list.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let list = property_list::parse(STRUCTURE, bytes)?;
        let version = if list.get("files2").is_some() { 2 } else { 1 };
        let (files, rules) = if version == 2 { ("files2", "rules2") } else { ("files", "rules") };
        let entries = |name, what| list.get(name).and_then(Value::as_dictionary).ok_or_else(|| wrong(what));
        let files = entries(files, "it has neither files2 nor files")?;
        let rules = entries(rules, "it has files without their rules")?;
        if rules.len() > MAX_RULES {
            return Err(wrong("it has more than 200 rules"));
        }
        Ok(Self {
            version,
            rules: rules.iter().map(|(pattern, value)| rule(pattern, value)).collect::<Result<_, _>>()?,
            seals: files
                .iter()
                .map(|(path, value)| Ok((path.clone(), seal(value)?)))
                .collect::<Result<_, Malformed>>()?,
        })
    }

    /// 1 or 2. The first seals no links.
    #[must_use]
    pub const fn version(&self) -> u8 {
        self.version
    }

    /// All paths that are sealed, and as what.
    #[must_use]
    pub const fn seals(&self) -> &BTreeMap<String, Seal> {
        &self.seals
    }

    /// The rule that decides on a path; `None`: nothing is said of it, and it is not sealed.
    #[must_use]
    pub fn rule(&self, path: &str) -> Option<Rule> {
        let matching = self.rules.iter().filter(|(pattern, _)| pattern.is_match(path)).map(|(_, rule)| *rule);
        matching.reduce(|best, rule| if rule.weight > best.weight { rule } else { best })
    }
}

fn rule(pattern: &str, value: &Value) -> Result<(Regex, Rule), Malformed> {
    let compiled = RegexBuilder::new(pattern).dot_matches_new_line(true).size_limit(MAX_RULE_BYTES).build();
    let compiled = compiled.map_err(|_| wrong("a rule is not a regular expression"))?;
    let is_set = |key| value.get(key).is_some_and(Value::is_true);
    let rule = match value {
        Value::Boolean(included) => Rule { weight: 1.0, omits: !included, is_nested: false },
        Value::Dictionary(_) => Rule {
            weight: value.get("weight").map_or(Some(1.0), Value::as_number).ok_or_else(|| wrong(WEIGHT))?,
            omits: is_set("omit"),
            is_nested: is_set("nested"),
        },
        _ => return Err(wrong("a rule is neither true nor false nor a dictionary")),
    };
    Ok((compiled, rule))
}

const WEIGHT: &str = "a rule's weight is not a number";

fn seal(value: &Value) -> Result<Seal, Malformed> {
    const UNKNOWN: &str = "a path is sealed by something that is neither a digest nor a link nor a signature";
    let is_optional = value.get("optional").is_some_and(Value::is_true);
    let data = |key: &str| value.get(key).and_then(Value::as_data);
    let text = |key: &str| value.get(key).and_then(Value::as_text);
    let kind = if let Value::Data(sha1) = value {
        SealKind::File { sha1: Some(digest(sha1)?), sha256: None }
    } else if let Some(target) = text("symlink") {
        SealKind::Link(target.to_owned())
    } else if let (Some(cdhash), Some(requirement)) = (data("cdhash"), text("requirement")) {
        SealKind::Nested { cdhash: digest(cdhash)?, requirement: requirement.to_owned() }
    } else {
        let (sha1, sha256) = (data("hash").map(digest).transpose()?, data("hash2").map(digest).transpose()?);
        if sha1.is_none() && sha256.is_none() {
            return Err(wrong(UNKNOWN));
        }
        SealKind::File { sha1, sha256 }
    };
    Ok(Seal { kind, is_optional })
}

fn digest<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Malformed> {
    bytes.try_into().map_err(|_| wrong("a digest does not have the length of its algorithm"))
}

const fn wrong(what: &'static str) -> Malformed {
    Malformed { structure: STRUCTURE, offset: Malformed::NOWHERE, problem: Problem::Text { what } }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `codesign` writes for an application.
    const RULES2: &str = "<key>rules2</key><dict>\
        <key>.*\\.dSYM($|/)</key><dict><key>weight</key><real>11</real></dict>\
        <key>^(.*/)?\\.DS_Store$</key><dict><key>omit</key><true/><key>weight</key><real>2000</real></dict>\
        <key>^(Frameworks|SharedFrameworks|PlugIns|Plug-ins|XPCServices|Helpers|MacOS|Library/(Automator|Spotlight|LoginItems))/</key>\
        <dict><key>nested</key><true/><key>weight</key><real>10</real></dict>\
        <key>^.*</key><true/>\
        <key>^Info\\.plist$</key><dict><key>omit</key><true/><key>weight</key><real>20</real></dict>\
        <key>^Resources/</key><dict><key>weight</key><real>20</real></dict>\
        <key>^Resources/.*\\.lproj/</key><dict><key>optional</key><true/><key>weight</key><real>1000</real></dict>\
        <key>^Resources/.*\\.lproj/locversion.plist$</key><dict><key>omit</key><true/><key>weight</key><real>1100</real></dict>\
        <key>^[^/]+$</key><dict><key>nested</key><true/><key>weight</key><real>10</real></dict></dict>";

    fn list(body: &str) -> Result<CodeResources, String> {
        let document = format!("<plist version=\"1.0\"><dict>{body}</dict></plist>");
        CodeResources::parse(document.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_weightiest_rule_decides() {
        let list = list(&format!("<key>files2</key><dict/>{RULES2}")).unwrap();
        let rule = |path: &str| list.rule(path).map(|rule| (rule.weight, rule.omits, rule.is_nested));
        for (path, expected) in [
            ("Resources/a.txt", (20.0, false, false)),
            ("Resources/de.lproj/a.strings", (1000.0, false, false)),
            ("Resources/de.lproj/locversion.plist", (1100.0, true, false)),
            ("Info.plist", (20.0, true, false)),
            ("info.plist", (10.0, false, true)),
            ("MacOS/helper", (10.0, false, true)),
            ("MacOS/a\nb/.DS_Store", (2000.0, true, false)),
            ("Frameworks/A.framework", (10.0, false, true)),
            ("Library/x", (1.0, false, false)),
            ("__MACOSX/._x", (1.0, false, false)),
            ("embedded.provisionprofile", (10.0, false, true)),
        ] {
            assert_eq!(rule(path), Some(expected), "{path}");
        }
    }

    #[test]
    fn version_2_counts_where_it_is_there() {
        let sha1 = "<data>AAAAAAAAAAAAAAAAAAAAAAAAAAA=</data>";
        let old = format!(
            "<key>files</key><dict><key>Resources/a</key>{sha1}<key>Resources/b</key><dict><key>hash</key>{sha1}\
             <key>optional</key><true/></dict></dict><key>rules</key><dict><key>^Resources/</key><true/></dict>"
        );
        let one = list(&old).unwrap();
        assert_eq!((one.version(), one.seals().len()), (1, 2));
        assert_eq!(one.seals()["Resources/b"].kind, one.seals()["Resources/a"].kind);
        assert!(one.seals()["Resources/b"].is_optional && !one.seals()["Resources/a"].is_optional);
        assert_eq!(one.rule("MacOS/a"), None);
        let new = "<key>files2</key><dict><key>l</key><dict><key>symlink</key><string>a</string></dict>\
                   <key>c</key><dict><key>cdhash</key><data>AAAAAAAAAAAAAAAAAAAAAAAAAAA=</data><key>requirement</key><string>identifier x</string>\
                   </dict></dict>";
        let two = list(&format!("{old}{new}{RULES2}")).unwrap();
        assert_eq!((two.version(), two.seals().len()), (2, 2));
        assert_eq!(two.seals()["l"].kind, SealKind::Link("a".to_owned()));
        let nested = SealKind::Nested { cdhash: [0; 20], requirement: "identifier x".to_owned() };
        assert_eq!(two.seals()["c"].kind, nested);
    }

    #[test]
    fn lists_of_another_form_are_refused() {
        for (body, sentence) in [
            ("", "it has neither files2 nor files"),
            ("<key>files2</key><dict/>", "it has files without their rules"),
            ("<key>files2</key><array/><key>rules2</key><dict/>", "it has neither files2 nor files"),
            (
                "<key>files</key><dict/><key>rules</key><dict><key>(</key><true/></dict>",
                "a rule is not a regular expression",
            ),
            (
                "<key>files</key><dict/><key>rules</key><dict><key>a{60}{60}{60}{60}</key><true/></dict>",
                "a rule is not a regular expression",
            ),
            ("<key>files</key><dict/><key>rules</key><dict><key>a</key><string/></dict>", "nor a dictionary"),
            (
                "<key>files</key><dict/><key>rules</key><dict><key>a</key><dict><key>weight</key><true/></dict></dict>",
                "weight is not a number",
            ),
            ("<key>files</key><dict><key>a</key><dict/></dict><key>rules</key><dict/>", "nor a signature"),
            (
                "<key>files</key><dict><key>a</key><data>AAAA</data></dict><key>rules</key><dict/>",
                "a digest does not have the length of its algorithm",
            ),
        ] {
            let said = list(body).unwrap_err();
            assert!(said.starts_with("CodeResources: ") && said.ends_with(sentence), "{body}: {said}");
        }
        assert!(CodeResources::parse(b"").is_err());
    }
}
