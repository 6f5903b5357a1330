//! Reads a cabinet from front to back, block by block, with every sum checked.

use std::io::Read;

pub use super::folder::FolderReader;
use super::head::Head;
pub use super::head::{File, Folder, Method};
use crate::read_at::ReadAt;
use crate::reader::Error;

/// An open cabinet.
#[derive(Debug, Clone)]
pub struct Cabinet<R> {
    data: R,
    head: Head,
}

impl<R: ReadAt> Cabinet<R> {
    /// Reads everything before the data.
    pub fn open(data: R) -> Result<Self, Error> {
        Ok(Self { head: Head::read(&data)?, data })
    }

    /// Why its files cannot be taken out here, if they cannot.
    #[must_use]
    pub fn unopened(&self) -> Option<&'static str> {
        self.head.unopened()
    }

    /// The folders.
    #[must_use]
    pub fn folders(&self) -> &[Folder] {
        &self.head.folders
    }

    /// The files, in the order of the cabinet.
    #[must_use]
    pub fn files(&self) -> &[File] {
        &self.head.files
    }

    /// Calls `visit` for every file with its content, in one pass over each folder. What it does not read is skipped.
    pub fn each<E: From<Error>>(&self, mut visit: impl FnMut(&File, &mut dyn Read) -> Result<(), E>) -> Result<(), E> {
        // Sorted once: there can be 65,535 folders and as many files.
        let mut files: Vec<_> = self.head.files.iter().collect();
        files.sort_by_key(|file| (file.folder, file.start, file.size_bytes));
        let mut files = files.into_iter().peekable();
        for index in 0..self.head.folders.len() {
            let Some(mut bytes) = self.folder(index) else { continue };
            while let Some(file) = files.next_if(|file| usize::from(file.folder) == index) {
                bytes.skip_to(file)?;
                let mut content = (&mut bytes).take(file.size_bytes);
                let visited = visit(file, &mut content);
                // What is wrong with the cabinet says more than what the visitor makes of it.
                if let Some(error) = bytes.failed.take() {
                    return Err(Error::from(error).into());
                }
                visited?;
                bytes.skip_by(file.start + file.size_bytes)?;
            }
            // gcab gives a folder of empty files one block that is not there, at the cabinet's end. No file has asked for it by now.
            if self.head.folders.get(index).is_some_and(|folder| folder.start < self.head.len) {
                bytes.finish()?;
            }
        }
        Ok(())
    }

    /// A folder's bytes.
    #[must_use]
    pub fn folder(&self, index: usize) -> Option<FolderReader<'_, R>> {
        let folder = self.head.folders.get(index)?;
        let end = self.head.folders.get(index + 1).map_or(self.head.len, |next| next.start);
        Some(FolderReader::new(&self.data, self.head.reserved_in_data, folder, end))
    }
}
