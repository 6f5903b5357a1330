//! Unwrapping: the code over the ciphertext, the digest of the plaintext, then the files. Nothing is handed out before both
//! are right.

use std::collections::BTreeSet;
use std::io::{self, Read};

use aes::Aes256;
use aes::cipher::{BlockDecryptMut, KeyIvInit, generic_array::GenericArray};
use container::ReadAt;
use container::read_at::{self, Cursor, Window};
use container::reader::{Malformed, Problem};
use hmac::{Hmac, Mac};
use installer::format::{Area, EntryKind, Extracted, ReadError, Sink};
use installer::proof::sha256;
use sha2::Sha256;
use zeroize::Zeroizing;
use zip::{CompressionMethod, ZipArchive};

use super::detection::Detection;
use super::package::{BLOCK_BYTES, CONTENTS, DETECTION, KEY_BYTES, MAC_BYTES};

/// A detection document has two kilobytes.
const MAX_DETECTION_BYTES: u64 = 1 << 20;
/// No setup folder has more files.
const MAX_FILES: usize = 10_000;
/// How much is decrypted at a time.
const PIECE_BYTES: usize = 64 << 10;

/// A wrapped installer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// What Intune shows.
    pub name: String,
    /// The setup file's name in the archive.
    pub setup_file: String,
    /// The product code, of an MSI.
    pub product_code: Option<String>,
    /// Length of the inner archive.
    pub unencrypted_bytes: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// How many files it has.
    pub files: usize,
}

/// Unwraps an archive: proves the ciphertext by its code and the content by its digest, then gives each file of the
/// inner archive as [`Area::Payload`] and `Detection.xml` as [`Area::Metadata`]. All are private: the keys lie in the latter.
pub fn read(file: &dyn ReadAt, sink: &mut dyn Sink) -> Result<Wrapped, ReadError> {
    let mut archive = ZipArchive::new(Cursor::new(file)).map_err(|_| wrong("it is not a zip archive"))?;
    let document = Zeroizing::new(document(&mut archive)?);
    let detection = Detection::read(&document)?;
    let encrypted = contents(&mut archive, file)?;
    let decrypted = Decrypted::open(encrypted, &detection)?;
    let (_, digest) = sha256(&mut Cursor::new(&decrypted)).map_err(io_error)?;
    if digest != detection.file_digest {
        return Err(wrong("the content's digest is not that of Detection.xml").into());
    }
    let entry = private("Detection.xml", Area::Metadata, document.len() as u64);
    sink.entry(&entry, &mut document.as_slice())?;
    let files = content(&decrypted, &detection.setup_file, sink)?;
    Ok(Wrapped {
        name: detection.name,
        setup_file: detection.setup_file,
        product_code: detection.product_code,
        unencrypted_bytes: decrypted.len(),
        sha256: digest,
        files,
    })
}

type Archive<'f> = ZipArchive<Cursor<&'f dyn ReadAt>>;

fn document(archive: &mut Archive<'_>) -> Result<Vec<u8>, Malformed> {
    let entry = archive.by_name(DETECTION).map_err(|_| wrong("it has no Detection.xml"))?;
    let mut document = Vec::new();
    entry.take(MAX_DETECTION_BYTES).read_to_end(&mut document).map_err(|_| wrong("Detection.xml is damaged"))?;
    Ok(document)
}

/// The encrypted content where it lies.
fn contents<'f>(archive: &mut Archive<'_>, file: &'f dyn ReadAt) -> Result<Window<&'f dyn ReadAt>, ReadError> {
    let entry = archive.by_name(CONTENTS).map_err(|_| wrong("it has no content"))?;
    if entry.compression() != CompressionMethod::Stored || entry.encrypted() {
        return Err(wrong("the content is compressed or encrypted by zip, must be stored").into());
    }
    let start = entry.data_start().ok_or_else(|| wrong("the content has no place"))?;
    Ok(Window::new("intunewin", file, start, entry.size())?)
}

/// The inner archive, decrypted where it is read: CBC needs only the block before.
pub(super) struct Decrypted<'f> {
    /// IV and ciphertext.
    encrypted: Window<Window<&'f dyn ReadAt>>,
    key: Zeroizing<[u8; KEY_BYTES]>,
    len: u64,
}

impl<'f> Decrypted<'f> {
    /// Checks the authentication code over everything, and the padding.
    fn open(content: Window<&'f dyn ReadAt>, detection: &Detection) -> Result<Self, ReadError> {
        let len = content.len().saturating_sub(MAC_BYTES as u64);
        if len < 2 * BLOCK_BYTES as u64 || !len.is_multiple_of(BLOCK_BYTES as u64) {
            return Err(wrong("the content's length is not that of whole blocks").into());
        }
        let mut front = [0; MAC_BYTES + BLOCK_BYTES];
        content.read_at(0, &mut front).map_err(io_error)?;
        let (mac, iv) = front.split_at(MAC_BYTES);
        if mac != detection.mac || iv != detection.initialization_vector {
            return Err(wrong("the content starts with another Mac or InitializationVector").into());
        }
        let encrypted = Window::new("intunewin", content, MAC_BYTES as u64, len)?;
        let mut code = <Hmac<Sha256> as Mac>::new_from_slice(&*detection.mac_key).map_err(|_| wrong("MacKey"))?;
        each_piece(&encrypted, |piece| code.update(piece))?;
        code.verify_slice(mac).map_err(|_| wrong("the content's authentication code is wrong"))?;
        let cipher_bytes = len - BLOCK_BYTES as u64;
        let mut this = Self { encrypted, key: detection.encryption_key.clone(), len: cipher_bytes };
        this.len = cipher_bytes - this.padding()?;
        if this.len != detection.unencrypted_bytes {
            return Err(wrong("the content's length is not UnencryptedContentSize").into());
        }
        Ok(this)
    }

    /// How many bytes at the end are PKCS#7's.
    fn padding(&self) -> Result<u64, ReadError> {
        let mut last = [0; BLOCK_BYTES];
        self.read_at(self.len - BLOCK_BYTES as u64, &mut last).map_err(io_error)?;
        let count = last.last().copied().unwrap_or(0);
        let is_right = (1..=16).contains(&count) && last.iter().rev().take(count.into()).all(|byte| *byte == count);
        if is_right { Ok(count.into()) } else { Err(wrong("the content's padding is wrong").into()) }
    }
}

impl ReadAt for Decrypted<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        if offset.checked_add(buf.len() as u64).is_none_or(|end| end > self.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (mut at, mut rest) = (offset, buf);
        while !rest.is_empty() {
            let skip = at % BLOCK_BYTES as u64;
            let plain = self.blocks(at - skip, rest.len() + skip as usize)?;
            let plain =
                plain.get(skip as usize..).filter(|plain| !plain.is_empty()).ok_or(io::ErrorKind::UnexpectedEof)?;
            let n = plain.len().min(rest.len());
            let (now, later) = rest.split_at_mut(n);
            now.copy_from_slice(plain.split_at(n).0);
            (at, rest) = (at + n as u64, later);
        }
        Ok(())
    }
}

impl Decrypted<'_> {
    /// Decrypts from the block at `start`, `wanted` bytes or as much as a piece holds.
    fn blocks(&self, start: u64, wanted: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        let len = wanted.next_multiple_of(BLOCK_BYTES).min(PIECE_BYTES);
        // The block before the first is the IV, which lies right before them.
        let mut encrypted = Zeroizing::new(vec![0; BLOCK_BYTES + len]);
        self.encrypted.read_at(start, &mut encrypted)?;
        let (before, blocks) = encrypted.split_at_mut(BLOCK_BYTES);
        let iv = GenericArray::from_slice(before);
        let mut cipher = cbc::Decryptor::<Aes256>::new((&*self.key).into(), iv);
        for block in blocks.chunks_exact_mut(BLOCK_BYTES) {
            cipher.decrypt_block_mut(GenericArray::from_mut_slice(block));
        }
        Ok(Zeroizing::new(blocks.to_vec()))
    }
}

fn each_piece(from: &dyn ReadAt, mut see: impl FnMut(&[u8])) -> Result<(), ReadError> {
    read_at::pieces(from, 0..from.len(), io_error, |piece| {
        see(piece);
        Ok(())
    })
}

/// Gives every file of an inner archive, which must have the setup file, and says how many there are.
pub fn content(inner: &dyn ReadAt, setup: &str, sink: &mut dyn Sink) -> Result<usize, ReadError> {
    let mut archive = ZipArchive::new(Cursor::new(inner)).map_err(|_| wrong("the content is not a zip archive"))?;
    let mut seen = BTreeSet::new();
    if archive.len() > MAX_FILES {
        return Err(wrong("the content has more than 10,000 files").into());
    }
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).map_err(|_| wrong("a file of the content cannot be read"))?;
        let name = entry.name().map_err(|_| wrong("a name in the content is not UTF-8"))?.into_owned();
        if entry.is_dir() {
            continue;
        }
        if !entry.is_file() || !is_relative(&name) || !seen.insert(name.clone()) {
            return Err(wrong("a name in the content is not a relative path, or is there twice").into());
        }
        let len = entry.size();
        sink.entry(&private(&name, Area::Payload, len), &mut entry)?;
    }
    if !seen.contains(setup) {
        return Err(wrong("the content does not have the SetupFile").into());
    }
    Ok(seen.len())
}

pub(super) fn is_relative(name: &str) -> bool {
    let is_part = |part: &str| !matches!(part, "" | "." | "..");
    !name.contains(['\\', ':', '\0']) && name.split('/').all(is_part)
}

const fn private(path: &str, area: Area, len: u64) -> Extracted<'_> {
    Extracted { area, path, kind: EntryKind::File(len), mode: 0o600 }
}

const fn io_error(source: io::Error) -> ReadError {
    ReadError::Io { verb: "read the content", source }
}

const fn wrong(what: &'static str) -> Malformed {
    Malformed { structure: "intunewin", offset: Malformed::NOWHERE, problem: Problem::Text { what } }
}
