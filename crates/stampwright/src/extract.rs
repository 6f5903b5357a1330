//! Taking an installer apart: its parts as files, all of them or none.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use container::read_at::FileAt;
use installer::format::{Area, EntryKind, Extracted, ReadError, Sink};
use installer::formats;
use kit::intune::{Wrapper, intunemac, intunewin};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::input;
use crate::output::PendingFolder;

/// What was taken out.
#[derive(Debug)]
pub struct Extraction {
    /// Every file, folder and link, in the order in which they came.
    pub entries: Vec<ExtractedEntry>,
    /// What Intune's own archive has proven of its content.
    pub proven: Option<&'static str>,
}

/// What becomes of the modes that an installer gives its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modes {
    /// Without setuid, setgid and sticky bits, and only the owner may write: an installer is untrusted input, and who extracts it may be
    /// root.
    Harmless,
    /// As they are.
    Preserved,
}

impl Modes {
    const fn apply(self, mode: u32) -> u32 {
        match self {
            Self::Harmless => mode & 0o755,
            Self::Preserved => mode,
        }
    }
}

/// Takes an installer apart into a folder, which must not be there yet or be empty: `payload/…`, `metadata/…`, `enrollment-token`. What it says of
/// a piece's mode is in the answer, whatever the file's becomes.
pub fn extract(path: &Path, output: &Path, kept: Modes) -> Result<Extraction> {
    let file = input::installer(path)?;
    let pending = PendingFolder::create(output)?;
    let mut files =
        Files { root: pending.root().to_path_buf(), links: Vec::new(), modes: Vec::new(), list: Vec::new(), kept };
    let about = |error: ReadError| Error::from(error).about(path);
    let mut proven = None;
    match kit::intune::wrapper(&file).map_err(about)? {
        Some(Wrapper::Intunewin) => {
            proven = Some("authentication code and digest match");
            intunewin::read(&file, &mut files).map(drop).map_err(about)?;
        }
        Some(Wrapper::Intunemac) => {
            proven = Some("digests match");
            files.unwrap_package(&file).map_err(about)?;
        }
        None => formats::open(&file).and_then(|file| file.extract(&mut files)).map_err(about)?,
    }
    let entries = files.finish()?;
    set_mode(pending.root(), 0o755).map_err(Error::io("write", output))?;
    pending.place()?;
    Ok(Extraction { entries, proven })
}

/// One piece.
#[derive(Debug, Serialize)]
pub struct ExtractedEntry {
    /// Its path in the folder.
    pub path: String,
    /// Its mode, four octal digits.
    pub mode: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// A file's length in bytes.
    pub size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// Where a link points.
    pub link: Option<String>,
}

/// Puts the pieces down as they come. Links are made after all files and folder modes after all links, so that no
/// piece can be written through a link, or into a folder that may not be written to.
struct Files {
    root: PathBuf,
    links: Vec<(PathBuf, String)>,
    modes: Vec<(PathBuf, u32)>,
    list: Vec<ExtractedEntry>,
    kept: Modes,
}

impl Sink for Files {
    fn entry(&mut self, entry: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
        let relative = match entry.area {
            Area::Payload => format!("payload/{}", entry.path),
            Area::Metadata => format!("metadata/{}", entry.path),
            Area::Token => "enrollment-token".to_owned(),
        };
        let path = self.root.join(&relative);
        let (mut size, mut link) = (None, None);
        self.put(entry, &path, content, &mut size).map_err(|source| ReadError::Sink { path: path.clone(), source })?;
        match entry.kind {
            EntryKind::Link(target) => {
                link = Some(target.to_owned());
                self.links.push((path, target.to_owned()));
            }
            EntryKind::HardLink(target) => link = Some(target.to_owned()),
            EntryKind::Folder | EntryKind::File(_) => {}
        }
        self.list.push(ExtractedEntry { path: relative, mode: format!("{:04o}", entry.mode), size, link });
        Ok(())
    }
}

impl Files {
    fn put(
        &mut self,
        entry: &Extracted<'_>,
        path: &Path,
        content: &mut dyn Read,
        size: &mut Option<u64>,
    ) -> io::Result<()> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        match entry.kind {
            EntryKind::Folder => {
                fs::create_dir_all(path)?;
                self.modes.push((path.to_path_buf(), self.kept.apply(entry.mode)));
            }
            EntryKind::File(_) => {
                let mode = if entry.area == Area::Token { 0o600 } else { self.kept.apply(entry.mode) };
                let mut file = create_private(path)?;
                *size = Some(io::copy(content, &mut file)?);
                set_mode(path, mode)?;
            }
            EntryKind::Link(_) => {}
            EntryKind::HardLink(target) => {
                // Files only, and links are made last: this cannot lead out of the folder.
                let area = if entry.area == Area::Metadata { "metadata" } else { "payload" };
                fs::hard_link(self.root.join(area).join(target), path)?;
            }
        }
        Ok(())
    }

    /// The package in an `.intunemac`: its name is known when it has been read, so it is read twice.
    fn unwrap_package(&mut self, file: &FileAt) -> Result<(), ReadError> {
        let name = intunemac::read(file, &mut io::sink())?.name;
        let relative = format!("payload/{name}");
        let path = self.root.join(&relative);
        let failed = |source| ReadError::Sink { path: path.clone(), source };
        fs::create_dir_all(self.root.join("payload")).map_err(failed)?;
        let mut out = create_private(&path).map_err(failed)?;
        intunemac::read(file, &mut out)?;
        let size = Some(out.metadata().map_err(failed)?.len());
        self.list.push(ExtractedEntry { path: relative, mode: "0600".to_owned(), size, link: None });
        Ok(())
    }

    fn finish(self) -> Result<Vec<ExtractedEntry>> {
        for (path, target) in &self.links {
            link(target, path).map_err(Error::io("write", path))?;
        }
        // The deepest first: a folder that may not be entered must not keep us from those below it.
        for (path, mode) in self.modes.iter().rev() {
            set_mode(path, *mode).map_err(Error::io("write", path))?;
        }
        Ok(self.list)
    }
}

/// A new file that only its owner can read until its mode is set.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn link(target: &str, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

#[cfg(not(unix))]
fn link(target: &str, path: &Path) -> io::Result<()> {
    fs::write(path, target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_modes_are_the_owners_alone_to_write() {
        for (mode, harmless) in
            [(0o4755, 0o755), (0o2777, 0o755), (0o1777, 0o755), (0o666, 0o644), (0o600, 0o600), (0o555, 0o555)]
        {
            assert_eq!(Modes::Harmless.apply(mode), harmless);
            assert_eq!(Modes::Preserved.apply(mode), mode);
        }
    }
}
