//! Puts a token into a base: the headers anew, the payload kept but for its tail.

use container::ReadAt;
use container::cpio::{REGULAR, newc};
use container::digest::{Algorithm, hex};
use container::midstate::Sha256;
use container::rpm::{LeadKind, Value, Writer, lead, tag};

use super::bulk::Bulk;
use super::codec::Tail;
use super::header::{self, RELEASE};
use super::mark::{LAYOUT, Mark};
use super::names::token_path;
use super::read::Package;
use super::scripts::put_marked;
use super::signature;
use crate::format::{ReadError, StampError, Stamper};
use crate::policy::AcceptedToken;
use crate::secret::SecretBytes;
use crate::signature::SignImprint;
use crate::splice::{Segment, Splice};
use crate::token::Token;

/// An opened base.
pub(super) struct RpmStamper {
    base_len: u64,
    payload_offset: u64,
    name: String,
    version: String,
    mtime: u32,
    is_stamped: bool,
    is_signed: bool,
    /// The header with a row for a token that is not known yet.
    header: Writer,
    /// The token's place in the rows.
    row: usize,
    inode: u32,
    sizes: Vec<u32>,
    digests: Vec<String>,
    total: u32,
    pre: String,
    post: String,
    bulk: Bulk,
    pending: Vec<u8>,
    tail: Tail,
}

impl RpmStamper {
    pub(super) fn open(package: &Package<'_>) -> Result<Self, StampError> {
        let not_ours = |found: String| StampError::NotABase {
            what: "the mark in the first line of %pre",
            found,
            expected: "that of a base of layout 1",
        };
        let mark = package.mark()?.ok_or(StampError::NotOurs("the mark in the first line of %pre"))?;
        if mark.layout != LAYOUT {
            return Err(not_ours(format!("of layout {}", mark.layout)));
        }
        // Checks what a stamp will be read back by: digests, row and tail.
        let found = package.token_in_tail()?;
        let bulk = package.bulk()?;
        let tail = package.tail(&bulk)?;
        let (name, version) = (package.name()?, package.required(tag::VERSION, "VERSION")?);
        let mut header = rewritten(package)?;
        let mtime = package.rpm.header.number(tag::BUILDTIME)?.and_then(|time| u32::try_from(time).ok());
        let mtime = mtime.ok_or_else(|| ReadError::from(package.rpm.header.missing("BUILDTIME")))?;
        let rows = Rows::new(package, &name, found.is_some(), mtime, &mut header)?;
        let script = |tag, name| {
            let script = package.required(tag, name)?;
            let (of_script, rest) = Mark::parse(&script).ok_or_else(|| not_ours(format!("not in {name}")))?;
            if of_script != mark {
                return Err(not_ours(format!("another one in {name}")));
            }
            Ok::<_, StampError>(rest.to_owned())
        };
        Ok(Self {
            base_len: package.file.len(),
            payload_offset: package.rpm.payload_offset(),
            name,
            version,
            mtime,
            is_stamped: found.is_some(),
            is_signed: signature::packet(&package.rpm)?.is_some(),
            header,
            row: rows.token,
            inode: rows.inode,
            sizes: rows.sizes,
            digests: rows.digests,
            total: rows.total,
            pre: script(tag::PREIN, "%pre")?,
            post: script(tag::POSTIN, "%post")?,
            pending: package.pending(&bulk)?,
            bulk,
            tail,
        })
    }

    /// The splice, signed if there is somebody who signs.
    fn splice(&self, accepted: &AcceptedToken, signer: Option<&dyn SignImprint>) -> Result<Splice, StampError> {
        let token = accepted.token();
        let tail = self.tail_with(token).map_err(io)?;
        let decoded = self.bulk.decoded + tail.len() as u64;
        let (keep, put) = self.tail.replace(&tail).map_err(io)?;
        let put = SecretBytes::new(put);
        let header = self.header_with(token, accepted.number(), &put).map_err(io)?;
        let openpgp = signer.map(|signer| signature::signed(&header, signer)).transpose()?;
        let signature = header::signature(&header, keep + put.len() as u64, decoded, openpgp).map_err(io)?;
        let name = format!("{}-{}-{}", self.name, self.version, release(accepted.number()));
        let front = [&lead(LeadKind::Binary, &name)[..], &signature, &header].concat();
        let segments = [
            Segment::Put(SecretBytes::new(front)),
            Segment::Keep(self.payload_offset..self.payload_offset + keep),
            Segment::Put(put),
        ];
        Ok(Splice::new(self.base_len, segments)?)
    }

    /// The end of the archive: the token and the trailer.
    fn tail_with(&self, token: &Token) -> std::io::Result<SecretBytes> {
        let mut tail = SecretBytes::with_capacity(2 * Token::MAX_BYTES);
        let (path, size) = (token_path(&self.name), size(token));
        let (inode, mode) = (self.inode, REGULAR | 0o600);
        let entry = newc::Header { path: &path, inode, mode, links: 1, mtime: self.mtime, size };
        newc::header(&mut tail, &entry)?;
        tail.extend_from_slice(token.expose().as_bytes());
        let padding = newc::padding(tail.len() as u64);
        tail.extend_from_slice(padding);
        tail.extend_from_slice(&newc::trailer());
        Ok(tail)
    }

    fn header_with(&self, token: &Token, number: u64, tail: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut digest = Sha256::resume(self.bulk.midstate);
        digest.update(&self.pending);
        digest.update(tail);
        let mut header = self.header.clone();
        header::put_payload(&mut header, Some(&self.bulk), &digest.finish());
        put_marked(&mut header, &Mark::stamp(token), &self.pre, &self.post);
        let release = release(number);
        let version_release = format!("{}-{release}", self.version);
        let (mut sizes, mut digests) = (self.sizes.clone(), self.digests.clone());
        if let (Some(of_size), Some(of_digest)) = (sizes.get_mut(self.row), digests.get_mut(self.row)) {
            *of_size = size(token);
            *of_digest = hex(&Algorithm::Sha256.digest(token.expose().as_bytes()));
        }
        header
            .put(tag::RELEASE, Value::Text(release))
            .put(tag::PROVIDEVERSION, Value::Texts(vec![version_release; 2]))
            .put(tag::FILESIZES, Value::U32(sizes))
            .put(tag::FILEDIGESTS, Value::Texts(digests))
            .put(tag::SIZE, Value::number(self.total.saturating_add(size(token))));
        header.finish()
    }
}

impl Stamper for RpmStamper {
    fn is_stamped(&self) -> bool {
        self.is_stamped
    }

    fn stamp(&self, token: &AcceptedToken) -> Result<Splice, StampError> {
        if self.is_signed { Err(StampError::Signed) } else { self.splice(token, None) }
    }

    fn stamp_signed(
        &self,
        _: &dyn ReadAt,
        token: &AcceptedToken,
        signer: &dyn SignImprint,
    ) -> Result<Splice, StampError> {
        self.splice(token, Some(signer))
    }
}

/// A stamp's release: later tokens have higher ones, and all of them are higher than a base's.
fn release(number: u64) -> String {
    format!("{RELEASE}.{number}")
}

/// A token has 4096 bytes at most.
fn size(token: &Token) -> u32 {
    u32::try_from(token.len()).unwrap_or(u32::MAX)
}

/// The header's values, to be written again.
fn rewritten(package: &Package<'_>) -> Result<Writer, StampError> {
    let mut header = Writer::header();
    for (tag, kind, _) in package.rpm.header.tags() {
        header.put(tag, signature::value(&package.rpm.header, tag, kind)?);
    }
    Ok(header)
}

/// What changes in the rows of the files.
struct Rows {
    token: usize,
    /// The token's, which no other file has.
    inode: u32,
    sizes: Vec<u32>,
    digests: Vec<String>,
    /// All files together, without the token.
    total: u32,
}

impl Rows {
    /// Makes room in every row for the token, unless there is a token already.
    fn new(
        package: &Package<'_>,
        name: &str,
        has_token: bool,
        mtime: u32,
        header: &mut Writer,
    ) -> Result<Self, StampError> {
        let files = package.rpm.header.files().map_err(ReadError::from)?;
        let path = token_path(name);
        let at = files.iter().position(|file| file.path >= path).unwrap_or(files.len());
        if !has_token {
            super::files::insert_token(header, at, &path, mtime).ok_or_else(|| StampError::NotABase {
                what: "the list of files in the header",
                found: "of another form".to_owned(),
                expected: "that of a base of layout 1",
            })?;
        }
        let others = || files.iter().filter(|file| file.path != path);
        let regular = others().filter(|file| file.is_regular() && !file.is_ghost());
        let total = regular.fold(0_u64, |sum, file| sum.saturating_add(file.size));
        let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let mut sizes: Vec<u32> = others().map(|file| number(file.size)).collect();
        let mut digests: Vec<String> = others().map(|file| file.digest.clone()).collect();
        sizes.insert(at, 0);
        digests.insert(at, String::new());
        // Files are numbered from 1.
        let inode = number(sizes.len() as u64);
        Ok(Self { token: at, inode, sizes, digests, total: number(total) })
    }
}

/// The only I/O of a stamp is writing to memory: an error is a value that does not fit its field.
fn io(source: std::io::Error) -> StampError {
    ReadError::Io { verb: "make the stamp", source }.into()
}
