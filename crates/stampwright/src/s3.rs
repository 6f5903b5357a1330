//! Installers that are put together inside an S3-compatible store, from a base that lies there: a multipart upload whose kept ranges the store copies
//! itself. What is sent is the stamp's new bytes and, where they stand in front, the first 5 MiB of the base.

use std::ops::Range;
use std::path::Path;

use bucket::{NewObject, Piece, Source};
use container::ReadAt;
use installer::proof::hex;
use installer::splice;
use sha2::{Digest, Sha256};

pub use bucket::{Address, AddressStyle, Bucket, BucketError, Composed, Credentials, Facts, Object, Settings};

use crate::error::{Error, Result};
use crate::input::{self, OpenKey};
use crate::stamp::Stamp;

/// Reads the access key of an object store and its secret, as AWS's tools write them down.
///
/// # Errors
/// The file is not there, others can read it, or there is no profile in it.
pub fn credentials(path: &Path, open: OpenKey) -> Result<Credentials> {
    let bytes = input::secret(path, open, "access key")?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Error::wrong("is not UTF-8 text").about(path))?;
    Credentials::parse(text).map_err(|error| Error::from(error).about(path))
}

impl Stamp {
    /// Puts the installer together at `key`. The base lies at `base_key` of the bucket `bases`, which may be the same; it is compared by its length and
    /// its SHA-256, which is read where the store does not tell it.
    ///
    /// The object is there whole or not at all. It has a token in it: the bucket is private, and a lifecycle rule deletes what was fetched.
    ///
    /// # Errors
    /// The store has another base there, does not answer, or refuses.
    pub fn compose(&self, bases: &Bucket, base_key: &str, bucket: &Bucket, key: &str) -> Result<Composed> {
        let etag = self.base_in_store(bases, base_key)?;
        let source = Source { bucket: bases.name(), key: base_key, etag: &etag };
        let stamp = self.etag()?;
        let object = NewObject {
            key,
            size: self.len(),
            media_type: self.base().kind().media_type(),
            file_name: key.rsplit('/').next().filter(|name| is_plain(name)),
            stamp: stamp.trim_matches('"'),
        };
        let whole = self.slice(..)?;
        let pieces = whole.pieces().map(|piece| match piece {
            splice::Piece::Keep(range) => Piece::Keep(range),
            splice::Piece::Put(bytes) => Piece::Put(bytes),
        });
        let mut read = |range: Range<u64>, buf: &mut [u8]| self.base().bytes().read_at(range.start, buf);
        Ok(bucket.compose(source, pieces, object, &mut read)?)
    }

    /// The entity tag of the base in the store, which was compared with this one.
    fn base_in_store(&self, bases: &Bucket, key: &str) -> Result<String> {
        let other = |found: String, expected: String| {
            let at = Address { bucket: bases.name().to_owned(), key: key.to_owned() };
            Error::wrong(format!("{at} is not this base: {found}, expected {expected}"))
                .hint("put the base there first")
        };
        let (facts, len) = (bases.head(key)?, self.base().len());
        if facts.size != len {
            return Err(other(format!("{} bytes", facts.size), len.to_string()));
        }
        let found = match facts.sha256 {
            Some(digest) => digest,
            None => {
                let mut digest = Sha256::new();
                bases.read(key, &facts.etag, len, &mut digest)?;
                digest.finalize().into()
            }
        };
        let expected = self.base().sha256()?;
        if found != expected {
            return Err(other(format!("its SHA-256 is {}", hex(&found)), hex(&expected)));
        }
        Ok(facts.etag)
    }
}

/// Whether a name can stand in a header as it is.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+'))
}
