//! An installation that is going on, as safe calls.

use super::ffi::{
    ERROR_MORE_DATA, ERROR_SUCCESS, Handle, INSTALLMESSAGE_ERROR, INSTALLMESSAGE_INFO, MsiCloseHandle, MsiCreateRecord,
    MsiDatabaseOpenViewW, MsiGetActiveDatabase, MsiGetPropertyW, MsiProcessMessage, MsiRecordReadStream,
    MsiRecordSetStringW, MsiSetPropertyW, MsiViewExecute, MsiViewFetch,
};
use crate::Refusal;

/// A path of more letters is none.
const MOST_LETTERS: u32 = 32_768;

/// Where bytes come from. The name is an argument of the query, because one starts with a control character.
pub(super) struct Stream {
    pub(super) query: &'static str,
    pub(super) name: &'static str,
    pub(super) most_bytes: usize,
    /// There is no such row.
    pub(super) missing: Refusal,
    /// It cannot be read, or is longer than it may be.
    pub(super) unreadable: Refusal,
}

/// The handle that Windows Installer gave the action, which it closes itself, and what the action is called in the log.
pub(super) struct Session(Handle, &'static str);

/// A handle that is closed when it goes.
struct Owned(Handle);

impl Drop for Owned {
    fn drop(&mut self) {
        if self.0 != 0 {
            // SAFETY: the handle is ours alone and is closed once.
            unsafe { MsiCloseHandle(self.0) };
        }
    }
}

impl Session {
    pub(super) const fn new(install: Handle, action: &'static str) -> Self {
        Self(install, action)
    }

    /// A property's value; `None` where it is empty, which is what Windows Installer calls one that does not exist.
    pub(super) fn property(&self, name: &str) -> Option<String> {
        let name = wide(name);
        let mut letters = self.letters(&name).filter(|letters| (1..MOST_LETTERS).contains(letters))?.checked_add(1)?;
        let mut value = vec![0_u16; usize::try_from(letters).ok()?];
        // SAFETY: the name ends in a zero; the buffer has as many letters as said.
        let status = unsafe { MsiGetPropertyW(self.0, name.as_ptr(), value.as_mut_ptr(), &mut letters) };
        let value = value.get(..usize::try_from(letters).ok()?)?;
        (status == ERROR_SUCCESS).then(|| String::from_utf16(value).ok())?
    }

    /// Whether a property has a value. The value itself is not read.
    pub(super) fn has_property(&self, name: &str) -> bool {
        self.letters(&wide(name)).is_none_or(|letters| letters > 0)
    }

    /// How long a property's value is; `None` where that is not to be had.
    fn letters(&self, name: &[u16]) -> Option<u32> {
        let (mut none, mut letters) = ([0_u16; 1], 0);
        // SAFETY: the name ends in a zero; a buffer of no letters is not written to.
        let status = unsafe { MsiGetPropertyW(self.0, name.as_ptr(), none.as_mut_ptr(), &mut letters) };
        matches!(status, ERROR_SUCCESS | ERROR_MORE_DATA).then_some(letters)
    }

    /// Sets a property to this text as it is; nothing in it is formatted.
    pub(super) fn set_property(&self, name: &str, value: &str) -> bool {
        let (name, mut value) = (wide(name), wide(value));
        // SAFETY: both texts end in a zero.
        let status = unsafe { MsiSetPropertyW(self.0, name.as_ptr(), value.as_ptr()) };
        value.fill(0);
        status == ERROR_SUCCESS
    }

    /// A line in the installer's log.
    pub(super) fn log(&self, text: &str) {
        self.message(INSTALLMESSAGE_INFO, text);
    }

    /// A line in the installer's log, and in front of whoever is there.
    pub(super) fn error(&self, text: &str) {
        self.message(INSTALLMESSAGE_ERROR, text);
    }

    fn message(&self, kind: i32, text: &str) {
        // Field 0 is a format; what is written here has no brackets, but what is not a format cannot be taken for one.
        let text = format!("Stampwright {}: {text}", self.1).replace(['[', ']', '{', '}'], " ");
        let text = wide(&text);
        // SAFETY: a record with no fields but field 0.
        let record = Owned(unsafe { MsiCreateRecord(1) });
        // SAFETY: the text ends in a zero; a record of 0 is refused by the call.
        if record.0 != 0 && unsafe { MsiRecordSetStringW(record.0, 0, text.as_ptr()) } == ERROR_SUCCESS {
            // SAFETY: both handles are open.
            unsafe { MsiProcessMessage(self.0, kind, record.0) };
        }
    }

    /// A stream of the package that is being installed.
    pub(super) fn stream(&self, wanted: &Stream) -> Result<Vec<u8>, Refusal> {
        const FAILED: Refusal = Refusal::Wrong("the open package cannot be queried");
        // SAFETY: an installation's handle; the answer is ours to close.
        let database = Owned(unsafe { MsiGetActiveDatabase(self.0) });
        if database.0 == 0 {
            return Err(FAILED);
        }
        let (query, name) = (wide(wanted.query), wide(wanted.name));
        let mut view = Owned(0);
        // SAFETY: the query ends in a zero; the answer is ours to close.
        if unsafe { MsiDatabaseOpenViewW(database.0, query.as_ptr(), &mut view.0) } != ERROR_SUCCESS {
            return Err(FAILED);
        }
        // SAFETY: a record with one field.
        let argument = Owned(unsafe { MsiCreateRecord(1) });
        // SAFETY: the name ends in a zero.
        if unsafe { MsiRecordSetStringW(argument.0, 1, name.as_ptr()) } != ERROR_SUCCESS {
            return Err(FAILED);
        }
        // SAFETY: both handles are open.
        if unsafe { MsiViewExecute(view.0, argument.0) } != ERROR_SUCCESS {
            return Err(FAILED);
        }
        let mut row = Owned(0);
        // SAFETY: the view is executed; the answer is ours to close.
        if unsafe { MsiViewFetch(view.0, &mut row.0) } != ERROR_SUCCESS {
            return Err(wanted.missing);
        }
        read(&row, wanted.most_bytes).ok_or(wanted.unreadable)
    }
}

/// The stream in a row's first field. `None`: it cannot be read, or is longer than that.
fn read(row: &Owned, most_bytes: usize) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let mut part = [0_u8; 4096];
        let mut bytes = 4096_u32;
        // SAFETY: the buffer has as many bytes as said.
        if unsafe { MsiRecordReadStream(row.0, 1, part.as_mut_ptr(), &mut bytes) } != ERROR_SUCCESS {
            return None;
        }
        match part.get(..usize::try_from(bytes).ok()?)? {
            [] => return Some(content),
            part => content.extend_from_slice(part),
        }
        if content.len() > most_bytes {
            return None;
        }
    }
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}
