//! The CodeDirectory: what is signed, and how its pages hash (`cs_blobs.h`, `CS_CodeDirectory`).

use crate::digest::{Algorithm, Digest};
use crate::read_at::ReadAt;
use crate::reader::{Error, Malformed, Problem, Reader};

const DIRECTORY: &str = "code directory";
/// `CSMAGIC_CODEDIRECTORY`.
const MAGIC: u32 = 0xfade_0c02;
/// The version from which there is a team identifier.
const VERSION_TEAM: u32 = 0x20200;
/// The version from which there is a 64-bit code limit.
const MAX_VERSION_64: u32 = 0x20300;
const FLAG_ADHOC: u32 = 0x2;
const FLAG_RUNTIME: u32 = 0x1_0000;
/// 4 kB (x86_64, and arm64 as `codesign` writes it) or 16 kB; 64 kB is the largest page of any system.
const PAGE_SHIFTS: std::ops::RangeInclusive<u8> = 12..=16;
const MAX_SPECIAL_SLOTS: u32 = 32;
const MAX_NAME_BYTES: usize = 1024;

/// How a code directory hashes, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HashType {
    /// Type 1.
    Sha1,
    /// Type 3: SHA-256, of which 20 bytes are kept.
    Sha256Truncated,
    /// Type 2.
    Sha256,
    /// Type 4.
    Sha384,
}

impl HashType {
    const fn new(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Sha1),
            2 => Some(Self::Sha256),
            3 => Some(Self::Sha256Truncated),
            4 => Some(Self::Sha384),
            _ => None,
        }
    }

    /// The algorithm.
    #[must_use]
    pub const fn algorithm(self) -> Algorithm {
        match self {
            Self::Sha1 => Algorithm::Sha1,
            Self::Sha256 | Self::Sha256Truncated => Algorithm::Sha256,
            Self::Sha384 => Algorithm::Sha384,
        }
    }

    const fn len_bytes(self) -> usize {
        match self {
            Self::Sha1 | Self::Sha256Truncated => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }

    /// The hash of some bytes, as long as this type keeps it.
    #[must_use]
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        self.algorithm().digest(bytes).iter().copied().take(self.len_bytes()).collect()
    }
}

/// A code directory.
#[derive(Debug, Clone)]
pub struct CodeDirectory {
    pub(super) hash: HashType,
    offset: u64,
    flags: u32,
    identifier: String,
    team: Option<String>,
    code_limit: u64,
    page_bytes: u64,
    /// Slot -1 first.
    special: Vec<Vec<u8>>,
    pages: Vec<u8>,
    digest: Digest,
}

impl CodeDirectory {
    /// The identifier, `org.example.agent`.
    #[must_use]
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The team identifier of a Developer ID, ten letters and digits.
    #[must_use]
    pub fn team(&self) -> Option<&str> {
        self.team.as_deref()
    }

    /// Whether the signature is ad hoc: no identity behind it.
    #[must_use]
    pub const fn is_adhoc(&self) -> bool {
        self.flags & FLAG_ADHOC != 0
    }

    /// Whether the hardened runtime is on, which notarization asks for.
    #[must_use]
    pub const fn has_hardened_runtime(&self) -> bool {
        self.flags & FLAG_RUNTIME != 0
    }

    /// How it hashes.
    #[must_use]
    pub const fn hash(&self) -> HashType {
        self.hash
    }

    /// The hash of this code directory under its own algorithm, in full; its first 20 bytes are the `cdhash`.
    #[must_use]
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// The hash in special slot -`slot`; 1 is Info.plist, 3 is CodeResources. All zeros stand for none.
    #[must_use]
    pub fn special(&self, slot: u32) -> Option<&[u8]> {
        let index = usize::try_from(slot.checked_sub(1)?).ok()?;
        self.special.get(index).map(Vec::as_slice).filter(|hash| hash.iter().any(|&b| b != 0))
    }

    /// Compares every page of the slice at `start` with its hash. The hashed bytes must be exactly the `signed_len`
    /// bytes before the signature.
    pub(super) fn verify_pages(&self, file: &dyn ReadAt, start: u64, signed_len: u64) -> Result<(), Error> {
        if self.code_limit != signed_len {
            let what = "codeLimit and the place of the signature";
            return Err(
                Malformed { structure: DIRECTORY, offset: self.offset, problem: Problem::Mismatch { what } }.into()
            );
        }
        let mut page = vec![0; usize::try_from(self.page_bytes.min(signed_len)).unwrap_or(0)];
        let mut at = 0;
        for hash in self.pages.chunks_exact(self.hash.len_bytes()) {
            let n = (signed_len - at).min(self.page_bytes);
            let bytes = page.get_mut(..usize::try_from(n).unwrap_or(0)).unwrap_or_default();
            file.read_at(start + at, bytes).map_err(Error::io("read a code page"))?;
            if self.hash.digest(bytes) != hash {
                let problem = Problem::Mismatch { what: "the bytes and their hash in the code directory" };
                return Err(Malformed { structure: "code page", offset: start + at, problem }.into());
            }
            at += n;
        }
        Ok(())
    }
}

/// Reads the code directory that is all of `blob`, which lies at `offset` in the file. A bundle without a program has it in a file of
/// its own.
pub fn read(blob: &[u8], offset: u64) -> Result<CodeDirectory, Malformed> {
    let mut r = Reader::new(DIRECTORY, offset, blob);
    let magic = r.u32_be()?;
    if magic != MAGIC {
        return Err(value(offset, "the magic", magic.into(), "0xfade0c02"));
    }
    r.skip(4)?; // the length, which made `blob`
    let (version, flags) = (r.u32_be()?, r.u32_be()?);
    let (hashes_at, identifier_at, special_count, page_count) = (r.u32_be()?, r.u32_be()?, r.u32_be()?, r.u32_be()?);
    let mut code_limit = u64::from(r.u32_be()?);
    let (hash_bytes, hash_type, _platform, page_shift) = (r.u8()?, r.u8()?, r.u8()?, r.u8()?);
    r.skip(8)?; // spare2, scatterOffset
    let team_at = if version >= VERSION_TEAM { r.u32_be()? } else { 0 };
    if version >= MAX_VERSION_64 {
        r.skip(4)?; // spare3
        let limit = r.u64_be()?;
        code_limit = if limit == 0 { code_limit } else { limit };
    }
    let Some(hash) = HashType::new(hash_type).filter(|hash| hash.len_bytes() == usize::from(hash_bytes)) else {
        return Err(value(offset, "hashType", hash_type.into(), "1 to 4, with its hashSize"));
    };
    if !PAGE_SHIFTS.contains(&page_shift) {
        return Err(value(offset, "pageSize", page_shift.into(), "12 to 16"));
    }
    let page_bytes = 1_u64 << page_shift;
    if u64::from(page_count) != code_limit.div_ceil(page_bytes) {
        return Err(value(offset, "nCodeSlots", page_count.into(), "the number of pages in codeLimit"));
    }
    let slots = Slots { hashes_at, special_count, page_count, width: hash.len_bytes() };
    let (special, pages) = slots.read(blob, offset)?;
    Ok(CodeDirectory {
        hash,
        offset,
        flags,
        identifier: name(blob, offset, identifier_at, "the identifier is not UTF-8 with a zero at its end")?,
        team: (team_at != 0)
            .then(|| name(blob, offset, team_at, "the team is not UTF-8 with a zero at its end"))
            .transpose()?,
        code_limit,
        page_bytes,
        special,
        pages,
        digest: hash.algorithm().digest(blob),
    })
}

/// The hashes: special slots count down from `hashOffset`, pages up.
struct Slots {
    hashes_at: u32,
    special_count: u32,
    page_count: u32,
    width: usize,
}

impl Slots {
    fn read(&self, blob: &[u8], offset: u64) -> Result<(Vec<Vec<u8>>, Vec<u8>), Malformed> {
        if self.special_count > MAX_SPECIAL_SLOTS {
            return Err(value(offset, "nSpecialSlots", self.special_count.into(), "at most 32"));
        }
        let special_bytes = self.special_count as usize * self.width;
        let Some(start) = (self.hashes_at as usize).checked_sub(special_bytes) else {
            return Err(value(offset, "hashOffset", self.hashes_at.into(), "after the special slots"));
        };
        let mut r = Reader::new(DIRECTORY, offset, blob);
        r.skip(start)?;
        let special = r.take(special_bytes)?.rchunks_exact(self.width).map(<[u8]>::to_vec).collect();
        let pages_bytes = (self.page_count as usize).saturating_mul(self.width);
        Ok((special, r.take(pages_bytes)?.to_vec()))
    }
}

fn name(blob: &[u8], offset: u64, at: u32, what: &'static str) -> Result<String, Malformed> {
    let mut r = Reader::new(DIRECTORY, offset, blob);
    r.skip(at as usize)?;
    let rest = r.clone().take_rest();
    let text = rest.iter().take(MAX_NAME_BYTES).position(|&b| b == 0).and_then(|end| rest.get(..end));
    text.and_then(|text| std::str::from_utf8(text).ok())
        .filter(|text| !text.chars().any(char::is_control))
        .map(str::to_owned)
        .ok_or_else(|| r.wrong(Problem::Text { what }))
}

const fn value(offset: u64, field: &'static str, found: u64, expected: &'static str) -> Malformed {
    Malformed { structure: DIRECTORY, offset, problem: Problem::Value { field, found, expected } }
}
