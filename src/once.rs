//! One-call forms for commands that open a file for one question.

use container::ReadAt;
use installer::format::{Format, Inspection, Output, ReadError, SealFileError, Sink};
use installer::seal::{Existing, Sealed, Sealer, Signature, SlotFound};
use installer::{Report, Token};

/// Opens a file, asks one thing, closes it.
pub trait Once {
    fn token(&self, file: &dyn ReadAt) -> Result<Option<Token>, ReadError>;
    fn inspect(&self, file: &dyn ReadAt) -> Result<Inspection, ReadError>;
    fn extract(&self, file: &dyn ReadAt, sink: &mut dyn Sink) -> Result<(), ReadError>;
    fn verify(&self, file: &dyn ReadAt, report: &mut Report) -> Result<(), ReadError>;
    fn signature(&self, file: &dyn ReadAt) -> Result<Option<Signature>, ReadError>;
    fn slot(&self, file: &dyn ReadAt) -> Result<Option<SlotFound>, ReadError>;
    fn sealed(&self, file: &dyn ReadAt) -> Result<Option<Sealed>, ReadError>;
    fn issuer_keys(&self, file: &dyn ReadAt) -> Result<Option<Vec<u8>>, ReadError>;
    fn seal(
        &self,
        file: &dyn ReadAt,
        sealer: &dyn Sealer,
        existing: Existing,
        out: &mut dyn Output,
    ) -> Result<(), SealFileError>;
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

    fn sealed(&self, file: &dyn ReadAt) -> Result<Option<Sealed>, ReadError> {
        self.open(file)?.signable().map_or(Ok(None), |file| file.stored())
    }

    fn issuer_keys(&self, file: &dyn ReadAt) -> Result<Option<Vec<u8>>, ReadError> {
        self.open(file)?.issuer_keys()
    }

    fn slot(&self, file: &dyn ReadAt) -> Result<Option<SlotFound>, ReadError> {
        self.open(file)?.signable().map_or(Ok(None), |file| file.slot())
    }

    fn seal(
        &self,
        file: &dyn ReadAt,
        sealer: &dyn Sealer,
        existing: Existing,
        out: &mut dyn Output,
    ) -> Result<(), SealFileError> {
        let file = self.open(file)?;
        file.signable().ok_or(SealFileError::NoSignature)?.seal(sealer, existing, out)
    }
}
