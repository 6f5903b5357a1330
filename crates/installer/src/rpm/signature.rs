//! The OpenPGP signature of the header: found, and put in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use container::rpm::tag::{self, signature as signature_tag};
use container::rpm::{Header, LeadKind, Package as RpmPackage, Type, Value, Writer, lead};
use container::{Malformed, read_at};

use super::read::Package;
use crate::format::{Output, ReadError, SignFileError};
use crate::signature::{Existing, Imprint, Imprints, SignImprint, Signature};

/// How much of the payload is in memory at a time.
const PIECE_BYTES: u64 = 256 << 10;
/// What no longer holds when another signature is put in, and what was over header and payload together.
const LEFT_BEHIND: [u32; 9] = [
    signature_tag::RSA,
    signature_tag::DSA,
    signature_tag::OPENPGP,
    signature_tag::PGP,
    signature_tag::GPG,
    signature_tag::MD5,
    signature_tag::RESERVED,
    signature_tag::RESERVEDSPACE,
    signature_tag::HEADERSIGNATURES,
];

/// The signature of the header. The other kinds are over header and payload together. Of the signatures of a package of rpm 6, which stand in
/// base64, the first; the inner error says that it is none, which is no reason not to read the package.
pub(super) fn packet(rpm: &RpmPackage<'_>) -> Result<Option<Result<Vec<u8>, Malformed>>, ReadError> {
    for tag in [signature_tag::RSA, signature_tag::DSA] {
        if let Some(packet) = rpm.signature.binary(tag)? {
            return Ok(Some(Ok(packet.to_vec())));
        }
    }
    let texts = rpm.signature.texts(signature_tag::OPENPGP)?.unwrap_or_default();
    let Some(first) = texts.first() else { return Ok(None) };
    let packet = STANDARD
        .decode(first)
        .map_err(|_| rpm.signature.wrong(signature_tag::OPENPGP, "a signature is not written in base64"));
    Ok(Some(packet))
}

/// The signature and what it must be over.
pub(super) fn signature(package: &Package<'_>) -> Result<Option<Signature>, ReadError> {
    let Some(packet) = packet(&package.rpm)? else { return Ok(None) };
    let mut defects = Vec::new();
    let packet = packet.unwrap_or_else(|malformed| {
        defects.push(malformed.to_string());
        Vec::new()
    });
    if let Err(error) = package.check_header_digests() {
        defects.push(error.to_string());
    }
    if !package.rpm.header.has(tag::PAYLOADDIGEST) {
        defects.push("the header has no PAYLOADDIGEST, so its signature does not cover the payload".to_owned());
    } else if let Err(error) = package.rpm.walk::<ReadError>(&mut |_, _| Ok(())) {
        match error {
            ReadError::Malformed(malformed) => defects.push(malformed.to_string()),
            other => return Err(other),
        }
    }
    let count = package.rpm.signature.texts(signature_tag::OPENPGP)?.unwrap_or_default().len();
    let notes = (count > 1).then(|| format!("the package has {count} signatures, of which the first is read"));
    let imprint = Imprints::Header { bytes: package.rpm.header.bytes().to_vec() };
    Ok(Some(Signature { cms: packet, imprint, rsa: None, defects, notes: notes.into_iter().collect() }))
}

/// Signs a header: the tag and the packet.
pub(super) fn signed(
    header: &[u8],
    signer: &dyn SignImprint,
) -> Result<(u32, Vec<u8>), crate::signature::SignatureError> {
    let signed = signer.sign_imprint(&Imprint::Header { bytes: header.to_vec() })?;
    let is_rsa = signer.rsa_len() > 0;
    Ok((if is_rsa { signature_tag::RSA } else { signature_tag::DSA }, signed.cms))
}

/// Writes a package, ours or another's, once more with a fresh signature. Header and payload stay, byte for byte.
pub(super) fn sign(
    package: &Package<'_>,
    signer: &dyn SignImprint,
    existing: Existing,
    out: &mut dyn Output,
) -> Result<(), SignFileError> {
    let rpm = &package.rpm;
    let has_any =
        [signature_tag::OPENPGP, signature_tag::PGP, signature_tag::GPG].iter().any(|tag| rpm.signature.has(*tag));
    if existing == Existing::Refuse && (packet(rpm)?.is_some() || has_any) {
        return Err(SignFileError::Signed);
    }
    if !rpm.header.has(tag::PAYLOADDIGEST) {
        let what = "the header has no PAYLOADDIGEST, so a signature of it would not cover the payload";
        return Err(SignFileError::Refused { what: what.to_owned() });
    }
    package.check_header_digests()?;
    rpm.walk::<ReadError>(&mut |_, _| Ok(()))?;
    let header = rpm.header.bytes();
    let mut signature = Writer::signature();
    for (tag, kind, _) in rpm.signature.tags().filter(|(tag, _, _)| !LEFT_BEHIND.contains(tag)) {
        signature.put(tag, value(&rpm.signature, tag, kind)?);
    }
    let (tag, packet) = signed(header, signer)?;
    signature.put(tag, Value::Bytes(packet));
    let digest = |algorithm| Value::text(rpm.header.digest(algorithm));
    signature
        .put(signature_tag::SHA1, digest(container::digest::Algorithm::Sha1))
        .put(signature_tag::SHA256, digest(container::digest::Algorithm::Sha256));
    let write = |source| SignFileError::Write { verb: "write the signed package", source };
    let kind = if rpm.lead.is_source { LeadKind::Source } else { LeadKind::Binary };
    out.write_all(&lead(kind, &rpm.lead.name)).map_err(write)?;
    out.write_all(&signature.finish().map_err(write)?).map_err(write)?;
    out.write_all(header).map_err(write)?;
    let (mut from, end) = (rpm.payload_offset(), package.file.len());
    while from < end {
        let len = (end - from).min(PIECE_BYTES);
        let piece =
            read_at::read_vec(package.file, "rpm payload", from, len, PIECE_BYTES as usize).map_err(ReadError::from)?;
        out.write_all(&piece).map_err(write)?;
        from += len;
    }
    out.flush().map_err(write)
}

/// A tag's value as it is to be written again.
pub(super) fn value(header: &Header, tag: u32, kind: Type) -> Result<Value, ReadError> {
    let gone = || header.missing("a value");
    let numbers = || header.numbers(tag)?.ok_or_else(gone);
    let too_large = |_| header.wrong(tag, "a number does not fit its type");
    Ok(match kind {
        Type::Int8 | Type::Char => {
            return Err(header.wrong(tag, "a tag has numbers of 8 bits, which nothing writes").into());
        }
        Type::Int16 => {
            Value::U16(numbers()?.into_iter().map(u16::try_from).collect::<Result<_, _>>().map_err(too_large)?)
        }
        Type::Int32 => {
            Value::U32(numbers()?.into_iter().map(u32::try_from).collect::<Result<_, _>>().map_err(too_large)?)
        }
        Type::Int64 => Value::U64(numbers()?),
        Type::String => Value::Text(header.text(tag)?.ok_or_else(gone)?),
        Type::Bin => Value::Bytes(header.binary(tag)?.ok_or_else(gone)?.to_vec()),
        Type::StringArray => Value::Texts(header.texts(tag)?.ok_or_else(gone)?),
        Type::I18nString => match header.texts(tag)?.ok_or_else(gone)?.as_slice() {
            [one] => Value::Translated(one.clone()),
            _ => return Err(header.wrong(tag, "a text has translations").into()),
        },
    })
}
