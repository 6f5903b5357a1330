//! Stamping, whole: the slot makes a splice, and the format's reader must find the token in it.

use container::ReadAt;

use crate::format::{Format, ReadError, Slot, StampError};
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
        let slot = format.open(&bytes)?;
        if slot.is_stamped() && !restamp {
            let token = format.token(&bytes)?;
            return Err(StampError::AlreadyStamped(token.map_or_else(String::new, |token| token.fingerprint())));
        }
        Ok(Self { bytes, format, slot })
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
        match self.format.token(&splice.over(&self.bytes)) {
            Ok(Some(found)) if found == *token => Ok(splice),
            Ok(Some(_)) => Err(StampError::ReadBack("another token is found".to_owned())),
            Ok(None) => Err(StampError::ReadBack("no token is found".to_owned())),
            // The system's trouble with reading the base is not the stamp's fault.
            Err(error @ ReadError::Io { .. }) => Err(error.into()),
            Err(error) => Err(StampError::ReadBack(error.to_string())),
        }
    }
}
