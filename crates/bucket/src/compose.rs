//! An installer that is put together inside the store: one multipart upload, its kept ranges copied there, its new bytes sent.
//!
//! The upload is complete or it is not there: whatever fails, it is aborted, and the key has what it had before. The copies demand the entity tag under which the
//! base was compared (`x-amz-copy-source-if-match`), so a base that is replaced meanwhile is an error.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use rusty_s3::actions::{AbortMultipartUpload, CompleteMultipartUpload, CreateMultipartUpload, UploadPart};

use crate::address::{check_key, escaped};
use crate::error::BucketError;
use crate::layout::{Limits, Part, Piece, ReadBase, lay_out};
use crate::request::{Bucket, Sent, header};

/// The most parts of an upload.
const MAX_PARTS: usize = 10_000;

/// What the kept ranges are of.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The bucket, in the same store.
    pub bucket: &'a str,
    /// The object.
    pub key: &'a str,
    /// The entity tag that it must have.
    pub etag: &'a str,
}

/// What the object is to be.
#[derive(Debug, Clone, Copy)]
pub struct NewObject<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its length in bytes.
    pub size: u64,
    /// Its media type.
    pub media_type: &'a str,
    /// What a browser calls it: letters, digits and `.-_+`.
    pub file_name: Option<&'a str>,
    /// Its metadata `stampwright-etag`: which base and which new bytes it is of, without giving them away.
    pub stamp: &'a str,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Composed {
    /// Its length in bytes.
    pub size: u64,
    /// So many were copied inside the store.
    pub copied: u64,
    /// So many were sent.
    pub sent: u64,
}

impl Bucket {
    /// Puts an object together from ranges of another and new bytes. `read` reads the base here, for ranges that are too short to be copied.
    ///
    /// # Errors
    /// The store does not answer, refuses, or has another base. What was begun is then aborted.
    pub fn compose<'a>(
        &self,
        source: Source<'_>,
        pieces: impl IntoIterator<Item = Piece<'a>>,
        object: NewObject<'_>,
        read: &mut ReadBase<'_>,
    ) -> Result<Composed, BucketError> {
        check_key(source.key)?;
        check_key(object.key)?;
        let parts = lay_out(pieces, Limits::OF_S3, read).map_err(BucketError::Base)?;
        if parts.is_empty() || parts.len() > MAX_PARTS {
            return Err(BucketError::Answer {
                what: format!("compose s3://{}/{}", self.name(), object.key),
                problem: "no place for an object of so many parts",
            });
        }
        let upload = self.begin(&object)?;
        let done =
            self.parts(&source, &parts, &object, &upload).and_then(|tags| self.complete(&object, &upload, &tags));
        done.map_err(|failure| self.abort(object.key, &upload, failure))?;
        if let Err(error) = self.read_back(&object) {
            if matches!(error, BucketError::Length { .. }) {
                self.delete(object.key)?;
            }
            return Err(error);
        }
        let of = |is_copy: bool| {
            let len = |part: &Part| match part {
                Part::Copy(range) if is_copy => range.end - range.start,
                Part::Send(bytes) if !is_copy => bytes.len() as u64,
                _ => 0,
            };
            parts.iter().map(len).sum()
        };
        Ok(Composed { size: object.size, copied: of(true), sent: of(false) })
    }

    fn begin(&self, object: &NewObject<'_>) -> Result<String, BucketError> {
        let name = object.file_name.map(|name| format!("; filename=\"{name}\"")).unwrap_or_default();
        let disposition = format!("attachment{name}");
        let headers = [
            ("cache-control", "no-store".to_owned()),
            ("content-disposition", disposition),
            ("content-type", object.media_type.to_owned()),
            ("x-amz-meta-stampwright-etag", object.stamp.to_owned()),
        ];
        let sent = Sent { verb: "begin", key: object.key, headers: &headers, body: &[] };
        let text = self.document(CreateMultipartUpload::new(&self.inner, self.credentials(), object.key), &sent, 0)?;
        let no_upload = |_| BucketError::Answer { what: self.what(&sent), problem: "no upload" };
        Ok(CreateMultipartUpload::parse_response(&text).map_err(no_upload)?.upload_id().to_owned())
    }

    /// Brings the parts into the store; gives their entity tags.
    fn parts(
        &self,
        source: &Source<'_>,
        parts: &[Part],
        object: &NewObject<'_>,
        upload: &str,
    ) -> Result<Vec<String>, BucketError> {
        let numbered = (1_u16..).zip(parts);
        let tags = numbered.map(|(number, part)| match part {
            Part::Copy(range) => self.copy_part(source, range, object.key, number, upload),
            Part::Send(bytes) => self.send_part(bytes, object.key, number, upload),
        });
        tags.collect()
    }

    fn copy_part(
        &self,
        source: &Source<'_>,
        range: &Range<u64>,
        key: &str,
        number: u16,
        upload: &str,
    ) -> Result<String, BucketError> {
        let headers = [
            ("x-amz-copy-source", format!("/{}/{}", source.bucket, escaped(source.key))),
            ("x-amz-copy-source-if-match", source.etag.to_owned()),
            ("x-amz-copy-source-range", format!("bytes={}-{}", range.start, range.end.saturating_sub(1))),
        ];
        let sent = Sent { verb: "copy the base into", key, headers: &headers, body: &[] };
        let action = UploadPart::new(&self.inner, self.credentials(), key, number, upload);
        let text = self.document(action, &sent, 0)?;
        let tag = text.split_once("<ETag>").and_then(|(_, rest)| rest.split_once("</ETag>"));
        let tag = tag.map(|(tag, _)| tag.trim().replace("&quot;", "\"").replace("&#34;", "\""));
        tag.filter(|tag| is_tag(tag))
            .ok_or_else(|| BucketError::Answer { what: self.what(&sent), problem: "no entity tag" })
    }

    /// The store compares what came with the digest (RFC 1864), so a part that was changed on its way is refused. Checksums of S3's newer kinds would have
    /// to be announced for the upload, and for copied parts as well.
    fn send_part(&self, bytes: &[u8], key: &str, number: u16, upload: &str) -> Result<String, BucketError> {
        let headers = [("content-md5", STANDARD.encode(Md5::digest(bytes)))];
        let sent = Sent { verb: "send a part of", key, headers: &headers, body: bytes };
        let action = UploadPart::new(&self.inner, self.credentials(), key, number, upload);
        let response = self.send(action, &sent)?;
        let tag = header(response.headers(), "etag").filter(|tag| is_tag(tag)).map(str::to_owned);
        tag.ok_or_else(|| BucketError::Answer { what: self.what(&sent), problem: "no entity tag" })
    }

    fn complete(&self, object: &NewObject<'_>, upload: &str, tags: &[String]) -> Result<(), BucketError> {
        let action = || {
            let tags = tags.iter().map(String::as_str);
            CompleteMultipartUpload::new(&self.inner, self.credentials(), object.key, upload, tags)
        };
        let (body, headers) = (action().body(), [("content-type", "application/xml".to_owned())]);
        let sent = Sent { verb: "complete", key: object.key, headers: &headers, body: body.as_bytes() };
        match self.document(action(), &sent, 0) {
            Ok(text) if text.contains("<CompleteMultipartUploadResult") => Ok(()),
            Ok(_) => Err(BucketError::Answer { what: self.what(&sent), problem: "no word of the object" }),
            // The first answer was lost on its way: then the upload is gone because the object is there.
            Err(BucketError::Refused { status: 404, .. }) if self.read_back(object).is_ok() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What lies there is what was composed.
    fn read_back(&self, object: &NewObject<'_>) -> Result<(), BucketError> {
        let facts = self.head(object.key)?;
        let what = || format!("compose s3://{}/{}", self.name(), object.key);
        if facts.stamp.as_deref() != Some(object.stamp) {
            return Err(BucketError::Replaced { what: what() });
        }
        if facts.size != object.size {
            return Err(BucketError::Length { what: what(), found: facts.size, expected: object.size });
        }
        Ok(())
    }

    fn abort(&self, key: &str, upload: &str, failure: BucketError) -> BucketError {
        let sent = Sent { verb: "abort", key, headers: &[], body: &[] };
        match self.send(AbortMultipartUpload::new(&self.inner, self.credentials(), key, upload), &sent) {
            // It is gone already.
            Ok(_) | Err(BucketError::Refused { status: 404, .. }) => failure,
            Err(abort) => BucketError::Unfinished { failure: Box::new(failure), abort: Box::new(abort) },
        }
    }
}

/// An entity tag goes into a document: none that would be markup there.
fn is_tag(tag: &str) -> bool {
    (1..=256).contains(&tag.len())
        && tag.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'&'))
}
