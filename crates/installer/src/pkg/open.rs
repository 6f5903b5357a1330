//! An open package: the table of contents at once, `Scripts` and the slot when they are first asked for.

use super::names::Pkg;
use super::reader::PackageReader;
use super::{extract, prepare, sign, signature, stamp, verify};
use crate::format::{
    Format, Inspection, Installer, Output, PrepareError, ReadError, SignFileError, Signable, Sink, StampError, Stamper,
};
use crate::policy;
use crate::prepare::{self as prepared, SlotStamper};
use crate::report::Report;
use crate::signature::{Existing, SignImprint, Signature, SignatureBytes};
use crate::slot::{Slot, SlotFound};
use crate::token::Token;

impl PackageReader<'_> {
    fn found_slot(&self) -> Result<Option<&SlotFound>, ReadError> {
        match self.slot.get() {
            Some(found) => Ok(found.as_ref()),
            None => {
                let found = prepare::slot(self.file, &self.archive)?;
                Ok(self.slot.get_or_init(|| found).as_ref())
            }
        }
    }
}

impl Installer for PackageReader<'_> {
    fn format(&self) -> &'static dyn Format {
        &Pkg
    }

    fn token(&self) -> Result<Option<Token>, ReadError> {
        match self.found_slot()? {
            Some(found) => prepared::token(found),
            None => self.token_in_scripts(),
        }
    }

    fn product_name(&self) -> Result<Option<String>, ReadError> {
        if self.has("Distribution") { Ok(Some(self.distribution()?.title)) } else { Ok(None) }
    }

    fn issuer_keys(&self) -> Result<Option<Vec<u8>>, ReadError> {
        self.keys_in_scripts()
    }

    fn inspect(&self) -> Result<Inspection, ReadError> {
        let mut inspection = self.describe()?;
        if let Some(found) = self.found_slot()? {
            prepared::describe(&mut inspection, found);
        }
        Ok(inspection)
    }

    fn extract(&self, sink: &mut dyn Sink) -> Result<(), ReadError> {
        extract::extract(self, sink)?;
        match self.found_slot()? {
            Some(found) => prepared::extract(found, sink),
            None => Ok(()),
        }
    }

    fn verify(&self, report: &mut Report) -> Result<(), ReadError> {
        let found = self.found_slot()?;
        let keys = self.keys_in_scripts()?;
        match found {
            Some(found) => prepared::verify(found, keys.as_deref(), report),
            None if keys.is_some() => {
                let token = self.token_in_scripts().ok().flatten();
                policy::check_found(keys.as_deref(), token.as_ref(), self.product_name()?.as_deref(), report);
            }
            None => {}
        }
        verify::verify(self, found.is_some(), report)
    }

    fn stamper(&self) -> Result<Box<dyn Stamper>, StampError> {
        match self.found_slot()? {
            Some(found) => Ok(Box::new(SlotStamper::new(self.file.len(), found, prepare::fill))),
            None => Ok(Box::new(stamp::PkgStamper::open(self)?)),
        }
    }

    fn signable(&self) -> Option<&dyn Signable> {
        Some(self)
    }
}

impl Signable for PackageReader<'_> {
    fn stored(&self) -> Result<Option<SignatureBytes>, ReadError> {
        signature::signature_bytes(self)
    }

    fn signature(&self) -> Result<Option<Signature>, ReadError> {
        signature::signature(self)
    }

    fn sign(&self, signer: &dyn SignImprint, existing: Existing, out: &mut dyn Output) -> Result<(), SignFileError> {
        sign::sign(self, signer, existing, out)
    }

    fn slot(&self) -> Result<Option<SlotFound>, ReadError> {
        Ok(self.found_slot()?.cloned())
    }

    fn check_preparable(&self) -> Result<(), PrepareError> {
        if self.has("Distribution") {
            return Ok(());
        }
        let what = "Distribution is missing: this is a component package, and what is stamped is a product archive, which productbuild makes of it";
        Err(PrepareError::Refused { what: what.to_owned() })
    }

    fn prepare(&self, out: &mut dyn Output) -> Result<Slot, PrepareError> {
        prepare::prepare(self.file, &self.archive, out)
    }
}
