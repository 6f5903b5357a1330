//! What a response's body is made of, in the order in which it is sent.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::store::BaseFile;

/// A stretch of a body that stand-ins stand for.
#[derive(Clone)]
pub(crate) enum Part {
    /// This range of a base.
    Kept { file: Arc<BaseFile>, range: Range<u64> },
    /// The end of the body.
    Last(Last),
}

/// The end of a body: it is sent only if the base is still what it was after everything else had been read from it, so a base that
/// was changed meanwhile never gives a response that looks whole.
#[derive(Clone)]
pub(crate) struct Last {
    pub(super) file: Arc<BaseFile>,
    pub(super) source: Source,
}

/// Where the last bytes come from.
#[derive(Clone)]
pub(crate) enum Source {
    Kept(Range<u64>),
    Put(Bytes),
}

impl Part {
    /// Its length in bytes.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Kept { range, .. } => range.end - range.start,
            Self::Last(last) => last.len(),
        }
    }
}

impl Last {
    pub(super) fn len(&self) -> u64 {
        match &self.source {
            Source::Kept(range) => range.end - range.start,
            Source::Put(bytes) => bytes.len() as u64,
        }
    }

    /// The bytes, once it is certain that the base was not changed.
    ///
    /// # Errors
    /// It was.
    pub(crate) fn read(&self) -> io::Result<Bytes> {
        let bytes = match &self.source {
            Source::Kept(range) => read(&self.file, range)?,
            Source::Put(bytes) => bytes.clone(),
        };
        self.file.check()?;
        Ok(bytes)
    }
}

/// Reads a range of a base that fits into memory.
pub(super) fn read(file: &BaseFile, range: &Range<u64>) -> io::Result<Bytes> {
    let len = usize::try_from(range.end - range.start).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mut bytes = vec![0; len];
    file.read_at(range.start, &mut bytes)?;
    Ok(bytes.into())
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept(range) => write!(f, "Kept({range:?})"),
            Self::Put(bytes) => write!(f, "Put({} bytes)", bytes.len()),
        }
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept { range, .. } => write!(f, "Kept({range:?})"),
            Self::Last(last) => write!(f, "Last({} bytes)", last.len()),
        }
    }
}
