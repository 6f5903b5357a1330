//! A list that has been checked whole: every row has a token that its base takes, or gets one.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use container::digest::hex;
use installer::AcceptedToken;
use zeroize::Zeroizing;

use super::journal::Entry;
use super::minter::Minter;
use super::table::{self, Mapping, Problem, Row, Wanted};
use crate::base::Base;
use crate::error::{Error, Result};
use crate::observer::{Event, Observer};
use crate::signer::Signer;
use crate::stamp::Stamp;

/// No list is this long: a million rows with tokens of 500 bytes.
const MAX_LIST_BYTES: u64 = 512 << 20;
/// More mistakes than these are counted and not told.
const MAX_TOLD_MISTAKES: usize = 20;
/// A stamp may be longer than its base by its token and what a format puts around it.
const GROWTH_BYTES: u64 = 16 << 10;

/// What a list is, and what becomes of its rows.
pub struct ListOptions<'a> {
    /// Its name, for messages.
    pub name: &'a Path,
    /// Which header a column has, where it is none of the usual ones.
    pub columns: &'a [Mapping],
    /// The name that each installer has.
    pub file_name: String,
    /// Whether the manifest has the files' SHA-256: they cost more than the stamping.
    pub digests: bool,
    /// Makes the tokens of a list of devices.
    pub minter: Option<Minter>,
    /// Who signs.
    pub signer: Option<Box<Signer>>,
    /// The number of every stamp, for formats that show it (an rpm's release). Default: of each token, when it was issued, else `now`.
    pub release: Option<u64>,
    /// Seconds since 1970.
    pub now: u64,
}

/// A list without a mistake, with its base.
pub struct List {
    pub(super) base: Base,
    pub(super) base_sha256: String,
    pub(super) name: PathBuf,
    pub(super) rows: Vec<ListRow>,
    pub(super) digests: bool,
    pub(super) minter: Option<Minter>,
    pub(super) signer: Option<Box<Signer>>,
    pub(super) now: u64,
    release: Option<u64>,
    file_name: String,
    passed_over: usize,
}

/// One row.
pub(super) struct ListRow {
    /// Where it starts in the list, from 1.
    pub(super) line: u64,
    /// The name of its folder.
    pub(super) name: String,
    pub(super) serial: Option<String>,
    /// `None`: one is minted.
    pub(super) token: Option<AcceptedToken>,
}

/// Reads a list from a stream. `name` is where it comes from, for messages.
pub fn read_bytes(from: impl Read, name: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    from.take(MAX_LIST_BYTES + 1).read_to_end(&mut bytes).map_err(Error::io("read", name))?;
    if bytes.len() as u64 > MAX_LIST_BYTES {
        return Err(Error::wrong(format!("{}: longer than {MAX_LIST_BYTES} bytes", name.display())));
    }
    Ok(bytes)
}

/// Reads a list from a file.
pub fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    read_bytes(File::open(path).map_err(Error::io("open", path))?, path)
}

impl List {
    /// Checks a list (CSV) whole, before anything is written. Each mistake is told to the observer.
    ///
    /// # Errors
    /// Something is wrong with the list, or the base takes no tokens of this minter or no signature of this signer.
    pub fn check(base: Base, csv: &[u8], options: ListOptions<'_>, observer: &dyn Observer) -> Result<Self> {
        if let Some(signer) = &options.signer {
            base.check_signer(signer)?;
        }
        let ListOptions { name, columns, file_name, digests, minter, signer, release, now } = options;
        let wanted = Wanted { columns, is_minting: minter.is_some(), platform: base.kind().platform() };
        let table = table::read(csv, wanted).map_err(|problems| refuse(name, &problems, observer))?;
        // What a base would not take is known before anything is written.
        if let Some(minter) = &minter {
            base.policy().check(&minter.mint("trial")?, now)?;
        }
        let (mut rows, mut problems) = (Vec::with_capacity(table.rows.len()), Vec::new());
        for row in table.rows {
            let line = row.line;
            match accept(&base, row, now) {
                Ok(row) => rows.push(row),
                Err(message) => problems.push(Problem { line, message }),
            }
        }
        if !problems.is_empty() {
            return Err(refuse(name, &problems, observer));
        }
        for note in &table.notes {
            observer.notice(&Event::Note(note));
        }
        if table.same_token > 0 {
            observer.notice(&Event::Note(&format!("{} rows have the token of an earlier row", table.same_token)));
        }
        let base_sha256 = hex(&base.sha256()?);
        let (name, passed_over) = (name.to_path_buf(), table.passed_over);
        Ok(Self { base, base_sha256, name, rows, digests, minter, signer, now, release, file_name, passed_over })
    }

    /// How many installers it is for.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it is for none; such a list is refused.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many rows were for another platform.
    #[must_use]
    pub const fn passed_over(&self) -> usize {
        self.passed_over
    }

    /// The SHA-256 of the base, 64 hexadecimal digits.
    #[must_use]
    pub fn base_sha256(&self) -> &str {
        &self.base_sha256
    }

    /// No archive or folder of it needs more bytes than this.
    #[must_use]
    pub(crate) fn max_bytes(&self) -> u64 {
        (self.rows.len() as u64).saturating_mul(self.max_installer_bytes())
    }

    /// No stamp is longer.
    pub(super) fn max_installer_bytes(&self) -> u64 {
        let signature = self.signer.as_ref().map_or(0, |signer| signer.max_growth_bytes());
        self.base.len().saturating_add(GROWTH_BYTES).saturating_add(signature)
    }

    /// The row's path in the folder or archive.
    pub(super) fn path(&self, row: &ListRow) -> String {
        format!("{}/{}", row.name, self.file_name)
    }

    /// The row's token.
    pub(super) fn token(&self, row: &ListRow) -> Result<AcceptedToken> {
        let token = match (&row.token, &self.minter, &row.serial) {
            (Some(token), ..) => token.clone(),
            (None, Some(minter), Some(serial)) => self.base.accept(minter.mint(serial)?, self.now)?,
            _ => return Err(Error::wrong(format!("line {}: has no token", row.line))),
        };
        Ok(self.numbered(token))
    }

    /// With the number that was given for all.
    pub(super) fn numbered(&self, token: AcceptedToken) -> AcceptedToken {
        match self.release {
            Some(number) => token.with_number(number),
            None => token,
        }
    }

    /// The base with this token in it, read back.
    pub(super) fn stamp(&self, token: &AcceptedToken) -> Result<Stamp> {
        match &self.signer {
            Some(signer) => self.base.stamp_signed(token, signer),
            None => self.base.stamp(token),
        }
    }

    /// The manifest's line for a row.
    pub(super) fn entry(&self, row: &ListRow, token: &AcceptedToken, stamp: &Stamp, sha256: Option<String>) -> Entry {
        let claims = token.claims();
        Entry {
            line: row.line,
            name: row.name.clone(),
            serial_number: row.serial.clone(),
            file: self.path(row),
            size: stamp.len(),
            sha256,
            token_fingerprint: token.token().fingerprint(),
            token_expires: claims.map(|claims| claims.expires),
            token_id: claims.map(|claims| claims.id.clone()),
            base_sha256: self.base_sha256.clone(),
        }
    }

    /// The digest of a stamp, where the manifest has digests.
    pub(super) fn digest(&self, stamp: &Stamp) -> Result<Option<String>> {
        if self.digests { Ok(Some(hex(&stamp.sha256()?))) } else { Ok(None) }
    }
}

/// A signed token must be of use: not expired, for this product, for the row's device.
fn accept(base: &Base, row: Row, now: u64) -> Result<ListRow, String> {
    let Row { line, name, serial, token } = row;
    let token = token.map(|token| base.accept(token, now)).transpose().map_err(|error| error.to_string())?;
    let bound_to = token.as_ref().and_then(AcceptedToken::claims).and_then(|claims| claims.serial.as_ref());
    if bound_to.zip(serial.as_ref()).is_some_and(|(theirs, ours)| theirs != ours) {
        return Err("the token is for another serial number than the row".to_owned());
    }
    Ok(ListRow { line, name, serial, token })
}

/// Tells every mistake by its line, and gives the sentence that ends the work.
pub(super) fn refuse(list: &Path, problems: &[Problem], observer: &dyn Observer) -> Error {
    for problem in problems.iter().take(MAX_TOLD_MISTAKES) {
        observer.notice(&Event::Mistake { place: list, message: &problem.to_string() });
    }
    let more = problems.len().saturating_sub(MAX_TOLD_MISTAKES);
    if more > 0 {
        observer.notice(&Event::Mistake { place: list, message: &format!("and {more} more") });
    }
    let plural = if problems.len() == 1 { "mistake" } else { "mistakes" };
    Error::wrong(format!("{}: {} {plural}; nothing was written", list.display(), problems.len()))
}
