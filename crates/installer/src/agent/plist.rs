//! `Info.plist`, as far as an installer needs it; in its XML form.

use quick_xml::Reader;
use quick_xml::events::Event;

const BINARY: &[u8] = b"bplist";
/// Longer values than these are no names or versions.
const TEXT_MAX_BYTES: usize = 1024;
const DEPTH_MAX: usize = 64;

/// What an application says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Info {
    /// `CFBundleExecutable`: a file name below `Contents/MacOS`.
    pub(super) executable: String,
    /// `CFBundleShortVersionString`.
    pub(super) version: Option<String>,
    /// `LSMinimumSystemVersion`.
    pub(super) minimum_os: Option<String>,
}

impl Info {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        if bytes.starts_with(BINARY) {
            return Err("it is in the binary form, only the XML form is read");
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
        let mut info = Self::default();
        for (key, value) in strings(text)? {
            match key.as_str() {
                "CFBundleExecutable" => info.executable = value,
                "CFBundleShortVersionString" => info.version = Some(value),
                "LSMinimumSystemVersion" => info.minimum_os = Some(value),
                _ => {}
            }
        }
        let name = info.executable.as_str();
        if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\\']) {
            return Err("CFBundleExecutable is not a file name");
        }
        Ok(info)
    }
}

/// The keys of the outermost dictionary that have a string, and the string.
fn strings(text: &str) -> Result<Vec<(String, String)>, &'static str> {
    const DAMAGED: &str = "it is not well-formed XML";
    let mut reader = Reader::from_str(text);
    let mut path: Vec<String> = Vec::new();
    let mut found = Vec::new();
    let mut key = None;
    let mut value = String::new();
    loop {
        match reader.read_event().map_err(|_| DAMAGED)? {
            Event::Start(tag) => {
                if path.len() >= DEPTH_MAX {
                    return Err("its values are nested more than 64 deep");
                }
                path.push(tag.name().as_ref().to_owned());
                value.clear();
            }
            Event::Text(part) => push(&mut value, &part.xml10_content()),
            Event::GeneralRef(entity) => {
                let character = entity.resolve_char_ref().map_err(|_| DAMAGED)?;
                let named = quick_xml::escape::resolve_predefined_entity(&entity);
                match (character, named) {
                    (Some(character), _) => push(&mut value, character.encode_utf8(&mut [0; 4])),
                    (None, Some(text)) => push(&mut value, text),
                    (None, None) => return Err("it has an entity of its own"),
                }
            }
            Event::End(_) => {
                let outer: Vec<&str> = path.iter().map(String::as_str).collect();
                match outer.as_slice() {
                    ["plist", "dict", "key"] => key = Some(std::mem::take(&mut value)),
                    ["plist", "dict", "string"] => {
                        found.extend(key.take().map(|key| (key, std::mem::take(&mut value))));
                    }
                    ["plist", "dict", _] => key = None,
                    _ => {}
                }
                path.pop();
            }
            Event::Eof if path.is_empty() => return Ok(found),
            Event::Eof => return Err(DAMAGED),
            _ => {}
        }
    }
}

/// Values that are not asked for may be long; of those the rest is not kept.
fn push(value: &mut String, text: &str) {
    if value.len() <= TEXT_MAX_BYTES {
        value.push_str(text);
    }
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
        let info = Info::read(text.as_bytes()).unwrap();
        assert_eq!(info.executable, "a & b é");
        assert_eq!((info.version, info.minimum_os), (None, Some("11.0".to_owned())));
    }

    #[test]
    fn a_program_is_a_file_name() {
        for name in ["", ".", "..", "a/b", "../../bin/sh"] {
            let text = plist(&format!("<key>CFBundleExecutable</key><string>{name}</string>"));
            assert_eq!(Info::read(text.as_bytes()), Err("CFBundleExecutable is not a file name"));
        }
        assert!(Info::read(b"bplist00").unwrap_err().contains("binary"));
        assert_eq!(Info::read(b"<plist><dict>"), Err("it is not well-formed XML"));
    }
}
