//! A key's address: RFC 7512.
//!
//! ```text
//! pkcs11:token=Release%20keys;object=agent;id=%01%02?module-path=/usr/lib/vendor.so&pin-source=file:/run/secrets/pin
//! ```

use std::path::PathBuf;

use crate::key::KeyError;

/// What an address says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uri {
    /// The token's label.
    pub token: Option<String>,
    /// The token's serial number.
    pub serial: Option<String>,
    /// The key's label.
    pub object: Option<String>,
    /// The key's identifier.
    pub id: Option<Vec<u8>>,
    /// The vendor's library.
    pub module: PathBuf,
    /// A file with the PIN.
    pub pin_source: Option<PathBuf>,
}

impl Uri {
    /// Reads an address. It must name the module, and the key by label or identifier.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let wrong = |problem: &str| KeyError::Uri(problem.to_owned());
        let rest = text.strip_prefix("pkcs11:").ok_or_else(|| wrong("must start with pkcs11:"))?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut uri = Self::default();
        for (name, value) in pairs(path, ';')? {
            match name {
                "token" => uri.token = Some(string(value)?),
                "serial" => uri.serial = Some(string(value)?),
                "object" => uri.object = Some(string(value)?),
                "id" => uri.id = Some(value),
                "type" if value == b"private" => {}
                "type" => return Err(wrong("has another type than private")),
                // They narrow down the module and the slot, which the other parts name already.
                "manufacturer"
                | "model"
                | "library-manufacturer"
                | "library-description"
                | "library-version"
                | "slot-description"
                | "slot-id"
                | "slot-manufacturer" => {
                    return Err(KeyError::Uri(format!(
                        "has {name}, which is not supported: name the token and the object"
                    )));
                }
                _ => return Err(KeyError::Uri(format!("has an unknown part {name:?}"))),
            }
        }
        for (name, value) in pairs(query, '&')? {
            match name {
                "module-path" => uri.module = PathBuf::from(string(value)?),
                "pin-source" => {
                    let source = string(value)?;
                    uri.pin_source = Some(PathBuf::from(source.strip_prefix("file:").unwrap_or(&source)));
                }
                // The value is not repeated.
                "pin-value" => {
                    return Err(wrong(
                        "has pin-value: every user of the machine can read it; use pin-source or --key-password-env",
                    ));
                }
                _ => return Err(KeyError::Uri(format!("has an unknown part {name:?}"))),
            }
        }
        if uri.module.as_os_str().is_empty() {
            return Err(wrong("has no module-path, the vendor's library"));
        }
        if uri.object.is_none() && uri.id.is_none() {
            return Err(wrong("names no key: give object or id"));
        }
        Ok(uri)
    }
}

/// `a=b;c=d`, the values decoded.
fn pairs(text: &str, separator: char) -> Result<Vec<(&str, Vec<u8>)>, KeyError> {
    let mut found: Vec<(&str, Vec<u8>)> = Vec::new();
    for part in text.split(separator).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').ok_or_else(|| KeyError::Uri("has a part without =".to_owned()))?;
        if found.iter().any(|(known, _)| *known == name) {
            return Err(KeyError::Uri(format!("has {name} twice")));
        }
        found.push((name, decode(value)?));
    }
    Ok(found)
}

/// Percent-decoding.
fn decode(text: &str) -> Result<Vec<u8>, KeyError> {
    let wrong = || KeyError::Uri("has a % without two hexadecimal digits".to_owned());
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16)).ok_or_else(wrong);
        let (high, low) = (digit()?, digit()?);
        out.push(u8::try_from(high << 4 | low).map_err(|_| wrong())?);
    }
    Ok(out)
}

fn string(bytes: Vec<u8>) -> Result<String, KeyError> {
    String::from_utf8(bytes).map_err(|_| KeyError::Uri("has text that is not UTF-8".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read() {
        let uri = Uri::parse("pkcs11:token=Release%20keys;object=agent;id=%01%fF;type=private?module-path=/m.so&pin-source=file:/run/pin").unwrap();
        assert_eq!(uri.token.as_deref(), Some("Release keys"));
        assert_eq!((uri.object.as_deref(), uri.id.as_deref()), (Some("agent"), Some(&[1, 255][..])));
        assert_eq!((uri.module, uri.pin_source), (PathBuf::from("/m.so"), Some(PathBuf::from("/run/pin"))));
    }

    #[test]
    fn a_wrong_address_is_named_and_a_pin_is_not_repeated() {
        for (text, word) in [
            ("http:x", "pkcs11:"),
            ("pkcs11:object=a", "module-path"),
            ("pkcs11:token=a?module-path=/m", "names no key"),
            ("pkcs11:object=a;object=b?module-path=/m", "twice"),
            ("pkcs11:object=%4?module-path=/m", "%"),
            ("pkcs11:object=a;type=cert?module-path=/m", "type"),
            ("pkcs11:object=a;colour=red?module-path=/m", "colour"),
            ("pkcs11:object=a?module-path=/m&pin-value=4711", "pin-value"),
        ] {
            let sentence = Uri::parse(text).unwrap_err().to_string();
            assert!(sentence.contains(word), "{text}: {sentence}");
            assert!(!sentence.contains("4711"), "{sentence}");
        }
    }
}
