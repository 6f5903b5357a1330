//! A list of devices or tenants, as a spreadsheet or another program has written it.
//!
//! Everything is checked here, before anything is written: [`read`] gives all rows, or everything that is wrong with the
//! list by its line. No cell is ever quoted in a message. Columns get swapped and headers get forgotten, and then any
//! cell can be a token.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use csv::{ByteRecord, ReaderBuilder};
use installer::Token;
use installer::product::Platform;

use super::names;

/// What a list can say of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    Token,
    Name,
    Email,
    Ownership,
    Serial,
    Platform,
}

/// Every column, its header as it is printed, and how the header is written without case, spaces, `_` and `-`.
const COLUMNS: [(Column, &str, &[&str]); 6] = [
    (Column::Token, "token", &["token", "enrollmenttoken", "enrolmenttoken"]),
    (Column::Name, "name", &["name", "devicename"]),
    (Column::Email, "email", &["email", "emailaddress", "mail"]),
    (Column::Ownership, "ownership", &["ownership", "ownershiptype"]),
    (Column::Serial, "serial number", &["serialnumber", "serial", "serialno"]),
    (Column::Platform, "platform", &["platform", "os", "operatingsystem"]),
];

/// Which header a column has in a list: `serial number=Asset`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    column: Column,
    header: String,
}

impl FromStr for Mapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (column, header) = text.split_once('=').ok_or("must be COLUMN=HEADER")?;
        let wanted = folded(column);
        let found = COLUMNS.iter().find(|(_, _, headers)| headers.contains(&wanted.as_str()));
        let Some((column, ..)) = found else {
            let known = COLUMNS.map(|(_, name, _)| name).join(", ");
            return Err(format!("the columns are {known}"));
        };
        if folded(header).is_empty() {
            return Err("the header is empty".to_owned());
        }
        Ok(Self { column: *column, header: folded(header) })
    }
}

/// What is asked of a list.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub columns: &'a [Mapping],
    /// The list has serial numbers for which tokens are minted, instead of tokens.
    pub is_minting: bool,
    /// The platform of the base: rows of others are passed over.
    pub platform: Platform,
}

/// One row that has been checked.
#[derive(Debug)]
pub struct Row {
    /// Where it starts in the list, from 1.
    pub line: u64,
    /// The name of its folder.
    pub name: String,
    pub serial: Option<String>,
    /// `None`: one is minted.
    pub token: Option<Token>,
}

/// A list without a mistake.
#[derive(Debug)]
pub struct Table {
    pub rows: Vec<Row>,
    /// How many rows are for another platform.
    pub passed_over: usize,
    /// How many rows have the token of an earlier row.
    pub same_token: usize,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub line: u64,
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// Reads and checks a list; either way, everything is said at once.
pub fn read(bytes: &[u8], wanted: Wanted<'_>) -> Result<Table, Vec<Problem>> {
    let at_top = |message: &str| vec![Problem { line: 1, message: message.to_owned() }];
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(at_top("is UTF-16, must be UTF-8 (in Excel: save as \"CSV UTF-8\")"));
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter(bytes)).from_reader(bytes);
    let mut record = ByteRecord::new();
    let header = match reader.read_byte_record(&mut record) {
        Ok(true) => Header::find(&record, wanted).map_err(|message| at_top(&message))?,
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
                check.row(&record, lines.of(start));
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
    fn of(&mut self, place: u64) -> u64 {
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

/// Without case, spaces, `_`, `-`.
fn folded(header: &str) -> String {
    let kept = header.chars().filter(|char| !char.is_whitespace() && !matches!(char, '_' | '-' | '\u{FEFF}'));
    kept.flat_map(char::to_lowercase).collect()
}

/// Where each column is.
struct Header {
    places: BTreeMap<Column, usize>,
    fields: usize,
}

impl Header {
    fn find(record: &ByteRecord, wanted: Wanted<'_>) -> Result<Self, String> {
        let headers: Vec<String> = record.iter().map(|cell| folded(&String::from_utf8_lossy(cell))).collect();
        let mut places = BTreeMap::new();
        for (column, name, spellings) in &COLUMNS {
            let mapped = wanted.columns.iter().find(|mapping| mapping.column == *column);
            let is_it = |header: &String| match mapped {
                Some(mapping) => *header == mapping.header,
                None => spellings.contains(&header.as_str()),
            };
            let mut found = headers.iter().enumerate().filter(|(_, header)| is_it(header));
            match (found.next(), found.next(), mapped) {
                (Some(_), Some(_), _) => return Err(format!("two columns are the {name}")),
                (Some((at, _)), None, _) => _ = places.insert(*column, at),
                (None, _, Some(_)) => return Err(format!("no column has the header that --column gives the {name}")),
                (None, _, None) => {}
            }
        }
        let header = Self { places, fields: headers.len() };
        let needed = if wanted.is_minting { Column::Serial } else { Column::Token };
        if !header.places.contains_key(&needed) {
            let name = COLUMNS.iter().find(|(column, ..)| *column == needed).map_or("", |(_, name, _)| name);
            return Err(format!("no column has the header \"{name}\" (--column \"{name}=HEADER\" names another)"));
        }
        Ok(header)
    }

    fn cell<'r>(&self, record: &'r ByteRecord, column: Column) -> Option<&'r [u8]> {
        self.places.get(&column).and_then(|at| record.get(*at))
    }
}

/// The check of all rows.
struct Check<'a> {
    header: Header,
    wanted: Wanted<'a>,
    rows: Vec<Row>,
    problems: Vec<Problem>,
    passed_over: usize,
    same_token: usize,
    names: BTreeMap<String, u64>,
    serials: BTreeMap<String, u64>,
    tokens: BTreeMap<String, u64>,
}

impl<'a> Check<'a> {
    fn new(header: Header, wanted: Wanted<'a>) -> Self {
        let (rows, problems) = (Vec::new(), Vec::new());
        let (names, serials, tokens) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { header, wanted, rows, problems, passed_over: 0, same_token: 0, names, serials, tokens }
    }

    fn finish(mut self) -> Result<Table, Vec<Problem>> {
        if self.problems.is_empty() && self.rows.is_empty() {
            let message = match self.passed_over {
                0 => "there is no row after the header".to_owned(),
                n => format!("all {n} rows are for other platforms than the base"),
            };
            self.problems.push(Problem { line: 1, message });
        }
        if !self.problems.is_empty() {
            self.problems.sort_by_key(|problem| problem.line);
            return Err(self.problems);
        }
        Ok(Table { rows: self.rows, passed_over: self.passed_over, same_token: self.same_token })
    }

    fn row(&mut self, record: &ByteRecord, line: u64) {
        // Spreadsheets leave rows of empty cells behind.
        if record.iter().all(|cell| cell.trim_ascii().is_empty()) {
            return;
        }
        let fields = record.len();
        let is_longer = record.iter().skip(self.header.fields).any(|cell| !cell.trim_ascii().is_empty());
        if fields < self.header.fields || is_longer {
            return self.say(line, format!("has {fields} fields, the header has {}", self.header.fields));
        }
        if !self.is_for_us(record, line) {
            return;
        }
        let before = self.problems.len();
        self.email(record, line);
        let token = if self.wanted.is_minting { None } else { self.token(record, line) };
        let serial = self.serial(record, line);
        let name = self.name(record, line, serial.as_deref(), token.as_ref());
        // Where nothing was said, a name was found.
        if let (true, Some(name)) = (self.problems.len() == before, name) {
            self.rows.push(Row { line, name, serial, token });
        }
    }

    /// A cell without spaces around it; `None` when it is empty or there is no such column.
    fn text(&mut self, record: &ByteRecord, column: Column, line: u64) -> Option<String> {
        let cell = self.header.cell(record, column)?;
        let Ok(text) = str::from_utf8(cell) else {
            let name = COLUMNS.iter().find(|(known, ..)| *known == column).map_or("", |(_, name, _)| name);
            self.say(line, format!("{name} is not UTF-8 (in Excel: save as \"CSV UTF-8\")"));
            return None;
        };
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn is_for_us(&mut self, record: &ByteRecord, line: u64) -> bool {
        let Some(text) = self.text(record, Column::Platform, line) else { return true };
        let platform = match folded(&text).as_str() {
            "windows" | "win" | "windows10" | "windows11" => Some(Platform::Windows),
            "macos" | "mac" | "osx" | "macosx" => Some(Platform::Macos),
            "linux" | "debian" | "ubuntu" => Some(Platform::Linux),
            "ios" | "ipados" | "android" | "chromeos" | "tvos" | "visionos" => None,
            _ => {
                self.say(line, "platform is none of Windows, macOS, Linux, iOS, iPadOS, Android, ChromeOS".to_owned());
                return false;
            }
        };
        let ours = platform == Some(self.wanted.platform);
        self.passed_over += usize::from(!ours);
        ours
    }

    /// Nothing is made of it, but a row that has slipped by a column shows here.
    fn email(&mut self, record: &ByteRecord, line: u64) {
        let Some(email) = self.text(record, Column::Email, line) else { return };
        let is_one = email.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty() && !host.is_empty() && !host.contains('@') && !email.contains(char::is_whitespace)
        });
        if !is_one {
            self.say(line, "email is no address".to_owned());
        }
    }

    fn token(&mut self, record: &ByteRecord, line: u64) -> Option<Token> {
        let cell = self.header.cell(record, Column::Token).unwrap_or_default().trim_ascii();
        match Token::parse(cell) {
            Ok(token) => {
                let earlier = self.tokens.insert(token.fingerprint(), line);
                self.same_token += usize::from(earlier.is_some());
                Some(token)
            }
            Err(error) => {
                self.say(line, error.to_string());
                None
            }
        }
    }

    fn serial(&mut self, record: &ByteRecord, line: u64) -> Option<String> {
        let Some(serial) = self.text(record, Column::Serial, line) else {
            if self.wanted.is_minting {
                self.say(line, "serial number is empty".to_owned());
            }
            return None;
        };
        if let Some(problem) = serial_problem(&serial) {
            self.say(line, format!("serial number {problem}"));
        } else if let Some(earlier) = self.serials.insert(names::folded(&serial), line) {
            self.say(line, format!("serial number is the one of line {earlier}"));
        }
        Some(serial)
    }

    /// The folder's name: the row's own, else its serial number, else the token's fingerprint.
    fn name(&mut self, record: &ByteRecord, line: u64, serial: Option<&str>, token: Option<&Token>) -> Option<String> {
        let (what, name) = match (self.text(record, Column::Name, line), serial, token) {
            (Some(name), ..) => ("name", name),
            (None, Some(serial), _) => ("serial number, which is the name,", serial.to_owned()),
            (None, None, Some(token)) => ("token's fingerprint, which is the name,", token.fingerprint()),
            (None, None, None) => return None,
        };
        if token.is_some_and(|token| name.contains(token.expose())) {
            self.say(line, format!("{what} has the token in it, and would be a file's name"));
        } else if let Some(problem) = names::problem(&name) {
            self.say(line, format!("{what} {problem}"));
        } else if let Some(earlier) = self.names.insert(names::folded(&name), line) {
            self.say(line, format!("{what} is the one of line {earlier} (case does not count)"));
        }
        Some(name)
    }

    fn say(&mut self, line: u64, message: String) {
        self.problems.push(Problem { line, message });
    }
}

/// What firmware says where nobody has set a serial number: a token for one of these is for thousands of devices.
const PLACEHOLDERS: [&str; 12] = [
    "0",
    "00000000",
    "123456789",
    "defaultstring",
    "invalid",
    "n/a",
    "na",
    "none",
    "notapplicable",
    "notspecified",
    "systemserialnumber",
    "tobefilledbyo.e.m.",
];

fn serial_problem(serial: &str) -> Option<String> {
    if serial.chars().any(char::is_control) {
        return Some("has a control character".to_owned());
    }
    if serial.chars().count() > 128 {
        return Some("has more than 128 characters".to_owned());
    }
    if PLACEHOLDERS.contains(&folded(serial).as_str()) {
        return Some("is what firmware says where none is set".to_owned());
    }
    names::formula(serial)
}

#[cfg(test)]
mod tests;
