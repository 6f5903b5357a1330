//! The numbers of a header that reader and writer share.

/// The magic of the portable ASCII form.
pub(super) const MAGIC: &[u8; 6] = b"070707";
/// The name of the entry that ends an archive.
pub(super) const TRAILER: &str = "TRAILER!!!";
/// The mask of a mode's file type.
pub const TYPE_MASK: u32 = 0o170_000;
/// The file type of a folder.
pub const DIRECTORY: u32 = 0o040_000;
/// The file type of a regular file.
pub const REGULAR: u32 = 0o100_000;
/// The file type of a symbolic link.
pub const SYMLINK: u32 = 0o120_000;
/// The file types of what has neither bytes nor a target: character device, block device, FIFO, socket.
pub const SPECIAL: [u32; 4] = [0o020_000, 0o060_000, 0o010_000, 0o140_000];
