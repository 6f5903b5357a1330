//! A base, opened once for any number of stamps.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use container::ReadAt;
use container::read_at::{Cursor, FileAt};
use installer::format::Format;
use installer::proof::sha256;
use installer::splice::{PrefixDigests, Splice};
use installer::{AcceptedToken, IssuerKeys, Kind, Token, TokenPolicy, stamp};

use crate::description::{Description, Mode};
use crate::error::{Error, Result};
use crate::input;
use crate::prepare::Prepared;
use crate::source::Source;

/// An installer without a token, opened: it knows where a token goes, and which tokens it takes.
///
/// Cloning is cheap, and all clones are one base: the clones of a server's threads share what was read.
#[derive(Clone)]
pub struct Base(Arc<Inner>);

struct Inner {
    base: stamp::Base<Source>,
    /// Where it will be, if that is not where it is.
    place: Option<PathBuf>,
    resign: bool,
    sha256: OnceLock<[u8; 32]>,
    described: OnceLock<Description>,
    digests: PrefixDigests,
}

/// How a base is opened; made by [`Base::options`].
#[derive(Debug, Clone, Default)]
pub struct Options {
    restamp: bool,
    resign: bool,
    issuer_keys: Option<IssuerKeys>,
    prepared: Option<Prepared>,
    sha256: Option<[u8; 32]>,
    place: Option<PathBuf>,
}

impl Options {
    /// Whether an installer that is stamped already is taken as a base: its token is replaced. Default: it is refused.
    #[must_use]
    pub const fn restamp(mut self, restamp: bool) -> Self {
        self.restamp = restamp;
        self
    }

    /// Whether a signed base may be stamped with a new signature, which leaves its own behind. Default: it is refused.
    #[must_use]
    pub const fn resign(mut self, resign: bool) -> Self {
        self.resign = resign;
        self
    }

    /// Keys that must have signed a token, beside those that are in the base.
    #[must_use]
    pub fn issuer_keys(mut self, keys: IssuerKeys) -> Self {
        self.issuer_keys = Some(keys);
        self
    }

    /// The record that [`prepare`](fn@crate::prepare) wrote. Default: the one beside the base (`FILE.prepare.json`), if the base is
    /// opened by its path and has a slot.
    #[must_use]
    pub fn prepared(mut self, record: Prepared) -> Self {
        self.prepared = Some(record);
        self
    }

    /// The SHA-256 of the base, where it is known: it is not computed again. A wrong one makes wrong ETags, plans and receipts.
    #[must_use]
    pub const fn sha256(mut self, digest: [u8; 32]) -> Self {
        self.sha256 = Some(digest);
        self
    }

    /// Opens a file by its path. Errors have the path in front.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Base> {
        let path = path.as_ref();
        let source = Source::file(input::installer(path)?, Some(path));
        self.finish(source).map_err(|error| match error.place() {
            // The manifest beside it.
            Some(_) => error,
            None => error.about(path),
        })
    }

    /// Opens a file that is open already.
    pub fn open_file(self, file: File) -> Result<Base> {
        let file = FileAt::new(file).map_err(Error::io("open", Path::new("the base")))?;
        self.finish(Source::file(file, None))
    }

    /// Opens a file that is at `path` for now and not in its `place` yet. Its temporary name says nothing to a user, so the place is in the
    /// errors.
    pub(crate) fn open_pending(mut self, file: FileAt, path: &Path, place: &Path) -> Result<Base> {
        self.place = Some(place.to_path_buf());
        self.finish(Source::file(file, Some(path))).map_err(|error| error.about(place))
    }

    /// Opens bytes in memory, or anything else that can be read at any offset.
    pub fn open_bytes(self, bytes: impl ReadAt + 'static) -> Result<Base> {
        self.finish(Source::Other(Box::new(bytes)))
    }

    fn finish(self, source: Source) -> Result<Base> {
        let mut base =
            stamp::Base::open(source, stamp::OpenOptions { restamp: self.restamp, issuer_keys: self.issuer_keys })?;
        let asserted = match base.slot() {
            Some(found) => {
                let found = (base.format().kind(), base.bytes().len(), &found.slot);
                Prepared::asserted(self.prepared.as_ref(), base.bytes().path(), found)?
            }
            None if self.prepared.is_some() => {
                return Err(Error::wrong("it is not prepared, and has no prepare record"));
            }
            None => None,
        };
        if let Some(keys) = asserted {
            base = base.pinned(keys);
        }
        let sha256 = self.sha256.map_or_else(OnceLock::new, OnceLock::from);
        Ok(Base(Arc::new(Inner {
            base,
            place: self.place,
            resign: self.resign,
            sha256,
            described: OnceLock::new(),
            digests: PrefixDigests::default(),
        })))
    }
}

impl Base {
    /// How a base is opened, where the default is not right.
    #[must_use]
    pub fn options() -> Options {
        Options::default()
    }

    /// Opens a base by its path.
    ///
    /// # Errors
    /// It cannot be read, is no installer that takes a token, or is stamped already. The sentence starts with the path.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::options().open(path)
    }

    /// Accepts a token at `now` (seconds since 1970): the only way to an [`AcceptedToken`].
    ///
    /// # Errors
    /// Issuer keys are known and none of them signed it; it is expired, or expires within the hour; it is for another product.
    pub fn accept(&self, token: Token, now: u64) -> Result<AcceptedToken> {
        Ok(self.0.base.accept(token, now)?)
    }

    /// Which tokens it takes.
    #[must_use]
    pub fn policy(&self) -> &TokenPolicy {
        self.0.base.policy()
    }

    /// Its format.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.format().kind()
    }

    /// What it says of itself. Read when it is asked for the first time.
    pub fn describe(&self) -> Result<&Description> {
        if let Some(described) = self.0.described.get() {
            return Ok(described);
        }
        let inspection = self.format().open(self.bytes())?.inspect()?;
        Ok(self.0.described.get_or_init(|| inspection.into()))
    }

    /// How it takes a token.
    #[must_use]
    pub fn mode(&self) -> Mode {
        Mode::new(self.0.base.is_signed(), self.0.base.slot().is_some())
    }

    /// Where it is, if it was opened by its path.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.bytes().path()
    }

    /// Its length in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an installer is never empty")]
    pub fn len(&self) -> u64 {
        self.bytes().len()
    }

    /// Its SHA-256: the one that was given when it was opened, else it is read once and the digest kept.
    pub fn sha256(&self) -> Result<[u8; 32]> {
        if let Some(digest) = self.0.sha256.get() {
            return Ok(*digest);
        }
        let (_, digest) = sha256(&mut Cursor::new(self.bytes())).map_err(self.io("read"))?;
        Ok(*self.0.sha256.get_or_init(|| digest))
    }

    /// Whether it has a signature that a new one would replace without having been asked for.
    pub(crate) fn keeps_signature(&self) -> bool {
        !self.0.resign && self.0.base.is_signed()
    }

    /// The SHA-256 of a stamp. What stamps of one base have in common at the front is hashed once.
    pub(crate) fn sha256_of(&self, splice: &Splice) -> Result<[u8; 32]> {
        self.0.digests.sha256(splice, self.bytes()).map_err(self.io("read"))
    }

    /// The way to a splice; [`crate::Stamp`] is what has been checked.
    pub(crate) fn opened(&self) -> &stamp::Base<Source> {
        &self.0.base
    }

    pub(crate) fn format(&self) -> &'static dyn Format {
        self.0.base.format()
    }

    pub(crate) fn bytes(&self) -> &Source {
        self.0.base.bytes()
    }

    /// Where it is or will be.
    fn shown(&self) -> Option<&Path> {
        self.0.place.as_deref().or(self.path())
    }

    /// Its name for messages.
    pub(crate) fn name(&self) -> &Path {
        self.shown().unwrap_or(Path::new("the base"))
    }

    /// The machine failed at it.
    pub(crate) fn io<'a>(&'a self, verb: &'a str) -> impl FnOnce(io::Error) -> Error + 'a {
        Error::io(verb, self.name())
    }

    pub(crate) fn about(&self, error: impl Into<Error>) -> Error {
        let error = error.into();
        match self.shown() {
            Some(path) => error.about(path),
            None => error,
        }
    }
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Base").field("kind", &self.kind()).field("path", &self.path()).finish_non_exhaustive()
    }
}
