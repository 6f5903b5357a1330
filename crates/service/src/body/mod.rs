//! The body of a download: ranges of the base and new bytes, in constant memory.
//!
//! A range of the base goes out in one of two ways. On a plain HTTP/1.1 connection as a stand-in, for which the kernel sends the range
//! ([`crate::connection`]); everywhere else it is read in small pieces. The last bytes of a body are held back until `fstat` has said
//! that the base is still what it was. `ended` hears how it went, whatever happens: a body tells it when it is dropped.

pub(crate) mod ended;
pub(crate) mod part;

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use stampwright::{Piece, Slice};
use zeroize::Zeroizing;

use crate::connection::stand_in::{MAX_BYTES as MAX_STAND_IN_BYTES, Queue};
use crate::store::BaseFile;

use ended::Progress;
pub(crate) use ended::{End, OnEnd, Why};
use part::{Last, Part, Source, read};

/// How much is read at once where the kernel cannot send it.
const READ_BYTES: u64 = 64 << 10;

/// The body of a download.
#[derive(Debug)]
pub(crate) struct Download {
    file: Arc<BaseFile>,
    /// What is still to come; the last one is held back.
    pieces: VecDeque<Source>,
    left: u64,
    queue: Option<Queue>,
    progress: Progress,
    /// Bytes that hyper was given and may still have in its buffer.
    unsent: u64,
}

impl Download {
    /// A body of a slice of a stamp of this base. `queue` is that of the connection, if its writer knows stand-ins.
    #[must_use]
    pub(crate) fn new(file: Arc<BaseFile>, slice: &Slice, queue: Option<Queue>, on_end: OnEnd) -> Self {
        let pieces = slice.pieces().map(|piece| match piece {
            Piece::Keep(range) => Source::Kept(range),
            // They may hold the token, so they are wiped when hyper has sent them.
            Piece::Put(bytes) => Source::Put(Bytes::from_owner(Zeroizing::new(bytes.to_vec()))),
        });
        Self::of_pieces(file, pieces.collect(), queue, on_end)
    }

    /// A body of a range of the base itself.
    #[must_use]
    pub(crate) fn of_base(file: Arc<BaseFile>, range: Range<u64>, queue: Option<Queue>) -> Self {
        Self::of_pieces(file, vec![Source::Kept(range)], queue, Box::new(|_| {}))
    }

    fn of_pieces(file: Arc<BaseFile>, pieces: Vec<Source>, queue: Option<Queue>, on_end: OnEnd) -> Self {
        let mut pieces: VecDeque<Source> = pieces.into_iter().filter(|piece| len(piece) > 0).collect();
        let left = pieces.iter().map(len).sum();
        // What is held back is read into memory, so it is short.
        if let Some(Source::Kept(range)) = pieces.back().cloned()
            && range.end - range.start > READ_BYTES
        {
            pieces.pop_back();
            let middle = range.end - READ_BYTES;
            pieces.extend([Source::Kept(range.start..middle), Source::Kept(middle..range.end)]);
        }
        Self { file, pieces, left, queue, progress: Progress::new(left, on_end), unsent: 0 }
    }

    #[cfg(test)]
    pub(crate) fn progress_for_tests(&self) -> Progress {
        self.progress.clone()
    }

    /// The next bytes, or what stands in for them.
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        let Some(piece) = self.pieces.pop_front() else { return Ok(None) };
        let is_last = self.pieces.is_empty();
        let bytes = match (piece, &self.queue) {
            (source, Some(queue)) if is_last => {
                queue.stand_in(Part::Last(Last { file: self.file.clone(), source }), self.progress.clone())?
            }
            (source, None) if is_last => Last { file: self.file.clone(), source }.read()?,
            (Source::Put(bytes), _) => bytes,
            (Source::Kept(range), queue) => {
                let at_once = if queue.is_some() { MAX_STAND_IN_BYTES as u64 } else { READ_BYTES };
                let (now, later) = split(range, at_once);
                if later.start < later.end {
                    self.pieces.push_front(Source::Kept(later));
                }
                match queue {
                    Some(queue) => {
                        queue.stand_in(Part::Kept { file: self.file.clone(), range: now }, self.progress.clone())?
                    }
                    None => read(&self.file, &now)?,
                }
            }
        };
        let len = bytes.len() as u64;
        self.left = self.left.saturating_sub(len);
        match &self.queue {
            // The connection counts what it sends for stand-ins.
            Some(queue) if queue.is_stand_in(&bytes) => {}
            // The last bytes: hyper does not ask again.
            _ if is_last => self.progress.sent(len),
            _ => self.unsent = len,
        }
        Ok(Some(bytes))
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        // hyper asks for more when there is room in its buffer: most of what it was given before has been sent.
        let sent = std::mem::take(&mut self.unsent);
        self.progress.sent(sent);
        match self.next() {
            Ok(None) => Poll::Ready(None),
            Ok(Some(bytes)) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Err(error) => {
                self.progress.failed(&error);
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

fn len(source: &Source) -> u64 {
    match source {
        Source::Kept(range) => range.end - range.start,
        Source::Put(bytes) => bytes.len() as u64,
    }
}

/// The first `at_once` bytes of a range, and the rest.
fn split(range: Range<u64>, at_once: u64) -> (Range<u64>, Range<u64>) {
    let middle = range.end.min(range.start.saturating_add(at_once));
    (range.start..middle, middle..range.end)
}

#[cfg(test)]
pub(crate) mod tests;
