//! List, head, read, delete.

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusty_s3::actions::{DeleteObject, GetObject, HeadObject, ListObjectsV2};
use ureq::http::HeaderMap;

use crate::address::check_key;
use crate::error::BucketError;
use crate::request::{Bucket, Sent, header, plain_io};

/// A list of a thousand keys of a thousand bytes has less.
const MAX_LIST_BYTES: u64 = 16 << 20;
/// How much is read at once.
const CHUNK_BYTES: usize = 256 << 10;

/// An object, as a list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its entity tag: another one is another object.
    pub etag: String,
}

/// What a store says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its length in bytes.
    pub size: u64,
    /// Its entity tag, with the quotes.
    pub etag: String,
    /// Its SHA-256: the store's own checksum of the whole, else the metadata `sha256` that who put it has written.
    pub sha256: Option<[u8; 32]>,
    /// The metadata `stampwright-etag`, which [`Bucket::compose`] writes.
    pub stamp: Option<String>,
}

impl Bucket {
    /// The objects whose keys begin with `prefix`, by key. More than `most` are refused.
    ///
    /// # Errors
    /// The store does not answer, refuses, or has more.
    pub fn list(&self, prefix: &str, most: usize) -> Result<Vec<Object>, BucketError> {
        let sent = Sent { verb: "list", key: prefix, headers: &[], body: &[] };
        let (mut objects, mut next) = (Vec::new(), None::<String>);
        loop {
            let mut action = ListObjectsV2::new(&self.inner, self.credentials());
            action.with_prefix(prefix);
            if let Some(next) = next.take() {
                action.with_continuation_token(next);
            }
            let text = self.document(action, &sent, MAX_LIST_BYTES)?;
            let no_list = |_| BucketError::Answer { what: self.what(&sent), problem: "no list of objects" };
            let page = ListObjectsV2::parse_response(&text).map_err(no_list)?;
            let is_empty = page.contents.is_empty();
            objects.extend(page.contents.into_iter().map(|one| Object {
                key: one.key,
                size: one.size,
                etag: one.etag,
            }));
            if objects.len() > most {
                return Err(BucketError::Answer { what: self.what(&sent), problem: "more objects than are taken" });
            }
            next = page.next_continuation_token.filter(|next| !next.is_empty() && !is_empty);
            if next.is_none() {
                objects.sort_by(|one, other| one.key.cmp(&other.key));
                return Ok(objects);
            }
        }
    }

    /// What the store says of an object.
    ///
    /// # Errors
    /// There is none, or the store does not answer.
    pub fn head(&self, key: &str) -> Result<Facts, BucketError> {
        check_key(key)?;
        let headers = [("x-amz-checksum-mode", "ENABLED".to_owned())];
        let sent = Sent { verb: "look at", key, headers: &headers, body: &[] };
        let response = self.send(HeadObject::new(&self.inner, self.credentials(), key), &sent)?;
        self.facts(response.headers(), &sent)
    }

    /// Reads an object that has this entity tag still, whole. Fewer or more bytes than the store has announced are an error, whatever was written.
    ///
    /// # Errors
    /// It was replaced, is longer than `most`, or does not come whole.
    pub fn read(&self, key: &str, etag: &str, most: u64, out: &mut dyn Write) -> Result<Facts, BucketError> {
        check_key(key)?;
        let headers = [("x-amz-checksum-mode", "ENABLED".to_owned()), ("if-match", etag.to_owned())];
        let sent = Sent { verb: "read", key, headers: &headers, body: &[] };
        let response = self.send(GetObject::new(&self.inner, self.credentials(), key), &sent)?;
        let facts = self.facts(response.headers(), &sent)?;
        if facts.etag != etag {
            return Err(BucketError::Replaced { what: self.what(&sent) });
        }
        let wrong = |found| BucketError::Length { what: self.what(&sent), found, expected: facts.size.min(most) };
        if facts.size > most {
            return Err(wrong(facts.size));
        }
        let mut body = response.into_body().into_reader();
        let (mut buf, mut found) = (vec![0; CHUNK_BYTES], 0_u64);
        loop {
            let n = body.read(&mut buf).map_err(|error| match error.kind() {
                std::io::ErrorKind::UnexpectedEof => wrong(found),
                _ => BucketError::Unreachable { what: self.what(&sent), problem: plain_io(&error) },
            })?;
            let Some(read) = buf.get(..n).filter(|read| !read.is_empty()) else { break };
            found += n as u64;
            if found > facts.size {
                return Err(wrong(found));
            }
            out.write_all(read).map_err(BucketError::Write)?;
        }
        if found == facts.size { Ok(facts) } else { Err(wrong(found)) }
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// The store does not answer, or refuses.
    pub fn delete(&self, key: &str) -> Result<(), BucketError> {
        check_key(key)?;
        let sent = Sent { verb: "delete", key, headers: &[], body: &[] };
        self.send(DeleteObject::new(&self.inner, self.credentials(), key), &sent).map(drop)
    }

    fn facts(&self, headers: &HeaderMap, sent: &Sent<'_>) -> Result<Facts, BucketError> {
        let without = |problem| BucketError::Answer { what: self.what(sent), problem };
        let size = header(headers, "content-length").and_then(|text| text.parse().ok());
        let etag = header(headers, "etag").filter(|etag| !etag.is_empty());
        Ok(Facts {
            size: size.ok_or_else(|| without("no length"))?,
            etag: etag.ok_or_else(|| without("no entity tag"))?.to_owned(),
            sha256: sha256(headers),
            stamp: header(headers, "x-amz-meta-stampwright-etag").map(str::to_owned),
        })
    }
}

/// A checksum of parts ends with their number (`…-3`) and is none of the whole, so it is not read.
fn sha256(headers: &HeaderMap) -> Option<[u8; 32]> {
    let of_store = header(headers, "x-amz-checksum-sha256")
        .and_then(|text| STANDARD.decode(text).ok())
        .and_then(|bytes| bytes.try_into().ok());
    of_store.or_else(|| hex(header(headers, "x-amz-meta-sha256")?))
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect();
    if digits.len() == 64 { bytes.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_the_stores_or_the_metadatas_and_never_one_of_parts() {
        let of = |pairs: &[(&'static str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            sha256(&pairs.collect::<HeaderMap>())
        };
        let (hex, base64) = ("ab".repeat(32), STANDARD.encode([0xCD; 32]));
        assert_eq!(of(&[("x-amz-meta-sha256", &hex)]), Some([0xAB; 32]));
        assert_eq!(of(&[("x-amz-meta-sha256", &hex), ("x-amz-checksum-sha256", &base64)]), Some([0xCD; 32]));
        assert_eq!(of(&[("x-amz-checksum-sha256", &format!("{base64}-3"))]), None);
        for wrong in ["", "ab", &"zz".repeat(32), &"ab".repeat(33)] {
            assert_eq!(of(&[("x-amz-meta-sha256", wrong)]), None, "{wrong}");
        }
    }
}
