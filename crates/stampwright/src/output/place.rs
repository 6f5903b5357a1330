//! What lies where an output is to be written: a file or nothing, which gets replaced whole, or a stream, which is written to.

use std::fs::{self, File, OpenOptions};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Linux follows as many links (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// Whether a person can read an output: then it may go to a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    /// A document.
    Yes,
    /// An installer.
    No,
}

/// Where an output goes.
#[derive(Debug)]
pub(super) enum Place {
    /// The file of this name, which may not be there yet. It is no link.
    File(PathBuf),
    /// A pipe, a device, or what a shell has opened.
    Stream(File),
}

/// A stream that the process has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Descriptor {
    Output,
    Error,
    /// Another one, by its path.
    Numbered,
}

/// Finds out what a path stands for. `-` is standard output.
///
/// A FIFO without a reader is waited for, as everywhere.
pub(super) fn find(path: &Path, text: Text) -> Result<Place> {
    let place = match descriptor(path) {
        Some(which) => Place::Stream(open(which, path)?),
        None => {
            let path = behind_links(path)?;
            match fs::metadata(&path) {
                Ok(found) if found.is_dir() => return Err(is_folder(&path)),
                Ok(found) if !found.is_file() => {
                    let file = OpenOptions::new().write(true).open(&path).map_err(Error::io("open", &path))?;
                    Place::Stream(file)
                }
                _ => Place::File(path),
            }
        }
    };
    match &place {
        Place::Stream(stream) if text == Text::No && stream.is_terminal() => {
            let what = if path == Path::new("-") { "standard output".into() } else { path.display().to_string() };
            Err(Error::usage(format!("{what} is a terminal, and this is no text"))
                .hint("give -o FILE, or send the output to a file or a pipe"))
        }
        _ => Ok(place),
    }
}

pub(super) fn is_folder(path: &Path) -> Error {
    Error::usage(format!("{} is a folder, must be a file", path.display()))
}

/// The stream that a name stands for.
pub(super) fn descriptor(path: &Path) -> Option<Descriptor> {
    let name = path.to_str()?;
    match name {
        "-" | "/dev/stdout" => return Some(Descriptor::Output),
        "/dev/stderr" => return Some(Descriptor::Error),
        _ => {}
    }
    let number = name.strip_prefix("/dev/fd/").or_else(|| name.strip_prefix("/proc/self/fd/"))?;
    match number {
        "1" => Some(Descriptor::Output),
        "2" => Some(Descriptor::Error),
        _ => number.bytes().all(|byte| byte.is_ascii_digit()).then_some(Descriptor::Numbered),
    }
}

/// A handle of its own, at the place where the stream is.
#[cfg(unix)]
pub(super) fn open(which: Descriptor, path: &Path) -> Result<File> {
    use std::os::fd::AsFd;
    let owned = match which {
        Descriptor::Output => std::io::stdout().as_fd().try_clone_to_owned().map(File::from),
        Descriptor::Error => std::io::stderr().as_fd().try_clone_to_owned().map(File::from),
        // Appending is right for a file of a shell's `3> file` too: it is empty, or others write to it.
        Descriptor::Numbered => OpenOptions::new().append(true).open(path),
    };
    owned.map_err(Error::io("open", path))
}

#[cfg(windows)]
pub(super) fn open(which: Descriptor, path: &Path) -> Result<File> {
    use std::os::windows::io::AsHandle;
    let owned = match which {
        Descriptor::Output => std::io::stdout().as_handle().try_clone_to_owned().map(File::from),
        Descriptor::Error => std::io::stderr().as_handle().try_clone_to_owned().map(File::from),
        Descriptor::Numbered => OpenOptions::new().append(true).open(path),
    };
    owned.map_err(Error::io("open", path))
}

/// The path with links at its end followed: a link stays, and what it leads to is replaced.
pub(super) fn behind_links(path: &Path) -> Result<PathBuf> {
    // `new/` can be nothing but a folder, and `Path` does not show the separator.
    if path.as_os_str().as_encoded_bytes().last().is_some_and(|byte| std::path::is_separator(char::from(*byte))) {
        return Err(is_folder(path));
    }
    let mut at = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&at) {
            Ok(to) => at = folder_of(&at).join(to),
            Err(_) => return Ok(at),
        }
    }
    Err(Error::wrong(format!("{}: more than {MAX_LINKS} links lead to each other", path.display())))
}

/// The folder that a file is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether a path stands for standard output.
#[must_use]
pub fn is_stdout(path: &Path) -> bool {
    descriptor(path) == Some(Descriptor::Output)
}

/// Whether an output goes to a stream, beside which no second file can lie.
pub(crate) fn is_stream(path: &Path) -> bool {
    descriptor(path).is_some() || fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// The sentence for a folder that takes no file.
pub(super) fn no_folder(folder: &Path, error: std::io::Error) -> Error {
    let is_missing = error.kind() == std::io::ErrorKind::NotFound;
    let error = Error::io("write to", folder)(error);
    if is_missing { error.hint("make the folder first") } else { error }
}
