//! One line of text that installer and agent hand each other: a file, or a registry value on Windows.

use std::path::PathBuf;

use crate::durable;
use crate::error::Result;

/// The most bytes of a token, and one line ending.
const MAX_BYTES: u64 = 4096 + 2;

/// Where a line of text is.
#[derive(Debug, Clone)]
pub(crate) enum Slot {
    /// A file.
    File(PathBuf),
    /// A REG_SZ below HKEY_LOCAL_MACHINE, in the 64-bit view.
    #[cfg_attr(not(windows), allow(dead_code, reason = "Windows only"))]
    Registry {
        /// The key.
        key: String,
        /// The value.
        value: &'static str,
    },
}

impl Slot {
    /// The text without its line ending; nothing when there is none.
    pub(crate) fn read(&self) -> Result<Option<String>> {
        match self {
            Self::File(path) => {
                let bytes = durable::read(path, MAX_BYTES)?;
                // What is no text is no token either; its readers say so.
                Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned()))
            }
            Self::Registry { key, value } => registry::read(key, value),
        }
    }

    /// Writes the text.
    pub(crate) fn write(&self, text: &str) -> Result {
        match self {
            Self::File(path) => {
                path.parent().map_or(Ok(()), durable::folder)?;
                durable::write(path, format!("{text}\n").as_bytes())
            }
            Self::Registry { key, value } => registry::write(key, value, text),
        }
    }

    /// Removes the text; it may be gone already.
    pub(crate) fn remove(&self) -> Result {
        match self {
            Self::File(path) => durable::remove(path),
            Self::Registry { key, value } => registry::remove(key, value),
        }
    }

    /// Its place, as it is shown to people.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Registry { key, value } => format!(r"HKLM\{key}, value {value}"),
        }
    }
}

#[cfg(windows)]
mod registry {
    use std::fmt::Display;

    use windows_registry::{Key, LOCAL_MACHINE, Result as Answer};

    use crate::error::{Error, Result};

    /// ERROR_FILE_NOT_FOUND as an HRESULT.
    const NOT_FOUND: i32 = 0x8007_0002_u32.cast_signed();

    fn failed(verb: &'static str, value: &str, error: &impl Display) -> Error {
        Error::Registry { verb, value: value.to_owned(), reason: error.to_string() }
    }

    fn open(key: &str) -> Answer<Key> {
        LOCAL_MACHINE.options().read().write().open(key)
    }

    pub(super) fn read(key: &str, value: &str) -> Result<Option<String>> {
        match LOCAL_MACHINE.open(key).and_then(|key| key.get_string(value)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.code().0 == NOT_FOUND => Ok(None),
            Err(error) => Err(failed("read", value, &error)),
        }
    }

    pub(super) fn write(key: &str, value: &str, text: &str) -> Result {
        let key = LOCAL_MACHINE.options().read().write().create().open(key);
        key.and_then(|key| key.set_string(value, text)).map_err(|error| failed("write", value, &error))
    }

    pub(super) fn remove(key: &str, value: &str) -> Result {
        match open(key).and_then(|key| key.remove_value(value)) {
            Err(error) if error.code().0 != NOT_FOUND => Err(failed("remove", value, &error)),
            _ => Ok(()),
        }
    }
}

#[cfg(not(windows))]
mod registry {
    use crate::error::{Error, Result};

    fn none(verb: &'static str, value: &str) -> Error {
        Error::Registry { verb, value: value.to_owned(), reason: "this system has no registry".to_owned() }
    }

    pub(super) fn read(_: &str, value: &str) -> Result<Option<String>> {
        Err(none("read", value))
    }

    pub(super) fn write(_: &str, value: &str, _: &str) -> Result {
        Err(none("write", value))
    }

    pub(super) fn remove(_: &str, value: &str) -> Result {
        Err(none("remove", value))
    }
}
