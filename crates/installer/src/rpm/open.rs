//! An open package: its headers.

use std::collections::BTreeMap;

use container::rpm::tag;

use super::names::{ISSUER_KEYS, PRODUCT_NAME, Rpm};
use super::read::Package;
use super::{extract, signature, stamp, verify};
use crate::format::{
    Format, Inspection, Installer, Kind, Output, PrepareError, ReadError, SignFileError, Signable, Sink, StampError,
    Stamper, TokenSummary,
};
use crate::policy;
use crate::report::Report;
use crate::signature::{Existing, SignImprint, Signature, SignatureBytes};
use crate::slot::{Slot, SlotFound};
use crate::token::Token;

/// The texts of the header that an inspection shows.
const DETAILS: [(&str, u32); 9] = [
    ("NAME", tag::NAME),
    ("RELEASE", tag::RELEASE),
    ("VENDOR", tag::VENDOR),
    ("PACKAGER", tag::PACKAGER),
    ("LICENSE", tag::LICENSE),
    ("URL", tag::URL),
    ("SUMMARY", tag::SUMMARY),
    ("RPMVERSION", tag::RPMVERSION),
    ("PAYLOADCOMPRESSOR", tag::PAYLOADCOMPRESSOR),
];

impl Installer for Package<'_> {
    fn format(&self) -> &'static dyn Format {
        &Rpm
    }

    fn token(&self) -> Result<Option<Token>, ReadError> {
        self.token_in_tail()
    }

    fn product_name(&self) -> Result<Option<String>, ReadError> {
        Ok(self.rpm.header.text(PRODUCT_NAME)?)
    }

    fn stamp_number(&self) -> Result<Option<u64>, ReadError> {
        let release = self.required(tag::RELEASE, "RELEASE")?;
        Ok(release.strip_prefix("1.").and_then(|number| number.parse().ok()))
    }

    fn issuer_keys(&self) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.rpm.header.binary(ISSUER_KEYS)?.map(<[u8]>::to_vec))
    }

    fn inspect(&self) -> Result<Inspection, ReadError> {
        let name = self.name()?;
        let mut details = BTreeMap::new();
        for (key, tag) in DETAILS {
            details.extend(self.rpm.header.text(tag)?.map(|text| (key, text)));
        }
        Ok(Inspection {
            kind: Kind::Rpm,
            product: self.product_name()?.unwrap_or(name),
            version: self.required(tag::VERSION, "VERSION")?,
            arch: self.required(tag::ARCH, "ARCH")?,
            token: self.token_in_tail()?.as_ref().map(TokenSummary::from),
            signed: signature::packet(&self.rpm)?.is_some(),
            is_ours: self.mark()?.is_some(),
            details,
        })
    }

    fn extract(&self, sink: &mut dyn Sink) -> Result<(), ReadError> {
        extract::extract(self, sink)
    }

    fn verify(&self, report: &mut Report) -> Result<(), ReadError> {
        let (keys, token) = (self.issuer_keys()?, self.token_in_tail().ok().flatten());
        policy::check_found(keys.as_deref(), token.as_ref(), self.product_name()?.as_deref(), report);
        verify::verify(self, report)
    }

    fn stamper(&self) -> Result<Box<dyn Stamper>, StampError> {
        Ok(Box::new(stamp::RpmStamper::open(self)?))
    }

    fn signable(&self) -> Option<&dyn Signable> {
        Some(self)
    }
}

impl Signable for Package<'_> {
    fn stored(&self) -> Result<Option<SignatureBytes>, ReadError> {
        let packet = signature::packet(&self.rpm)?.transpose()?;
        Ok(packet.map(|cms| SignatureBytes { cms, rsa: None }))
    }

    fn signature(&self) -> Result<Option<Signature>, ReadError> {
        signature::signature(self)
    }

    fn sign(&self, signer: &dyn SignImprint, existing: Existing, out: &mut dyn Output) -> Result<(), SignFileError> {
        signature::sign(self, signer, existing, out)
    }

    /// Nothing beside an rpm's signature takes a token: a new signature costs a millisecond, and nothing that rpm gives to a
    /// scriptlet promises where the package lies.
    fn slot(&self) -> Result<Option<SlotFound>, ReadError> {
        Ok(None)
    }

    fn check_preparable(&self) -> Result<(), PrepareError> {
        let what = "an rpm takes no token beside its signature: stamp the base and sign the stamp, in one step with stamp --certs and --key";
        Err(PrepareError::Refused { what: what.to_owned() })
    }

    fn prepare(&self, _: &mut dyn Output) -> Result<Slot, PrepareError> {
        self.check_preparable().and(Err(PrepareError::NoSignature))
    }
}
