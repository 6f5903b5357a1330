//! The properties: their numbers, their types, and the set that they belong to.

/// Which property; the numbers are \[MS-OLEPS\]'s, the names Windows Installer's.
pub mod pid {
    /// Codepage of the strings here, a 16-bit number.
    pub const CODEPAGE: u32 = 1;
    /// `Installation Database`.
    pub const TITLE: u32 = 2;
    /// The product's name.
    pub const SUBJECT: u32 = 3;
    /// The publisher.
    pub const AUTHOR: u32 = 4;
    /// For searches; by custom `Installer`.
    pub const KEYWORDS: u32 = 5;
    /// What explorer shows as the comment.
    pub const COMMENTS: u32 = 6;
    /// Template: architecture and languages, `x64;1033`.
    pub const TEMPLATE: u32 = 7;
    /// Null in a package that is shipped.
    pub const LAST_SAVED_BY: u32 = 8;
    /// Revision number: the package code.
    pub const REVISION: u32 = 9;
    /// When it was made.
    pub const CREATED: u32 = 12;
    /// When it was saved last.
    pub const SAVED: u32 = 13;
    /// Page count: the installer version it needs, times 100.
    pub const PAGE_COUNT: u32 = 14;
    /// Word count: bit 0 short names, 1 compressed, 2 administrative image, 3 no elevation.
    pub const WORD_COUNT: u32 = 15;
    /// Character count: a transform's validation flags (upper word) and the errors it passes over (lower word).
    pub const CHARACTER_COUNT: u32 = 16;
    /// The program that made it.
    pub const APPLICATION: u32 = 18;
    /// Security: 2 read-only recommended, 4 read-only enforced.
    pub const SECURITY: u32 = 19;
}

/// A property's value. Windows Installer uses these four types and no others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// VT_I2.
    Short(i16),
    /// VT_I4.
    Long(i32),
    /// VT_LPSTR, in the set's codepage.
    Text(String),
    /// VT_FILETIME: 100 ns since 1601.
    Time(u64),
}

/// F29F85E0-4FF9-1068-AB91-08002B27B3D9, as it lies in the file.
pub(super) const FORMAT: [u8; 16] =
    [0xe0, 0x85, 0x9f, 0xf2, 0xf9, 0x4f, 0x68, 0x10, 0xab, 0x91, 0x08, 0x00, 0x2b, 0x27, 0xb3, 0xd9];

/// A time in seconds since 1970 as a VT_FILETIME.
#[must_use]
pub const fn filetime(unix_secs: u64) -> u64 {
    (unix_secs + 11_644_473_600) * 10_000_000
}
