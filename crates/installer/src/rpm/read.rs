//! Reads a package the way rpm does.

use std::io::{self, Read};

use container::digest::{Algorithm, hex};
use container::midstate::{BLOCK_BYTES, Sha256};
use container::rpm::tag::{self, signature as signature_tag};
use container::rpm::{self, File};
use container::{Malformed, Problem, ReadAt, cpio, read_at};

use super::bulk::{self, Bulk};
use super::codec::{Codec, Tail};
use super::mark::Mark;
use super::names::token_path;
use crate::format::ReadError;
use crate::token::Token;

/// A replaceable tail with its codec's frame around it: no longer than this.
const MAX_TAIL_BYTES: u64 = 2 << 20;

/// A package whose headers have been read.
pub(super) struct Package<'a> {
    pub(super) file: &'a dyn ReadAt,
    pub(super) rpm: rpm::Package<'a>,
}

impl<'a> Package<'a> {
    pub(super) fn open(file: &'a dyn ReadAt) -> Result<Self, ReadError> {
        Ok(Self { file, rpm: rpm::Package::open(file)? })
    }

    /// The package's name.
    pub(super) fn name(&self) -> Result<String, ReadError> {
        self.required(tag::NAME, "NAME")
    }

    /// A text that every package has.
    pub(super) fn required(&self, tag: u32, name: &'static str) -> Result<String, ReadError> {
        let header = &self.rpm.header;
        Ok(header.text(tag)?.ok_or_else(|| header.missing(name))?)
    }

    /// Our mark, where the package has one.
    pub(super) fn mark(&self) -> Result<Option<Mark>, ReadError> {
        let script = self.rpm.header.text(tag::PREIN)?;
        Ok(script.as_deref().and_then(Mark::parse).map(|(mark, _)| mark))
    }

    /// What a base's header says of its payload.
    pub(super) fn bulk(&self) -> Result<Bulk, ReadError> {
        let header = &self.rpm.header;
        let text = header.text(bulk::TAG)?.ok_or_else(|| header.missing("the tag of a base"))?;
        let bulk = Bulk::parse(&text, header.offset())?;
        // Sums with these are taken everywhere: a base's payload is no larger than its numbers of 32 bits can say.
        if bulk.len > self.rpm.payload_len() || bulk.decoded > u64::from(u32::MAX) {
            return Err(header.wrong(bulk::TAG, "the tag of a base says more than a package can have").into());
        }
        Ok(bulk)
    }

    /// How a payload of ours is compressed.
    pub(super) fn codec(&self) -> Result<Codec, ReadError> {
        let name = self.required(tag::PAYLOADCOMPRESSOR, "PAYLOADCOMPRESSOR")?;
        let what = "the payload is compressed in another way than a base's";
        Ok(Codec::from_name(&name).ok_or_else(|| self.rpm.header.wrong(tag::PAYLOADCOMPRESSOR, what))?)
    }

    /// The payload's tail, found without decoding what comes before.
    pub(super) fn tail(&self, bulk: &Bulk) -> Result<Tail, ReadError> {
        let (offset, len) = (self.rpm.payload_offset(), self.rpm.payload_len());
        Ok(self.codec()?.tail(self.file, offset, len, bulk)?)
    }

    /// The bytes of the payload after the last whole block of its digest's state, up to the tail: fewer than a block.
    pub(super) fn pending(&self, bulk: &Bulk) -> Result<Vec<u8>, ReadError> {
        let from = self.rpm.payload_offset().saturating_add(bulk.midstate.len());
        let len = bulk.len.saturating_sub(bulk.midstate.len());
        Ok(read_at::read_vec(self.file, "rpm payload", from, len, BLOCK_BYTES)?)
    }

    /// The token, found at the end of the payload. What lies around it must agree as far as it can without the bulk: the digests of the
    /// header, the digest of the payload by the state in the header, and the token's row.
    pub(super) fn token_in_tail(&self) -> Result<Option<Token>, ReadError> {
        let Some(mark) = self.mark()? else { return Ok(None) };
        self.check_header_digests()?;
        let bulk = self.bulk()?;
        self.check_payload_digest(&bulk)?;
        let tail = self.tail(&bulk)?;
        let path = token_path(&self.name()?);
        let mut archive = cpio::Reader::newc(tail.bytes());
        let mut token = None;
        while let Some(entry) = archive.next_entry()? {
            if entry.path != path || token.is_some() {
                return Err(self.payload(Problem::Data { what: "the last block has more than a token" }));
            }
            token = Some(read_token(&mut archive)?);
        }
        let row = self.rpm.header.file(&path)?;
        self.check_row(token.as_ref(), row.as_ref().map(|(_, file)| file))?;
        if token.as_ref().map(Token::fingerprint) != mark.fingerprint {
            return Err(self.payload(Problem::Mismatch { what: "the token and the mark in the scriptlets" }));
        }
        Ok(token)
    }

    /// The digests of the header that the signature header has.
    pub(super) fn check_header_digests(&self) -> Result<(), ReadError> {
        for (tag, algorithm) in [(signature_tag::SHA1, Algorithm::Sha1), (signature_tag::SHA256, Algorithm::Sha256)] {
            let found = self.rpm.signature.text(tag)?;
            if found.is_some_and(|found| found != self.rpm.header.digest(algorithm)) {
                return Err(self.rpm.signature.wrong(tag, "a digest is not the header's").into());
            }
        }
        Ok(())
    }

    /// The payload's digest, computed from the state in the header and what comes after it.
    fn check_payload_digest(&self, bulk: &Bulk) -> Result<(), ReadError> {
        let mut digest = Sha256::resume(bulk.midstate);
        let from = self.rpm.payload_offset().saturating_add(bulk.midstate.len());
        let rest = self.file.len().saturating_sub(from);
        digest.update(&read_at::read_vec(self.file, "rpm payload", from, rest, MAX_TAIL_BYTES as usize)?);
        let expected = self.rpm.header.texts(tag::PAYLOADDIGEST)?;
        if expected.as_deref() == Some(&[hex(&digest.finish())]) {
            return Ok(());
        }
        Err(self.payload(Problem::Mismatch { what: "the payload's end and PAYLOADDIGEST" }))
    }

    /// rpm installs the token with what its row says, and refuses it when size or digest differ.
    fn check_row(&self, token: Option<&Token>, row: Option<&File>) -> Result<(), ReadError> {
        let agrees = match (token, row) {
            (None, None) => true,
            (Some(token), Some(row)) => {
                let bytes = token.expose().as_bytes();
                let digest = hex(&Algorithm::Sha256.digest(bytes));
                row.is_regular() && row.size == bytes.len() as u64 && row.digest == digest
            }
            _ => false,
        };
        if agrees {
            Ok(())
        } else {
            Err(self.payload(Problem::Mismatch { what: "the token and its row in the header" }))
        }
    }

    fn payload(&self, problem: Problem) -> ReadError {
        Malformed { structure: "rpm payload", offset: self.rpm.payload_offset(), problem }.into()
    }
}

/// Reads what must be a token.
pub(super) fn read_token(content: &mut dyn Read) -> Result<Token, ReadError> {
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(Token::MAX_BYTES + 2));
    let limit = Token::MAX_BYTES as u64 + 2;
    content.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    Token::parse(&bytes).map_err(|source| ReadError::Token { place: "payload: enrollment-token", source })
}

/// The system's error or a decoder's.
pub(super) fn unreadable(error: io::Error) -> ReadError {
    if error.raw_os_error().is_some() {
        return ReadError::Io { verb: "read the package", source: error };
    }
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Malformed>()) {
        Some(malformed) => malformed.clone().into(),
        None => {
            let problem = Problem::Data { what: "the archive is damaged" };
            Malformed { structure: "rpm payload", offset: Malformed::NOWHERE, problem }.into()
        }
    }
}
