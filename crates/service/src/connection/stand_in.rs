//! Zero copy in safe Rust: stand-ins and the queue of what they stand for.
//!
//! hyper writes what a body gives it, and a body can give nothing but bytes in memory. So for a range of a base the body gives a **stand-in**, a
//! slice of one constant array that nothing ever reads, and puts the range into the connection's [`Queue`]. The connection ([`super::io`])
//! knows a slice of that array by its address, takes the queue's front, and has the kernel send the range (`sendfile`). hyper counts the
//! bytes: `Content-Length`, keep-alive and pipelining stay right.
//!
//! # The danger
//!
//! A stand-in that reaches any other writer is sent as it is: wrong bytes as a success. What prevents it:
//!
//! - only [`Queue::stand_in`] makes one, and it puts the range into the queue in the same step;
//! - a queue exists only for a connection whose writer knows stand-ins: plain TCP. A body asks for HTTP/1.1 besides, and for a method that has
//!   a body, because hyper polls no body that is not sent;
//! - a stand-in without a queue entry of its length is an error, and ends the connection;
//! - hyper keeps slices apart only for a writer that says `is_write_vectored`, and this one does;
//! - no layer of the download route touches bodies;
//! - in tests the array is full of a marker byte, and the tests look for it in every body.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::body::ended::Progress;
use crate::body::part::Part;

/// Address space, not memory: all zeros, so it lies in `.bss`, and nothing touches it.
#[cfg(not(test))]
static STAND_IN: [u8; MAX_BYTES] = [0; MAX_BYTES];
#[cfg(test)]
static STAND_IN: [u8; MAX_BYTES] = [MARKER; MAX_BYTES];

/// What stands in every stand-in when the tests run.
#[cfg(test)]
pub(crate) const MARKER: u8 = 0xA7;

/// The longest stand-in.
#[cfg(not(test))]
pub(crate) const MAX_BYTES: usize = 16 << 20;
/// Short, so that the tests see several of them in one response.
#[cfg(test)]
pub(crate) const MAX_BYTES: usize = 64 << 10;

/// What a connection has to send for the stand-ins on their way through hyper, in order.
#[derive(Clone, Default)]
pub(crate) struct Queue(Arc<Mutex<VecDeque<Owed>>>);

/// What a stand-in stands for, and how much of it is still to be sent.
pub(super) struct Owed {
    pub(super) part: Part,
    /// Offsets within the part.
    pub(super) left: Range<u64>,
    pub(super) progress: Progress,
}

impl Queue {
    /// Slices that stand for a part of at most [`MAX_BYTES`].
    pub(crate) fn stand_in(&self, part: Part, progress: Progress) -> io::Result<Bytes> {
        let len = usize::try_from(part.len()).ok().filter(|len| *len > 0);
        let slice = len.and_then(|len| STAND_IN.get(..len));
        let slice = slice.ok_or_else(|| io::Error::other("a part is empty or longer than a stand-in"))?;
        let left = 0..part.len();
        self.lock().push_back(Owed { part, left, progress });
        Ok(Bytes::from_static(slice))
    }

    /// Whether bytes are a stand-in.
    pub(crate) fn is_stand_in(&self, bytes: &Bytes) -> bool {
        is_stand_in(bytes)
    }

    /// The front, for a stand-in of which `len` bytes are still to be sent.
    ///
    /// # Errors
    /// There is none, or it is of another length: something has gone wrong between the body and the connection.
    pub(super) fn take(&self, len: usize) -> io::Result<Owed> {
        let front = self.lock().pop_front().ok_or_else(|| broken("a stand-in stands for nothing"))?;
        if front.left.end - front.left.start == len as u64 {
            Ok(front)
        } else {
            Err(broken("a stand-in and what it stands for differ in length"))
        }
    }

    /// Puts the front back, with what is left of it.
    pub(super) fn put_back(&self, owed: Owed) {
        if owed.left.start < owed.left.end {
            self.lock().push_front(owed);
        }
    }

    /// Whether nothing is owed.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Owed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Queue({} owed)", self.lock().len())
    }
}

fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Whether a slice is a stand-in. A static array has one address, and no other memory overlaps it.
pub(super) fn is_stand_in(slice: &[u8]) -> bool {
    let place = STAND_IN.as_ptr_range();
    !slice.is_empty() && place.contains(&slice.as_ptr())
}
