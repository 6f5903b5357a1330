//! From a signed message to the token in its slot, by parsing alone.
//!
//! ```text
//! ContentInfo ─▶ [0] ─▶ SignedData ─▶ certificates [0] ─▶ the last one ─▶ tbsCertificate ─▶ extensions [3] ─▶ ours ─▶ OCTET STRING:
//!     STAMPWRIGHT-SLOT │ version 1 │ token length, u16 big-endian │ token │ zeros                                       4115 bytes
//! ```
//!
//! (RFC 5652 §3 and §5.1, RFC 5280 §4.1.)

use crate::Refusal;
use crate::der::{BOOLEAN, INTEGER, OCTETS, OID, Reader, SEQUENCE, SET, context};

/// The most bytes that a token has.
const TOKEN_MAX_BYTES: usize = 4096;
/// What the slot starts with.
const MAGIC: &[u8; 16] = b"STAMPWRIGHT-SLOT";
/// The one layout.
const VERSION: u8 = 1;
/// pkcs7-signedData, 1.2.840.113549.1.7.2.
const SIGNED_DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];
/// The extension, 1.2.840.113556.1.8000.2554.23581.32266.37812.20334.35367.13659963.6200385.
const SLOT: &[u8] = &[
    0x2A, 0x86, 0x48, 0x86, 0xF7, 0x14, 0x01, 0xBE, 0x40, 0x93, 0x7A, 0x81, 0xB8, 0x1D, 0x81, 0xFC, 0x0A, 0x82, 0xA7,
    0x34, 0x81, 0x9E, 0x6E, 0x82, 0x94, 0x27, 0x86, 0xC1, 0xDE, 0x3B, 0x82, 0xFA, 0xB8, 0x41,
];

/// The token in the slot of a signed message. Zeros may stand behind the message.
pub fn token(message: &[u8]) -> Result<&str, Refusal> {
    content(slot(message)?)
}

/// The content of the slot of a signed message.
fn slot(message: &[u8]) -> Result<&[u8], Refusal> {
    let certificates = certificates(message).ok_or(Refusal::Wrong("the signature is not a signed message"))?;
    let mut certificates = Reader::new(certificates.ok_or(Refusal::NoSlot)?);
    let mut found: Option<(&[u8], bool)> = None;
    while !certificates.is_empty() {
        let Some((tag, certificate)) = certificates.any() else {
            return Err(Refusal::Wrong("the signature's certificates cannot be read"));
        };
        let is_last = certificates.is_empty();
        let extension = if tag == SEQUENCE { extension(certificate) } else { Some(None) };
        match (extension, found) {
            (Some(Some(_)), Some(_)) => return Err(Refusal::Wrong("there are two slots")),
            (Some(Some(content)), None) => found = Some((content, is_last)),
            (Some(None), _) => {}
            // Somebody else's certificate is none of our business, unless it stands in ours' place.
            (None, _) if is_last => return Err(Refusal::Wrong("the last certificate cannot be read")),
            (None, _) => {}
        }
    }
    match found {
        Some((content, true)) => Ok(content),
        Some((_, false)) => Err(Refusal::Wrong("the slot is not in the last certificate")),
        None => Err(Refusal::NoSlot),
    }
}

/// The certificates of a signed message. `None`: it is none; `Some(None)`: it has no certificates.
fn certificates(message: &[u8]) -> Option<Option<&[u8]>> {
    let mut outer = Reader::new(message);
    let mut info = Reader::new(outer.take(SEQUENCE)?);
    if outer.rest().iter().any(|byte| *byte != 0) {
        return None;
    }
    if info.take(OID)? != SIGNED_DATA {
        return None;
    }
    let mut explicit = Reader::new(info.take(context(0))?);
    let mut data = Reader::new(explicit.take(SEQUENCE)?);
    if !info.is_empty() || !explicit.is_empty() {
        return None;
    }
    data.take(INTEGER)?;
    data.take(SET)?;
    data.take(SEQUENCE)?;
    data.optional(context(0))
}

/// The content of our extension in a certificate. `None`: it cannot be read; `Some(None)`: it has none.
fn extension(certificate: &[u8]) -> Option<Option<&[u8]>> {
    let mut body = Reader::new(Reader::new(certificate).take(SEQUENCE)?);
    body.optional(context(0))?;
    body.take(INTEGER)?;
    // Algorithm, issuer, validity, subject, public key.
    for _ in 0..5 {
        body.take(SEQUENCE)?;
    }
    // Unique identifiers, [1] and [2], implicit bit strings.
    body.optional(0x81)?;
    body.optional(0x82)?;
    let Some(extensions) = body.optional(context(3))? else { return Some(None) };
    let mut explicit = Reader::new(extensions);
    let mut list = Reader::new(explicit.take(SEQUENCE)?);
    if !explicit.is_empty() || !body.is_empty() {
        return None;
    }
    let mut found = None;
    while !list.is_empty() {
        let mut extension = Reader::new(list.take(SEQUENCE)?);
        let id = extension.take(OID)?;
        extension.optional(BOOLEAN)?;
        let value = extension.take(OCTETS)?;
        if !extension.is_empty() || (id == SLOT && found.is_some()) {
            return None;
        }
        if id == SLOT {
            found = Some(value);
        }
    }
    Some(found)
}

/// The token in a slot's content: every byte of it is accounted for.
fn content(slot: &[u8]) -> Result<&str, Refusal> {
    let rest = slot.strip_prefix(MAGIC).ok_or(Refusal::Wrong("the slot does not start as one"))?;
    let (version, rest) = rest.split_first().ok_or(Refusal::Wrong("the slot is too short"))?;
    if *version != VERSION {
        return Err(Refusal::Wrong("the slot is of an unknown version"));
    }
    let ([high, low], rest) = rest.split_first_chunk::<2>().ok_or(Refusal::Wrong("the slot is too short"))?;
    if rest.len() != TOKEN_MAX_BYTES {
        return Err(Refusal::Wrong("the slot has another length than a slot has"));
    }
    let len = usize::from(u16::from_be_bytes([*high, *low]));
    let (token, padding) = rest.split_at_checked(len).ok_or(Refusal::Wrong("the token is longer than the slot"))?;
    if padding.iter().any(|byte| *byte != 0) {
        return Err(Refusal::Wrong("there is something behind the token"));
    }
    if token.is_empty() {
        return Err(Refusal::Empty);
    }
    let is_part =
        |part: &[u8]| !part.is_empty() && part.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if token.split(|byte| *byte == b'.').count() != 3 || !token.split(|byte| *byte == b'.').all(is_part) {
        return Err(Refusal::Wrong("what is in the slot is not a signed token"));
    }
    std::str::from_utf8(token).map_err(|_| Refusal::Wrong("what is in the slot is not a signed token"))
}

#[cfg(test)]
mod tests;
