//! Files that appear whole or not at all.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::NamedTempFile;

use super::place::{self, Place, Text};
use super::readers::{Readers, set_readers};
use super::temporary;
use crate::error::{Error, Result};

/// A file on its way.
#[derive(Debug)]
pub struct Pending {
    file: NamedTempFile,
    /// As it was given.
    path: PathBuf,
    place: Place,
}

impl Pending {
    /// Starts an installer, or another file that is no text, that will be at `path`.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        Self::start(path, Text::No)
    }

    /// Starts a document that will be at `path`.
    pub fn text(path: &Path) -> Result<Self> {
        Self::start(path, Text::Yes)
    }

    fn start(path: &Path, text: Text) -> Result<Self> {
        Self::at(path, place::find(path, text)?)
    }

    pub(super) fn at(path: &Path, place: Place) -> Result<Self> {
        let file = match &place {
            Place::File(target) => {
                let folder = place::folder_of(target);
                temporary::file(folder).map_err(|error| place::no_folder(folder, error))?
            }
            // It is read back before it is handed out, and a stream cannot be. `Opened` is for what has been read back.
            Place::Stream(_) => {
                NamedTempFile::new().map_err(Error::io("write to", Path::new("the temporary folder")))?
            }
        };
        // For messages.
        let path = if path == Path::new("-") { Path::new("standard output") } else { path };
        Ok(Self { file, path: path.to_path_buf(), place })
    }

    /// Where the file is until it is finished.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The file to write to. Until it is finished its owner alone can read it.
    #[must_use]
    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Writes a JSON document and a line ending.
    pub fn json(&mut self, document: &impl Serialize) -> Result<()> {
        let file = self.file.as_file_mut();
        serde_json::to_writer_pretty(&mut *file, document)
            .map_err(Into::into)
            .and_then(|()| file.write_all(b"\n"))
            .map_err(Error::io("write", &self.path))
    }

    /// A second handle, for reading back.
    pub(crate) fn reopen(&self) -> Result<File> {
        self.file.reopen().map_err(Error::io("read back", &self.path))
    }

    /// Puts the file in its place, where nothing may be yet.
    pub fn finish_new(self, readers: Readers) -> Result<()> {
        self.put(readers, |file, target| file.persist_noclobber(target))
    }

    /// Puts the file in its place.
    pub fn finish(self, readers: Readers) -> Result<()> {
        self.put(readers, |file, target| file.persist(target))
    }

    fn put(
        self,
        readers: Readers,
        persist: impl FnOnce(NamedTempFile, &Path) -> Result<File, tempfile::PersistError>,
    ) -> Result<()> {
        let Self { mut file, path, place } = self;
        let put = match place {
            Place::File(target) => set_readers(file.as_file(), place::folder_of(&target), readers)
                .and_then(|()| file.as_file().sync_all())
                .and_then(|()| persist(file, &target).map(drop).map_err(|error| error.error)),
            Place::Stream(mut stream) => {
                let file = file.as_file_mut();
                file.rewind().and_then(|()| io::copy(file, &mut stream)).and_then(|_| stream.flush())
            }
        };
        put.map_err(Error::io("write", &path))
    }
}
