//! What is judged: everything that rules ask of an installer, read once.

use std::io::{self, Read};

use container::ReadAt;
use installer::format::{Area, EntryKind, Extracted, Format, ReadError, Sink};
use installer::{Claims, Kind, Token, deb, formats, msi, pkg, rpm};

/// An installer, read for the rules.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Its file's name.
    pub name: String,
    /// Its length in bytes.
    pub len_bytes: u64,
    /// The product's name; `None` where the installer does not say it.
    pub product: Option<String>,
    /// Whether it has a token.
    pub has_token: bool,
    /// What the token says of itself, where it is a signed one. The text is what is wrong with it.
    pub claims: Result<Option<Claims>, String>,
    /// Seconds since 1970.
    pub now: u64,
    /// Whether the file's name has the token in it.
    pub is_token_in_name: bool,
    /// Paths of installed files, scripts and documents that have the token in them, or in their names.
    pub leaks: Vec<String>,
    /// The base that it was stamped from, if it is known.
    pub base: Option<Base>,
    /// What lies beside the file.
    pub beside: Beside,
    /// What only its format has.
    pub facts: FormatFacts,
}

/// What a rule asks of a base.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Base {
    /// Its file's name.
    pub name: String,
    /// Its package code, if it is an MSI.
    pub package_code: String,
}

/// What lies beside an installer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// The payload types of the configuration profiles there.
    pub payload_types: Vec<String>,
}

/// What only one format has.
#[derive(Debug, Clone)]
pub enum FormatFacts {
    /// An MSI's tables.
    Msi(Box<msi::Contents>),
    /// A flat package: what it says and what it leaves running.
    Pkg(Box<pkg::Facts>, Box<pkg::Daemons>),
    /// A Debian package.
    Deb(Box<deb::Facts>),
    /// An RPM package.
    Rpm(Box<rpm::Facts>),
}

/// A shorter token may be a word that installers have anyway.
const TELLING_BYTES: usize = 8;

impl Subject {
    /// Reads a whole installer. `now` is in seconds since 1970.
    pub fn read(file: &dyn ReadAt, name: &str, now: u64) -> Result<Self, ReadError> {
        let installer = formats::open(file)?;
        let token = installer.token()?;
        let facts = FormatFacts::read(installer.format(), file)?;
        let mut leaks = Vec::new();
        // Cabinets outside of the file cannot be looked into; a rule says that they are there.
        if let Some(token) = token.as_ref().filter(|token| token.len() >= TELLING_BYTES && facts.is_whole()) {
            let mut search = Search { token, facts: &facts, leaks: &mut leaks };
            installer.extract(&mut search)?;
        }
        let is_token_in_name = token.as_ref().is_some_and(|token| name.contains(token.expose()));
        Ok(Self {
            name: name.to_owned(),
            len_bytes: file.len(),
            product: installer.product_name()?,
            has_token: token.is_some(),
            claims: token
                .as_ref()
                .map_or(Ok(None), |token| Claims::from_token(token).map_err(|error| error.to_string())),
            now,
            is_token_in_name,
            leaks,
            base: None,
            beside: Beside::default(),
            facts,
        })
    }
}

impl FormatFacts {
    fn read(format: &dyn Format, file: &dyn ReadAt) -> Result<Self, ReadError> {
        Ok(match format.kind() {
            Kind::Msi => Self::Msi(Box::new(msi::contents(file)?)),
            Kind::Pkg => {
                let facts = pkg::facts(file)?;
                // Of several packages in one, none is the one that leaves something running.
                let background = match facts.components.len() {
                    1 => pkg::daemons(file)?,
                    _ => pkg::Daemons::default(),
                };
                Self::Pkg(Box::new(facts), Box::new(background))
            }
            Kind::Deb => Self::Deb(Box::new(deb::facts(file)?)),
            Kind::Rpm => Self::Rpm(Box::new(rpm::facts(file)?)),
        })
    }

    fn is_whole(&self) -> bool {
        match self {
            Self::Msi(contents) => contents.rows("Media").iter().all(|row| row.text("Cabinet").starts_with('#')),
            Self::Pkg(..) | Self::Deb(_) | Self::Rpm(_) => true,
        }
    }
}

/// Looks for the token in everything that is not its place.
struct Search<'a> {
    token: &'a Token,
    facts: &'a FormatFacts,
    leaks: &'a mut Vec<String>,
}

impl Sink for Search<'_> {
    fn entry(&mut self, entry: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
        let area = match entry.area {
            Area::Token => return Ok(()),
            // The token's place in an MSI is a table; a rule of its own looks at those.
            Area::Metadata if matches!(self.facts, FormatFacts::Msi(_)) => return Ok(()),
            Area::Metadata => "metadata",
            Area::Payload => "payload",
        };
        let secret = self.token.expose();
        let is_here = entry.path.contains(secret)
            || match entry.kind {
                EntryKind::Folder => false,
                EntryKind::Link(target) | EntryKind::HardLink(target) => target.contains(secret),
                EntryKind::File(_) => contains(content, secret.as_bytes())
                    .map_err(|source| ReadError::Io { verb: "look for the token", source })?,
            };
        if is_here {
            // The path may have the token in it.
            self.leaks.push(format!("{area}: {}", entry.path.replace(secret, "(token)")));
        }
        Ok(())
    }
}

/// Whether a stream has these bytes, wherever the pieces end.
fn contains(content: &mut dyn Read, wanted: &[u8]) -> io::Result<bool> {
    const PIECE_BYTES: usize = 128 << 10;
    let keep = wanted.len().saturating_sub(1);
    let mut buffer = Vec::new();
    let mut is_found = false;
    loop {
        let before = buffer.len();
        let read = content.take(PIECE_BYTES as u64).read_to_end(&mut buffer)?;
        if read == 0 {
            return Ok(is_found);
        }
        // The whole stream is read, so that its checksums are checked.
        is_found = is_found || buffer.windows(wanted.len()).any(|window| window == wanted);
        let end = before + read;
        buffer.drain(..end.saturating_sub(keep));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_across_pieces() {
        let mut content = vec![b'x'; (128 << 10) - 3];
        content.extend_from_slice(b"very-secret");
        content.extend(vec![b'y'; 100_000]);
        assert!(contains(&mut content.as_slice(), b"very-secret").unwrap());
        assert!(!contains(&mut content.as_slice(), b"very-secrex").unwrap());
    }
}
