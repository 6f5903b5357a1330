//! The digests over an open compound file.

use std::collections::BTreeMap;

use sha2::digest::Update;

use super::metadata::{self, Leaf, compare};
use crate::cfb::read::{Compound, Entry, Kind};
use crate::digest::{self, Algorithm, Digest};
use crate::msidb::name::{DIGITAL_SIGNATURE, DIGITAL_SIGNATURE_EX};
use crate::read_at::ReadAt;
use crate::reader::{Error, Malformed, Problem};

/// Storages in storages.
const MAX_DEPTH: usize = 32;
/// `MsiDigitalSignatureEx` is a digest; SHA-512 has 64 bytes.
const MAX_DSE_BYTES: usize = 64;
/// A dual signature with timestamps has some 30 KB.
const MAX_SIGNATURE_BYTES: usize = 16 << 20;

/// One step on the way through the storages.
#[derive(Debug, Clone, Copy)]
enum Step<'c> {
    Enter(&'c Entry),
    Stream(&'c Entry),
    Leave([u8; 16]),
}

/// A Windows Installer package, in the order in which a signature covers it.
#[derive(Debug)]
pub struct Msi<'c, R> {
    compound: &'c Compound<R>,
    steps: Vec<Step<'c>>,
}

impl<'c, R: ReadAt> Msi<'c, R> {
    /// Puts the entries in order. Reads nothing.
    pub fn new(compound: &'c Compound<R>) -> Result<Self, Malformed> {
        let mut below: BTreeMap<u32, Vec<&Entry>> = BTreeMap::new();
        let own: [Vec<u16>; 2] = [DIGITAL_SIGNATURE, DIGITAL_SIGNATURE_EX].map(|name| name.encode_utf16().collect());
        for entry in compound.entries().iter().filter(|entry| entry.parent != 0 || !own.contains(&entry.name)) {
            below.entry(entry.parent).or_default().push(entry);
        }
        for entries in below.values_mut() {
            entries.sort_by(|a, b| compare(&a.name, &b.name));
        }
        let mut steps = Vec::new();
        walk(0, compound.clsid(), 0, &below, &mut steps)?;
        Ok(Self { compound, steps })
    }

    /// What `MsiDigitalSignatureEx` must have in it.
    #[must_use]
    pub fn prehash(&self, algorithm: Algorithm) -> Digest {
        let mut hasher = algorithm.hasher();
        self.metadata(&mut hasher);
        hasher.finish()
    }

    /// Feeds names, sizes and times, of which `MsiDigitalSignatureEx` is the digest.
    pub fn metadata(&self, hasher: &mut impl Update) {
        metadata::root(hasher, self.compound.clsid(), self.compound.root().map_or(0, |root| root.state));
        for step in &self.steps {
            match step {
                Step::Stream(Entry { name, size, state, created, modified, .. }) => {
                    let leaf = Leaf { name, size: *size, state: *state, created: *created, modified: *modified };
                    metadata::stream(hasher, &leaf);
                }
                Step::Enter(entry) => {
                    metadata::name(hasher, &entry.name);
                    hasher.update(&entry.clsid);
                    metadata::rest(hasher, entry.state, entry.created, entry.modified);
                }
                Step::Leave(_) => {}
            }
        }
    }

    /// Feeds the content of everything that is covered, after a `DSE` that the caller has fed.
    pub fn content(&self, hasher: &mut impl Update) -> Result<(), Error> {
        for step in &self.steps {
            match step {
                Step::Stream(entry) => {
                    let stream = self.compound.stream(entry)?;
                    digest::feed(hasher, &stream as &dyn ReadAt, "stream", 0, stream.len())?;
                }
                Step::Leave(clsid) => hasher.update(clsid),
                Step::Enter(_) => {}
            }
        }
        Ok(())
    }

    /// What the signature must be over: the `MsiDigitalSignatureEx` that is there, if there is one, and the content.
    pub fn digest(&self, algorithm: Algorithm) -> Result<Digest, Error> {
        let mut hasher = algorithm.hasher();
        if let Some(dse) = self.dse()? {
            hasher.update(&dse);
        }
        self.content(&mut hasher)?;
        Ok(hasher.finish())
    }

    /// The content of `MsiDigitalSignatureEx`, if there is one.
    pub fn dse(&self) -> Result<Option<Vec<u8>>, Error> {
        self.root_stream(DIGITAL_SIGNATURE_EX, MAX_DSE_BYTES)
    }

    /// The signature, if there is one: a PKCS #7 message, and what follows it in its stream.
    pub fn signature(&self) -> Result<Option<Vec<u8>>, Error> {
        self.root_stream(DIGITAL_SIGNATURE, MAX_SIGNATURE_BYTES)
    }

    fn root_stream(&self, name: &str, limit: usize) -> Result<Option<Vec<u8>>, Error> {
        let name: Vec<u16> = name.encode_utf16().collect();
        self.compound.find(&name).map(|entry| self.compound.read(entry, limit)).transpose()
    }
}

fn walk<'c>(
    storage: u32,
    clsid: [u8; 16],
    depth: usize,
    below: &BTreeMap<u32, Vec<&'c Entry>>,
    steps: &mut Vec<Step<'c>>,
) -> Result<(), Malformed> {
    if depth > MAX_DEPTH {
        let problem = Problem::Text { what: "storages lie too deep in each other" };
        return Err(Malformed { structure: "directory", offset: Malformed::NOWHERE, problem });
    }
    for entry in below.get(&storage).into_iter().flatten() {
        match entry.kind {
            Kind::Stream => steps.push(Step::Stream(entry)),
            Kind::Storage => {
                steps.push(Step::Enter(entry));
                walk(entry.id, entry.clsid, depth + 1, below, steps)?;
            }
        }
    }
    steps.push(Step::Leave(clsid));
    Ok(())
}
