//! How a download ended, told once, whatever happens: the last holder of a [`Progress`] tells it when it goes.
//!
//! The body holds one, and so does every range on its way through the connection: a body is dropped when hyper has taken its last bytes,
//! and they may not have been sent then.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::store::is_change;

/// Hears how a download ended.
pub(crate) type OnEnd = Box<dyn FnOnce(End) + Send>;

/// How a download ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    /// How many bytes of the body were handed to the system.
    pub(crate) sent: u64,
    /// Why it ended.
    pub(crate) why: Why,
}

/// Why a download ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Everything was sent.
    Done,
    /// The connection ended before that.
    ClientGone,
    /// The base was changed, and the connection was ended.
    BaseChanged,
    /// The system failed to read.
    Failed,
}

/// How far a download has come.
#[derive(Clone)]
pub(crate) struct Progress(Arc<Inner>);

struct Inner {
    total: u64,
    sent: AtomicU64,
    is_changed: AtomicBool,
    is_failed: AtomicBool,
    on_end: Mutex<Option<OnEnd>>,
}

impl Progress {
    pub(super) fn new(total: u64, on_end: OnEnd) -> Self {
        Self(Arc::new(Inner {
            total,
            sent: AtomicU64::new(0),
            is_changed: AtomicBool::new(false),
            is_failed: AtomicBool::new(false),
            on_end: Mutex::new(Some(on_end)),
        }))
    }

    /// So many bytes more were sent.
    pub(crate) fn sent(&self, bytes: u64) {
        self.0.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    /// It goes no further, because the base cannot be read.
    pub(crate) fn failed(&self, error: &io::Error) {
        let flag = if is_change(error) { &self.0.is_changed } else { &self.0.is_failed };
        flag.store(true, Ordering::Relaxed);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let sent = *self.sent.get_mut();
        let why = if *self.is_changed.get_mut() {
            Why::BaseChanged
        } else if *self.is_failed.get_mut() {
            Why::Failed
        } else if sent >= self.total {
            Why::Done
        } else {
            Why::ClientGone
        };
        let on_end = self.on_end.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(on_end) = on_end {
            on_end(End { sent, why });
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Progress({} of {})", self.0.sent.load(Ordering::Relaxed), self.0.total)
    }
}
