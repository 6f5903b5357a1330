//! Stamping, whole: a base is opened once, its policy accepts a token, its stamper makes a splice, and the format's reader must find the token in
//! the splice. There is no other way from a token to a splice.

use std::sync::Mutex;

use container::ReadAt;

use crate::claims::{ClaimsError, IssuerKeys};
use crate::format::{Format, ReadError, StampError, Stamper};
use crate::policy::{AcceptedToken, TokenPolicy};
use crate::signature::{Imprint, SignImprint, SignatureBytes, SignatureError};
use crate::slot::SlotFound;
use crate::splice::Splice;
use crate::token::Token;

/// How a base is opened.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// Takes an installer that has a token already; a stamp then replaces the token.
    pub restamp: bool,
    /// Issuer keys of the caller: tokens must verify under them, and under those in the base.
    pub issuer_keys: Option<IssuerKeys>,
}

/// A base that was opened once, for any number of stamps.
pub struct Base<B> {
    bytes: B,
    format: &'static dyn Format,
    stamper: Box<dyn Stamper>,
    policy: TokenPolicy,
    slot: Option<SlotFound>,
    is_signed: bool,
}

impl<B: ReadAt> Base<B> {
    /// Finds out what `bytes` are, where they take a token and which tokens. An installer that is already stamped is refused
    /// unless `restamp` is set.
    pub fn open(bytes: B, options: OpenOptions) -> Result<Self, StampError> {
        let opened = crate::formats::open(&bytes)?;
        let signable = opened.signable();
        let stamper = match opened.stamper() {
            Err(error @ (StampError::NotABase { .. } | StampError::NotOurs(_)))
                if signable.is_some_and(|file| matches!(file.stored(), Ok(Some(_)))) =>
            {
                return Err(StampError::SignedElsewhere(Box::new(error)));
            }
            stamper => stamper?,
        };
        if stamper.is_stamped() && !options.restamp {
            let token = opened.token()?;
            return Err(StampError::AlreadyStamped(token.map_or_else(String::new, |token| token.fingerprint())));
        }
        let keys = opened.issuer_keys()?.as_deref().map(IssuerKeys::parse).transpose();
        let policy =
            TokenPolicy::new(keys.map_err(StampError::IssuerKeys)?, options.issuer_keys, opened.product_name()?);
        let (slot, is_signed) = match signable {
            Some(file) => (file.slot()?, file.stored()?.is_some()),
            None => (None, false),
        };
        let format = opened.format();
        drop(opened);
        Ok(Self { bytes, format, stamper, policy, slot, is_signed })
    }

    /// For a prepared base whose signed part shows no issuer keys: the keys that its maker has asserted.
    #[must_use]
    pub fn pinned(mut self, asserted: IssuerKeys) -> Self {
        self.policy.assert(asserted);
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

    /// Which tokens it takes.
    pub const fn policy(&self) -> &TokenPolicy {
        &self.policy
    }

    /// The place beside its signature, as it was when the base was opened. `None`: it is not prepared.
    pub const fn slot(&self) -> Option<&SlotFound> {
        self.slot.as_ref()
    }

    /// Whether it carries a signature.
    pub const fn is_signed(&self) -> bool {
        self.is_signed
    }

    /// Takes a token for this base, if its policy does. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// Issuer keys are known and none of them has signed it; or it is expired, about to expire, or for another product.
    pub fn accept(&self, token: Token, now: u64) -> Result<AcceptedToken, ClaimsError> {
        self.policy.accept(token, now)
    }

    /// The base with this token in it, read back: the independent reader has found exactly this token in the
    /// splice's view of the file. Costs O(token).
    ///
    /// # Errors
    /// The token was accepted for another base; the base is signed and not prepared; or the stamp does not read back.
    pub fn stamp(&self, token: &AcceptedToken) -> Result<Splice, StampError> {
        self.check(token)?;
        let splice = self.settled(self.stamper.stamp(token)?)?;
        self.read_back(token.token(), &splice, None)?;
        Ok(splice)
    }

    /// The same, signed anew by `signer`. Also reads back that the signature in it is the one that `signer` gave. Costs O(token), one
    /// signature, and, for the first token of each length, one pass over what of the base the signature covers.
    pub fn stamp_signed(&self, token: &AcceptedToken, signer: &dyn SignImprint) -> Result<Splice, StampError> {
        self.check(token)?;
        let witness = Witness { signer, given: Mutex::new(None) };
        let splice = self.settled(self.stamper.stamp_signed(&self.bytes, token, &witness)?)?;
        let given = witness.given.into_inner().ok().flatten();
        let given = given.ok_or_else(|| StampError::ReadBack("it was not signed".to_owned()))?;
        self.read_back(token.token(), &splice, Some(&given))?;
        Ok(splice)
    }

    /// A patch that equals the base is kept.
    fn settled(&self, splice: Splice) -> Result<Splice, StampError> {
        Ok(splice.settle(&self.bytes).map_err(container::Error::io("read the base"))?)
    }

    fn check(&self, token: &AcceptedToken) -> Result<(), StampError> {
        if self.policy.has_accepted(token) { Ok(()) } else { Err(StampError::AcceptedElsewhere) }
    }

    /// Opens the stamp as if it were a file; exactly this token and this signature must be in it.
    fn read_back(&self, token: &Token, splice: &Splice, signature: Option<&SignatureBytes>) -> Result<(), StampError> {
        let stamped = splice.over(&self.bytes);
        let opened = self.format.open(&stamped).map_err(not_back)?;
        match opened.token().map_err(not_back)? {
            Some(found) if found == *token => {}
            Some(_) => return Err(StampError::ReadBack("another token is found".to_owned())),
            None => return Err(StampError::ReadBack("no token is found".to_owned())),
        }
        let Some(given) = signature else { return Ok(()) };
        let stored = opened.signable().map(|file| file.stored()).transpose().map_err(not_back)?.flatten();
        let is_the_one = stored.is_some_and(|found| {
            let padding = found.cms.strip_prefix(given.cms.as_slice());
            padding.is_some_and(|rest| rest.iter().all(|byte| *byte == 0)) && found.rsa == given.rsa
        });
        if is_the_one { Ok(()) } else { Err(StampError::ReadBack("another signature is found".to_owned())) }
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
    signer: &'s dyn SignImprint,
    given: Mutex<Option<SignatureBytes>>,
}

impl SignImprint for Witness<'_> {
    fn certificates(&self) -> &[Vec<u8>] {
        self.signer.certificates()
    }

    fn rsa_len(&self) -> usize {
        self.signer.rsa_len()
    }

    fn max_cms_len(&self) -> usize {
        self.signer.max_cms_len()
    }

    fn sign_imprint(&self, imprint: &Imprint) -> Result<SignatureBytes, SignatureError> {
        let signed = self.signer.sign_imprint(imprint)?;
        if let Ok(mut given) = self.given.lock() {
            *given = Some(signed.clone());
        }
        Ok(signed)
    }
}
