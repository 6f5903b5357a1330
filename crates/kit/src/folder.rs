//! A kit on its way: a folder that appears when it is complete, with files that only their owner can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use container::read_at::FileAt;
use installer::format::ReadError;
use installer::template::{Escape, TemplateError, render};
use serde::Serialize;
use serde_json::Value;

/// Why there is no kit.
#[derive(Debug, thiserror::Error)]
pub enum KitError {
    /// The installer is not what this management system takes.
    #[error("{0}")]
    Unfit(String),
    /// There is nothing to enroll with.
    #[error("the installer has no token, so the kit needs one")]
    NoToken,
    /// The installer already contains a token.
    #[error("the installer has a token already (fingerprint {0}), so the kit takes no other")]
    TwoTokens(String),
    /// The installer cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A template does not fit its values.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A document could not be made.
    #[error("make {path}: {problem}")]
    Document {
        /// Which.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// A file of the kit could not be written.
    #[error("write {path}: {source}")]
    Write {
        /// Which, below the kit's folder.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
}

impl KitError {
    /// The next step, when there is one.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoToken => Some("give --token-file, or stamp the base first"),
            Self::TwoTokens(_) => Some("leave --token-file out, or take the base"),
            _ => None,
        }
    }
}

impl From<container::Error> for KitError {
    fn from(error: container::Error) -> Self {
        Self::Read(error.into())
    }
}

/// A kit's folder. Paths are relative, with `/` between the parts.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    files: Vec<String>,
}

impl Folder {
    /// A kit in this folder, which is there, empty, and its owner's alone.
    #[must_use]
    pub const fn new(root: PathBuf) -> Self {
        Self { root, files: Vec::new() }
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The files that were made, in order.
    #[must_use]
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// A new file to write to, and to read from.
    pub(crate) fn create(&mut self, path: &str) -> Result<File, KitError> {
        let file = self.open(path)?;
        self.files.push(path.to_owned());
        Ok(file)
    }

    /// A file for what is in between; it is gone after `work`.
    pub(crate) fn scratch<T>(
        &mut self,
        work: impl FnOnce(&mut Self, &mut File) -> Result<T, KitError>,
    ) -> Result<T, KitError> {
        const NAME: &str = "scratch";
        let mut file = self.open(NAME)?;
        let done = work(self, &mut file);
        drop(file);
        fs::remove_file(self.root.join(NAME)).map_err(failed(NAME))?;
        done
    }

    /// Writes a small file.
    pub fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), KitError> {
        let mut file = self.create(path)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed(path))
    }

    /// Writes a JSON document.
    pub fn json(&mut self, path: &str, value: &Value) -> Result<(), KitError> {
        let mut text = zeroize::Zeroizing::new(
            serde_json::to_vec_pretty(value)
                .map_err(|error| KitError::Document { path: path.to_owned(), problem: error.to_string() })?,
        );
        text.push(b'\n');
        self.write(path, &text)
    }

    /// Writes a page for people; `template` is its text, `name` its path below `templates/`.
    pub fn page(
        &mut self,
        path: &str,
        name: &'static str,
        template: &str,
        data: &impl Serialize,
    ) -> Result<(), KitError> {
        let text = render(name, template, Escape::Markdown, data)?;
        self.write(path, text.as_bytes())
    }

    /// Copies a whole file, without copying where the file system can share.
    pub fn copy(&mut self, path: &str, from: &FileAt) -> Result<(), KitError> {
        let mut file = self.create(path)?;
        let mut from = from.file();
        let copied = from.seek(SeekFrom::Start(0)).and_then(|_| io::copy(&mut from, &mut file));
        copied.and_then(|_| file.sync_all()).map_err(failed(path))
    }

    fn open(&self, path: &str) -> Result<File, KitError> {
        let full = self.root.join(path);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let made = full.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| options.open(&full)).map_err(failed(path))
    }
}

/// An I/O error of one file of the kit.
pub(crate) fn failed(path: &str) -> impl FnOnce(io::Error) -> KitError + '_ {
    move |source| KitError::Write { path: path.to_owned(), source }
}
