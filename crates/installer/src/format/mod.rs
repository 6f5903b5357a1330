//! What every installer format can do, and the words that it does it in.
//!
//! ```text
//!   Product + AgentFile ──payload──▶ Payload ──build──▶ base ──open──▶ Installer ──stamper──▶ Stamper ──stamp(token)──▶ Splice
//!                                                                         │
//!                              token | inspect | extract | verify ◀───────┤
//!                              signature | slot | sign | prepare  ◀───────┘ where the format has signatures: `signable`
//! ```
//!
//! A file is opened once: [`Format::open`] reads the structure that everything else is found by, and an [`Installer`] keeps what it has read.
//! The upper row writes, the lower rows read, and they share no code: a reader goes the way that the operating
//! system's own installer goes. [`crate::stamp`] puts the two together, so that no stamp leaves without having been
//! read back.
//!
//! What a format can and cannot do is asked of it ([`Installer::signable`], [`Format::signature_form`], [`Format::has_modes`]); no code outside
//! of a format's folder asks which format it is.

mod errors;
mod inspection;
mod kind;
mod sink;

use std::io::{Seek, Write};

use container::ReadAt;

pub use errors::{BuildError, PrepareError, ReadError, SignFileError, StampError};
pub use inspection::{ClaimsSummary, Inspection, TokenSummary};
pub use kind::Kind;
pub use sink::{Area, EntryKind, Extracted, Sink};

use crate::epoch::Epoch;
use crate::payload::Payload;
use crate::policy::AcceptedToken;
use crate::product::{AgentFile, Arch, Product};
use crate::report::Report;
use crate::signature::{Existing, SignImprint, Signature, SignatureBytes, SignatureForm};
use crate::slot::{Slot, SlotFound};
use crate::splice::Splice;
use crate::token::Token;

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

/// An installer format.
pub trait Format: Sync {
    /// Which one it is.
    fn kind(&self) -> Kind;

    /// Whether a file that starts with these bytes (at least 16, unless the file is shorter) is of this format.
    fn recognises(&self, head: &[u8]) -> bool;

    /// The form of the signature that its files carry inside. `None`: they carry none.
    fn signature_form(&self) -> Option<SignatureForm> {
        None
    }

    /// Whether its payload has permission bits.
    fn has_modes(&self) -> bool {
        true
    }

    /// The tree that gets installed, by the paths of this format.
    fn payload(&self, product: &Product, agent: &AgentFile) -> Result<Payload, BuildError>;

    /// The program that its installers for an architecture bring of their own, which the system weighs by its own signature. `None`: none.
    fn own_program(&self, _product: &Product, _arch: Arch) -> Result<Option<Vec<u8>>, BuildError> {
        Ok(None)
    }

    /// Writes a base: the installer without a token.
    fn build(&self, job: &Job<'_>, out: &mut dyn Output) -> Result<(), BuildError>;

    /// Reads the structure that everything else in a file is found by; the payload is not touched.
    ///
    /// # Errors
    /// The structure itself is damaged. What is damaged behind it is found by the methods that read it.
    fn open<'f>(&self, file: &'f dyn ReadAt) -> Result<Box<dyn Installer + 'f>, ReadError>;
}

/// An open installer, a base or a stamped one, of this tool or another. What it has read it keeps.
pub trait Installer: Send + Sync {
    /// Its format.
    fn format(&self) -> &'static dyn Format;

    /// The token in it, reading no more than needed. `None`: it has none.
    fn token(&self) -> Result<Option<Token>, ReadError>;

    /// The product's name, as a signed token has it. `None`: the installer does not say it.
    fn product_name(&self) -> Result<Option<String>, ReadError>;

    /// The number that its stamp was made with (`AcceptedToken::number`), for formats that show it. `None`: it is a base, or does not say.
    fn stamp_number(&self) -> Result<Option<u64>, ReadError> {
        Ok(None)
    }

    /// The issuer keys (a JWKS, as it was given) in its small part, which a signature covers where the format has one. `None`: it has none.
    fn issuer_keys(&self) -> Result<Option<Vec<u8>>, ReadError>;

    /// What it says of itself.
    fn inspect(&self) -> Result<Inspection, ReadError>;

    /// Takes it apart.
    fn extract(&self, sink: &mut dyn Sink) -> Result<(), ReadError>;

    /// Checks everything that the format can know by itself. An error means that the file cannot be read at all.
    fn verify(&self, report: &mut Report) -> Result<(), ReadError>;

    /// Finds where it takes its token, once for any number of stamps.
    ///
    /// # Errors
    /// It is not a base of a layout that this version knows, or a stamp of one.
    fn stamper(&self) -> Result<Box<dyn Stamper>, StampError>;

    /// Its signature and the place beside it. `None`: the format has no signature inside the file.
    fn signable(&self) -> Option<&dyn Signable> {
        None
    }
}

/// An open installer of a format that has a signature inside the file.
pub trait Signable {
    /// The signature's bytes as they stand in the file, without reading the content: how a signed stamp is read back. What the
    /// directory alone can show to be wrong is an error. `None`: it is not signed.
    fn stored(&self) -> Result<Option<SignatureBytes>, ReadError>;

    /// The signature, and what it must be over, computed from the content. Reads the whole file. `None`: it is not signed.
    fn signature(&self) -> Result<Option<Signature>, ReadError>;

    /// Writes the installer, ours or somebody else's, once more with a fresh signature.
    fn sign(&self, signer: &dyn SignImprint, existing: Existing, out: &mut dyn Output) -> Result<(), SignFileError>;

    /// The place beside the signature where a prepared installer takes its token, and what is in it. `None`: it is not prepared.
    fn slot(&self) -> Result<Option<SlotFound>, ReadError>;

    /// Refuses an installer that cannot have such a place, whatever keys it has.
    fn check_preparable(&self) -> Result<(), PrepareError> {
        Ok(())
    }

    /// Writes the signed installer, ours or somebody else's, once more with such a place, empty. Changes no byte that the signature covers,
    /// and needs no key. [`crate::prepare`] is what decides whether it may have one.
    fn prepare(&self, out: &mut dyn Output) -> Result<Slot, PrepareError>;
}

/// Where an opened base takes its token: everything that a stamp needs, so that it reads nothing and searches nothing.
pub trait Stamper: Send + Sync {
    /// Whether there is a token already. A stamp of a stamped installer replaces it and is the same, byte for byte,
    /// as a stamp of its base.
    fn is_stamped(&self) -> bool;

    /// The base with this token in it. Costs O(token).
    fn stamp(&self, token: &AcceptedToken) -> Result<Splice, StampError>;

    /// The same, signed anew by `signer` in one step. A signature that the base has is left behind. `base` is what the stamper was
    /// opened from: a format may have to read of it what a signature covers, at most once for each length of a token.
    fn stamp_signed(
        &self,
        _base: &dyn ReadAt,
        _token: &AcceptedToken,
        _signer: &dyn SignImprint,
    ) -> Result<Splice, StampError> {
        Err(StampError::NoSignature)
    }
}
