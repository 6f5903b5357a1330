//! The columns of a list, and which header each of them has.

use std::collections::BTreeMap;
use std::str::FromStr;

use csv::ByteRecord;

/// What a list can say of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    Token,
    Name,
    /// Somebody's name, beside a device's: nothing is made of it.
    Person,
    /// A telephone's number, which is no serial number.
    Imei,
    Email,
    Ownership,
    Serial,
    Platform,
}

/// Every column, its header as it is printed, and how the header is written without case, spaces, `_` and `-`.
pub(super) const COLUMNS: [(Column, &str, &[&str]); 8] = [
    (Column::Token, "token", &["token", "enrollmenttoken", "enrolmenttoken"]),
    (Column::Name, "name", &["devicename", "computername", "hostname", "name"]),
    (Column::Person, "person", &["person", "username", "user", "displayname", "owner"]),
    (Column::Imei, "imei", &["imei", "imeinumber", "meid"]),
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

/// Why a telephone's number does not name a device.
pub(super) const IMEI: &str = "an IMEI is no serial number, and the agent on a computer has none to show";

/// Without case, spaces, `_`, `-`.
pub(super) fn folded(header: &str) -> String {
    let kept = header.chars().filter(|char| !char.is_whitespace() && !matches!(char, '_' | '-' | '\u{FEFF}'));
    kept.flat_map(char::to_lowercase).collect()
}

/// Where each column is.
pub(super) struct Header {
    places: BTreeMap<Column, usize>,
    /// What was taken for what, where it is not plain.
    pub(super) notes: Vec<String>,
    pub(super) fields: usize,
}

impl Header {
    pub(super) fn find(record: &ByteRecord, mappings: &[Mapping], is_minting: bool) -> Result<Self, String> {
        let headers: Vec<String> = record.iter().map(|cell| folded(&String::from_utf8_lossy(cell))).collect();
        let (mut places, mut notes) = (BTreeMap::new(), Vec::new());
        for (column, name, spellings) in &COLUMNS {
            let mapped = mappings.iter().find(|mapping| mapping.column == *column);
            // Products for enrollment have both: the device's name is the file's, and the other is a person's.
            let named = |spelling: &str| headers.iter().filter(|header| *header == spelling).count();
            let mut spellings = *spellings;
            if *column == Column::Name && mapped.is_none() && named("name") == 1 {
                let devices = spellings.split_last().map_or(spellings, |(_, devices)| devices);
                if let Some(device) = devices.iter().find(|spelling| named(spelling) > 0) {
                    notes.push(format!("{device} is the name of each file; name is a person's, and is not used"));
                    spellings = devices;
                }
            }
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
        let header = Self { places, notes, fields: headers.len() };
        let needed = if is_minting { Column::Serial } else { Column::Token };
        if !header.places.contains_key(&needed) {
            let name = COLUMNS.iter().find(|(column, ..)| *column == needed).map_or("", |(_, name, _)| name);
            let why = match needed == Column::Serial && header.places.contains_key(&Column::Imei) {
                true => format!("; {IMEI}"),
                false => String::new(),
            };
            return Err(format!("no column has the header \"{name}\" (--column \"{name}=HEADER\" names another){why}"));
        }
        Ok(header)
    }

    pub(super) fn cell<'r>(&self, record: &'r ByteRecord, column: Column) -> Option<&'r [u8]> {
        self.places.get(&column).and_then(|at| record.get(*at))
    }
}
