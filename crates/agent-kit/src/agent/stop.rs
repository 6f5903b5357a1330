//! How another thread ends the agent's.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Ends [`Agent::run`](crate::Agent::run), from any thread.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    /// Ends it.
    pub fn stop(&self) {
        let (is_stopped, told) = &*self.0;
        *is_stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        told.notify_all();
    }

    /// Waits so long, or until somebody has called [`stop`](Self::stop): true then.
    #[must_use]
    pub fn wait(&self, time: Duration) -> bool {
        let (is_stopped, told) = &*self.0;
        let end = Instant::now() + time;
        let mut stopped = is_stopped.lock().unwrap_or_else(PoisonError::into_inner);
        while !*stopped {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            stopped = told.wait_timeout(stopped, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *stopped
    }
}
