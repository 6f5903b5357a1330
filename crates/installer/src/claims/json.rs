//! Untrusted JSON objects: a name may come once, and nothing of the input gets into an error but short plain names.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

/// A JSON object. Of two members with one name readers take one or the other, so there must not be two.
#[derive(Debug, Default)]
pub(super) struct Object(BTreeMap<String, Value>);

impl Object {
    /// Decodes base64url without padding (RFC 7515 §2) and the object in it.
    pub(super) fn from_base64url(text: &str) -> Option<Self> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.as_u64()
    }

    /// Whether a member is a list that has this text in it.
    pub(super) fn lists(&self, name: &str, text: &str) -> bool {
        self.0.get(name).and_then(Value::as_array).is_some_and(|list| list.iter().any(|item| item == text))
    }

    /// A member that is one line, as long as a product's name can be. What is in it must be compared with something.
    pub(super) fn line(&self, name: &str) -> Result<String, &'static str> {
        let Some(value) = self.0.get(name) else { return Err("is missing") };
        match value.as_str() {
            None => Err("must be a text"),
            Some("") => Err("is empty"),
            Some(text) if text.chars().count() > 200 => Err("must have at most 200 characters"),
            Some(text) if text.chars().any(char::is_control) => Err("must not have a control character"),
            Some(text) => Ok(text.to_owned()),
        }
    }

    /// A member that is a short text on one line. There is no `/` or `\` in it, so it is neither an address nor a path.
    pub(super) fn word(&self, name: &str) -> Result<String, &'static str> {
        let Some(value) = self.0.get(name) else { return Err("is missing") };
        let Some(text) = value.as_str() else { return Err("must be a text") };
        match text_problem(text) {
            Some(problem) => Err(problem),
            None => Ok(text.to_owned()),
        }
    }
}

/// Why a text cannot be the value of a claim or a key's id, if it cannot.
fn text_problem(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("is empty")
    } else if text.chars().count() > 128 {
        Some("must have at most 128 characters")
    } else if text.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | '\u{2028}' | '\u{2029}')) {
        Some("must not have /, \\ or a control character")
    } else {
        None
    }
}

/// A name as an error may show it.
pub(super) fn printable(name: &str) -> String {
    let plain =
        name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if plain && !name.is_empty() { name.to_owned() } else { "of another name".to_owned() }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a name comes twice"));
                    }
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}
