//! Keeps the catalog equal to a prefix of an S3-compatible bucket: what comes in is imported, what goes is withdrawn.
//!
//! An object is taken in only whole and only with the SHA-256 that the store tells of it, so one that was cut or changed on its way is never served. A store that
//! does not answer takes nothing away: what was imported stays.

use std::collections::BTreeMap;
use std::path::Path;

use stampwright::prepare::beside;
use stampwright::s3::{Bucket, BucketError, Object};
use stampwright::{Error, ErrorKind, Result};

use super::catalog::{Digest, Store};
use super::entry::hex;
use super::import::{Label, Origin};
use super::watch::Noticed;

/// The most objects of a prefix.
const MAX_OBJECTS: usize = 10_000;
/// No prepare record is this long.
const MAX_RECORD_BYTES: u64 = 1 << 20;

/// A prefix of a bucket, and what was seen in it.
#[derive(Debug)]
pub(crate) struct BucketWatch {
    prefix: String,
    most_bytes: u64,
    /// By key.
    known: BTreeMap<String, Known>,
}

/// An object of the bucket.
#[derive(Debug)]
struct Known {
    etag: String,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It was imported, as the base with this digest.
    Imported(Digest),
    /// It is no base that can be served.
    Refused,
    /// The store refuses it to these credentials; the next look tries again.
    Denied,
    /// The store did not give it, or there was no space for it here; the next look tries again.
    Failing,
}

impl State {
    fn of(error: &Error) -> Self {
        match error.cause::<BucketError>() {
            Some(BucketError::Untrusted { .. }) => Self::Failing,
            _ if error.kind() == ErrorKind::Machine => Self::Failing,
            // Who may read what is mended in the store, and the object stays the same.
            Some(BucketError::Refused { .. }) => Self::Denied,
            _ => Self::Refused,
        }
    }
}

impl BucketWatch {
    /// Watches a prefix; objects longer than `most_bytes` are refused.
    #[must_use]
    pub(crate) const fn new(prefix: String, most_bytes: u64) -> Self {
        Self { prefix, most_bytes, known: BTreeMap::new() }
    }

    /// Looks at the bucket.
    ///
    /// # Errors
    /// It cannot be listed; then nothing is withdrawn.
    pub(crate) fn look(&mut self, bucket: &Bucket, store: &Store, now: u64) -> Result<Vec<Noticed>> {
        let listed = bucket.list(&self.prefix, MAX_OBJECTS)?;
        let mut noticed = Vec::new();
        for object in listed.iter().filter(|object| is_base(&object.key)) {
            let known = self.known.get(&object.key).filter(|known| known.etag == object.etag);
            let is_settled = known.is_some_and(|known| match known.state {
                State::Imported(digest) => store.get(&digest).is_some(),
                State::Refused => true,
                State::Denied | State::Failing => false,
            });
            if is_settled {
                continue;
            }
            let before = known.map(|known| known.state);
            let state = match self.import(object, &listed, bucket, store, now) {
                Ok((digest, is_new)) => {
                    noticed.extend(is_new.then(|| Noticed::Added(object.key.clone())));
                    State::Imported(digest)
                }
                Err(error) => {
                    let state = State::of(&error);
                    // Said once, not at each look.
                    noticed.extend((before != Some(state)).then_some(Noticed::Refused(error)));
                    state
                }
            };
            self.known.insert(object.key.clone(), Known { etag: object.etag.clone(), state });
        }
        self.known.retain(|key, _| listed.iter().any(|object| object.key == *key));
        noticed.extend(self.withdraw(store)?);
        Ok(noticed)
    }

    /// Withdraws the bases that came from a bucket and are in it no more; after a restart as well.
    fn withdraw(&self, store: &Store) -> Result<Vec<Noticed>> {
        let mut noticed = Vec::new();
        let is_unsettled = self.known.values().any(|known| known.state == State::Failing);
        for entry in store.list().into_iter().filter(|entry| entry.origin() == Origin::Bucket) {
            let digest = entry.base().sha256()?;
            let is_there = self.known.values().any(|known| known.state == State::Imported(digest));
            // An object that is just being replaced: its old base is served until the new one is there.
            if !is_there && !is_unsettled && store.withdraw(&digest)? {
                noticed.push(Noticed::Withdrawn(entry.listed().file_name.clone()));
            }
        }
        Ok(noticed)
    }

    /// Takes an object in. One that is served already is not read again.
    fn import(
        &self,
        object: &Object,
        listed: &[Object],
        bucket: &Bucket,
        store: &Store,
        now: u64,
    ) -> Result<(Digest, bool)> {
        let place = format!("s3://{}/{}", bucket.name(), object.key);
        let about = |error: Error| error.about(Path::new(&place));
        let facts = bucket.head(&object.key)?;
        let digest = facts.sha256.ok_or_else(|| {
            about(
                Error::wrong("the store does not tell its SHA-256, so it could not be compared")
                    .hint("put it with --checksum-algorithm SHA256, or with the metadata sha256 and the digest in hex"),
            )
        })?;
        if store.get(&digest).is_some() {
            return Ok((digest, false));
        }
        if facts.size > self.most_bytes {
            return Err(about(Error::wrong(format!("it has {} bytes, at most {}", facts.size, self.most_bytes))));
        }
        let name = object.key.rsplit('/').next().unwrap_or_default();
        let mut label = Label::new(name, Origin::Bucket, now).map_err(about)?;
        let record = beside(Path::new(&object.key));
        if let Some(record) = listed.iter().find(|other| Path::new(&other.key) == record) {
            let mut text = Vec::new();
            bucket.read(&record.key, &record.etag, MAX_RECORD_BYTES, &mut text)?;
            label = label.with_manifest(text).map_err(about)?;
        }
        let incoming = store.incoming()?;
        let mut writer = incoming.writer().map_err(|error| Error::machine(format!("write the base: {error}")))?;
        bucket.read(&object.key, &facts.etag, facts.size, &mut writer)?;
        let found = incoming.sha256()?;
        if found != digest {
            let (found, expected) = (hex(&found), hex(&digest));
            return Err(about(Error::wrong(format!("its SHA-256 is {found}, and the store says {expected}"))));
        }
        let (_, is_new) = store.add(incoming, label).map_err(about)?;
        Ok((digest, is_new))
    }
}

/// Prepare records and receipts lie beside bases; a key that ends with a slash stands for a folder.
fn is_base(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or_default();
    !name.is_empty() && !name.starts_with('.') && !name.ends_with(".json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beside_bases_is_none() {
        assert!(is_base("releases/1.0/Agent.msi") && is_base("Agent.msi"));
        for other in ["releases/", "a/.hidden", "a/Agent.msi.prepare.json", ""] {
            assert!(!is_base(other), "{other}");
        }
    }
}
