//! The certificate of a throwaway key, and CMS signatures by it (RFC 5280, RFC 5652, RFC 5753).

use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::der::{
    BIT_STRING, CONTEXT_0, INTEGER, OCTET_STRING, SEQUENCE, SET, UTC_TIME, UTF8_STRING, indefinite, oid, sequence,
    set_of, tlv,
};

/// The common name in the certificate.
pub const NAME: &str = "Example Code Signing";
/// The organisation in the certificate.
pub const ORGANISATION: &str = "Example Organisation";

const DATA: &str = "1.2.840.113549.1.7.1";
const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
const SHA_256: &str = "2.16.840.1.101.3.4.2.1";
const ECDSA_WITH_SHA_256: &str = "1.2.840.10045.4.3.2";
const SERIAL: [u8; 3] = tag_integer(0x2a);

const fn tag_integer(n: u8) -> [u8; 3] {
    [INTEGER, 1, n]
}

fn key() -> SigningKey {
    SigningKey::from_slice(&[0x5a; 32]).unwrap()
}

fn sign(message: &[u8]) -> Vec<u8> {
    let signature: Signature = key().sign(message);
    signature.to_der().as_bytes().to_vec()
}

fn name() -> Vec<u8> {
    let part = |id, text: &str| tlv(SET, &[&sequence(&[&oid(id), &tlv(UTF8_STRING, &[text.as_bytes()])])]);
    sequence(&[&part("2.5.4.10", ORGANISATION), &part("2.5.4.3", NAME)])
}

fn sha_256() -> Vec<u8> {
    sequence(&[&oid(SHA_256), &[0x05, 0x00]])
}

/// The self-signed certificate, in DER: version 3, for code signing, 2020 to 2049.
pub fn certificate() -> Vec<u8> {
    let algorithm = sequence(&[&oid(ECDSA_WITH_SHA_256)]);
    let point = key().verifying_key().to_encoded_point(false);
    let key_algorithm = sequence(&[&oid("1.2.840.10045.2.1"), &oid("1.2.840.10045.3.1.7")]);
    let public_key = sequence(&[&key_algorithm, &tlv(BIT_STRING, &[&[0], point.as_bytes()])]);
    let extension = |id, value: &[u8]| sequence(&[&oid(id), &[0x01, 0x01, 0xff], &tlv(OCTET_STRING, &[value])]);
    let extensions = sequence(&[
        &extension("2.5.29.15", &[BIT_STRING, 2, 7, 0x80]), // key usage: digital signature
        &extension("2.5.29.37", &sequence(&[&oid("1.3.6.1.5.5.7.3.3")])), // extended: code signing
    ]);
    let validity = sequence(&[&tlv(UTC_TIME, &[b"200101000000Z"]), &tlv(UTC_TIME, &[b"491231235959Z"])]);
    let to_be_signed = sequence(&[
        &tlv(CONTEXT_0, &[&tag_integer(2)]),
        &SERIAL,
        &algorithm,
        &name(),
        &validity,
        &name(),
        &public_key,
        &tlv(0xa3, &[&extensions]),
    ]);
    sequence(&[&to_be_signed, &algorithm, &tlv(BIT_STRING, &[&[0], &sign(&to_be_signed)])])
}

/// A certificate as PEM, for judges that want a file.
pub fn pem(der: &[u8]) -> String {
    let lines: String = der.chunks(48).map(|line| base64(line) + "\n").collect();
    format!("-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n")
}

/// Base64 (RFC 4648 §4).
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let n = three.iter().chain(&[0, 0]).take(3).fold(0_u32, |n, &byte| n << 8 | u32::from(byte));
        for place in 0..4 {
            let character = ALPHABET[(n >> (18 - 6 * place) & 0x3f) as usize];
            text.push(if place > three.len() { '=' } else { character.into() });
        }
    }
    text
}

/// One attribute with one value.
pub fn attribute(id: &str, value: &[u8]) -> Vec<u8> {
    sequence(&[&oid(id), &tlv(SET, &[value])])
}

/// What a message has besides what every one has.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extras<'a> {
    /// Further signed attributes.
    pub signed: &'a [Vec<u8>],
    /// Attributes that nothing covers.
    pub unsigned: &'a [Vec<u8>],
    /// Values in the list of certificates before the signer's.
    pub certificates: &'a [Vec<u8>],
    /// Whether its own signer countersigns it, as an authority would.
    pub countersigned: bool,
    /// The digest algorithm of the content, of the attributes and of the message; `None`: SHA-256.
    pub digest: Option<Algorithm>,
}

/// A digest algorithm. The last one is named only: its digests are made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
    Md5,
}

impl Algorithm {
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
            Self::Md5 => Sha256::digest(bytes)[..16].to_vec(),
        }
    }

    /// The AlgorithmIdentifier.
    pub fn identifier(self) -> Vec<u8> {
        let number = match self {
            Self::Sha256 => SHA_256,
            Self::Sha384 => "2.16.840.1.101.3.4.2.2",
            Self::Sha512 => "2.16.840.1.101.3.4.2.3",
            Self::Md5 => "1.2.840.113549.2.5",
        };
        sequence(&[&oid(number), &[0x05, 0x00]])
    }
}

/// A SignerInfo over `content` (what is hashed). Its signature is made over the SHA-256 of the attributes, whatever the digest is.
fn signer_info(content_type: &str, content: &[u8], extras: Extras<'_>) -> Vec<u8> {
    let algorithm = extras.digest.unwrap_or(Algorithm::Sha256);
    let digest = algorithm.digest(content);
    let mut attributes =
        vec![attribute(CONTENT_TYPE, &oid(content_type)), attribute(MESSAGE_DIGEST, &tlv(OCTET_STRING, &[&digest]))];
    attributes.extend_from_slice(extras.signed);
    let signature = sign(&set_of(SET, attributes.clone()));
    let mut unsigned = extras.unsigned.to_vec();
    if extras.countersigned {
        let time = attribute("1.2.840.113549.1.9.5", &tlv(UTC_TIME, &[b"240229120000Z"]));
        let stamp = signer_info(DATA, &signature, Extras { signed: &[time], ..Extras::default() });
        unsigned.push(attribute("1.2.840.113549.1.9.6", &stamp));
    }
    let unsigned = if unsigned.is_empty() { Vec::new() } else { set_of(0xa1, unsigned) };
    sequence(&[
        &tag_integer(1),
        &sequence(&[&name(), &SERIAL]),
        &algorithm.identifier(),
        &set_of(CONTEXT_0, attributes),
        &sequence(&[&oid(ECDSA_WITH_SHA_256)]),
        &tlv(OCTET_STRING, &[&signature]),
        &unsigned,
    ])
}

fn certificates(extras: Extras<'_>) -> Vec<u8> {
    tlv(CONTEXT_0, &[&extras.certificates.concat(), &certificate()])
}

/// An Authenticode signature: `content` is the whole SEQUENCE of type `content_type`, inside the message.
pub fn authenticode(content_type: &str, content: &[u8], further: &[Vec<u8>]) -> Vec<u8> {
    authenticode_with(content_type, content, Extras { signed: further, ..Extras::default() })
}

/// The same with more in it.
pub fn authenticode_with(content_type: &str, content: &[u8], extras: Extras<'_>) -> Vec<u8> {
    let header = if content[1] < 0x80 { 2 } else { 2 + usize::from(content[1] & 0x7f) };
    let signed_data = sequence(&[
        &tag_integer(1),
        &tlv(SET, &[&extras.digest.unwrap_or(Algorithm::Sha256).identifier()]),
        &sequence(&[&oid(content_type), &tlv(CONTEXT_0, &[content])]),
        &certificates(extras),
        &tlv(SET, &[&signer_info(content_type, &content[header..], extras)]),
    ]);
    sequence(&[&oid(SIGNED_DATA), &tlv(CONTEXT_0, &[&signed_data])])
}

/// A detached signature over `content`, in the BER that `codesign` writes: outer lengths are indefinite.
pub fn detached(content: &[u8], further: &[Vec<u8>]) -> Vec<u8> {
    let extras = Extras { signed: further, ..Extras::default() };
    let signed_data = indefinite(
        SEQUENCE,
        &[
            &tag_integer(1),
            &tlv(SET, &[&sha_256()]),
            &indefinite(SEQUENCE, &[&oid(DATA)]),
            &certificates(extras),
            &tlv(SET, &[&signer_info(DATA, content, extras)]),
        ],
    );
    indefinite(SEQUENCE, &[&oid(SIGNED_DATA), &indefinite(CONTEXT_0, &[&signed_data])])
}
