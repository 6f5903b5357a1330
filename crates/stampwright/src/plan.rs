//! A stamp as a document: for servers in other languages, and for edge workers that have the base beside them.
//!
//! ```json
//! {"version": 1, "base": {"sha256": "…", "size": 70000000}, "size": 70000700, "etag": "\"…\"",
//!  "segments": [{"keep": [0, 69999000]}, {"put": "base64"}]}
//! ```
//!
//! The installer is the segments, one after another: `keep` is a range of the base, from the first offset up to but not including the
//! second; `put` is new bytes. Ranges ascend. `docs/plan.schema.json` is its JSON Schema. A plan has the token in it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use container::digest::hex;
use installer::SecretBytes;
use installer::splice::{Segment, Splice};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::receipt::FileDigest;

/// How an installer is put together from its base.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// The layout of this document: 1.
    pub version: u32,
    /// The base that the kept ranges are of.
    pub base: FileDigest,
    /// The installer's length in bytes.
    pub size: u64,
    /// Its entity tag, with the quotes.
    pub etag: String,
    /// What it is made of, in order.
    pub segments: Vec<Step>,
}

/// One step of a [`Plan`].
#[derive(Clone, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// These bytes of the base: from the first offset up to, but not including, the second.
    Keep([u64; 2]),
    /// New bytes; base64 (RFC 4648 §4) in the document. They may hold the token.
    #[serde(serialize_with = "base64")]
    Put(SecretBytes),
}

impl Plan {
    const VERSION: u32 = 1;

    pub(crate) fn new(base: [u8; 32], splice: &Splice) -> Self {
        let step = |segment: &Segment| match segment {
            Segment::Keep(range) => Step::Keep([range.start, range.end]),
            Segment::Put(bytes) => Step::Put(bytes.clone()),
        };
        Self {
            version: Self::VERSION,
            base: FileDigest { size: splice.base_len(), sha256: hex(&base) },
            size: splice.len(),
            etag: etag(&base, splice),
            segments: splice.segments().iter().map(step).collect(),
        }
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep([from, to]) => write!(f, "Keep({from}..{to})"),
            Self::Put(bytes) => write!(f, "Put({} bytes)", bytes.len()),
        }
    }
}

fn base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&Zeroizing::new(STANDARD.encode(bytes)))
}

/// The SHA-256 over the base's digest and the segments: it changes with every byte of the result, and costs O(token). Unlike a
/// digest of the installer it needs no pass over what is kept.
pub(crate) fn etag(base: &[u8; 32], splice: &Splice) -> String {
    let mut digest = Sha256::new();
    digest.update(b"stampwright etag 1\0");
    digest.update(base);
    for segment in splice.segments() {
        let (tag, first, second) = match segment {
            Segment::Keep(range) => (0_u8, range.start, range.end),
            Segment::Put(bytes) => (1, bytes.len() as u64, 0),
        };
        digest.update([tag]);
        digest.update(first.to_be_bytes());
        digest.update(second.to_be_bytes());
        if let Segment::Put(bytes) = segment {
            digest.update(&**bytes);
        }
    }
    format!("\"{}\"", hex(&digest.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splice(put: &[u8]) -> Splice {
        Splice::new(20, [Segment::Keep(0..8), Segment::put(put), Segment::Keep(9..20)]).unwrap()
    }

    #[test]
    fn the_document_is_what_it_says() {
        let plan = Plan::new([0xAB; 32], &splice(b"token"));
        let document = serde_json::to_value(&plan).unwrap();
        let digest = "ab".repeat(32);
        let expected = serde_json::json!({
            "version": 1, "base": {"size": 20, "sha256": digest}, "size": 24, "etag": plan.etag,
            "segments": [{"keep": [0, 8]}, {"put": "dG9rZW4="}, {"keep": [9, 20]}],
        });
        assert_eq!(document, expected);
        assert!(!format!("{plan:?}").contains("token\"") && format!("{plan:?}").contains("Put(5 bytes)"));
    }

    #[test]
    fn an_etag_changes_with_base_and_token_and_with_nothing_else() {
        let tag = |base: u8, put: &[u8]| etag(&[base; 32], &splice(put));
        assert_eq!(tag(1, b"token"), tag(1, b"token"));
        assert!(tag(1, b"token") != tag(2, b"token") && tag(1, b"token") != tag(1, b"tokeN"));
        assert!(tag(1, b"token").len() == 66 && tag(1, b"token").starts_with('"'));
        assert!(!tag(1, b"token").contains("token"));
    }
}
