//! A stamp: a base with a token in it, not yet written anywhere.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::ops::{Bound, Range, RangeBounds};
use std::sync::{Arc, OnceLock};

use container::ReadAt;
use installer::AcceptedToken;
use installer::format::StampError;
use installer::splice::{Piece, Splice};

use crate::base::Base;
use crate::error::{Error, Result};
use crate::plan::{self, Plan};
use crate::receipt::Receipt;
use crate::signer::Signer;

impl Base {
    /// The base with this token in it, read back: the format's independent reader has found exactly this token. Costs O(token).
    ///
    /// # Errors
    /// The token was accepted for another product or other issuer keys; the base is signed and has no slot.
    pub fn stamp(&self, token: &AcceptedToken) -> Result<Stamp> {
        let splice = self.opened().stamp(token).map_err(|error| self.about(error))?;
        Ok(Stamp::new(self.clone(), splice))
    }

    /// The same, signed in the same step. Costs one signature more, and for the first token of each length one pass over what
    /// the signature covers.
    ///
    /// # Errors
    /// As [`Base::stamp`]; the signer may not sign this; the base is signed and [`Options::resign`](crate::Options::resign) was not asked for.
    pub fn stamp_signed(&self, token: &AcceptedToken, signer: &Signer) -> Result<Stamp> {
        self.check_signer(signer)?;
        let splice = self.opened().stamp_signed(token, signer).map_err(|error| self.about(error))?;
        Ok(Stamp::new(self.clone(), splice))
    }

    /// Checks that a signer may sign stamps of this base: before a list of them is begun.
    pub fn check_signer(&self, signer: &Signer) -> Result<()> {
        signer.check(self.format()).map_err(|error| self.about(error))?;
        if self.keeps_signature() {
            return Err(self.about(StampError::Signed));
        }
        Ok(())
    }
}

/// A base and a few patches. It shares its base, cloning is cheap, and any number of threads may read it.
///
/// It is [`ReadAt`]: whatever takes an installer takes a stamp, without a file being written.
#[derive(Clone)]
pub struct Stamp(Arc<Inner>);

struct Inner {
    base: Base,
    splice: Splice,
    sha256: OnceLock<[u8; 32]>,
}

impl Stamp {
    pub(crate) fn new(base: Base, splice: Splice) -> Self {
        Self(Arc::new(Inner { base, splice, sha256: OnceLock::new() }))
    }

    /// The base that it shares.
    #[must_use]
    pub fn base(&self) -> &Base {
        &self.0.base
    }

    /// Its length in bytes, known before anything is written.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an installer is never empty")]
    pub fn len(&self) -> u64 {
        self.0.splice.len()
    }

    /// A strong entity tag (RFC 9110 §8.8.3), with its quotes: the same for the same bytes of the same base, and it does not give
    /// the token away. Costs O(token) once the base's digest is known.
    pub fn etag(&self) -> Result<String> {
        Ok(plan::etag(&self.base().sha256()?, &self.0.splice))
    }

    /// The SHA-256 of the whole. The first stamp of a base reads all that is kept; those after it only what is behind the first change.
    pub fn sha256(&self) -> Result<[u8; 32]> {
        if let Some(digest) = self.0.sha256.get() {
            return Ok(*digest);
        }
        let digest = self.base().sha256_of(&self.0.splice)?;
        Ok(*self.0.sha256.get_or_init(|| digest))
    }

    /// What another program needs to put the installer together from the base. It has the token in it.
    pub fn plan(&self) -> Result<Plan> {
        Ok(Plan::new(self.base().sha256()?, &self.0.splice))
    }

    /// What was stamped and proven: digests, sizes, product, the token's fingerprint, never the token. Reads base and stamp whole.
    pub fn receipt(&self) -> Result<Receipt> {
        Receipt::from_stamp(self.base(), self)
    }

    /// A range of it, e.g. `..` or `0..1024`.
    ///
    /// # Errors
    /// The range ends before it starts, or after the stamp.
    pub fn slice(&self, range: impl RangeBounds<u64>) -> Result<Slice> {
        let start = match range.start_bound() {
            Bound::Included(start) => Some(*start),
            Bound::Excluded(before) => before.checked_add(1),
            Bound::Unbounded => Some(0),
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last.checked_add(1),
            Bound::Excluded(end) => Some(*end),
            Bound::Unbounded => Some(self.len()),
        };
        match (start, end) {
            (Some(start), Some(end)) if start <= end && end <= self.len() => {
                Ok(Slice { stamp: self.clone(), range: start..end })
            }
            _ => {
                let (start, end) = (range.start_bound(), range.end_bound());
                let message = format!("range from {start:?} to {end:?} of a stamp of {} bytes", self.len());
                Err(Error::usage(message))
            }
        }
    }

    /// Writes it to a stream.
    pub fn write_to(&self, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
        self.0.splice.write_to(self.base().bytes(), out)
    }

    /// Writes it to an empty file. The kernel copies what is kept of a base that was opened by its path.
    pub fn write_to_file(&self, out: &mut File) -> io::Result<()> {
        self.base().bytes().write_to_file(&self.0.splice, out)
    }

    pub(crate) fn splice(&self) -> &Splice {
        &self.0.splice
    }
}

impl ReadAt for Stamp {
    fn len(&self) -> u64 {
        self.0.splice.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.0.splice.over(self.base().bytes()).read_at(offset, buf)
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stamp({} bytes of {:?})", self.len(), self.base())
    }
}

/// A range of a stamp. It owns what it needs: a response's body can be made of it and outlive the request.
#[derive(Debug, Clone)]
pub struct Slice {
    stamp: Stamp,
    range: Range<u64>,
}

impl Slice {
    /// Its length in bytes.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Whether it has no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What it is made of, in order: ranges of the base, for `sendfile` and the like, and new bytes.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        self.stamp.splice().slice(self.range.clone())
    }

    /// Writes it to a stream.
    pub fn write_to(&self, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
        const CHUNK_BYTES: usize = 256 << 10;
        let mut reader = BufReader::with_capacity(CHUNK_BYTES, self.reader());
        io::copy(&mut reader, out).map(drop)
    }

    /// Reads it from front to back.
    #[must_use]
    pub fn reader(&self) -> SliceReader {
        SliceReader { stamp: self.stamp.clone(), range: self.range.clone() }
    }
}

/// Reads a [`Slice`] from front to back.
#[derive(Debug, Clone)]
pub struct SliceReader {
    stamp: Stamp,
    /// What is still to come.
    range: Range<u64>,
}

impl Read for SliceReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.range.end - self.range.start).unwrap_or(usize::MAX);
        let n = buf.len().min(left);
        let Some(part) = buf.get_mut(..n) else { return Ok(0) };
        self.stamp.read_at(self.range.start, part)?;
        self.range.start += n as u64;
        Ok(n)
    }
}
