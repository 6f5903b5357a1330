//! The outer archive of a deb: `ar`.
//!
//! ```text
//! 0x00  !<arch>\n                                                     8 bytes
//! then per member, at an even offset:
//! +0    name       16   left-justified, padded with spaces, as all fields
//! +16   mtime      12   decimal seconds
//! +28   uid         6   decimal
//! +34   gid         6   decimal
//! +40   mode        8   octal, with the file type: 100644
//! +48   size       10   decimal; a change of a member's length is a change of these ten bytes
//! +58   `\n         2
//! +60   the bytes, then one `\n` if their number is odd
//! ```
//!
//! There is no index and no checksum. deb(5) asks for `debian-binary`, `control.tar.*`, `data.tar.*` in this order.
//! The format has three dialects for long names; a deb needs none, so they are refused.
//!
//! What real readers do: dpkg-deb accepts bytes after the last member and ignores members after `data.tar`, apt
//! refuses the former (`Could not read meta data`), lintian complains of the latter. The reader here refuses the
//! former and leaves the latter to the deb. Some writers end a name with `/` (the System V dialect); dpkg strips it,
//! and so does the reader.
//!
//! The `ar` crate reads and writes, but gives no offsets of members and takes what dpkg and apt refuse.

mod header;
mod read;
mod write;

pub use read::{Member, members};
pub use write::{SIZE_FIELD, Writer, size_field};
