//! The cabinet (MS-CAB): the archive inside an MSI that holds the files.
//!
//! # What is where
//!
//! ```text
//! CFHEADER   "MSCF", sizes, counts                                     §2.1
//! CFFOLDER   one per run of compression: where its data starts         §2.2
//! CFFILE     one per file: which folder, where in its bytes, name      §2.3
//! CFDATA     blocks of 32 KiB before compression, each with a sum      §2.4
//! ```
//!
//! A folder is one stream of bytes; its files are stretches of it. With MSZIP (MS-MCI) each block is `CK` and one
//! deflate stream of its own, whose window starts with the 32 KiB before it. A run of 32 blocks is deflated at once and then cut into
//! its blocks; only the first block of a run does not look back. So all cores can work on one file, and the result does not depend on how many.
//!
//! # Why not the `cab` crate
//!
//! Its writer is fixed at the highest level and one thread (14 MB/s), stamps the current time into files, and its
//! reader panics on some damaged input. It reads what we write in the tests, and we read what it writes.
//!
//! Other people's cabinets are read with LZX as well (the crate `lzxd`), and are part of a set; [`Cabinet::unopened`](read::Cabinet::unopened)
//! names what is not read: Quantum, and files that lie in several cabinets.
//!
//! Deviations seen in real files: bytes after the cabinet; a checksum of zero means that there is none; `cbData` up to 6 bytes above the
//! 32,780 that a block can need; names in UTF-8 marked by an attribute.

mod blocks;
mod folder;
mod head;
mod mszip;
pub mod read;
pub mod write;

/// §2.1: the header's size without optional fields.
const HEADER: usize = 36;
/// Bytes of a block before compression; also how far MSZIP looks back.
const BLOCK: usize = 32 * 1024;
/// §2.2: blocks that a folder can count.
const MAX_BLOCKS: u64 = 0xFFFF;
/// §2.3: the name is UTF-8.
const NAME_IS_UTF: u16 = 0x80;

/// A date and time as §2.3 keeps them: local time of nowhere, in steps of two seconds, from 1980 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DosTime {
    /// Year from 1980 (7 bits), month (4), day (5).
    pub(crate) date: u16,
    /// Hour (5 bits), minute (6), half seconds (5).
    pub time: u16,
}

impl DosTime {
    /// Seconds since 1970, cut to the years that there are: 1980 to 2107.
    #[must_use]
    pub fn from_unix(secs: u64) -> Self {
        const FIRST: u64 = 315_532_800; // 1980-01-01
        const LAST: u64 = 4_354_819_198; // 2107-12-31 23:59:58
        let secs = secs.clamp(FIRST, LAST);
        let (days, in_day) = (secs / 86_400, secs % 86_400);
        // Days to a civil date, counting years from March so that the leap day is a year's last.
        let days = days + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        let date = (year - 1980) << 9 | month << 5 | day;
        let time = (in_day / 3600) << 11 | (in_day / 60 % 60) << 5 | (in_day % 60 / 2);
        Self { date: u16::try_from(date).unwrap_or(u16::MAX), time: u16::try_from(time).unwrap_or(0) }
    }
}

#[cfg(test)]
mod tests;
