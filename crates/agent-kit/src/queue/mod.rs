//! Records that wait for the network, on disk: at most 200 MB, whatever happens to the device.
//!
//! ```text
//!   queue/telemetry/0000000000000001.seg … cursor        dropped first
//!   queue/alerts/…                                       dropped next
//!   queue/required/…                                     never dropped: enrollment, audit
//! ```
//!
//! - **`kill -9`** loses nothing that was pushed; a **power cut** at most the last second, and nothing required.
//! - **A full disk** drops telemetry first, and counts what it dropped.
//! - **A flipped byte** costs one record; a file that cannot be read is set aside. Neither ever stops a start.
//! - A record is known by class, epoch and sequence number. Each opening draws a new epoch, so no number is ever given twice.

mod lane;
mod segment;

use std::path::Path;
use std::time::{Duration, Instant};

use lane::{Lane, Place};
pub use segment::{MAX_BODY_BYTES, Record};

use crate::error::{Error, Result};
use crate::system;

/// The most bytes of a queue on disk, unless the vendor says less.
pub const MAX_BYTES: u64 = 200_000_000;
/// The most bytes of a segment.
const SEGMENT_BYTES: u64 = 4 << 20;
/// How long records that are not required may wait for the disk.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// What cursors, folders and a temporary file need.
const RESERVED_BYTES: u64 = 64 * 1024;

/// How much a record is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Importance {
    /// Dropped first.
    Telemetry,
    /// Dropped when there is no telemetry left.
    Alert,
    /// Never dropped.
    Required,
}

impl Importance {
    const ALL: [Self; 3] = [Self::Telemetry, Self::Alert, Self::Required];

    /// Its name on the wire and on disk.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Telemetry => "telemetry",
            Self::Alert => "alerts",
            Self::Required => "required",
        }
    }
}

/// What a queue holds, and what it had to drop since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Records that wait.
    pub records: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Records that were dropped.
    pub dropped: u64,
}

/// Some records in the order in which they are sent, and what to acknowledge when they have arrived.
#[derive(Debug)]
pub struct Batch {
    /// Their class.
    pub importance: Importance,
    /// The records.
    pub records: Vec<Record>,
    end: Place,
}

/// A queue on disk.
pub struct Queue {
    lanes: [Lane; 3],
    max_bytes: u64,
    segment_bytes: u64,
    dropped: u64,
    synced: Instant,
}

impl Queue {
    /// Opens the queue in that folder, or makes it.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn open(folder: &Path, max_bytes: u64) -> Result<Self> {
        let lane = |importance: Importance| Lane::open(folder.join(importance.name()));
        let [telemetry, alerts, required] = Importance::ALL;
        let max_bytes = max_bytes.min(MAX_BYTES).saturating_sub(RESERVED_BYTES);
        let mut queue = Self {
            lanes: [lane(telemetry)?, lane(alerts)?, lane(required)?],
            max_bytes,
            segment_bytes: SEGMENT_BYTES.min(max_bytes / 8).max(1),
            dropped: 0,
            synced: Instant::now(),
        };
        queue.make_room(0, Importance::Required)?;
        Ok(queue)
    }

    /// Appends a record. Where there is no room, or the disk is full, older records of less worth go, then the new one itself: only a required
    /// one that finds no room is an error.
    ///
    /// # Errors
    /// [`Error::Full`] for a required record, [`Error::Token`] never; a body above 256 KiB is refused.
    pub fn push(&mut self, importance: Importance, body: &[u8]) -> Result {
        if body.len() > MAX_BODY_BYTES {
            return Err(Error::File("a record has at most 256 KiB"));
        }
        let needed = (body.len() + segment::HEADER_BYTES) as u64;
        if !self.make_room(needed, importance)? {
            return self.refuse(importance);
        }
        let (now, segment_bytes) = (system::now(), self.segment_bytes);
        // A disk that is full at the first try may have room once the oldest segment is gone.
        for _ in 0..2 {
            if self.lane(importance).push(now, body, segment_bytes).is_ok() {
                return self.after_push(importance);
            }
            if !self.drop_one(importance)? {
                break;
            }
        }
        self.refuse(importance)
    }

    fn after_push(&mut self, importance: Importance) -> Result {
        if importance == Importance::Required || self.synced.elapsed() >= SYNC_EVERY {
            return self.sync();
        }
        Ok(())
    }

    fn refuse(&mut self, importance: Importance) -> Result {
        self.dropped = self.dropped.saturating_add(1);
        if importance == Importance::Required { Err(Error::Full) } else { Ok(()) }
    }

    /// Drops old segments until `needed` bytes fit; says whether they do.
    fn make_room(&mut self, needed: u64, importance: Importance) -> Result<bool> {
        while self.bytes().saturating_add(needed) > self.max_bytes {
            if !self.drop_one(importance)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Drops the oldest segment of the least worth, at most that of the record to come, and never a required one.
    fn drop_one(&mut self, importance: Importance) -> Result<bool> {
        for lane in Importance::ALL.into_iter().filter(|lane| *lane <= importance && *lane < Importance::Required) {
            if let Some((records, _)) = self.lane(lane).drop_oldest()? {
                self.dropped = self.dropped.saturating_add(records);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The next records to send: required ones first, then alerts.
    ///
    /// # Errors
    /// When a cursor cannot be written.
    pub fn peek(&mut self, most_bytes: usize) -> Result<Option<Batch>> {
        for importance in Importance::ALL.into_iter().rev() {
            let (records, end) = self.lane(importance).peek(most_bytes)?;
            if !records.is_empty() {
                return Ok(Some(Batch { importance, records, end }));
            }
        }
        Ok(None)
    }

    /// The records of this batch have arrived.
    ///
    /// # Errors
    /// When the cursor cannot be written; they are sent again then, and the server knows them by their numbers.
    pub fn acknowledge(&mut self, batch: &Batch) -> Result {
        self.lane(batch.importance).acknowledge(batch.end)
    }

    /// Brings everything onto the disk.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&mut self) -> Result {
        self.synced = Instant::now();
        self.lanes.iter_mut().try_for_each(Lane::sync)
    }

    /// Removes everything, as for a retired device.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn clear(&mut self) -> Result {
        for lane in &mut self.lanes {
            while lane.drop_oldest()?.is_some() {}
        }
        Ok(())
    }

    /// What it holds.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let records = self.lanes.iter().map(Lane::count).sum();
        Stats { records, bytes: self.bytes(), dropped: self.dropped }
    }

    fn bytes(&self) -> u64 {
        self.lanes.iter().map(Lane::bytes).sum()
    }

    fn lane(&mut self, importance: Importance) -> &mut Lane {
        let [telemetry, alerts, required] = &mut self.lanes;
        match importance {
            Importance::Telemetry => telemetry,
            Importance::Alert => alerts,
            Importance::Required => required,
        }
    }
}

#[cfg(test)]
mod tests;
