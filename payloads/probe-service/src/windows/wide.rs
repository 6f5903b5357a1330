//! Text and handles as the W functions take them.

use std::ptr;

use super::ffi;

/// UTF-16 with a closing zero, as the W functions take it.
pub(super) fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// The text before the first zero.
pub(super) fn from_wide(letters: &[u16]) -> String {
    let end = letters.iter().position(|letter| *letter == 0).unwrap_or(letters.len());
    String::from_utf16_lossy(&letters[..end])
}

/// A handle that no call has filled yet.
pub(super) const NO_HANDLE: ffi::Handle = ptr::null_mut();
