//! An open package: its members at once, the control file when it is first asked for.

use super::names::{Deb, PRODUCT_NAME};
use super::read::Package;
use super::{control, extract, stamp, verify};
use crate::format::{Format, Inspection, Installer, Kind, ReadError, Sink, StampError, Stamper, TokenSummary};
use crate::policy;
use crate::report::Report;
use crate::token::Token;

/// The fields of the control file that an inspection shows.
const DETAILS: [&str; 6] = ["Package", PRODUCT_NAME, "Maintainer", "Installed-Size", "Depends", "Replaces"];

impl Installer for Package<'_> {
    fn format(&self) -> &'static dyn Format {
        &Deb
    }

    fn token(&self) -> Result<Option<Token>, ReadError> {
        self.token_in_tail()
    }

    fn product_name(&self) -> Result<Option<String>, ReadError> {
        Ok(self.control()?.get(PRODUCT_NAME).map(str::to_owned))
    }

    fn issuer_keys(&self) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.control()?.get(control::ISSUER_KEYS).map(|keys| keys.as_bytes().to_vec()))
    }

    fn inspect(&self) -> Result<Inspection, ReadError> {
        let control = self.control()?;
        let field = |name| control.get(name).unwrap_or_default().to_owned();
        let details = DETAILS.into_iter().filter_map(|name| Some((name, control.get(name)?.to_owned())));
        Ok(Inspection {
            kind: Kind::Deb,
            product: control.get(PRODUCT_NAME).or_else(|| control.get("Package")).unwrap_or_default().to_owned(),
            version: field("Version"),
            arch: field("Architecture"),
            token: self.token_in_tail()?.as_ref().map(TokenSummary::from),
            signed: false,
            is_ours: control.mark().is_some(),
            details: details.chain([("data", self.data.member.name.clone())]).collect(),
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
        Ok(Box::new(stamp::DebStamper::open(self)?))
    }
}
