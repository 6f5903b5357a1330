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
//! into the agent; its maker asserts the keys, and manifest and receipt say `asserted`.
//!
//! The agent must verify the token again with its own copy of the keys, before it connects to anything.

mod manifest;

use container::ReadAt;
use container::bytes::{Malformed, Problem};
use zeroize::Zeroizing;

pub use manifest::{KeySource, Manifest, ManifestError};

use crate::claims::IssuerKeys;
use crate::format::{
    Area, Extracted, Format, Inspection, Output, PrepareError, ReadError, Sink, Slot, StampError, TokenSummary, What,
};
use crate::report::{Finding, Report, Severity};
use crate::seal::{Place, Sealer, SlotFound, SlotState};
use crate::splice::{Segment, Splice};
use crate::token::Token;

/// How a format writes a token into its slot.
pub(crate) type Fill = fn(&Token) -> Zeroizing<Vec<u8>>;

/// The issuer keys of a base, as a JWKS, and whether they were seen in its signed part.
#[derive(Debug, Clone)]
pub struct PinnedKeys {
    /// The keys as they were given.
    pub jwks: Vec<u8>,
    /// Where they come from.
    pub source: KeySource,
}

/// Writes a signed installer with an empty slot, if it may have one. `asserted` is a JWKS that its maker says the agent has inside.
pub fn prepare(
    format: &dyn Format,
    file: &dyn ReadAt,
    asserted: Option<&[u8]>,
    out: &mut dyn Output,
) -> Result<(Place, PinnedKeys), PrepareError> {
    if format.slot(file)?.is_some() {
        return Err(PrepareError::Prepared);
    }
    // Without a signature in the file there is nothing to say about keys.
    if format.sealed(file)?.is_none() {
        return Err(match format.kind() {
            crate::format::Kind::Deb => PrepareError::NoSignature,
            _ => PrepareError::Unsigned,
        });
    }
    if let Ok(Some(token)) = format.token(file) {
        return Err(PrepareError::Stamped(token.fingerprint()));
    }
    let keys = match (format.issuer_keys(file)?, asserted) {
        (Some(_), Some(_)) => return Err(PrepareError::KeysTwice),
        (Some(jwks), None) => PinnedKeys { jwks, source: KeySource::Seen },
        (None, Some(jwks)) => PinnedKeys { jwks: jwks.to_vec(), source: KeySource::Asserted },
        (None, None) => return Err(PrepareError::NoIssuerKeys),
    };
    IssuerKeys::parse(&keys.jwks).map_err(|error| PrepareError::Refused { what: error.to_string() })?;
    let place = format.prepare(file, out)?;
    Ok((place, keys))
}

/// Reads a prepared installer back: an empty slot in its place, and a signature that is over what `base`'s is over. Reads both files whole.
pub fn read_back(
    format: &dyn Format,
    base: &dyn ReadAt,
    prepared: &dyn ReadAt,
    place: &Place,
) -> Result<(), PrepareError> {
    let wrong =
        |what: &str| PrepareError::Refused { what: format!("the prepared installer does not read back: {what}") };
    let expected = SlotFound { place: place.clone(), state: SlotState::Empty };
    if format.slot(prepared)? != Some(expected) {
        return Err(wrong("there is no empty slot in its place"));
    }
    let (Some(before), Some(after)) = (format.signature(base)?, format.signature(prepared)?) else {
        return Err(wrong("there is no signature"));
    };
    if before.imprint != after.imprint || before.defects != after.defects || before.rsa != after.rsa {
        return Err(wrong("what the signature is over has changed"));
    }
    Ok(())
}

/// The slot of a prepared base, if it is one.
pub(crate) fn open(format: &dyn Format, base: &dyn ReadAt, fill: Fill) -> Result<Option<PreserveSlot>, StampError> {
    let Some(SlotFound { place, state }) = format.slot(base)? else { return Ok(None) };
    let keys = match format.issuer_keys(base)? {
        Some(jwks) => Some(IssuerKeys::parse(&jwks).map_err(StampError::Untrusted)?),
        None => None,
    };
    let (seen, stamped) = (keys.is_some(), state != SlotState::Empty);
    Ok(Some(PreserveSlot { base_len: base.len(), place, fill, stamped, keys, seen }))
}

/// An opened base that is prepared.
pub(crate) struct PreserveSlot {
    base_len: u64,
    place: Place,
    fill: Fill,
    stamped: bool,
    keys: Option<IssuerKeys>,
    /// Whether the keys are in the signed part.
    seen: bool,
}

impl Slot for PreserveSlot {
    fn is_stamped(&self) -> bool {
        self.stamped
    }

    fn stamp(&self, token: &Token) -> Result<Splice, StampError> {
        let keys = self.keys.as_ref().ok_or(StampError::NoIssuerKeys)?;
        keys.verify(token).map_err(StampError::Untrusted)?;
        let bytes = (self.fill)(token);
        let kept = [Segment::Keep(0..self.place.offset), Segment::Keep(self.place.end()..self.base_len)];
        let [before, after] = kept;
        Ok(Splice::new(self.base_len, [before, Segment::Put(bytes), after])?)
    }

    fn stamp_sealed(&self, _base: &dyn ReadAt, _token: &Token, _sealer: &dyn Sealer) -> Result<Splice, StampError> {
        Err(StampError::Prepared)
    }

    fn pin(&mut self, asserted: IssuerKeys) {
        if !self.seen {
            self.keys = Some(asserted);
        }
    }
}

/// The file with its slot emptied: for a stamp, its prepared base.
pub fn emptied(file_len: u64, place: &Place) -> Result<Splice, StampError> {
    let kept = [Segment::Keep(0..place.offset), Segment::Keep(place.end()..file_len)];
    let [before, after] = kept;
    Ok(Splice::new(file_len, [before, Segment::put(place.empty.clone()), after])?)
}

/// What a slot must be: empty, or filled with a token of an issuer whose key is in the signed part or was asserted.
pub(crate) fn verify(
    format: &dyn Format,
    file: &dyn ReadAt,
    found: &SlotFound,
    report: &mut Report,
) -> Result<(), ReadError> {
    let place = format!("slot at offset {:#x}", found.place.offset);
    let keys = format.issuer_keys(file)?.map(|jwks| IssuerKeys::parse(&jwks));
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
            "the issuer keys are not in the signed part that can be seen here; the prepare manifest has those that were asserted",
        ),
    }
    Ok(())
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
pub(crate) fn token(found: SlotFound) -> Result<Option<Token>, ReadError> {
    match found.state {
        SlotState::Filled(token) => Ok(Some(token)),
        SlotState::Empty => Ok(None),
        SlotState::Damaged(_) => {
            let problem = Problem::Data { what: "it is damaged: what is in it is no token" };
            Err(Malformed { structure: "slot", offset: found.place.offset, problem }.into())
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
    let what = What::File(<[u8]>::len(bytes) as u64);
    sink.entry(&Extracted { area: Area::Token, path: "enrollment-token", what, mode: 0o600 }, &mut bytes)
}
