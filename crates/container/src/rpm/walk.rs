//! Goes through a payload the way rpm does when it installs.

use std::collections::BTreeMap;
use std::io::{self, Read};

use md5::Md5;
use sha2::digest::Digest as _;

use super::files::File;
use super::package::Package;
use super::stripped;
use super::tag;
use crate::digest::{Algorithm, Hasher, hex};
use crate::read_at::{Cursor, Window};
use crate::reader::{Error, Malformed, Problem};
use crate::{cpio, gzip, xz, zst};

/// How a gzip stream starts (RFC 1952 §2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1F, 0x8B];
/// A file with several names is held in memory until all of them are served.
const MAX_HARD_LINK_BYTES: u64 = 64 << 20;

/// What a payload is when it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// How many bytes.
    pub len: u64,
    /// Whether they have the digest that `PAYLOADDIGESTALT` names, which no rpm looks at where `PAYLOADDIGEST` is right. `None`: it is not there.
    pub is_as_named: Option<bool>,
}

/// Is shown a file and, streamed, its bytes; what it does not read is read for it.
pub(super) type Visit<'v, E> = dyn FnMut(&File, &mut dyn Read) -> Result<(), E> + 'v;

impl Package<'_> {
    /// Decodes the payload to its end and shows each entry, in the archive's order, with what the header says of it. Gives what the
    /// payload decodes to.
    ///
    /// An error: a damaged stream or archive; an entry that the header does not list, or lists with another type, size
    /// or target; a file of the header that is not in the archive; a file whose bytes have another digest than the
    /// header says; a payload with another digest than `PAYLOADDIGEST`, where there is one.
    pub fn walk<E: From<Error>>(&self, visit: &mut Visit<'_, E>) -> Result<Decoded, E> {
        let files = self.header.files().map_err(Error::from)?;
        let listed = stripped::entries(&self.header, &files).map_err(Error::from)?;
        let mut digest = Algorithm::Sha256.hasher();
        let mut walk = Walk { at: self.payload_offset(), files: BTreeMap::new(), pending: BTreeMap::new() };
        for file in files {
            if let Some(twice) = walk.files.insert(file.path.clone(), Some(file)) {
                let what = if twice.is_some() { "a path of the header" } else { "a path" };
                return Err(walk.wrong(Problem::Twice { what }).into());
            }
        }
        let names = FileDigest::from_number(self.header.number(tag::FILEDIGESTALGO).map_err(Error::from)?);
        let names = names
            .ok_or_else(|| walk.wrong(Problem::Text { what: "the algorithm of the files' digests is not known" }))?;
        let named = self.header.texts(tag::PAYLOADDIGESTALT).map_err(Error::from)?;
        let alternative = named.as_ref().map(|_| Algorithm::Sha256.hasher());
        let mut decoded = Counting { inner: self.decode(&mut digest)?, len: 0, digest: alternative };
        let mut archive = cpio::Reader::newc(&mut decoded).with_listed(listed);
        while let Some(entry) = archive.next_entry()? {
            walk.entry(&entry, &mut archive, names, visit)?;
        }
        let (len, alternative) = (decoded.len, decoded.digest.take());
        drop(decoded);
        walk.finish()?;
        self.check_payload_digest(&hex(&digest.finish()))?;
        let found = alternative.map(|digest| hex(&digest.finish()));
        let is_as_named = named.zip(found).map(|(named, found)| named.as_slice() == [found]);
        Ok(Decoded { len, is_as_named })
    }

    /// Decodes the payload; its bytes as they are in the file go into `digest`.
    fn decode<'r>(&'r self, digest: &'r mut Hasher) -> Result<Box<dyn Read + 'r>, Error> {
        let window = Window::new("rpm payload", self.file, self.payload_offset(), self.payload_len())?;
        let compressed = Hashing { inner: Cursor::new(window), digest };
        let compressor = self.header.text(tag::PAYLOADCOMPRESSOR)?;
        Ok(match compressor.as_deref() {
            // rpm takes such a payload for gzip, and its zlib passes on what has no gzip header (rpmio, gzread).
            None if !self.is_gzip()? => Box::new(compressed),
            None | Some("gzip") => Box::new(gzip::decode(compressed)),
            Some("xz") => Box::new(xz::decode(compressed)),
            Some("zstd") => Box::new(zst::decode(compressed).map_err(Error::io("start the decoder"))?),
            _ => {
                let what = "the payload is compressed in another way than gzip, xz and zstd";
                return Err(self.header.wrong(tag::PAYLOADCOMPRESSOR, what).into());
            }
        })
    }

    fn is_gzip(&self) -> Result<bool, Error> {
        let mut magic = [0; GZIP_MAGIC.len()];
        if self.payload_len() < magic.len() as u64 {
            return Ok(false);
        }
        self.file.read_at(self.payload_offset(), &mut magic).map_err(Error::io("read the payload"))?;
        Ok(magic == GZIP_MAGIC)
    }

    fn check_payload_digest(&self, found: &str) -> Result<(), Error> {
        let Some(expected) = self.header.texts(tag::PAYLOADDIGEST)? else { return Ok(()) };
        // A package of version 6 names no algorithm: the tag is PAYLOADSHA256 there.
        let is_sha256 = matches!(self.header.number(tag::PAYLOADDIGESTALGO)?, None | Some(8));
        if is_sha256 && expected.as_slice() == [found] {
            return Ok(());
        }
        let problem = Problem::Mismatch { what: "the payload and PAYLOADDIGEST" };
        Err(Malformed { structure: "rpm payload", offset: self.payload_offset(), problem }.into())
    }
}

/// What is known on the way.
struct Walk {
    at: u64,
    /// The header's files by path; what has been seen is gone.
    files: BTreeMap<String, Option<File>>,
    /// Names of a file whose bytes come with its last name, by inode.
    pending: BTreeMap<u64, Vec<File>>,
}

impl Walk {
    fn wrong(&self, problem: Problem) -> Error {
        Malformed { structure: "rpm payload", offset: self.at, problem }.into()
    }

    fn entry<R: Read, E: From<Error>>(
        &mut self,
        entry: &cpio::Entry,
        archive: &mut cpio::Reader<R>,
        digests: FileDigest,
        visit: &mut Visit<'_, E>,
    ) -> Result<(), E> {
        let file = self.files.get_mut(&entry.path).and_then(Option::take).filter(|file| !file.is_ghost());
        let unlisted = Problem::Text { what: "the archive has an entry that the header does not list" };
        let file = file.ok_or_else(|| self.wrong(unlisted))?;
        let same_type = (file.mode ^ entry.mode) & cpio::TYPE_MASK == 0;
        if file.is_regular() && entry.size == 0 && file.size > 0 && entry.links > 1 {
            self.pending.entry(entry.inode).or_default().push(file);
            return Ok(());
        }
        let same_size = file.is_directory() || file.size == entry.size;
        if !same_type || !same_size {
            return Err(self.wrong(Problem::Mismatch { what: "the type or size of an entry and the header" }).into());
        }
        match self.pending.remove(&entry.inode) {
            Some(others) if file.is_regular() && entry.links > 1 => {
                let content = archive.data(MAX_HARD_LINK_BYTES)?;
                for file in others.iter().chain([&file]) {
                    if file.size != entry.size {
                        return Err(self.wrong(Problem::Mismatch { what: "the sizes of a file's names" }).into());
                    }
                    self.show(file, &mut content.as_slice(), digests, visit)?;
                }
                Ok(())
            }
            Some(others) => {
                self.pending.insert(entry.inode, others);
                self.show(&file, archive, digests, visit)
            }
            None => self.show(&file, archive, digests, visit),
        }
    }

    /// Shows a file, reads what was left of it, and compares.
    fn show<E: From<Error>>(
        &self,
        file: &File,
        content: &mut dyn Read,
        digests: FileDigest,
        visit: &mut Visit<'_, E>,
    ) -> Result<(), E> {
        if file.is_symlink() {
            let mut target = Vec::new();
            content.take(4097).read_to_end(&mut target).map_err(|error| self.failed(error))?;
            if target != file.target.as_bytes() {
                return Err(self.wrong(Problem::Mismatch { what: "the target of a link and the header" }).into());
            }
            return visit(file, &mut io::empty());
        }
        let mut content = Digesting { inner: content, digest: digests.start() };
        visit(file, &mut content)?;
        io::copy(&mut content, &mut io::sink()).map_err(|error| self.failed(error))?;
        if file.is_regular() && content.digest.finish() != file.digest {
            return Err(self
                .wrong(Problem::Mismatch { what: "the bytes of a file and its digest in the header" })
                .into());
        }
        Ok(())
    }

    fn finish(&self) -> Result<(), Error> {
        let missing = self.files.values().flatten().any(|file| !file.is_ghost());
        if missing || !self.pending.is_empty() {
            return Err(self.wrong(Problem::Missing { what: "a file that the header lists" }));
        }
        Ok(())
    }

    /// A decoder's refusal, or the system's.
    fn failed(&self, error: io::Error) -> Error {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Malformed>()) {
            Some(malformed) => malformed.clone().into(),
            None if error.raw_os_error().is_some() => Error::Io { verb: "read the payload", source: error },
            None => self.wrong(Problem::Data { what: "the archive is damaged" }),
        }
    }
}

/// The algorithm of the files' digests, by its number in OpenPGP (RFC 4880 §9.4).
#[derive(Debug, Clone, Copy)]
enum FileDigest {
    Md5,
    Other(Algorithm),
}

impl FileDigest {
    const fn from_number(number: Option<u64>) -> Option<Self> {
        Some(match number {
            None | Some(1) => Self::Md5,
            Some(2) => Self::Other(Algorithm::Sha1),
            Some(8) => Self::Other(Algorithm::Sha256),
            Some(9) => Self::Other(Algorithm::Sha384),
            Some(10) => Self::Other(Algorithm::Sha512),
            _ => return None,
        })
    }

    fn start(self) -> Running {
        match self {
            Self::Md5 => Running::Md5(Md5::new()),
            Self::Other(algorithm) => Running::Other(algorithm.hasher()),
        }
    }
}

enum Running {
    Md5(Md5),
    Other(Hasher),
}

impl Running {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(digest) => digest.update(bytes),
            Self::Other(digest) => digest.update(bytes),
        }
    }

    fn finish(self) -> String {
        match self {
            Self::Md5(digest) => hex(&digest.finalize()),
            Self::Other(digest) => hex(&digest.finish()),
        }
    }
}

/// Digests what is read from it.
struct Digesting<'r> {
    inner: &'r mut dyn Read,
    digest: Running,
}

impl Read for Digesting<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.digest.update(crate::stream::moved(buf, n)?);
        Ok(n)
    }
}

/// Counts what is read through it, and digests it where that is compared.
struct Counting<R> {
    inner: R,
    len: u64,
    digest: Option<Hasher>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.len += n as u64;
        if let Some(digest) = &mut self.digest {
            digest.update(crate::stream::moved(buf, n)?);
        }
        Ok(n)
    }
}

/// Digests what is read through it.
struct Hashing<'r, R> {
    inner: R,
    digest: &'r mut Hasher,
}

impl<R: Read> Read for Hashing<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.digest.update(crate::stream::moved(buf, n)?);
        Ok(n)
    }
}
