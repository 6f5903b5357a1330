//! Pre-enrolling by a list: CSV (RFC 4180) with the columns that device management systems export.
//!
//! ```text
//! name,email,mobile,ownership,devicename,SerialNumber,platform
//! Anna Müller,anna@example.com,+46700000000,corporate,LAP-0001,C020000001,windows
//! ```
//!
//! Of a row only the serial number is kept, as a hash: the other columns are read to find rows that are not what they should be, and then
//! forgotten. A list is taken whole or not at all.

use std::collections::BTreeSet;

use csv::{ByteRecord, ReaderBuilder};

/// The most serial numbers of a list.
pub(super) const MAX_SERIALS: usize = 50_000;
/// The longest serial number, in characters.
const MAX_SERIAL_CHARS: usize = 128;
/// The longest list, in bytes.
pub(crate) const MAX_BYTES: usize = 8 << 20;
/// What an admin fills in.
pub(crate) const TEMPLATE: &str = "name,email,mobile,ownership,devicename,SerialNumber,platform\r\n";
/// The most problems of a list that are said.
const MAX_PROBLEMS: usize = 20;
const COLUMNS: [&str; 7] = ["name", "email", "mobile", "ownership", "devicename", "serialnumber", "platform"];
const SERIAL: &str = "serialnumber";
/// What a column may have, beside nothing.
const WORDS: [(&str, &[&str]); 2] = [
    ("ownership", &["corporate", "personal", "selectuser"]),
    ("platform", &["apple", "android", "ios", "macos", "windows", "linux"]),
];

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LineProblem {
    /// Its number; the first is 1.
    pub(crate) line: u64,
    /// A sentence without the line's text.
    pub(crate) problem: String,
}

/// The serial numbers of a list, each once.
///
/// # Errors
/// The problems of the first lines that have one.
pub(crate) fn serials(bytes: &[u8]) -> Result<Vec<String>, Vec<LineProblem>> {
    let one = |line, problem: &str| vec![LineProblem { line, problem: problem.to_owned() }];
    if bytes.len() > MAX_BYTES {
        return Err(one(1, "the list is longer than 8 MiB"));
    }
    // Excel writes a byte order mark, and semicolons in some languages.
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let head = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let delimiter = if head.contains(&b';') && !head.contains(&b',') { b';' } else { b',' };
    let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(bytes);
    let mut records = reader.byte_records();
    let columns = match records.next() {
        Some(Ok(record)) => columns(&record).map_err(|problem| one(1, &problem))?,
        _ => return Err(one(1, "the list is empty")),
    };
    let (mut found, mut seen, mut problems) = (Vec::new(), BTreeSet::new(), Vec::new());
    for record in records {
        let Ok(record) = record else {
            problems.push(LineProblem { line: 1, problem: "the list is no CSV".to_owned() });
            break;
        };
        let line = record.position().map_or(1, csv::Position::line);
        match row(&record, &columns) {
            Ok(serial) if found.len() >= MAX_SERIALS && !seen.contains(&serial) => {
                problems.push(LineProblem { line, problem: format!("the list has more than {MAX_SERIALS} devices") });
                break;
            }
            Ok(serial) => {
                if seen.insert(serial.clone()) {
                    found.push(serial);
                }
            }
            Err(problem) => problems.push(LineProblem { line, problem }),
        }
        if problems.len() == MAX_PROBLEMS {
            break;
        }
    }
    match () {
        () if !problems.is_empty() => Err(problems),
        () if found.is_empty() => Err(one(2, "the list has no device")),
        () => Ok(found),
    }
}

/// The columns of the first line, in its order.
fn columns(record: &ByteRecord) -> Result<Vec<&'static str>, String> {
    let mut found = Vec::new();
    for (number, cell) in record.iter().enumerate() {
        let text = std::str::from_utf8(cell).unwrap_or_default().trim().to_lowercase();
        let column = COLUMNS.iter().find(|column| **column == text);
        let unknown = || format!("column {} is none of {}", number + 1, TEMPLATE.trim_end().replace(',', ", "));
        let column = column.ok_or_else(unknown)?;
        if found.contains(column) {
            return Err(format!("column {} is there twice", number + 1));
        }
        found.push(*column);
    }
    if found.contains(&SERIAL) { Ok(found) } else { Err("there is no column SerialNumber".to_owned()) }
}

/// The serial number of a row, folded as the devices fold theirs.
fn row(record: &ByteRecord, columns: &[&'static str]) -> Result<String, String> {
    if record.len() != columns.len() {
        return Err(format!("there are {} cells, must be {}", record.len(), columns.len()));
    }
    let mut serial = String::new();
    for (cell, column) in record.iter().zip(columns) {
        let text = std::str::from_utf8(cell).map_err(|_| format!("{} is not UTF-8", shown(column)))?.trim();
        if text.chars().any(char::is_control) {
            return Err(format!("{} has a control character", shown(column)));
        }
        let words = WORDS.iter().find(|(of, _)| of == column).map(|(_, words)| *words);
        if let Some(words) = words.filter(|words| !text.is_empty() && !words.contains(&text.to_lowercase().as_str())) {
            return Err(format!("{} must be {}", shown(column), words.join(", ")));
        }
        if *column == SERIAL {
            serial = text.to_lowercase();
        }
    }
    match serial.chars().count() {
        0 => Err("SerialNumber is empty".to_owned()),
        // Shorter ones are placeholders to the agents.
        1..=3 => Err("SerialNumber has fewer than 4 characters, so no device shows it".to_owned()),
        length if length > MAX_SERIAL_CHARS => Err(format!("SerialNumber has more than {MAX_SERIAL_CHARS} characters")),
        _ => Ok(serial),
    }
}

fn shown(column: &str) -> &str {
    if column == SERIAL { "SerialNumber" } else { column }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "name,email,mobile,ownership,devicename,SerialNumber,platform\n";

    fn problems(text: &str) -> Vec<(u64, String)> {
        let problems = serials(text.as_bytes()).unwrap_err();
        problems.into_iter().map(|problem| (problem.line, problem.problem)).collect()
    }

    #[test]
    fn a_list_as_it_is_exported_is_taken() {
        let text = format!(
            "\u{FEFF}{HEAD}Anna,a@example.com,+46,corporate,LAP-1,C02X0001,apple\r\n\"Smith, \"\"J\"\"\",,,,,c02x0001,\n,,,,, PF2WXYZ ,\n"
        );
        assert_eq!(serials(text.as_bytes()), Ok(vec!["c02x0001".to_owned(), "pf2wxyz".to_owned()]));
        assert_eq!(serials(b"platform;serialnumber\nwindows;ABCD\n"), Ok(vec!["abcd".to_owned()]));
        assert_eq!(problems(TEMPLATE), [(2, "the list has no device".to_owned())]);
    }

    #[test]
    fn each_wrong_line_is_named_by_its_number() {
        let text = format!("{HEAD},,,,,,\n,,,,,GOOD1,\n,,,mine,,GOOD2,\n,,,\n\"two\nlines\",,,,,GOOD3,\n,,,,,AB,\n");
        let found = problems(&text);
        assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4, 5, 6, 8]);
        assert!(found[1].1.contains("corporate") && found[2].1.contains("4 cells"), "{found:?}");
        assert!(!format!("{found:?}").contains("mine"), "what was typed is not repeated");
        assert_eq!(problems("name\nAnna\n"), [(1, "there is no column SerialNumber".to_owned())]);
        assert_eq!(problems("serial\nX\n")[0].0, 1);
        assert_eq!(problems("")[0].1, "the list is empty");
        assert_eq!(problems(&format!("{HEAD}{}", ",,,,,,\n".repeat(100))).len(), MAX_PROBLEMS);
    }

    #[test]
    fn lists_of_tens_of_thousands_are_taken_and_have_an_end() {
        let rows =
            |count: usize| (0..count).fold(HEAD.to_owned(), |text, row| text + &format!(",,,,,SERIAL{row:06},\n"));
        assert_eq!(serials(rows(MAX_SERIALS).as_bytes()).unwrap().len(), MAX_SERIALS);
        assert_eq!(problems(&rows(MAX_SERIALS + 1))[0].0, MAX_SERIALS as u64 + 2);
        assert_eq!(problems(&" ".repeat(MAX_BYTES + 1))[0].1, "the list is longer than 8 MiB");
    }
}
