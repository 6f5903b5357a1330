//! The outer archive: two stored entries, as Microsoft's tool writes them (APPNOTE 4.3, 4.4).
//!
//! The `zip` crate writes other versions and always attributes, and an entry whose first bytes are known last (the HMAC)
//! is beyond it.

use std::io::{self, Seek, SeekFrom, Write};

use installer::Epoch;

/// Offset of the CRC in a local header.
const CRC_AT: u64 = 14;
/// Version 4.5, which the tool's library writes although nothing here needs it.
const MADE_BY: u16 = 45;
/// Version 1.0: stored.
const NEEDED: u16 = 10;
const LOCAL_BYTES: u64 = 30;

struct Entry {
    name: &'static str,
    at: u32,
    crc: u32,
    len: u32,
}

/// An archive on its way.
pub(super) struct Stored<W> {
    out: W,
    time: u16,
    date: u16,
    entries: Vec<Entry>,
}

impl<W: Write + Seek> Stored<W> {
    /// An archive at the writer's start.
    pub(super) fn new(out: W, epoch: Epoch) -> Self {
        let civil = epoch.civil();
        let time = (u16::from(civil.hour) << 11) + (u16::from(civil.minute) << 5) + u16::from(civil.second) / 2;
        // Epochs start in 1980 and end in 2106, DOS dates in 2107.
        let year = civil.year.saturating_sub(1980);
        let date = (year << 9) + (u16::from(civil.month) << 5) + u16::from(civil.day);
        Self { out, time, date, entries: Vec::new() }
    }

    /// Starts an entry and gives the sink for its content; [`Stored::end`] must follow.
    pub(super) fn start(&mut self, name: &'static str) -> io::Result<&mut W> {
        let at = narrow(self.out.stream_position()?)?;
        self.out.write_all(&0x0403_4b50_u32.to_le_bytes())?;
        let entry = Entry { name, at, crc: 0, len: 0 };
        let described = self.described(&entry);
        self.out.write_all(&described)?;
        self.out.write_all(name.as_bytes())?;
        self.entries.push(entry);
        Ok(&mut self.out)
    }

    /// Ends an entry of this CRC. `front` replaces its first bytes; the CRC is that of the result.
    pub(super) fn end(&mut self, crc: u32, front: &[u8]) -> io::Result<()> {
        let end = self.out.stream_position()?;
        let Some(entry) = self.entries.last_mut() else { return Ok(()) };
        let start = u64::from(entry.at) + LOCAL_BYTES + entry.name.len() as u64;
        (entry.crc, entry.len) = (crc, narrow(end - start)?);
        let mut sizes = [0; 12];
        let (first, rest) = sizes.split_at_mut(4);
        first.copy_from_slice(&entry.crc.to_le_bytes());
        rest.copy_from_slice(&[entry.len.to_le_bytes(), entry.len.to_le_bytes()].concat());
        let header = u64::from(entry.at) + CRC_AT;
        self.out.seek(SeekFrom::Start(header))?;
        self.out.write_all(&sizes)?;
        self.out.seek(SeekFrom::Start(start))?;
        self.out.write_all(front)?;
        self.out.seek(SeekFrom::Start(end))?;
        Ok(())
    }

    /// Writes the directory.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let at = narrow(self.out.stream_position()?)?;
        let mut directory = Vec::new();
        for entry in &self.entries {
            directory.extend(0x0201_4b50_u32.to_le_bytes());
            directory.extend(MADE_BY.to_le_bytes());
            directory.extend(self.described(entry));
            directory.extend([0; 10]); // comment, disk, internal and external attributes
            directory.extend(entry.at.to_le_bytes());
            directory.extend(entry.name.as_bytes());
        }
        let count = u16::try_from(self.entries.len()).unwrap_or(u16::MAX).to_le_bytes();
        let len = narrow(directory.len() as u64)?;
        directory.extend(0x0605_4b50_u32.to_le_bytes());
        directory.extend([0; 4]);
        directory.extend([count, count].concat());
        directory.extend(len.to_le_bytes());
        directory.extend(at.to_le_bytes());
        directory.extend([0; 2]);
        self.out.write_all(&directory)?;
        self.out.flush()
    }

    /// What the local and the central header share, from the version needed to the extra field's length.
    fn described(&self, entry: &Entry) -> Vec<u8> {
        let mut out = Vec::with_capacity(26);
        for word in [NEEDED, 0, 0, self.time, self.date] {
            out.extend(word.to_le_bytes()); // version, flags, method, time, date
        }
        for long in [entry.crc, entry.len, entry.len] {
            out.extend(long.to_le_bytes());
        }
        out.extend(u16::try_from(entry.name.len()).unwrap_or(0).to_le_bytes());
        out.extend([0; 2]);
        out
    }
}

/// Without the extensions for large archives, which the tool writes only beyond 4 GiB; an MSI has 2 GiB at most.
fn narrow(n: u64) -> io::Result<u32> {
    u32::try_from(n).map_err(|_| io::Error::new(io::ErrorKind::FileTooLarge, "the archive would exceed 4 GiB"))
}
