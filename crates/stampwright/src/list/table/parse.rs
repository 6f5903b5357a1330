//! From bytes to records: encoding, delimiter, and the lines that records start on.

use csv::{ByteRecord, ReaderBuilder};

use super::column::Header;
use super::row::{Check, Problem, Table, Wanted};

/// Reads and checks a list; either way, everything is said at once.
pub(crate) fn read(bytes: &[u8], wanted: Wanted<'_>) -> Result<Table, Vec<Problem>> {
    let at_top = |message: &str| vec![Problem { line: 1, message: message.to_owned() }];
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(at_top("is UTF-16, must be UTF-8 (in Excel: save as \"CSV UTF-8\")"));
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter(bytes)).from_reader(bytes);
    let mut record = ByteRecord::new();
    let header = match reader.read_byte_record(&mut record) {
        Ok(true) => Header::find(&record, wanted.columns, wanted.is_minting).map_err(|message| at_top(&message))?,
        Ok(false) => return Err(at_top("the list is empty")),
        Err(error) => return Err(at_top(&error.to_string())),
    };
    let mut check = Check::new(header, wanted);
    // The parser gives the place before blank lines; the row itself starts after them.
    let mut lines = Lines::new(bytes);
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {
                let start = record.position().map_or(0, csv::Position::byte);
                check.row(&record, lines.line_of(start));
            }
            Ok(false) => break,
            Err(error) => {
                let line = error.position().map_or(1, csv::Position::line);
                check.problems.push(Problem { line, message: "is not CSV".to_owned() });
                break;
            }
        }
    }
    check.finish()
}

/// The sign between the fields: the one that the first line has most of.
fn delimiter(bytes: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for byte in bytes.iter().take_while(|byte| **byte != b'\n') {
        quoted ^= *byte == b'"';
        if let Some((_, count)) = counts.iter_mut().find(|(sign, _)| sign == byte && !quoted) {
            *count += 1;
        }
    }
    // The first of equals, so that one column alone is read with commas.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(sign, _)| *sign)
}

/// Finds the lines of ascending places.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, line: 1 }
    }

    /// The line of the first byte from `place` on that is no line ending.
    fn line_of(&mut self, place: u64) -> u64 {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        while let Some(byte) = self.bytes.get(self.at) {
            if self.at >= place && !matches!(byte, b'\r' | b'\n') {
                break;
            }
            self.line += u64::from(*byte == b'\n');
            self.at += 1;
        }
        self.line
    }
}
