//! The numbers of the archive that reader and writer share.

/// What an archive starts with.
pub(super) const MAGIC: &[u8; 8] = b"!<arch>\n";
/// What a member's header ends with.
pub(super) const HEADER_END: &[u8; 2] = b"`\n";
/// The length of a member's header.
pub(super) const HEADER_BYTES: u64 = 60;
