//! Wrapping: a deflated archive into scratch space, then encrypted into its place.

use std::io::{self, Read, Seek, SeekFrom, Write};

use aes::Aes256;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockEncryptMut, KeyIvInit, generic_array::GenericArray};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use container::ReadAt;
use container::read_at::Cursor;
use hmac::{Hmac, Mac};
use installer::Epoch;
use installer::template::TemplateError;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::detection::{self, EncryptionInfo};
use super::package::{BLOCK_BYTES, CONTENTS, DETECTION, KEY_BYTES, MAC_BYTES};
use super::stored::Stored;
use crate::windows::Windows;

/// How much is encrypted at a time; a multiple of the block.
const PIECE_BYTES: usize = 256 << 10;

/// What one package is encrypted with: fresh for each, from the system's randomness.
pub struct Keys {
    encryption: Zeroizing<[u8; KEY_BYTES]>,
    mac: Zeroizing<[u8; KEY_BYTES]>,
    iv: [u8; BLOCK_BYTES],
}

impl Keys {
    /// How much randomness they take.
    pub const BYTES: usize = 2 * KEY_BYTES + BLOCK_BYTES;

    /// Keys of these random bytes.
    #[must_use]
    pub fn new(random: &[u8; Self::BYTES]) -> Self {
        let mut keys = Self {
            encryption: Zeroizing::new([0; KEY_BYTES]),
            mac: Zeroizing::new([0; KEY_BYTES]),
            iv: [0; BLOCK_BYTES],
        };
        let places = keys.encryption.iter_mut().chain(keys.mac.iter_mut()).chain(&mut keys.iv);
        places.zip(random).for_each(|(place, byte)| *place = *byte);
        keys
    }
}

/// One file of the inner archive.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Its name, without folders.
    pub name: &'a str,
    /// Its bytes.
    pub content: &'a dyn ReadAt,
}

/// Why a package could not be wrapped.
#[derive(Debug, thiserror::Error)]
pub enum WrapError {
    /// The template does not fit its values.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The archive, or the scratch space, could not be written, or the installer could not be read.
    #[error("write the archive: {0}")]
    Io(#[from] io::Error),
}

/// What was wrapped, as uploaders have to say it.
#[derive(Debug, Clone)]
pub struct Written {
    /// The inner archive's length; Graph's `size`.
    pub(crate) unencrypted_bytes: u64,
    /// The length of what is uploaded; Graph's `sizeEncrypted`.
    pub(crate) encrypted_bytes: u64,
    /// Graph's `fileEncryptionInfo`.
    pub(crate) encryption: EncryptionInfo,
}

/// Wraps an MSI, the first of `sources`, with the files beside it. `scratch` takes the unencrypted archive, so it is as secret as
/// the installer. Memory does not depend on sizes.
pub fn write(
    msi: &Windows,
    sources: &[Source<'_>],
    keys: &Keys,
    epoch: Epoch,
    scratch: &mut (impl Read + Write + Seek),
    out: &mut (impl Write + Seek),
) -> Result<Written, WrapError> {
    inner(sources, epoch, scratch)?;
    scratch.seek(SeekFrom::Start(0))?;
    let mut archive = Stored::new(out, epoch);
    let encrypted = encrypt(scratch, keys, archive.start(CONTENTS)?)?;
    archive.end(encrypted.crc, &encrypted.mac)?;
    let encryption = EncryptionInfo {
        encryption_key: Zeroizing::new(STANDARD.encode(keys.encryption.as_slice())),
        mac_key: Zeroizing::new(STANDARD.encode(keys.mac.as_slice())),
        initialization_vector: STANDARD.encode(keys.iv),
        mac: STANDARD.encode(encrypted.mac),
        profile_identifier: "ProfileVersion1",
        file_digest: STANDARD.encode(encrypted.digest),
        file_digest_algorithm: "SHA256",
    };
    let document = detection::document(msi, &encryption, encrypted.plain_bytes)?;
    archive.start(DETECTION)?.write_all(document.as_bytes())?;
    archive.end(crc32fast::hash(document.as_bytes()), &[])?;
    archive.finish()?;
    Ok(Written { unencrypted_bytes: encrypted.plain_bytes, encrypted_bytes: encrypted.encrypted_bytes, encryption })
}

/// The inner archive: deflate, plain names.
fn inner(sources: &[Source<'_>], epoch: Epoch, scratch: &mut (impl Write + Seek)) -> io::Result<()> {
    let civil = epoch.civil();
    let date = DateTime::from_date_and_time(civil.year, civil.month, civil.day, civil.hour, civil.minute, civil.second);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(date.unwrap_or_default())
        .unix_permissions(0o644);
    let mut archive = ZipWriter::new(scratch);
    for source in sources {
        archive.start_file(source.name, options)?;
        io::copy(&mut Cursor::new(source.content), &mut archive)?;
    }
    archive.finish()?;
    Ok(())
}

/// What came out of encrypting.
struct Encrypted {
    mac: [u8; MAC_BYTES],
    digest: [u8; 32],
    plain_bytes: u64,
    encrypted_bytes: u64,
    /// Of everything, the code included.
    crc: u32,
}

/// Encrypts `from` into `out`: room for the code, IV, ciphertext.
fn encrypt(from: &mut impl Read, keys: &Keys, out: &mut impl Write) -> io::Result<Encrypted> {
    let mut cipher = cbc::Encryptor::<Aes256>::new((&*keys.encryption).into(), (&keys.iv).into());
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&*keys.mac).map_err(io::Error::other)?;
    let (mut digest, mut crc) = (Sha256::new(), crc32fast::Hasher::new());
    let mut encrypted_bytes = (MAC_BYTES + BLOCK_BYTES) as u64;
    let mut plain_bytes = 0;
    out.write_all(&[0; MAC_BYTES])?;
    out.write_all(&keys.iv)?;
    mac.update(&keys.iv);
    crc.update(&keys.iv);
    let mut put = |part: &[u8]| {
        mac.update(part);
        crc.update(part);
        encrypted_bytes += part.len() as u64;
        out.write_all(part)
    };
    let mut piece = Zeroizing::new(vec![0; PIECE_BYTES]);
    loop {
        let len = fill(from, &mut piece)?;
        let part = piece.get_mut(..len).ok_or(io::ErrorKind::InvalidData)?;
        digest.update(&*part);
        plain_bytes += len as u64;
        if len < PIECE_BYTES {
            put(&cipher.encrypt_padded_vec_mut::<Pkcs7>(part))?;
            break;
        }
        for block in part.chunks_exact_mut(BLOCK_BYTES) {
            cipher.encrypt_block_mut(GenericArray::from_mut_slice(block));
        }
        put(part)?;
    }
    let mac: [u8; MAC_BYTES] = mac.finalize().into_bytes().into();
    let mut whole = crc32fast::Hasher::new();
    whole.update(&mac);
    whole.combine(&crc);
    Ok(Encrypted { mac, digest: digest.finalize().into(), plain_bytes, encrypted_bytes, crc: whole.finalize() })
}

/// Reads until the buffer is full or the source is at its end.
fn fill(from: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while let Some(rest) = buf.get_mut(len..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(n) => len += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}
