//! Stamping a signed base without any key: the token goes into a place that the signature does not cover.
//!
//! ```text
//!   signed base ──prepare, once──▶ prepared base │░░ slot ░░│        the signature is valid, before and after
//!                                        │
//!                                      stamp: overwrites the slot, O(token), one Put
//! ```
//!
//! **The rule.** What is in the slot is not signed by the vendor, and one vendor lost its certificates for putting addresses and switches into
//! such a place. So a slot takes nothing but a token that verifies under the issuer keys **inside the signed part**: whoever swaps it can
//! only put in another token of the same issuer. A base without issuer keys gets no slot. For an installer of another tool nothing here can see
//! into the agent; its maker asserts the keys, and record and receipt say `asserted`.
//!
//! The agent must verify the token again with its own copy of the keys, before it connects to anything.

mod record;

use container::ReadAt;
use container::reader::{Malformed, Problem};

pub use record::{KeySource, PinnedKeys, PrepareRecord, PrepareRecordError};

use crate::claims::IssuerKeys;
use crate::format::{
    Area, EntryKind, Extracted, Inspection, Installer, Output, PrepareError, ReadError, Sink, StampError, Stamper,
    TokenSummary,
};
use crate::policy::AcceptedToken;
use crate::report::{Finding, Report, Severity};
use crate::secret::SecretBytes;
use crate::signature::SignImprint;
use crate::slot::{Slot, SlotFound, SlotState};
use crate::splice::{Segment, Splice};
use crate::token::Token;

/// How a format writes a token into its slot.
pub(crate) type Fill = fn(&Token) -> SecretBytes;

/// Writes a signed installer with an empty slot, if it may have one. `asserted` is a JWKS that its maker says the agent has inside.
pub fn prepare(
    installer: &dyn Installer,
    asserted: Option<&[u8]>,
    out: &mut dyn Output,
) -> Result<(Slot, PinnedKeys), PrepareError> {
    let signable = installer.signable().ok_or(PrepareError::NoSignature)?;
    signable.check_preparable()?;
    if signable.slot()?.is_some() {
        return Err(PrepareError::Prepared);
    }
    // Without a signature in the file there is nothing to say about keys.
    if signable.stored()?.is_none() {
        return Err(PrepareError::Unsigned);
    }
    if let Ok(Some(token)) = installer.token() {
        return Err(PrepareError::Stamped(token.fingerprint()));
    }
    let keys = match (installer.issuer_keys()?, asserted) {
        (Some(_), Some(_)) => return Err(PrepareError::KeysTwice),
        (Some(jwks), None) => PinnedKeys { jwks, source: KeySource::Seen },
        (None, Some(jwks)) => PinnedKeys { jwks: jwks.to_vec(), source: KeySource::Asserted },
        (None, None) => return Err(PrepareError::NoIssuerKeys),
    };
    IssuerKeys::parse(&keys.jwks).map_err(PrepareError::IssuerKeys)?;
    let slot = signable.prepare(out)?;
    Ok((slot, keys))
}

/// Reads a prepared installer back: an empty slot in its place, and a signature that is over what `base`'s is over. Reads both files whole.
pub fn read_back(base: &dyn Installer, prepared: &dyn Installer, slot: &Slot) -> Result<(), PrepareError> {
    let (Some(base), Some(prepared)) = (base.signable(), prepared.signable()) else {
        return Err(PrepareError::NoSignature);
    };
    let expected = SlotFound { slot: slot.clone(), state: SlotState::Empty };
    if prepared.slot()? != Some(expected) {
        return Err(PrepareError::ReadBack("there is no empty slot where it was made"));
    }
    let (Some(before), Some(after)) = (base.signature()?, prepared.signature()?) else {
        return Err(PrepareError::ReadBack("there is no signature"));
    };
    if before.imprint != after.imprint || before.defects != after.defects || before.rsa != after.rsa {
        return Err(PrepareError::ReadBack("what the signature is over has changed"));
    }
    Ok(())
}

/// Where a prepared base takes its token.
pub(crate) struct SlotStamper {
    base_len: u64,
    slot: Slot,
    fill: Fill,
    stamped: bool,
}

impl SlotStamper {
    pub(crate) fn new(base_len: u64, found: &SlotFound, fill: Fill) -> Self {
        Self { base_len, slot: found.slot.clone(), fill, stamped: found.state != SlotState::Empty }
    }
}

impl Stamper for SlotStamper {
    fn is_stamped(&self) -> bool {
        self.stamped
    }

    fn stamp(&self, token: &AcceptedToken) -> Result<Splice, StampError> {
        // Without issuer keys in the base, or asserted for it, nothing tells a forged token in the slot from a real one.
        if !token.is_verified() {
            return Err(StampError::NoIssuerKeys);
        }
        let bytes = (self.fill)(token.token());
        let before = Segment::Keep(0..self.slot.offset);
        let after = Segment::Keep(self.slot.end()..self.base_len);
        Ok(Splice::new(self.base_len, [before, Segment::Put(bytes), after])?)
    }

    fn stamp_signed(&self, _: &dyn ReadAt, _: &AcceptedToken, _: &dyn SignImprint) -> Result<Splice, StampError> {
        Err(StampError::Prepared)
    }
}

/// The file with its slot emptied: for a stamp, its prepared base.
pub fn emptied(file_len: u64, slot: &Slot) -> Result<Splice, StampError> {
    let kept = [Segment::Keep(0..slot.offset), Segment::Keep(slot.end()..file_len)];
    let [before, after] = kept;
    Ok(Splice::new(file_len, [before, Segment::put(slot.empty.clone()), after])?)
}

/// What a slot must be: empty, or filled with a token of an issuer whose key is in the signed part or was asserted.
pub(crate) fn verify(found: &SlotFound, keys: Option<&[u8]>, report: &mut Report) {
    let place = format!("slot at offset {:#x}", found.slot.offset);
    let keys = keys.map(IssuerKeys::parse);
    match (&found.state, keys) {
        (SlotState::Damaged(why), _) => report.error("slot-damaged", place, why.clone()),
        (SlotState::Empty, _) => report.note("slot-empty", place, "the installer is prepared, and has no token"),
        (SlotState::Filled(token), Some(Ok(keys))) => match keys.verify(token) {
            Ok(claims) => report.note("slot-filled", place, format!("a token of the issuer key {}", claims.key_id)),
            Err(why) => report.error("slot-untrusted", place, why.to_string()),
        },
        (SlotState::Filled(_), Some(Err(why))) => report.error("slot-keys", place, why.to_string()),
        (SlotState::Filled(_), None) => report.note(
            "slot-asserted",
            place,
            "the issuer keys are not in the signed part that can be seen here; the prepare record has those that were asserted",
        ),
    }
}

/// Says that nothing will read the slot: in an installer of ours it is read by what comes with issuer keys.
pub(crate) fn unread(report: &mut Report) {
    report.add(Finding {
        id: "slot-unread",
        severity: Severity::Warning,
        place: "slot".to_owned(),
        message: "nothing in the installer reads a token from the slot: the base was built without issuer keys"
            .to_owned(),
        hint: Some(
            "build the base with --issuer-keys, then sign and prepare it; else devices stay without a token".to_owned(),
        ),
    });
}

/// A prepared installer's token: in the slot, and nowhere else.
pub(crate) fn token(found: &SlotFound) -> Result<Option<Token>, ReadError> {
    match &found.state {
        SlotState::Filled(token) => Ok(Some(token.clone())),
        SlotState::Empty => Ok(None),
        SlotState::Damaged(_) => {
            let problem = Problem::Data { what: "it is damaged: what is in it is no token" };
            Err(Malformed { structure: "slot", offset: found.slot.offset, problem }.into())
        }
    }
}

/// Says in an inspection what is in the slot.
pub(crate) fn describe(inspection: &mut Inspection, found: &SlotFound) {
    let state = match &found.state {
        SlotState::Empty => "empty".to_owned(),
        SlotState::Filled(token) => {
            inspection.token = Some(TokenSummary::from(token));
            "filled".to_owned()
        }
        SlotState::Damaged(why) => format!("damaged: {why}"),
    };
    inspection.details.insert("slot", state);
}

/// Gives the token in the slot to somebody who takes an installer apart.
pub(crate) fn extract(found: &SlotFound, sink: &mut dyn Sink) -> Result<(), ReadError> {
    let SlotState::Filled(token) = &found.state else { return Ok(()) };
    let mut bytes = token.expose().as_bytes();
    let kind = EntryKind::File(<[u8]>::len(bytes) as u64);
    sink.entry(&Extracted { area: Area::Token, path: "enrollment-token", kind, mode: 0o600 }, &mut bytes)
}
