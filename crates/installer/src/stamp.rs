//! Stamping, whole: the slot makes a splice, and the format's reader must find the token in it.

use std::sync::Mutex;

use container::ReadAt;

use crate::claims::IssuerKeys;
use crate::format::{Format, ReadError, Slot, StampError};
use crate::seal::{Imprint, SealError, Sealed, Sealer};
use crate::splice::Splice;
use crate::token::Token;

/// A base that was opened once, for any number of stamps.
pub struct Base<B> {
    bytes: B,
    format: &'static dyn Format,
    slot: Box<dyn Slot>,
}

impl<B: ReadAt> Base<B> {
    /// Finds out what `bytes` are and where they take a token. An installer that is already stamped is refused
    /// unless `restamp` is set.
    pub fn open(bytes: B, restamp: bool) -> Result<Self, StampError> {
        let format = crate::formats::recognise(&bytes)?;
        let slot = match format.open(&bytes) {
            Err(error @ StampError::NotABase { .. }) if format.sealed(&bytes)?.is_some() => {
                return Err(StampError::SignedElsewhere(Box::new(error)));
            }
            opened => opened?,
        };
        if slot.is_stamped() && !restamp {
            let token = format.token(&bytes)?;
            return Err(StampError::AlreadyStamped(token.map_or_else(String::new, |token| token.fingerprint())));
        }
        Ok(Self { bytes, format, slot })
    }

    /// For a prepared base whose signed part shows no issuer keys: the keys that its maker has asserted.
    #[must_use]
    pub fn pinned(mut self, asserted: IssuerKeys) -> Self {
        self.slot.pin(asserted);
        self
    }

    /// Its format.
    pub fn format(&self) -> &'static dyn Format {
        self.format
    }

    /// The bytes that it was opened from.
    pub const fn bytes(&self) -> &B {
        &self.bytes
    }

    /// The base with this token in it, read back: the independent reader has found exactly this token in the
    /// splice's view of the file. Costs O(token).
    pub fn stamp(&self, token: &Token) -> Result<Splice, StampError> {
        let splice = self.slot.stamp(token)?;
        self.read_back(token, &splice)?;
        Ok(splice)
    }

    /// The same, signed anew by `sealer`. Also reads back that the signature in it is the one that `sealer` gave. Costs O(token), one
    /// signature, and, for the first token of each length, one pass over what of the base the signature covers.
    pub fn stamp_sealed(&self, token: &Token, sealer: &dyn Sealer) -> Result<Splice, StampError> {
        let witness = Witness { sealer, given: Mutex::new(None) };
        let splice = self.slot.stamp_sealed(&self.bytes, token, &witness)?;
        self.read_back(token, &splice)?;
        let found = self.format.sealed(&splice.over(&self.bytes)).map_err(not_back)?;
        let given = witness.given.into_inner().ok().flatten();
        let is_the_one = match (&found, &given) {
            (Some(found), Some(given)) => {
                let padding = found.cms.strip_prefix(given.cms.as_slice());
                padding.is_some_and(|rest| rest.iter().all(|byte| *byte == 0)) && found.rsa == given.rsa
            }
            _ => false,
        };
        if is_the_one { Ok(splice) } else { Err(StampError::ReadBack("another signature is found".to_owned())) }
    }

    fn read_back(&self, token: &Token, splice: &Splice) -> Result<(), StampError> {
        match self.format.token(&splice.over(&self.bytes)).map_err(not_back)? {
            Some(found) if found == *token => Ok(()),
            Some(_) => Err(StampError::ReadBack("another token is found".to_owned())),
            None => Err(StampError::ReadBack("no token is found".to_owned())),
        }
    }
}

/// The system's trouble with reading the base is not the stamp's fault; anything else is.
fn not_back(error: ReadError) -> StampError {
    match error {
        ReadError::Io { .. } => error.into(),
        other => StampError::ReadBack(other.to_string()),
    }
}

/// Remembers what a signer gave.
struct Witness<'s> {
    sealer: &'s dyn Sealer,
    given: Mutex<Option<Sealed>>,
}

impl Sealer for Witness<'_> {
    fn certificates(&self) -> &[Vec<u8>] {
        self.sealer.certificates()
    }

    fn rsa_len(&self) -> usize {
        self.sealer.rsa_len()
    }

    fn most_cms_len(&self) -> usize {
        self.sealer.most_cms_len()
    }

    fn seal(&self, imprint: &Imprint) -> Result<Sealed, SealError> {
        let sealed = self.sealer.seal(imprint)?;
        if let Ok(mut given) = self.given.lock() {
            *given = Some(sealed.clone());
        }
        Ok(sealed)
    }
}
