//! The check of each row: everything that is wrong with it, by its line.

use std::collections::BTreeMap;
use std::fmt;

use csv::ByteRecord;
use installer::Token;
use installer::product::Platform;

use super::super::names;
use super::column::{COLUMNS, Column, Header, IMEI, Mapping, folded};
use super::serial;

/// What is asked of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) columns: &'a [Mapping],
    /// The list has serial numbers for which tokens are minted, instead of tokens.
    pub(crate) is_minting: bool,
    /// The platform of the base: rows of others are passed over.
    pub(crate) platform: Platform,
}

/// One row that has been checked.
#[derive(Debug)]
pub(crate) struct Row {
    /// Where it starts in the list, from 1.
    pub(crate) line: u64,
    /// The name of its folder.
    pub(crate) name: String,
    pub(crate) serial: Option<String>,
    /// `None`: one is minted.
    pub(crate) token: Option<Token>,
}

/// A list without a mistake.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
    /// What was taken for what, where it is not plain.
    pub(crate) notes: Vec<String>,
    /// How many rows are for another platform.
    pub(crate) passed_over: usize,
    /// How many rows have the token of an earlier row.
    pub(crate) same_token: usize,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) line: u64,
    pub(crate) message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// The check of all rows.
pub(super) struct Check<'a> {
    header: Header,
    wanted: Wanted<'a>,
    rows: Vec<Row>,
    pub(super) problems: Vec<Problem>,
    passed_over: usize,
    same_token: usize,
    /// Rows whose platform is only the vendor's name.
    apple: usize,
    names: BTreeMap<String, u64>,
    serials: BTreeMap<String, u64>,
    tokens: BTreeMap<String, u64>,
}

impl<'a> Check<'a> {
    pub(super) fn new(header: Header, wanted: Wanted<'a>) -> Self {
        let (rows, problems) = (Vec::new(), Vec::new());
        let (names, serials, tokens) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { header, wanted, rows, problems, passed_over: 0, same_token: 0, apple: 0, names, serials, tokens }
    }

    pub(super) fn finish(mut self) -> Result<Table, Vec<Problem>> {
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
        let mut notes = std::mem::take(&mut self.header.notes);
        if self.apple > 0 {
            notes.push(format!("platform apple is taken for macOS in {} rows", self.apple));
        }
        Ok(Table { rows: self.rows, notes, passed_over: self.passed_over, same_token: self.same_token })
    }

    pub(super) fn row(&mut self, record: &ByteRecord, line: u64) {
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
        let folded = folded(&text);
        let platform = match folded.as_str() {
            "apple" => Some(Platform::Macos),
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
        self.apple += usize::from(ours && folded == "apple");
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
                let why = match self.text(record, Column::Imei, line) {
                    Some(_) => format!(": {IMEI}"),
                    None => String::new(),
                };
                self.say(line, format!("serial number is empty{why}"));
            }
            return None;
        };
        if let Some(problem) = serial::problem(&serial) {
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
            self.say(line, format!("{what} is the one of line {earlier} (neither case nor the normal form counts)"));
        }
        Some(name)
    }

    fn say(&mut self, line: u64, message: String) {
        self.problems.push(Problem { line, message });
    }
}
