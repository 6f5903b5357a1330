//! How much one key may ask for: a rate of requests, and downloads at once. Time is an argument.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The limits of each key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Requests for a second, in the long run.
    pub(crate) requests_per_second: u32,
    /// Requests at once, after a pause.
    pub(crate) burst: u32,
    /// Downloads at once.
    pub(crate) downloads: u32,
}

/// What the keys have used of their limits.
#[derive(Debug)]
pub(crate) struct Usage {
    limits: Limits,
    keys: Mutex<BTreeMap<String, Key>>,
}

#[derive(Debug)]
struct Key {
    /// In thousandths of a request.
    left: u64,
    /// When `left` was right, in milliseconds.
    at_ms: u64,
    downloads: Arc<Semaphore>,
}

/// So many keys are remembered; beyond it, those that have used nothing are forgotten.
const MAX_KEYS: usize = 10_000;

impl Usage {
    /// Nothing is used yet.
    #[must_use]
    pub(crate) const fn new(limits: Limits) -> Self {
        Self { limits, keys: Mutex::new(BTreeMap::new()) }
    }

    /// Takes a request of a key, at a time in milliseconds.
    ///
    /// # Errors
    /// It has none left; in how many seconds it will.
    pub(crate) fn request(&self, key: &str, now_ms: u64) -> Result<(), u64> {
        let (rate, most) = (u64::from(self.limits.requests_per_second), u64::from(self.limits.burst) * 1000);
        self.with(key, now_ms, |used| {
            // Thousandths of a request in milliseconds: the rate itself.
            let gained = now_ms.saturating_sub(used.at_ms).saturating_mul(rate);
            used.left = used.left.saturating_add(gained).min(most);
            used.at_ms = used.at_ms.max(now_ms);
            match used.left.checked_sub(1000) {
                Some(left) => {
                    used.left = left;
                    Ok(())
                }
                None => Err((1000 - used.left).div_ceil(rate.max(1)).div_ceil(1000).max(1)),
            }
        })
    }

    /// Takes one of the downloads of a key; it is given back when the permit is dropped. `None`: all are running.
    pub(crate) fn download(&self, key: &str, now_ms: u64) -> Option<OwnedSemaphorePermit> {
        let downloads = self.with(key, now_ms, |used| used.downloads.clone());
        downloads.try_acquire_owned().ok()
    }

    fn with<T>(&self, key: &str, now_ms: u64, change: impl FnOnce(&mut Key) -> T) -> T {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let permits = self.limits.downloads as usize;
        if keys.len() >= MAX_KEYS && !keys.contains_key(key) {
            keys.retain(|_, used| used.downloads.available_permits() < permits || now_ms < used.at_ms + 60_000);
        }
        let used = keys.entry(key.to_owned()).or_insert_with(|| Key {
            left: u64::from(self.limits.burst) * 1000,
            at_ms: now_ms,
            downloads: Arc::new(Semaphore::new(permits)),
        });
        change(used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { requests_per_second: 2, burst: 3, downloads: 2 };

    #[test]
    fn a_burst_then_a_rate() {
        let usage = Usage::new(LIMITS);
        assert!((0..3).all(|_| usage.request("a", 1000).is_ok()));
        assert_eq!(usage.request("a", 1000), Err(1));
        assert!(usage.request("b", 1000).is_ok(), "another key has its own");
        assert!(
            usage.request("a", 1499).is_err() && usage.request("a", 1500).is_ok() && usage.request("a", 1500).is_err()
        );
        // A long pause gives a burst and no more; a clock that goes back gives nothing.
        assert!((0..3).all(|_| usage.request("a", 1_000_000).is_ok()) && usage.request("a", 1_000_000).is_err());
        assert!(usage.request("a", 5).is_err());
    }

    #[test]
    fn downloads_at_once() {
        let usage = Usage::new(LIMITS);
        let held = (usage.download("a", 0).unwrap(), usage.download("a", 0).unwrap());
        assert!(usage.download("a", 0).is_none() && usage.download("b", 0).is_some());
        drop(held);
        assert!(usage.download("a", 0).is_some());
    }
}
