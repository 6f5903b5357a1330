//! One-call forms for tests that open a file for one question.

use container::ReadAt;
use installer::format::{
    Format, Inspection, Output, PrepareError, ReadError, SignFileError, Sink, StampError, Stamper,
};
use installer::signature::{Existing, SignImprint, Signature};
use installer::slot::{Slot, SlotFound};
use installer::stamp::{Base, OpenOptions};
use installer::{AcceptedToken, Report, Splice, Token};

/// Opens a file, asks one thing, closes it.
pub trait Once {
    fn token(&self, file: &dyn ReadAt) -> Result<Option<Token>, ReadError>;
    fn inspect(&self, file: &dyn ReadAt) -> Result<Inspection, ReadError>;
    fn extract(&self, file: &dyn ReadAt, sink: &mut dyn Sink) -> Result<(), ReadError>;
    fn verify(&self, file: &dyn ReadAt, report: &mut Report) -> Result<(), ReadError>;
    fn signature(&self, file: &dyn ReadAt) -> Result<Option<Signature>, ReadError>;
    fn slot(&self, file: &dyn ReadAt) -> Result<Option<SlotFound>, ReadError>;
    fn issuer_keys(&self, file: &dyn ReadAt) -> Result<Option<Vec<u8>>, ReadError>;
    fn stamper(&self, file: &dyn ReadAt) -> Result<Box<dyn Stamper>, StampError>;
    fn sign(
        &self,
        file: &dyn ReadAt,
        signer: &dyn SignImprint,
        existing: Existing,
        out: &mut dyn Output,
    ) -> Result<(), SignFileError>;
    fn prepare(&self, file: &dyn ReadAt, out: &mut dyn Output) -> Result<Slot, PrepareError>;
}

impl<F: Format + ?Sized> Once for F {
    fn token(&self, file: &dyn ReadAt) -> Result<Option<Token>, ReadError> {
        self.open(file)?.token()
    }

    fn inspect(&self, file: &dyn ReadAt) -> Result<Inspection, ReadError> {
        self.open(file)?.inspect()
    }

    fn extract(&self, file: &dyn ReadAt, sink: &mut dyn Sink) -> Result<(), ReadError> {
        self.open(file)?.extract(sink)
    }

    fn verify(&self, file: &dyn ReadAt, report: &mut Report) -> Result<(), ReadError> {
        self.open(file)?.verify(report)
    }

    fn signature(&self, file: &dyn ReadAt) -> Result<Option<Signature>, ReadError> {
        self.open(file)?.signable().map_or(Ok(None), |file| file.signature())
    }

    fn slot(&self, file: &dyn ReadAt) -> Result<Option<SlotFound>, ReadError> {
        self.open(file)?.signable().map_or(Ok(None), |file| file.slot())
    }

    fn issuer_keys(&self, file: &dyn ReadAt) -> Result<Option<Vec<u8>>, ReadError> {
        self.open(file)?.issuer_keys()
    }

    fn stamper(&self, file: &dyn ReadAt) -> Result<Box<dyn Stamper>, StampError> {
        self.open(file)?.stamper()
    }

    fn sign(
        &self,
        file: &dyn ReadAt,
        signer: &dyn SignImprint,
        existing: Existing,
        out: &mut dyn Output,
    ) -> Result<(), SignFileError> {
        let file = self.open(file)?;
        file.signable().ok_or(SignFileError::NoSignature)?.sign(signer, existing, out)
    }

    fn prepare(&self, file: &dyn ReadAt, out: &mut dyn Output) -> Result<Slot, PrepareError> {
        let file = self.open(file)?;
        file.signable().ok_or(PrepareError::NoSignature)?.prepare(out)
    }
}

/// Opens a base that has no token yet.
pub fn open<B: ReadAt>(bytes: B) -> Result<Base<B>, StampError> {
    Base::open(bytes, OpenOptions::default())
}

/// Opens a base, or a stamped installer.
pub fn reopen<B: ReadAt>(bytes: B) -> Result<Base<B>, StampError> {
    Base::open(bytes, OpenOptions { restamp: true, issuer_keys: None })
}

/// The token as its base accepts it, long before any token expires.
pub fn accepted<B: ReadAt>(base: &Base<B>, token: &Token) -> AcceptedToken {
    base.accept(token.clone(), 0).unwrap_or_else(|error| panic!("{token}: {error}"))
}

/// A stamp with a token that the base must accept.
pub fn stamp<B: ReadAt>(base: &Base<B>, token: &Token) -> Result<Splice, StampError> {
    base.stamp(&accepted(base, token))
}
