//! Stamping: a base's small streams are edited and laid out again around the cabinet.
//!
//! ```text
//!   base     header │ 00.cab    ... its FAT │ tail: FAT, directory, mini stream, string pool, tables
//!   splice   Put    │ Keep                  │ Put
//! ```
//!
//! A stamp adds the property `ENROLLMENTTOKEN`, gives the package a new ProductCode and PackageCode that follow from the base's own
//! and the token, and changes nothing else. Windows Installer takes files with one PackageCode for the same file, so the
//! code must differ where the bytes do; another ProductCode makes another token an ordinary upgrade.
//!
//! The base's codes stay in two private properties. So a stamped installer gives its base back: the token's row and the strings that
//! the stamp added are taken away, and a stamp of that is byte for byte a stamp of the base.
//!
//! A stamp can be signed in the same step (`digests.rs`). A signed base is opened for that alone: its signature is left behind.
//!
//! What is not laid out exactly as [`container::cfb::layout`] lays it out is refused, not repaired: only then does a kept range stand for what
//! a fresh file would have there, and only then is the result compact (Windows refuses signed files that are not).

mod digests;
mod strings;
#[cfg(test)]
mod tests;

use std::ops::Range;

use container::cfb::MSI_CLSID;
use container::cfb::layout::{self, Bulk, Frame, Refusal, SECTOR, Stream};
use container::cfb::read::{Compound, Entry, Kind};
use container::msidb::name;
use container::msidb::summary::pid;
use container::{ReadAt, Reader};
use sha2::Sha256;

use crate::format::{StampError, Stamper};
use crate::guid::derive;
use crate::policy::AcceptedToken;
use crate::secret::SecretBytes;
use crate::signature::{Imprint, SignImprint};
use crate::splice::{Segment, Splice};
use crate::token::Token;

use super::content::{self, CHANGED, CONTENT, Changed, DIGITS, FIXED};
use super::identity::{BASE_PACKAGE_CODE, BASE_PRODUCT_CODE, LAYOUT, LAYOUT_PROPERTY};
use super::read::Installer;
use super::token::TOKEN_PROPERTY;

use digests::Digests;
use strings::{Properties, Stored, not_a_base};

/// A GUID in braces.
const GUID_BYTES: usize = 38;
/// The strings that a stamp adds beside the token: a product code and the property's name.
const ADDED_BYTES: usize = GUID_BYTES + TOKEN_PROPERTY.len();
/// All small streams of a base together; ours have a hundred kilobytes.
const MAX_BYTES: u64 = 16 << 20;

/// An opened base: everything that a stamp needs.
pub(super) struct MsiStamper {
    base_len: u64,
    bulk: Vec<Bulk>,
    /// The small streams that no stamp changes.
    constant: Vec<(Vec<u16>, Vec<u8>)>,
    /// The names of those that a stamp changes, and of the summary information.
    changed: [Vec<u16>; 4],
    /// The base's strings and properties, without a token.
    properties: Properties,
    /// The base's summary information.
    summary: Vec<u8>,
    /// Where in it the package code is.
    revision: Range<usize>,
    codes: Codes,
    /// The state of the digest of the streams that a stamp changes, after the base's strings, and how many bytes those are.
    proof: (Sha256, usize),
    /// Where in the strings that digest is.
    content: Range<usize>,
    is_stamped: bool,
    /// The signature's streams, which a stamp leaves behind.
    signature: Vec<(Vec<u16>, Vec<u8>)>,
    digests: Digests,
}

/// The base's own codes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Codes {
    product: String,
    package: String,
}

impl Codes {
    /// The codes of the base with this token in it.
    fn stamped(&self, token: &Token) -> Self {
        let code =
            |what: &[u8]| derive(&[what, self.product.as_bytes(), self.package.as_bytes(), token.expose().as_bytes()]);
        Self { product: code(b"stamped product code"), package: code(b"stamped package code") }
    }
}

/// Finds everything that a stamp needs. Reads the header and what lies around the cabinet, and nothing of the cabinet.
pub(super) fn open(installer: &Installer<'_>, base: &dyn ReadAt) -> Result<MsiStamper, StampError> {
    let compound = installer.compound();
    let (bulk, mut small) = sort_streams(compound)?;
    let [pool, data, table] = CHANGED.map(|table| utf16(&name::table_stream_name(table)));
    let changed = [pool, data, table, utf16(name::SUMMARY_INFORMATION)];
    // What a stamp changes lies behind the kept streams, or another tool has laid the file out.
    if bulk.iter().any(|bulk| changed.contains(&bulk.name)) {
        return Err(another_layout());
    }
    small.retain(|entry| !changed.contains(&entry.name));
    let read = |entry: &Entry| compound.read(entry, usize::try_from(MAX_BYTES).unwrap_or(0));
    let signature_names = [name::DIGITAL_SIGNATURE, name::DIGITAL_SIGNATURE_EX].map(utf16);
    let streams = small.into_iter().map(|entry| Ok((entry.name.clone(), read(entry)?)));
    let streams = streams.collect::<Result<Vec<_>, container::Error>>()?;
    let (signature, constant) = streams.into_iter().partition(|(name, _)| signature_names.contains(name));
    let [pool, _, _, summary] = &changed;
    let missing = || not_a_base("a stream of the tables", "missing".to_owned(), "there");
    let stream = |name: &[u16]| read(compound.find(name).ok_or_else(missing)?).map_err(StampError::from);
    let (word, mut summary) = (Reader::new("string pool", 0, &stream(pool)?).u32_le()?, stream(summary)?);

    let mut properties = Properties::new(&installer.database, word)?;
    let token = installer.token()?;
    let codes = base_codes(&properties)?;
    let (fixed, content) = digests(&properties)?;
    if token.is_some() {
        properties.remove(TOKEN_PROPERTY)?;
        properties.set("ProductCode", &codes.product)?;
    }
    let strings = properties.strings();
    let proof = content::state(&fixed, strings, &content).ok_or_else(no_digest)?;
    let proof = (proof, strings.len());
    let revision = installer.summary.place(pid::REVISION);
    let revision = revision
        .ok_or_else(|| not_a_base("the package code", "missing".to_owned(), "a GUID in the summary information"))?;
    put_code(&mut summary, &revision, &codes.package)?;
    let is_stamped = token.is_some();
    let base_len = base.len();
    let digests = Digests::default();
    let slot = MsiStamper {
        base_len,
        bulk,
        constant,
        changed,
        properties,
        summary,
        revision,
        codes,
        proof,
        content,
        is_stamped,
        signature,
        digests,
    };
    slot.check(base, token.as_ref())?;
    Ok(slot)
}

/// The streams at the front of the file, and all others.
fn sort_streams<R: ReadAt>(compound: &Compound<R>) -> Result<(Vec<Bulk>, Vec<&Entry>), StampError> {
    let mut small: Vec<&Entry> = compound.entries().iter().collect();
    if small.iter().any(|entry| entry.kind == Kind::Storage) {
        return Err(not_a_base("the compound file", "one with folders".to_owned(), "one without"));
    }
    small.sort_by_key(|entry| (entry.is_mini(), entry.start));
    let (mut bulk, mut sector) = (Vec::new(), 0);
    // Signing tools put what a stamp changes at the front as well; it is no bulk there either.
    let tables = CHANGED.map(|table| utf16(&name::table_stream_name(table)));
    let is_changed = |entry: &Entry| entry.name.first() == Some(&5) || tables.contains(&entry.name);
    for entry in &small {
        if entry.is_mini() || u64::from(entry.start) != sector || is_changed(entry) {
            break;
        }
        sector += entry.size.div_ceil(SECTOR as u64);
        bulk.push(Bulk { name: entry.name.clone(), len_bytes: entry.size });
    }
    small.drain(..bulk.len());
    let bytes = small.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
    if bytes > MAX_BYTES {
        return Err(not_a_base("the size of all tables", bytes.to_string(), "16 MiB at most"));
    }
    Ok((bulk, small))
}

/// The codes that the base was built with.
fn base_codes(properties: &Properties) -> Result<Codes, StampError> {
    let layout = properties.value(LAYOUT_PROPERTY).ok_or(StampError::NotOurs("the property StampwrightLayout"))?;
    if layout != LAYOUT {
        return Err(not_a_base(
            "the property StampwrightLayout",
            layout.to_owned(),
            "1, the layout that this version knows",
        ));
    }
    let code = |key: &'static str| {
        let code = properties.value(key).filter(|code| code.len() == GUID_BYTES);
        code.map(str::to_owned).ok_or_else(|| not_a_base(key, "missing".to_owned(), "a code of the base"))
    };
    Ok(Codes { product: code(BASE_PRODUCT_CODE)?, package: code(BASE_PACKAGE_CODE)? })
}

/// The digest of what no stamp changes, and where the other one is.
fn digests(properties: &Properties) -> Result<([u8; 32], Range<usize>), StampError> {
    let fixed = properties.value(FIXED).and_then(container::digest::from_hex);
    let fixed = fixed.ok_or_else(|| not_a_base(FIXED, "missing".to_owned(), "64 hexadecimal digits"))?;
    let content = properties.place(CONTENT).filter(|place| place.len() == DIGITS);
    let content = content.ok_or_else(no_digest)?;
    Ok((fixed, content))
}

fn no_digest() -> StampError {
    not_a_base(CONTENT, "missing".to_owned(), "64 hexadecimal digits")
}

/// Puts a package code where the old one is.
fn put_code(summary: &mut [u8], place: &Range<usize>, code: &str) -> Result<(), StampError> {
    let bytes = summary.get_mut(place.clone()).filter(|bytes| bytes.len() == code.len());
    let missing = || not_a_base("the package code", "missing".to_owned(), "a GUID in the summary information");
    bytes.ok_or_else(missing)?.copy_from_slice(code.as_bytes());
    Ok(())
}

/// The streams that a stamp changes.
struct Edited {
    stored: Stored,
    summary: Vec<u8>,
}

impl MsiStamper {
    /// The changed streams, with or without a token.
    fn edited(&self, token: Option<&Token>) -> Result<Edited, StampError> {
        let mut summary = self.summary.clone();
        let mut properties = self.properties.with_room(token.map_or(0, |token| token.len() + ADDED_BYTES));
        if let Some(token) = token {
            let codes = self.codes.stamped(token);
            put_code(&mut summary, &self.revision, &codes.package)?;
            properties.set("ProductCode", &codes.product)?;
            properties.insert(TOKEN_PROPERTY, token.expose())?;
        }
        let mut stored = properties.store();
        let Stored { pool, data, table } = &mut stored;
        let [pool_name, data_name, table_name, summary_name] = &self.changed;
        let others: [(&[u16], &[u8]); 3] = [(pool_name, pool), (table_name, table), (summary_name, &summary)];
        let streams = Changed { strings: (data_name, data), others };
        let (state, seen) = &self.proof;
        content::prove(state, *seen, &self.content, streams).ok_or_else(no_digest)?;
        Ok(Edited { stored, summary })
    }

    /// All streams but the cabinet and the signature's.
    fn streams<'s>(&'s self, edited: &'s Edited) -> Vec<Stream<'s>> {
        let Edited { stored: Stored { pool, data, table }, summary } = edited;
        let changed = self.changed.iter().zip([&**pool, &**data, &**table, &**summary]);
        let all = self.constant.iter().map(|(name, data)| (name, &**data)).chain(changed);
        all.map(|(name, data)| Stream { name, data }).collect()
    }

    /// What lies around the cabinet when it has these streams around it.
    fn frame(&self, streams: &[Stream<'_>]) -> Result<Frame, StampError> {
        layout::frame(MSI_CLSID, &self.bulk, streams).map_err(|refusal| match refusal {
            Refusal::TooLarge { bytes } => StampError::TooLarge { found: bytes, limit: layout::LONGEST },
            Refusal::Name { .. } | Refusal::Twice | Refusal::TooShort { .. } => another_layout(),
        })
    }

    /// The splice with these streams.
    fn splice(&self, streams: &[Stream<'_>]) -> Result<Splice, StampError> {
        let Frame { header, tail_start, tail } = self.frame(streams)?;
        let cabinet = header.len() as u64..tail_start;
        Ok(Splice::new(self.base_len, [Segment::put(header), Segment::Keep(cabinet), Segment::put(tail)])?)
    }

    /// Whether the file is, byte for byte, what we make of its own streams and this token.
    fn check(&self, base: &dyn ReadAt, token: Option<&Token>) -> Result<(), StampError> {
        let edited = self.edited(token)?;
        let mut streams = self.streams(&edited);
        streams.extend(self.signature.iter().map(|(name, data)| Stream { name, data }));
        let frame = self.frame(&streams)?;
        let mut exact = base.len() == frame.file_len() && holds(base, 0, &frame.header)?;
        exact = exact && holds(base, frame.tail_start, &frame.tail)?;
        let sectors = self.bulk.iter().map(|bulk| bulk.len_bytes.div_ceil(SECTOR as u64)).sum::<u64>();
        let places = (1 + sectors..).map(|sector| sector * SECTOR as u64);
        for (place, sector) in places.zip(layout::bulk_fat(&self.bulk).map_err(|_| another_layout())?) {
            exact = exact && holds(base, place, &sector)?;
        }
        if exact { Ok(()) } else { Err(another_layout()) }
    }
}

impl Stamper for MsiStamper {
    fn is_stamped(&self) -> bool {
        self.is_stamped
    }

    fn stamp(&self, token: &AcceptedToken) -> Result<Splice, StampError> {
        if !self.signature.is_empty() {
            return Err(StampError::Signed);
        }
        let edited = self.edited(Some(token.token()))?;
        self.splice(&self.streams(&edited))
    }

    fn stamp_signed(
        &self,
        base: &dyn ReadAt,
        token: &AcceptedToken,
        signer: &dyn SignImprint,
    ) -> Result<Splice, StampError> {
        let edited = self.edited(Some(token.token()))?;
        let mut streams = self.streams(&edited);
        let (dse, sha256) = self.digests.compute(base, &self.bulk, &streams)?;
        let signed = signer.sign_imprint(&Imprint::Msi { sha256 })?;
        let [signature, ex] = [name::DIGITAL_SIGNATURE, name::DIGITAL_SIGNATURE_EX].map(utf16);
        streams.push(Stream { name: &signature, data: &signed.cms });
        streams.push(Stream { name: &ex, data: &dse });
        self.splice(&streams)
    }
}

fn another_layout() -> StampError {
    not_a_base("the layout of the file", "another".to_owned(), "that of a base or of a stamp of one")
}

/// Whether the file has these bytes at this place.
fn holds(file: &dyn ReadAt, offset: u64, bytes: &[u8]) -> Result<bool, StampError> {
    if offset.saturating_add(bytes.len() as u64) > file.len() {
        return Ok(false);
    }
    let mut found = SecretBytes::new(vec![0; bytes.len()]);
    file.read_at(offset, &mut found).map_err(container::Error::io("read the base"))?;
    Ok(*found == *bytes)
}

fn utf16(name: &str) -> Vec<u16> {
    name.encode_utf16().collect()
}
