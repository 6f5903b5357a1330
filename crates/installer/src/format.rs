//! What every installer format can do, and the words that it does it in.
//!
//! ```text
//!   Product + AgentFile ──payload──▶ Payload ──build──▶ base ──open──▶ Slot ──stamp(Token)──▶ Splice
//!                                                                                              │
//!                              token | inspect | extract | verify ◀── file, or splice over base ┘
//! ```
//!
//! The upper row writes, the lower row reads, and they share no code: a reader goes the way that the operating
//! system's own installer goes. [`crate::stamp`] puts the two together, so that no stamp leaves without having been
//! read back.

mod errors;

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;

use container::{Malformed, ReadAt};
use serde::Serialize;

pub use errors::{PrepareError, SealFileError};

use crate::claims::{Claims, ClaimsError, IssuerKeys};
use crate::epoch::{Civil, Epoch};
use crate::payload::{Payload, PayloadError};
use crate::product::{AgentFile, Platform, Product};
use crate::report::Report;
use crate::seal::{Existing, Place, SealError, Sealed, Sealer, Signature, SlotFound};
use crate::splice::{Splice, SpliceError};
use crate::template::TemplateError;
use crate::token::{Token, TokenError};

/// An installer format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Windows Installer database.
    Msi,
    /// macOS flat package, a product archive.
    Pkg,
    /// Debian package.
    Deb,
}

impl Kind {
    /// The file name's ending, which is also the name on the command line.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Msi => "msi",
            Self::Pkg => "pkg",
            Self::Deb => "deb",
        }
    }

    /// The platform that it installs on.
    #[must_use]
    pub const fn platform(self) -> Platform {
        match self {
            Self::Msi => Platform::Windows,
            Self::Pkg => Platform::Macos,
            Self::Deb => Platform::Linux,
        }
    }
}

/// Where a base is written to.
pub trait Output: Write + Seek + Send {}
impl<T: Write + Seek + Send> Output for T {}

/// Hears how far long work has come.
pub trait Progress: Sync {
    /// So many bytes of the payload have been taken in since the last call.
    fn advance(&self, bytes: u64);
}

/// Hears nothing.
impl Progress for () {
    fn advance(&self, _: u64) {}
}

/// What a base is built from.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the types say it")]
pub struct Job<'a> {
    pub product: &'a Product,
    pub agent: &'a AgentFile,
    pub payload: &'a Payload,
    pub epoch: Epoch,
    pub progress: &'a dyn Progress,
}

/// An installer format: the upper row of the [module's drawing](self) writes, the lower reads.
pub trait Format: Sync {
    /// Which one it is.
    fn kind(&self) -> Kind;

    /// Whether a file that starts with these bytes (at least 16, unless the file is shorter) is of this format.
    fn recognises(&self, head: &[u8]) -> bool;

    /// The tree that gets installed, by the paths of this format.
    fn payload(&self, product: &Product, agent: &AgentFile) -> Result<Payload, BuildError>;

    /// Writes a base: the installer without a token.
    fn build(&self, job: &Job<'_>, out: &mut dyn Output) -> Result<(), BuildError>;

    /// Finds where a base, or a stamped installer, takes its token, once for any number of stamps.
    fn open(&self, base: &dyn ReadAt) -> Result<Box<dyn Slot>, StampError>;

    /// The token in an installer, reading no more than needed. `None`: it is a base.
    fn token(&self, file: &dyn ReadAt) -> Result<Option<Token>, ReadError>;

    /// What an installer says of itself.
    fn inspect(&self, file: &dyn ReadAt) -> Result<Inspection, ReadError>;

    /// Takes an installer apart.
    fn extract(&self, file: &dyn ReadAt, sink: &mut dyn Sink) -> Result<(), ReadError>;

    /// The signature in an installer, and what it must be over, computed from the content. Reads the whole file.
    /// `None`: it carries none.
    fn signature(&self, _file: &dyn ReadAt) -> Result<Option<Signature>, ReadError> {
        Ok(None)
    }

    /// The signature's bytes as they stand in an installer, without reading the content: how a signed stamp is read back. What the
    /// directory alone can show to be wrong is an error. `None`: there is no signature.
    fn sealed(&self, _file: &dyn ReadAt) -> Result<Option<Sealed>, ReadError> {
        Ok(None)
    }

    /// Writes an installer, ours or somebody else's, once more with a fresh signature.
    fn seal(
        &self,
        _file: &dyn ReadAt,
        _sealer: &dyn Sealer,
        _existing: Existing,
        _out: &mut dyn Output,
    ) -> Result<(), SealFileError> {
        Err(SealFileError::NoSignature)
    }

    /// The place beside the signature where a prepared installer takes its token, and what is in it. `None`: it is not prepared.
    fn slot(&self, _file: &dyn ReadAt) -> Result<Option<SlotFound>, ReadError> {
        Ok(None)
    }

    /// Writes a signed installer, ours or somebody else's, once more with such a place, empty. Changes no byte that the signature covers,
    /// and needs no key. [`crate::preserve`] is what decides whether it may have one.
    fn prepare(&self, _file: &dyn ReadAt, _out: &mut dyn Output) -> Result<Place, PrepareError> {
        Err(PrepareError::NoSignature)
    }

    /// The issuer keys (a JWKS, as it was given) in the part of an installer that a signature covers. `None`: it has none.
    fn issuer_keys(&self, _file: &dyn ReadAt) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(None)
    }

    /// Checks everything that this format can know by itself. An error means that the file cannot be read at all.
    fn verify(&self, file: &dyn ReadAt, report: &mut Report) -> Result<(), ReadError>;
}

/// An opened base: everything that a stamp needs, so that it reads nothing and searches nothing.
pub trait Slot: Send + Sync {
    /// Whether there is a token already. A stamp of a stamped installer replaces it and is the same, byte for byte,
    /// as a stamp of its base.
    fn is_stamped(&self) -> bool;

    /// The base with this token in it. Costs O(token).
    fn stamp(&self, token: &Token) -> Result<Splice, StampError>;

    /// The same, signed anew by `sealer` in one step. A signature that the base has is left behind. `base` is what the slot was
    /// opened from: a format may have to read of it what a signature covers, at most once for each length of a token.
    fn stamp_sealed(&self, _base: &dyn ReadAt, _token: &Token, _sealer: &dyn Sealer) -> Result<Splice, StampError> {
        Err(StampError::NoSignature)
    }

    /// For a place beside a signature, in a base whose signed part shows no issuer keys: the keys that its maker says are in the agent.
    /// Keys that are in the signed part stay the ones that count.
    fn pin(&mut self, _asserted: IssuerKeys) {}
}

/// What an installer says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Its format.
    pub kind: Kind,
    /// The product's name.
    pub product: String,
    /// The product's version.
    pub version: String,
    /// The architecture, in the format's own word, e.g. `amd64`, `x64`, `arm64,x86_64`.
    pub arch: String,
    /// The token's length and fingerprint, if there is a token.
    pub token: Option<TokenSummary>,
    /// Whether the file carries a signature.
    pub signed: bool,
    /// What only this format knows, by the field's own name, e.g. `ProductCode`.
    pub details: BTreeMap<&'static str, String>,
}

/// What may be said of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenSummary {
    /// Its length in bytes.
    pub len: usize,
    /// The first 16 hexadecimal digits of its SHA-256.
    pub fingerprint: String,
    /// What it says, if it is understood. Nobody has asked who says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<ClaimsSummary>,
}

/// What may be said of a signed token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it; see `Claims`")]
pub struct ClaimsSummary {
    pub tenant: String,
    pub id: String,
    /// As ISO 8601 writes it.
    pub expires: String,
}

impl From<&Token> for TokenSummary {
    fn from(token: &Token) -> Self {
        let summary = |claims: Claims| ClaimsSummary {
            tenant: claims.tenant,
            id: claims.id,
            expires: Civil::of_secs(claims.expires).to_string(),
        };
        let claims = Claims::of(token).ok().flatten().map(summary);
        Self { len: token.len(), fingerprint: token.fingerprint(), claims }
    }
}

impl Inspection {
    /// The product's name as a signed token has it. A deb is known by its package's name, and knows the product's only where issuer keys
    /// are in it.
    #[must_use]
    pub fn product_name(&self) -> Option<&str> {
        match self.kind {
            Kind::Msi | Kind::Pkg => Some(&self.product),
            Kind::Deb => self.details.get("X-Product-Name").map(String::as_str),
        }
    }
}

/// Takes what is in an installer, piece by piece.
pub trait Sink {
    /// One piece. `content` has a file's bytes, streamed, and nothing for folders and links. A sink need not read it.
    fn entry(&mut self, entry: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError>;
}

/// One piece of an installer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extracted<'a> {
    /// Which part it belongs to.
    pub area: Area,
    /// Its path in that part: `/` between the parts, relative, without `.` and `..`: checked by the reader.
    pub path: &'a str,
    /// What it is.
    pub what: What<'a>,
    /// Its permission bits; 0o644 or 0o755 where the format has none.
    pub mode: u32,
}

/// Which part of an installer something belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// What gets installed.
    Payload,
    /// What the operating system's installer reads: control files, tables, scripts.
    Metadata,
    /// The enrollment token.
    Token,
}

/// What a piece of an installer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What<'a> {
    /// A folder.
    Folder,
    /// A file of this many bytes.
    File(u64),
    /// A symbolic link to this.
    Link(&'a str),
}

/// Why a base could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The product has something that this format cannot express.
    #[error("{field} {problem}")]
    Product {
        /// The manifest's key, e.g. `product.name`.
        field: &'static str,
        /// What is wrong with it, as the rest of a sentence.
        problem: String,
        /// The next step, when there is one.
        hint: Option<&'static str>,
    },
    /// The payload does not hold together.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// A template does not fit its values.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A source is malformed where the format has to understand it.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The result would be larger than the format can be.
    #[error("{what} is {found} bytes, must be at most {limit}")]
    TooLarge {
        /// What.
        what: &'static str,
        /// Its size.
        found: u64,
        /// The format's limit.
        limit: u64,
    },
    /// A source could not be read.
    #[error("read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The base could not be written.
    #[error("{verb}: {source}")]
    Write {
        /// What was being done, e.g. `write data.tar`.
        verb: &'static str,
        /// The system's answer.
        source: io::Error,
    },
}

impl BuildError {
    /// An I/O error of the output, with what was being done.
    pub fn write(verb: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Write { verb, source }
    }
}

/// Why an installer could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Its bytes are wrong.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It has something in the token's place that is not a token.
    #[error("{place}: {source}")]
    Token {
        /// Where.
        place: &'static str,
        /// What is wrong.
        source: TokenError,
    },
    /// It could not be read.
    #[error("{verb}: {source}")]
    Io {
        /// What was being done.
        verb: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// What was taken out could not be put down.
    #[error("write {}: {source}", path.display())]
    Sink {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl From<container::Error> for ReadError {
    fn from(error: container::Error) -> Self {
        match error {
            container::Error::Malformed(malformed) => Self::Malformed(malformed),
            container::Error::Io { verb, source } => Self::Io { verb, source },
        }
    }
}

/// Why a base did not take a token.
#[derive(Debug, thiserror::Error)]
pub enum StampError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It has a token already.
    #[error("the installer is already stamped (token {0})")]
    AlreadyStamped(String),
    /// It was not built by this tool, or by a version whose layout this one does not know.
    #[error("{what} is {found}, must be {expected}")]
    NotABase {
        /// What shows it.
        what: &'static str,
        /// What was found.
        found: String,
        /// What a base of ours has.
        expected: &'static str,
    },
    /// It is signed, and a token would break the signature.
    #[error("the base is signed, and a token in it would make the signature invalid")]
    Signed,
    /// It is signed, and not as this tool signs: nothing of it could be kept.
    #[error("the base is signed, and {0}")]
    SignedElsewhere(Box<StampError>),
    /// The format has no signature in the file.
    #[error("the format has no signature inside the file")]
    NoSignature,
    /// It is prepared, and its signature is to stay.
    #[error("the base is prepared: its slot takes a token without a new signature")]
    Prepared,
    /// The slot's rule: nothing but a token that an issuer key in the signed part has signed.
    #[error("the slot beside a signature takes only a token that an issuer key in the signed part has signed: {0}")]
    Untrusted(ClaimsError),
    /// There is no issuer key to check a token for the slot with.
    #[error("no issuer keys are in the signed part of the prepared base")]
    NoIssuerKeys,
    /// The signer did not sign.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The stamped installer would be larger than the format can be.
    #[error("the stamped installer is {found} bytes, must be at most {limit}")]
    TooLarge {
        /// Its size.
        found: u64,
        /// The format's limit.
        limit: u64,
    },
    /// The stamp did not read back as what was stamped. Nothing is handed out.
    #[error("the stamp does not read back: {0}")]
    ReadBack(String),
    /// The patches do not fit the base.
    #[error(transparent)]
    Splice(#[from] SpliceError),
}

impl StampError {
    /// The next step, when there is one.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Untrusted(why) => why.hint(),
            Self::AlreadyStamped(_) => Some("give --restamp to replace its token, or stamp the base"),
            Self::Signed => Some(
                "give --resign and a key to sign the stamp anew, or run stampwright prepare on the signed base once: its slot takes tokens without a key",
            ),
            Self::Prepared => Some("leave the signing flags out, or give the base that it was prepared from"),
            Self::NoIssuerKeys => {
                Some("give --prepared with the manifest that prepare wrote: it has the keys that were asserted")
            }
            Self::NotABase { .. } => Some("build the base with this version: stampwright build"),
            Self::SignedElsewhere(_) => Some(
                "another tool that signs lays the file out anew: stamp the unsigned base and sign the stamp, or run stampwright prepare on this one",
            ),
            Self::Seal(error) => error.hint,
            _ => None,
        }
    }
}

impl From<container::Error> for StampError {
    fn from(error: container::Error) -> Self {
        Self::Read(error.into())
    }
}

impl From<Malformed> for StampError {
    fn from(malformed: Malformed) -> Self {
        Self::Read(ReadError::Malformed(malformed))
    }
}
