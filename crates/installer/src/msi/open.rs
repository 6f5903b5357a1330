//! An open package: the compound file at once, the tables and the slot when they are first asked for.

use std::sync::{Arc, OnceLock};

use container::ReadAt;
use container::cfb::read::Compound;

use super::ids::Msi;
use super::{extract, identity, prepare, read, sign, signature, stamp, verify};
use crate::format::{
    Format, Inspection, Installer, Output, PrepareError, ReadError, SignFileError, Signable, Sink, StampError, Stamper,
};
use crate::policy;
use crate::prepare::{self as prepared, SlotStamper};
use crate::report::Report;
use crate::signature::{Existing, SignImprint, Signature, SignatureBytes};
use crate::slot::{Slot, SlotFound};
use crate::token::Token;

/// An open package.
pub(super) struct OpenMsi<'f> {
    file: &'f dyn ReadAt,
    compound: Arc<Compound<&'f dyn ReadAt>>,
    tables: OnceLock<read::Installer<'f>>,
    slot: OnceLock<Option<SlotFound>>,
}

impl<'f> OpenMsi<'f> {
    pub(super) fn open(file: &'f dyn ReadAt) -> Result<Self, ReadError> {
        let compound = Arc::new(read::compound(file)?);
        Ok(Self { file, compound, tables: OnceLock::new(), slot: OnceLock::new() })
    }

    fn tables(&self) -> Result<&read::Installer<'f>, ReadError> {
        match self.tables.get() {
            Some(tables) => Ok(tables),
            None => {
                let tables = read::Installer::over(Arc::clone(&self.compound))?;
                Ok(self.tables.get_or_init(|| tables))
            }
        }
    }

    fn found_slot(&self) -> Result<Option<&SlotFound>, ReadError> {
        match self.slot.get() {
            Some(found) => Ok(found.as_ref()),
            None => {
                let found = prepare::slot(&self.compound)?;
                Ok(self.slot.get_or_init(|| found).as_ref())
            }
        }
    }
}

impl OpenMsi<'_> {
    /// A package of ours must be, byte for byte, the layout of its own streams. One that was prepared, or that another tool has signed, was laid
    /// out anew, and says so.
    fn verify_layout(&self, report: &mut Report) -> Result<(), ReadError> {
        let tables = self.tables()?;
        if !tables.properties()?.contains_key(identity::LAYOUT_PROPERTY) {
            return Ok(());
        }
        let is_ours = stamp::open(tables, self.file);
        let laid_out_anew = tables.is_signed() || self.found_slot()?.is_some();
        match is_ours {
            Err(StampError::Read(error)) => return Err(error),
            Err(error) if laid_out_anew => report.note(
                "msi-laid-out-anew",
                "compound file",
                format!("{error}: another tool, or prepare, has laid the file out anew, so its digests and its signature prove the streams, and nothing proves what lies between them"),
            ),
            is_ours => {
                report.check(is_ours.is_ok(), "msi-layout", "compound file", || {
                    is_ours.err().map_or_else(String::new, |error| error.to_string())
                });
            }
        }
        Ok(())
    }
}

impl Installer for OpenMsi<'_> {
    fn format(&self) -> &'static dyn Format {
        &Msi
    }

    fn token(&self) -> Result<Option<Token>, ReadError> {
        match self.found_slot()? {
            Some(found) => prepared::token(found),
            None => self.tables()?.token(),
        }
    }

    fn product_name(&self) -> Result<Option<String>, ReadError> {
        Ok(self.tables()?.properties()?.remove("ProductName"))
    }

    fn issuer_keys(&self) -> Result<Option<Vec<u8>>, ReadError> {
        self.tables()?.issuer_keys()
    }

    fn inspect(&self) -> Result<Inspection, ReadError> {
        let mut inspection = self.tables()?.inspect()?;
        if let Some(found) = self.found_slot()? {
            prepared::describe(&mut inspection, found);
        }
        Ok(inspection)
    }

    fn extract(&self, sink: &mut dyn Sink) -> Result<(), ReadError> {
        extract::extract(self.tables()?, sink)?;
        match self.found_slot()? {
            Some(found) => prepared::extract(found, sink),
            None => Ok(()),
        }
    }

    fn verify(&self, report: &mut Report) -> Result<(), ReadError> {
        let found = self.found_slot()?;
        let keys = self.issuer_keys()?;
        match found {
            Some(found) => prepared::verify(found, keys.as_deref(), report),
            None => {
                let token = self.tables()?.token().ok().flatten();
                policy::check_found(keys.as_deref(), token.as_ref(), self.product_name()?.as_deref(), report);
            }
        }
        self.verify_layout(report)?;
        verify::verify(self.tables()?, self.file, found.is_some(), report)
    }

    fn stamper(&self) -> Result<Box<dyn Stamper>, StampError> {
        match self.found_slot()? {
            Some(found) => Ok(Box::new(SlotStamper::new(self.file.len(), found, prepare::fill))),
            None => Ok(Box::new(stamp::open(self.tables()?, self.file)?)),
        }
    }

    fn signable(&self) -> Option<&dyn Signable> {
        Some(self)
    }
}

impl Signable for OpenMsi<'_> {
    fn stored(&self) -> Result<Option<SignatureBytes>, ReadError> {
        signature::signature_bytes(&self.compound)
    }

    fn signature(&self) -> Result<Option<Signature>, ReadError> {
        signature::signature(&self.compound)
    }

    fn sign(&self, signer: &dyn SignImprint, existing: Existing, out: &mut dyn Output) -> Result<(), SignFileError> {
        sign::sign(&self.compound, signer, existing, out)
    }

    fn slot(&self) -> Result<Option<SlotFound>, ReadError> {
        Ok(self.found_slot()?.cloned())
    }

    fn prepare(&self, out: &mut dyn Output) -> Result<Slot, PrepareError> {
        prepare::prepare(&self.compound, out)
    }
}
