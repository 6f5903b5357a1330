//! A signature at the end of an executable, written.
//!
//! What is hashed ("Windows Authenticode Portable Executable Signature Format", 2008): the file, filled up with zeros to a multiple of 8, without
//! `CheckSum` and the security directory's entry. The certificate table follows it: one entry, filled up as well.

use super::Image;
use crate::digest::{Algorithm, Digest};
use crate::reader::{Error, Malformed, Problem};

const STRUCTURE: &str = "pe image";
/// `WIN_CERT_REVISION_2_0` and `WIN_CERT_TYPE_PKCS_SIGNED_DATA`, as the entry has them.
const REVISION_AND_KIND: [u8; 4] = [0, 2, 2, 0];
const ALIGNMENT: usize = 8;
const CHECKSUM_BYTES: usize = 4;
const ENTRY_BYTES: usize = 8;

/// An executable without a signature, ready for one.
#[derive(Debug, Clone)]
pub struct Unsigned {
    /// The file, filled up.
    bytes: Vec<u8>,
    checksum_at: usize,
    entry_at: usize,
}

impl Unsigned {
    /// Takes an executable that has no certificate table.
    ///
    /// # Errors
    /// It is none, or it is signed already.
    pub fn new(mut bytes: Vec<u8>) -> Result<Self, Error> {
        let image = Image::open(&bytes)?;
        let wrong =
            |what| Malformed { structure: STRUCTURE, offset: Malformed::NOWHERE, problem: Problem::Data { what } };
        if image.security().is_some() {
            return Err(wrong("it is signed already").into());
        }
        let entry_at = image.security_entry_offset().ok_or_else(|| wrong("its header has no security directory"))?;
        let place = |offset: u64| usize::try_from(offset).map_err(|_| wrong("it is too large"));
        let (checksum_at, entry_at) = (place(image.checksum_offset())?, place(entry_at)?);
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        Ok(Self { bytes, checksum_at, entry_at })
    }

    /// The digest that the message must name.
    #[must_use]
    pub fn sha256(&self) -> Digest {
        let mut hasher = Algorithm::Sha256.hasher();
        let parts = [
            0..self.checksum_at,
            self.checksum_at + CHECKSUM_BYTES..self.entry_at,
            self.entry_at + ENTRY_BYTES..self.bytes.len(),
        ];
        for part in parts {
            hasher.update(self.bytes.get(part).unwrap_or_default());
        }
        hasher.finish()
    }

    /// The executable with this message (PKCS #7 SignedData) as its signature.
    ///
    /// # Errors
    /// It is larger than an executable can be.
    pub fn signed(self, message: &[u8]) -> Result<Vec<u8>, Malformed> {
        let Self { bytes: mut out, checksum_at, entry_at } = self;
        let too_large = || Malformed {
            structure: STRUCTURE,
            offset: Malformed::NOWHERE,
            problem: Problem::Data { what: "it is too large" },
        };
        let table_at = u32::try_from(out.len()).map_err(|_| too_large())?;
        let table_bytes = (8 + message.len()).next_multiple_of(ALIGNMENT);
        let len = u32::try_from(table_bytes).map_err(|_| too_large())?;
        put(&mut out, entry_at, &[table_at.to_le_bytes(), len.to_le_bytes()].concat());
        put(&mut out, checksum_at, &[0; CHECKSUM_BYTES]);
        let end = out.len() + table_bytes;
        out.extend(len.to_le_bytes());
        out.extend(REVISION_AND_KIND);
        out.extend(message);
        out.resize(end, 0);
        let checksum = checksum(&out).ok_or_else(too_large)?;
        put(&mut out, checksum_at, &checksum.to_le_bytes());
        Ok(out)
    }
}

/// Overwrites bytes that are there.
fn put(out: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = out.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

/// `CheckSum` of a file in which it is 0 ("PE Format", Optional Header): the sum of its 16-bit words with the carries added in, and its length.
fn checksum(file: &[u8]) -> Option<u32> {
    let sum = file.chunks(2).fold(0_u32, |sum, pair| {
        let word = pair.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        let sum = sum + word;
        (sum & 0xffff) + (sum >> 16)
    });
    u32::try_from(file.len()).ok()?.checked_add(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The token reader, which is a real library, and its signature as the reading half sees it.
    #[test]
    fn the_reader_finds_what_was_written() {
        for name in ["x64.dll", "arm64.dll"] {
            let path = format!("{}/../../payloads/token-reader/prebuilt/{name}", env!("CARGO_MANIFEST_DIR"));
            let bytes = std::fs::read(path).unwrap();
            // One byte more or less than a multiple of 8 as well.
            for more in [0, 1, 7] {
                let file = [&bytes[..], &vec![1; more]].concat();
                let unsigned = Unsigned::new(file.clone()).unwrap();
                let digest = unsigned.sha256();
                let image = Image::open(&file).unwrap();
                assert_eq!(image.authenticode(&file, Algorithm::Sha256).unwrap()[..], digest[..]);
                for len in [0, 1, 8, 1001] {
                    let message = vec![0x30; len];
                    let signed = unsigned.clone().signed(&message).unwrap();
                    let image = Image::open(&signed).unwrap();
                    assert_eq!(image.authenticode(&signed, Algorithm::Sha256).unwrap()[..], digest[..]);
                    let found = image.certificate(&signed).unwrap().unwrap();
                    assert_eq!(found.signed_data[..len], message[..]);
                    assert!(
                        found.signed_data.len() < len + 8 && found.signed_data[len..].iter().all(|byte| *byte == 0)
                    );
                    assert!(Unsigned::new(signed).is_err(), "it is signed already");
                }
            }
        }
    }

    #[test]
    fn words_are_added_with_their_carries() {
        assert_eq!(checksum(&[]), Some(0));
        assert_eq!(checksum(&[0xff, 0xff, 2, 0, 7]), Some(2 + 7 + 5));
    }
}
