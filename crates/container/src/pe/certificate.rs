//! The certificate table and the Authenticode digest.

use super::Image;
use crate::digest::{Algorithm, Digest, feed};
use crate::read_at::{ReadAt, read_vec};
use crate::reader::{Error, Malformed, Problem, Reader};

const TABLE: &str = "certificate table";
/// `WIN_CERT_REVISION_2_0`.
const REVISION: u16 = 0x0200;
/// `WIN_CERT_TYPE_PKCS_SIGNED_DATA`.
const PKCS_SIGNED_DATA: u16 = 0x0002;
const HEADER_BYTES: u64 = 8;
/// A signature with two nested ones and their timestamps has 30 kB; this is room enough.
const MAX_TABLE_BYTES: usize = 4 << 20;
/// Entries start at multiples of 8, and the table with them.
const ALIGNMENT: u64 = 8;

/// The one entry of a certificate table.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// Where the table starts; it ends with the file.
    pub offset: u64,
    /// The PKCS #7 SignedData, and what follows it in its entry: zeros up to a multiple of 8, or bytes that nothing covers.
    pub signed_data: Vec<u8>,
    /// Where the message starts in the file.
    pub message_offset: u64,
}

impl Image {
    /// The certificate table's signature, or `None` when the file has no such table.
    pub fn certificate(&self, file: &dyn ReadAt) -> Result<Option<Certificate>, Error> {
        let Some(directory) = self.security() else { return Ok(None) };
        let (offset, size) = (u64::from(directory.address), u64::from(directory.size));
        let wrong = |problem| Malformed { structure: TABLE, offset, problem };
        let value = |field, found, expected| wrong(Problem::Value { field, found, expected });
        if offset % ALIGNMENT != 0 {
            return Err(value("its offset", offset, "a multiple of 8").into());
        }
        if offset < self.sections_end() {
            return Err(value("its offset", offset, "after the last section").into());
        }
        let bytes = read_vec(file, TABLE, offset, size, MAX_TABLE_BYTES)?;
        let left = file.len() - (offset + size);
        if left != 0 {
            let problem = Problem::Trailing { bytes: left };
            return Err(Malformed { structure: TABLE, offset: offset + size, problem }.into());
        }
        let signed_data = only_entry(&bytes, offset)?.to_vec();
        Ok(Some(Certificate { offset, signed_data, message_offset: offset + HEADER_BYTES }))
    }

    /// The digest that an Authenticode signature must name: the file without `CheckSum`, the security
    /// directory's entry and the certificate table.
    pub fn authenticode(&self, file: &dyn ReadAt, algorithm: Algorithm) -> Result<Digest, Error> {
        const IMAGE: &str = "pe image";
        let end = self.security().map_or_else(|| file.len(), |d| u64::from(d.address));
        let mut hasher = algorithm.hasher();
        let checksum = self.checksum_offset();
        feed(&mut hasher, file, IMAGE, 0, checksum)?;
        match self.security_entry_offset() {
            Some(entry) => {
                feed(&mut hasher, file, IMAGE, checksum + 4, entry)?;
                feed(&mut hasher, file, IMAGE, entry + 8, end)?;
            }
            None => feed(&mut hasher, file, IMAGE, checksum + 4, end)?,
        }
        // A signer pads the file before it appends the table, so an unsigned file is hashed as if padded.
        let padding = end.next_multiple_of(ALIGNMENT) - end;
        for _ in 0..padding {
            hasher.update(&[0]);
        }
        Ok(hasher.finish())
    }
}

/// What the table's only entry holds.
fn only_entry(table: &[u8], offset: u64) -> Result<&[u8], Malformed> {
    let mut r = Reader::new(TABLE, offset, table);
    let length = u64::from(r.u32_le()?);
    if length < HEADER_BYTES || length.next_multiple_of(ALIGNMENT) != (table.len() as u64).next_multiple_of(ALIGNMENT) {
        let expected = "the size of the whole table, as one entry";
        return Err(Malformed {
            structure: TABLE,
            offset,
            problem: Problem::Value { field: "dwLength", found: length, expected },
        });
    }
    let revision = r.u16_le()?;
    if revision != REVISION {
        return Err(r.wrong(Problem::Value { field: "wRevision", found: revision.into(), expected: "0x200" }));
    }
    let kind = r.u16_le()?;
    if kind != PKCS_SIGNED_DATA {
        return Err(r.wrong(Problem::Value { field: "wCertificateType", found: kind.into(), expected: "2" }));
    }
    Ok(r.take_rest())
}
