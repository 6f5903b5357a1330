//! The segments of one class, in a folder of its own: appended at the end, read and removed at the front.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::segment::{self, HEADER_BYTES, Record, Records};
use crate::durable;
use crate::error::{AtPath, Result};
use crate::sorted::insert_by;
use crate::system;

/// The most segments that could not be read and are kept for somebody to look at.
const MAX_BAD: usize = 2;
/// The most bytes that are read of a file: no segment of ours is longer.
const MAX_SEGMENT_BYTES: u64 = 8 << 20;

/// What the cursor of a lane points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Place {
    pub(super) segment: u64,
    pub(super) offset: u64,
}

/// One class's segments.
pub(super) struct Lane {
    folder: PathBuf,
    epoch: u64,
    seq: u64,
    /// Segments by number, with their length on disk.
    segments: BTreeMap<u64, u64>,
    open: Option<(u64, File)>,
    cursor: Place,
    is_dirty: bool,
}

impl Lane {
    /// Opens a lane. Nothing is ever appended to a segment of an earlier opening, so a torn tail needs no repair.
    pub(super) fn open(folder: PathBuf) -> Result<Self> {
        durable::folder(&folder)?;
        durable::remove_partial(&folder)?;
        let mut segments = BTreeMap::new();
        let mut bad = Vec::new();
        for entry in fs::read_dir(&folder).at("read", &folder)? {
            let path = entry.at("read", &folder)?.path();
            let extension = path.extension().map(|extension| extension.to_string_lossy().into_owned());
            let number = path.file_stem().and_then(|stem| u64::from_str_radix(&stem.to_string_lossy(), 16).ok());
            match (extension.as_deref(), number) {
                (Some("seg"), Some(number)) => {
                    let length = fs::metadata(&path).map_or(0, |metadata| metadata.len());
                    // Without a record in it there is nothing to keep.
                    if length < HEADER_BYTES as u64 {
                        durable::remove(&path)?;
                    } else {
                        segments.insert(number, length);
                    }
                }
                (Some("bad"), _) => insert_by(&mut bad, path, Ord::cmp),
                _ => {}
            }
        }
        let spare = bad.len().saturating_sub(MAX_BAD);
        bad.iter().take(spare).try_for_each(|path| durable::remove(path))?;
        let cursor = read_cursor(&folder.join("cursor"));
        let epoch = u64::from_le_bytes(system::random()?);
        let mut lane = Self { folder, epoch, seq: 0, segments, open: None, cursor, is_dirty: false };
        lane.drop_read()?;
        Ok(lane)
    }

    /// The bytes on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.values().sum()
    }

    /// Appends a record, in a new segment if the open one has `segment_bytes`. What could only be written in part is cut off again.
    pub(super) fn push(&mut self, time: u64, body: &[u8], segment_bytes: u64) -> Result {
        let is_full =
            |(number, _): &(u64, File)| self.segments.get(number).is_none_or(|length| *length >= segment_bytes);
        if self.open.as_ref().is_none_or(is_full) {
            self.sync()?;
            self.open_segment()?;
        }
        let Some((number, file)) = &mut self.open else { return Ok(()) };
        let path = self.folder.join(name(*number));
        let record = Record { epoch: self.epoch, seq: self.seq, time, body: body.to_vec() };
        let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
        segment::write(&mut bytes, *number, &record);
        let length = self.segments.entry(*number).or_default();
        if let Err(error) = file.write_all(&bytes) {
            // A rest of it would only be skipped at the next reading; the number is not given again either way.
            let _ = file.set_len(*length);
            self.open = None;
            return Err(error).at("write", &path);
        }
        *length = length.saturating_add(bytes.len() as u64);
        self.seq = self.seq.saturating_add(1);
        self.is_dirty = true;
        Ok(())
    }

    fn open_segment(&mut self) -> Result {
        let last = self.segments.keys().next_back().copied().unwrap_or_default();
        let number = last.max(self.cursor.segment).saturating_add(1);
        let path = self.folder.join(name(number));
        let mut options = durable::private();
        let file = options.create_new(false).create(true).append(true).open(&path).at("create", &path)?;
        // The segment's bytes are synced with its records; its name is the folder's.
        durable::sync_folder(&self.folder)?;
        self.segments.insert(number, 0);
        self.open = Some((number, file));
        Ok(())
    }

    /// Brings what was appended onto the disk.
    pub(super) fn sync(&mut self) -> Result {
        if let Some((number, file)) = self.open.as_ref().filter(|_| self.is_dirty) {
            file.sync_data().at("sync", &self.folder.join(name(*number)))?;
            self.is_dirty = false;
        }
        Ok(())
    }

    /// The next records, at most `most_bytes` of bodies (and at least one record), and the place behind them.
    pub(super) fn peek(&mut self, most_bytes: usize) -> Result<(Vec<Record>, Place)> {
        loop {
            let Some(number) = self.segments.range(self.cursor.segment..).next().map(|(number, _)| *number) else {
                return Ok((Vec::new(), self.cursor));
            };
            let from = if number == self.cursor.segment { self.cursor.offset } else { 0 };
            let path = self.folder.join(name(number));
            let bytes = match durable::read(&path, MAX_SEGMENT_BYTES) {
                Ok(bytes) => bytes.unwrap_or_default(),
                Err(_) => {
                    self.set_aside(number)?;
                    continue;
                }
            };
            let (mut records, mut end, mut taken) = (Vec::new(), Place { segment: number, offset: from }, 0_usize);
            for (record, offset) in Records::new(number, &bytes, from) {
                taken = taken.saturating_add(record.body.len()).saturating_add(HEADER_BYTES);
                if taken > most_bytes && !records.is_empty() {
                    break;
                }
                records.push(record);
                end.offset = offset;
            }
            let is_open = self.open.as_ref().is_some_and(|(open, _)| *open == number);
            if !records.is_empty() || is_open {
                return Ok((records, end));
            }
            // Nothing in it can be read any more.
            self.acknowledge(Place { segment: number.saturating_add(1), offset: 0 })?;
        }
    }

    /// Everything before that place is done.
    pub(super) fn acknowledge(&mut self, place: Place) -> Result {
        if place > self.cursor {
            self.cursor = place;
            let text = format!("{:x} {:x}\n", place.segment, place.offset);
            durable::write(&self.folder.join("cursor"), text.as_bytes())?;
        }
        self.drop_read()
    }

    fn drop_read(&mut self) -> Result {
        let open = self.open.as_ref().map(|(number, _)| *number);
        let is_read = |number: &u64, length: &u64| {
            *number < self.cursor.segment || (*number == self.cursor.segment && self.cursor.offset >= *length)
        };
        let read: Vec<u64> = self
            .segments
            .iter()
            .filter(|(number, length)| is_read(number, length))
            .map(|(number, _)| *number)
            .collect();
        for number in read.into_iter().filter(|number| Some(*number) != open) {
            durable::remove(&self.folder.join(name(number)))?;
            self.segments.remove(&number);
        }
        Ok(())
    }

    /// Drops the oldest segment; gives how many records and bytes went.
    pub(super) fn drop_oldest(&mut self) -> Result<Option<(u64, u64)>> {
        let Some((number, length)) = self.segments.first_key_value().map(|(number, length)| (*number, *length)) else {
            return Ok(None);
        };
        let path = self.folder.join(name(number));
        let from = if number == self.cursor.segment { self.cursor.offset } else { 0 };
        let bytes = durable::read(&path, MAX_SEGMENT_BYTES).ok().flatten().unwrap_or_default();
        let records = Records::new(number, &bytes, from).count() as u64;
        if self.open.as_ref().is_some_and(|(open, _)| *open == number) {
            self.open = None;
            self.is_dirty = false;
        }
        durable::remove(&path)?;
        self.segments.remove(&number);
        Ok(Some((records, length)))
    }

    fn set_aside(&mut self, number: u64) -> Result {
        let path = self.folder.join(name(number));
        // Where even that fails, it is at least not looked at again before the next start.
        let _ = fs::rename(&path, path.with_extension("bad"));
        let _ = durable::sync_folder(&self.folder);
        self.segments.remove(&number);
        Ok(())
    }

    /// How many records wait.
    pub(super) fn count(&self) -> u64 {
        let waiting = self.segments.range(self.cursor.segment..);
        let records = waiting.map(|(number, _)| {
            let from = if *number == self.cursor.segment { self.cursor.offset } else { 0 };
            let bytes = durable::read(&self.folder.join(name(*number)), MAX_SEGMENT_BYTES).ok().flatten();
            Records::new(*number, &bytes.unwrap_or_default(), from).count() as u64
        });
        records.sum()
    }
}

fn name(number: u64) -> String {
    format!("{number:016x}.seg")
}

/// A cursor that cannot be read is at the beginning: the server knows what it has seen.
fn read_cursor(path: &Path) -> Place {
    let text = durable::read(path, 64).ok().flatten().and_then(|bytes| String::from_utf8(bytes).ok());
    let numbers = text.as_ref().and_then(|text| text.trim().split_once(' '));
    let place = numbers.and_then(|(segment, offset)| {
        let number = |text: &str| u64::from_str_radix(text, 16).ok();
        Some(Place { segment: number(segment)?, offset: number(offset)? })
    });
    place.unwrap_or_default()
}
