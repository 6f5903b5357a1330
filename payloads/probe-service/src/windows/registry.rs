//! One key below HKEY_LOCAL_MACHINE and its text values.

use super::ffi;
use super::wide::{NO_HANDLE, from_wide, wide};

/// The most letters of a value that are read: four times the longest token.
const MOST_LETTERS: usize = 16_384;

/// An open key, closed when dropped.
pub(crate) struct Key(ffi::Handle);

impl Key {
    /// Opens a key that exists.
    pub(crate) fn open(path: &str, access: u32) -> Result<Self, String> {
        let mut key = NO_HANDLE;
        let name = wide(path);
        // SAFETY: `name` ends with a zero, and `key` outlives the call.
        let code = unsafe {
            ffi::RegOpenKeyExW(ffi::HKEY_LOCAL_MACHINE, name.as_ptr(), 0, access | ffi::KEY_WOW64_64KEY, &mut key)
        };
        done(code, "open", path).map(|()| Self(key))
    }

    /// Reads a text value.
    pub(crate) fn read(&self, value: &str) -> Result<String, String> {
        let mut letters = vec![0_u16; MOST_LETTERS];
        let mut kind = 0;
        let mut bytes = (MOST_LETTERS * 2) as u32;
        let name = wide(value);
        let data = letters.as_mut_ptr().cast();
        // SAFETY: `data` points at `bytes` writable bytes, `name` ends with a zero.
        let code =
            unsafe { ffi::RegQueryValueExW(self.0, name.as_ptr(), std::ptr::null_mut(), &mut kind, data, &mut bytes) };
        done(code, "read", value)?;
        if kind != ffi::REG_SZ {
            return Err(format!("{value} has type {kind}, must be {}", ffi::REG_SZ));
        }
        letters.truncate(bytes as usize / 2);
        Ok(from_wide(&letters))
    }

    /// Writes a text value.
    pub(crate) fn write(&self, value: &str, text: &str) -> Result<(), String> {
        let name = wide(value);
        let text = wide(text);
        let bytes = (text.len() * 2) as u32;
        // SAFETY: `text` has `bytes` readable bytes, `name` ends with a zero.
        let code = unsafe { ffi::RegSetValueExW(self.0, name.as_ptr(), 0, ffi::REG_SZ, text.as_ptr().cast(), bytes) };
        done(code, "write", value)
    }

    /// Deletes a value; it may be gone already.
    pub(crate) fn delete(&self, value: &str) -> Result<(), String> {
        let name = wide(value);
        // SAFETY: `name` ends with a zero.
        match unsafe { ffi::RegDeleteValueW(self.0, name.as_ptr()) } {
            ffi::ERROR_FILE_NOT_FOUND => Ok(()),
            code => done(code, "delete", value),
        }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the handle is open and it is not used afterwards.
        unsafe { ffi::RegCloseKey(self.0) };
    }
}

fn done(code: u32, verb: &str, name: &str) -> Result<(), String> {
    if code == ffi::NO_ERROR { Ok(()) } else { Err(format!("cannot {verb} {name}: error {code}")) }
}
