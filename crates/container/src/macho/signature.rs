//! The SuperBlob at the end of a slice (`cs_blobs.h`).

use super::directory::{self, CodeDirectory};
use super::requirement;
use super::slices::Slice;
use crate::read_at::{ReadAt, read_vec};
use crate::reader::{Error, Malformed, Problem, Reader};

const SUPER_BLOB: &str = "code signature";
/// `CSMAGIC_EMBEDDED_SIGNATURE`.
const EMBEDDED_SIGNATURE: u32 = 0xfade_0cc0;
/// `CSMAGIC_BLOBWRAPPER`, around the CMS.
const BLOB_WRAPPER: u32 = 0xfade_0b01;
const BLOB_HEADER_BYTES: usize = 8;
/// Real ones have at most eight blobs.
const MAX_BLOBS: u32 = 32;
/// Three page-hash lists of a 1 GB program fit.
const MAX_SIGNATURE_BYTES: usize = 24 << 20;

const SLOT_CODE_DIRECTORY: u32 = 0;
const SLOT_REQUIREMENTS: u32 = 2;
const SLOT_ALTERNATES: std::ops::Range<u32> = 0x1000..0x1005;
const SLOT_CMS: u32 = 0x10000;

/// A slice's code signature, read but not yet compared with the slice.
#[derive(Debug, Clone)]
pub struct Signature {
    bytes: Vec<u8>,
    blobs: Vec<Blob>,
    /// The first is the one that the CMS signs.
    directories: Vec<CodeDirectory>,
    /// Where the signature starts in the slice: everything before it must be hashed.
    signed_len: u64,
    /// How many bytes the SuperBlob has.
    len: usize,
}

#[derive(Debug, Clone)]
struct Blob {
    slot: u32,
    range: std::ops::Range<usize>,
}

impl Slice {
    /// The slice's code signature, or `None` when it has none.
    pub fn signature(&self, file: &dyn ReadAt) -> Result<Option<Signature>, Error> {
        let Some((start, reserved)) = self.commands.signature else { return Ok(None) };
        let offset = self.offset + start;
        let end = start + reserved;
        if end > self.len {
            let problem = Problem::Truncated { needed: reserved, found: self.len.saturating_sub(start) };
            return Err(Malformed { structure: SUPER_BLOB, offset, problem }.into());
        }
        if end < self.len {
            let problem = Problem::Trailing { bytes: self.len - end };
            return Err(Malformed { structure: SUPER_BLOB, offset: self.offset + end, problem }.into());
        }
        let bytes = read_vec(file, SUPER_BLOB, offset, reserved, MAX_SIGNATURE_BYTES)?;
        let (blobs, len) = index(&bytes, offset)?;
        let mut directories = Vec::new();
        for blob in &blobs {
            if blob.slot == SLOT_CODE_DIRECTORY || SLOT_ALTERNATES.contains(&blob.slot) {
                let at = offset + blob.range.start as u64;
                directories.push(directory::read(bytes.get(blob.range.clone()).unwrap_or_default(), at)?);
            }
        }
        if !blobs.iter().any(|blob| blob.slot == SLOT_CODE_DIRECTORY) {
            let problem = Problem::Missing { what: "the code directory" };
            return Err(Malformed { structure: SUPER_BLOB, offset, problem }.into());
        }
        Ok(Some(Signature { bytes, blobs, directories, signed_len: start, len }))
    }
}

impl Signature {
    /// The code directories: first the one that the CMS signs, then alternates with other hashes.
    #[must_use]
    pub fn directories(&self) -> &[CodeDirectory] {
        &self.directories
    }

    /// The code directory with the strongest hash, which is the one that macOS goes by.
    #[must_use]
    pub fn best(&self) -> Option<&CodeDirectory> {
        self.directories.iter().max_by_key(|directory| directory.hash)
    }

    /// The CMS SignedData, detached, over the first code directory; `None` in an ad-hoc signature.
    #[must_use]
    pub fn cms(&self) -> Option<&[u8]> {
        self.blob(SLOT_CMS)?.get(BLOB_HEADER_BYTES..).filter(|cms| !cms.is_empty())
    }

    /// Whether there is a requirements blob.
    #[must_use]
    pub fn has_requirements(&self) -> bool {
        self.blob(SLOT_REQUIREMENTS).is_some()
    }

    /// The designated requirement as text, if one is written down; else macOS derives it from the signer.
    pub fn designated_requirement(&self) -> Result<Option<String>, Malformed> {
        match self.blob(SLOT_REQUIREMENTS) {
            Some(set) => requirement::designated(set, self.signed_len),
            None => Ok(None),
        }
    }

    /// How many bytes follow the SuperBlob in the place that `LC_CODE_SIGNATURE` reserves; 0 when all of them are zeros. Nothing covers them.
    #[must_use]
    pub fn left_over(&self) -> usize {
        let after = self.bytes.get(self.len..).unwrap_or_default();
        if after.iter().all(|byte| *byte == 0) { 0 } else { after.len() }
    }

    /// Where the CMS message starts in the slice.
    #[must_use]
    pub fn cms_offset(&self) -> Option<u64> {
        let blob = self.blobs.iter().find(|blob| blob.slot == SLOT_CMS)?;
        Some(self.signed_len + (blob.range.start + BLOB_HEADER_BYTES) as u64)
    }

    /// The bytes of the first code directory, which is what the CMS signs.
    #[must_use]
    pub fn signed_bytes(&self) -> &[u8] {
        self.blob(SLOT_CODE_DIRECTORY).unwrap_or_default()
    }

    /// Compares every page of the slice, and every blob beside the code directories, with the hashes of the best code
    /// directory; the first that differs is the error.
    pub fn verify(&self, file: &dyn ReadAt, slice: &Slice) -> Result<(), Error> {
        self.best().map_or(Ok(()), |best| self.verify_with(best, file, slice))
    }

    /// The same with the hashes of a code directory of this signature.
    pub fn verify_with(&self, directory: &CodeDirectory, file: &dyn ReadAt, slice: &Slice) -> Result<(), Error> {
        for blob in self.blobs.iter().filter(|blob| (1..SLOT_ALTERNATES.start).contains(&blob.slot)) {
            let bytes = self.bytes.get(blob.range.clone()).unwrap_or_default();
            if directory.special(blob.slot) != Some(directory.hash.digest(bytes).as_slice()) {
                let offset = slice.offset + self.signed_len + blob.range.start as u64;
                let problem = Problem::Mismatch { what: "a blob and its hash in the code directory" };
                return Err(Malformed { structure: SUPER_BLOB, offset, problem }.into());
            }
        }
        directory.verify_pages(file, slice.offset, self.signed_len)
    }

    fn blob(&self, slot: u32) -> Option<&[u8]> {
        let blob = self.blobs.iter().find(|blob| blob.slot == slot)?;
        self.bytes.get(blob.range.clone())
    }
}

/// Reads the SuperBlob's index: slot and offset of each blob, whose own header says how long it is.
/// Gives the SuperBlob's length as well.
fn index(bytes: &[u8], offset: u64) -> Result<(Vec<Blob>, usize), Malformed> {
    let mut r = Reader::new(SUPER_BLOB, offset, bytes);
    let magic = r.u32_be()?;
    if magic != EMBEDDED_SIGNATURE {
        let expected = "0xfade0cc0";
        let problem = Problem::Value { field: "the magic", found: magic.into(), expected };
        return Err(Malformed { structure: SUPER_BLOB, offset, problem });
    }
    let length = usize::try_from(r.u32_be()?).unwrap_or(usize::MAX);
    let count = r.u32_be()?;
    if count > MAX_BLOBS {
        return Err(r.wrong(Problem::Value { field: "its blob count", found: count.into(), expected: "at most 32" }));
    }
    let Some(whole) = bytes.get(..length) else {
        return Err(r.wrong(Problem::Truncated { needed: length as u64, found: bytes.len() as u64 }));
    };
    let mut blobs: Vec<Blob> = Vec::new();
    for _ in 0..count {
        let (slot, start) = (r.u32_be()?, usize::try_from(r.u32_be()?).unwrap_or(usize::MAX));
        if blobs.iter().any(|blob| blob.slot == slot) {
            return Err(r.wrong(Problem::Twice { what: "a slot" }));
        }
        blobs.push(Blob { slot, range: blob_range(whole, offset, slot, start)? });
    }
    no_overlap(&blobs, offset)?;
    Ok((blobs, length))
}

fn blob_range(whole: &[u8], base: u64, slot: u32, start: usize) -> Result<std::ops::Range<usize>, Malformed> {
    let offset = base.saturating_add(start as u64);
    let mut r = Reader::new("signature blob", offset, whole.get(start..).unwrap_or_default());
    let found = r.len() as u64;
    let magic = r.u32_be()?;
    let length = usize::try_from(r.u32_be()?).unwrap_or(usize::MAX);
    if slot == SLOT_CMS && magic != BLOB_WRAPPER {
        return Err(r.wrong(Problem::Value { field: "the magic", found: magic.into(), expected: "0xfade0b01" }));
    }
    match start.checked_add(length).filter(|&end| end <= whole.len() && length >= BLOB_HEADER_BYTES) {
        Some(end) => Ok(start..end),
        None => Err(r.wrong(Problem::Truncated { needed: length as u64, found })),
    }
}

/// Two slots over the same bytes would let one blob stand for another.
fn no_overlap(blobs: &[Blob], offset: u64) -> Result<(), Malformed> {
    let mut ranges: Vec<_> = blobs.iter().map(|blob| (blob.range.start, blob.range.end)).collect();
    ranges.sort_unstable();
    let mut end = 0;
    for (start, next_end) in ranges {
        if start < end {
            let problem = Problem::Twice { what: "a byte of a blob" };
            return Err(Malformed { structure: SUPER_BLOB, offset: offset + start as u64, problem });
        }
        end = next_end;
    }
    Ok(())
}
