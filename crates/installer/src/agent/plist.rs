//! `Info.plist`, as far as an installer needs it, in its XML and its binary form.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use container::property_list::{self, Value};

use super::errors::AgentProblem;

/// Real ones have up to a hundred kilobytes.
const MAX_INFO_BYTES: u64 = 4 << 20;

/// What an application or another bundle says of itself. What it does not say, or not as a text, is `None`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Info {
    /// `CFBundleIdentifier`.
    pub(crate) identifier: Option<String>,
    /// `CFBundleExecutable`: a file name.
    pub(crate) executable: Option<String>,
    /// `CFBundleShortVersionString`.
    pub(crate) short_version: Option<String>,
    /// `CFBundleVersion`.
    pub(crate) version: Option<String>,
    /// `LSMinimumSystemVersion`.
    pub(crate) minimum_os: Option<String>,
}

impl Info {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, container::Malformed> {
        let list = property_list::parse("Info.plist", bytes)?;
        let text = |key: &str| list.get(key).and_then(Value::as_text).map(str::to_owned);
        Ok(Self {
            identifier: text("CFBundleIdentifier"),
            executable: text("CFBundleExecutable"),
            short_version: text("CFBundleShortVersionString"),
            version: text("CFBundleVersion"),
            minimum_os: text("LSMinimumSystemVersion"),
        })
    }

    /// The program's name, if it is one that cannot lead out of its folder.
    pub(crate) fn executable(&self) -> Option<&str> {
        let name = self.executable.as_deref()?;
        (!matches!(name, "" | "." | "..") && !name.contains(['/', '\\', '\0'])).then_some(name)
    }
}

/// Whether a file of this name is an `Info.plist` to CoreFoundation, which takes every mixture of cases.
pub(crate) fn is_info(name: &str) -> bool {
    name.eq_ignore_ascii_case("Info.plist")
}

/// The name of the `Info.plist` in a folder. `None`: it has none.
pub(super) fn find(folder: &Path, shown: &str) -> Result<Option<String>, AgentProblem> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(source) => return Err(AgentProblem::Read { verb: "read a folder of the application", source }),
    };
    let mut found: Option<String> = None;
    for entry in entries {
        let entry = entry.map_err(|source| AgentProblem::Read { verb: "read a folder of the application", source })?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if is_info(&name) {
            let wrong = |what| AgentProblem::App { file: format!("{shown}{name}"), what };
            if found.is_some() {
                return Err(wrong("it is there twice, in different cases"));
            }
            if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
                return Err(wrong("it is not a regular file"));
            }
            found = Some(name);
        }
    }
    Ok(found)
}

/// An application's own `Info.plist`.
pub(crate) fn read_application(folder: &Path) -> Result<Info, AgentProblem> {
    let contents = folder.join("Contents");
    let name = find(&contents, "Contents/")?;
    let file = format!("Contents/{}", name.as_deref().unwrap_or("Info.plist"));
    let Some(name) = name else { return Err(AgentProblem::App { file, what: "it is missing" }) };
    let path = contents.join(name);
    Info::parse(&read(&path, &file)?).map_err(|wrong| AgentProblem::in_file(&file, wrong))
}

/// Its bytes.
pub(super) fn read(path: &Path, shown: &str) -> Result<Vec<u8>, AgentProblem> {
    let failed = |source| AgentProblem::Read { verb: "read Info.plist", source };
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(MAX_INFO_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_INFO_BYTES {
        return Err(AgentProblem::App { file: shown.to_owned(), what: "it is larger than 4 MiB" });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plist(body: &str) -> String {
        format!("<?xml version=\"1.0\"?>\n<!DOCTYPE plist>\n<plist version=\"1.0\"><dict>{body}</dict></plist>\n")
    }

    #[test]
    fn only_the_outermost_dictionary_counts() {
        let text = plist(
            "<key>X</key><dict><key>CFBundleExecutable</key><string>inner</string></dict>\
             <key>CFBundleExecutable</key><string>a &amp; b &#233;</string><key>LSMinimumSystemVersion</key><string>11.0</string>",
        );
        let info = Info::parse(text.as_bytes()).unwrap();
        assert_eq!(info.executable(), Some("a & b é"));
        assert_eq!((info.version, info.minimum_os), (None, Some("11.0".to_owned())));
    }

    #[test]
    fn a_program_is_a_file_name() {
        for name in ["", ".", "..", "a/b", "../../bin/sh"] {
            let text = plist(&format!("<key>CFBundleExecutable</key><string>{name}</string>"));
            assert_eq!(Info::parse(text.as_bytes()).unwrap().executable(), None, "{name}");
        }
        assert!(Info::parse(b"bplist00").is_err());
        assert!(Info::parse(b"<plist><dict>").is_err());
    }
}
