//! What a bill of materials lists, and the variables under which it lists it.

/// One path to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The path: `.` for the root, `Agent.app/Contents` for the others.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// The permissions, without the file type.
    pub permissions: u16,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The modification time, in seconds since 1970.
    pub mtime: u32,
}

/// What a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Directory,
    /// A regular file.
    File {
        /// Its length in bytes.
        size: u64,
        /// Its `Cksum`.
        cksum: u32,
    },
    /// A file or folder of which only the name is said, and at most its mode: Apple's companions of other files, `._name`, and the root
    /// of a component that is an application. Never written here.
    Named,
    /// A symbolic link.
    Link {
        /// Where it points.
        target: String,
    },
}

/// The variables that every receipt has, in the order of their blocks.
pub(super) const VARIABLES: [&str; 5] = ["BomInfo", "Paths", "HLIndex", "VIndex", "Size64"];
