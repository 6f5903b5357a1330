//! The files of one call: no output may be one of its inputs or another of its outputs, and every output can be written.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use super::place::{self, Descriptor};
use super::temporary;
use crate::error::{Error, Result};

/// The files that a call reads and those that it writes, to be checked before it makes anything.
#[derive(Debug, Default)]
pub struct Files<'a> {
    inputs: Vec<Known<'a>>,
    outputs: Vec<Known<'a>>,
}

#[derive(Debug)]
struct Known<'a> {
    path: &'a Path,
    identities: Vec<Identity>,
}

/// What makes two names one file.
#[derive(Debug, PartialEq, Eq)]
enum Identity {
    #[cfg(unix)]
    Inode(u64, u64),
    Path(PathBuf),
    Stream(Descriptor),
}

impl<'a> Files<'a> {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The call reads this file; `-` is standard input.
    #[must_use]
    pub fn reads(mut self, path: &'a Path) -> Self {
        if path != Path::new("-") {
            self.inputs.push(Known { path, identities: identities(path) });
        }
        self
    }

    /// The call reads these files.
    #[must_use]
    pub fn reads_all(self, paths: impl IntoIterator<Item = &'a Path>) -> Self {
        paths.into_iter().fold(self, Self::reads)
    }

    /// The call writes this file; `-` is standard output.
    #[must_use]
    pub fn writes(mut self, path: &'a Path) -> Self {
        self.outputs.push(Known { path, identities: identities(path) });
        self
    }

    /// Refuses an output that is an input or another output, by its device and inode and by its path, a folder in an output's place, and
    /// an output that cannot be written. A stream is not opened: a reader at its other end would see it end.
    pub fn check(&self) -> Result<()> {
        for (at, output) in self.outputs.iter().enumerate() {
            if self.inputs.iter().any(|input| input.is(output)) {
                return Err(Error::usage(format!("{} is an input, and would be overwritten", output.path.display()))
                    .hint("give another name; nothing was changed"));
            }
            if let Some(other) = self.outputs.iter().take(at).find(|other| other.is(output)) {
                let (a, b) = (other.path.display(), output.path.display());
                let what = if other.path == output.path { b.to_string() } else { format!("{a} and {b}") };
                let message = format!("{what}: one output for two things");
                return Err(Error::usage(message).hint("give each its own file"));
            }
        }
        self.outputs.iter().try_for_each(|output| can_write(output.path))
    }
}

impl Known<'_> {
    fn is(&self, other: &Self) -> bool {
        self.identities.iter().any(|identity| other.identities.contains(identity))
    }
}

/// A missing file has its path, an existing one its inode as well. Devices are none of both: `/dev/null` takes two outputs.
fn identities(path: &Path) -> Vec<Identity> {
    let mut found = Vec::new();
    if let Some(descriptor) = place::descriptor(path) {
        if descriptor != Descriptor::Numbered {
            found.push(Identity::Stream(descriptor));
        }
        let opened = place::open(descriptor, path).and_then(|file| file.metadata().map_err(Error::io("open", path)));
        found.extend(opened.ok().and_then(|metadata| inode(&metadata)));
        return found;
    }
    match fs::metadata(path) {
        Ok(metadata) => {
            found.extend(inode(&metadata));
            if metadata.is_file() || metadata.is_dir() {
                found.extend(fs::canonicalize(path).ok().map(Identity::Path));
            }
        }
        Err(_) => {
            let path = place::behind_links(path).unwrap_or_else(|_| path.to_path_buf());
            let folder = fs::canonicalize(place::folder_of(&path));
            let whole = folder.ok().zip(path.file_name()).map(|(folder, name)| folder.join(name));
            found.push(Identity::Path(whole.unwrap_or(path)));
        }
    }
    found
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> Option<Identity> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let kind = metadata.file_type();
    let is_device = kind.is_char_device() || kind.is_block_device();
    (!is_device).then(|| Identity::Inode(metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> Option<Identity> {
    None
}

/// Makes a file beside the output's place, and removes it again.
fn can_write(path: &Path) -> Result<()> {
    if place::descriptor(path).is_some() {
        return Ok(());
    }
    let path = place::behind_links(path)?;
    match fs::metadata(&path) {
        Ok(found) if found.is_dir() => return Err(place::is_folder(&path)),
        Ok(found) if !found.is_file() => return Ok(()),
        _ => {}
    }
    let folder = place::folder_of(&path);
    temporary::file(folder).map(drop).map_err(|error| place::no_folder(folder, error))
}
