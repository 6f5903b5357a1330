//! The pieces of packets, written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A public key.
pub(super) const PUBLIC_KEY: u8 = 6;
/// A user's name and address.
pub(super) const USER_ID: u8 = 13;
/// A signature.
pub(super) const SIGNATURE: u8 = 2;

/// A packet in the old format, which every reader knows (RFC 4880 §4.2.1). Ours have far fewer than 2^16 bytes.
pub(super) fn packet(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 3);
    match u8::try_from(body.len()) {
        Ok(len) => out.extend([0x80 | tag << 2, len]),
        Err(_) => {
            out.push(0x80 | tag << 2 | 1);
            out.extend(length16(body.len()));
        }
    }
    out.extend_from_slice(body);
    out
}

/// A length in two bytes.
pub(super) fn length16(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes()
}

/// A number with its length in bits (§3.2), without zeros in front.
pub(super) fn number(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let bytes = bytes.get(zeros..).unwrap_or_default();
    let bits = bytes.first().map_or(0, |first| bytes.len() * 8 - first.leading_zeros() as usize);
    let mut out = length16(bits).to_vec();
    out.extend_from_slice(bytes);
    out
}

/// A subpacket of fewer than 192 bytes (§5.2.3.1).
pub(super) fn subpacket(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![u8::try_from(content.len() + 1).unwrap_or(u8::MAX), kind];
    out.extend_from_slice(content);
    out
}

/// A public key block in ASCII armor (§6.2), with the checksum that older readers insist on.
pub(super) fn armor(bytes: &[u8]) -> String {
    let mut out = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n".to_owned();
    let text = STANDARD.encode(bytes);
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    let [_, a, b, c] = crc24(bytes).to_be_bytes();
    out.push('=');
    out.push_str(&STANDARD.encode([a, b, c]));
    out.push_str("\n-----END PGP PUBLIC KEY BLOCK-----\n");
    out
}

/// §6.1.
fn crc24(bytes: &[u8]) -> u32 {
    let mut crc = 0x00b7_04ce;
    for byte in bytes {
        crc ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= 0x0186_4cfb;
            }
        }
    }
    crc & 0x00ff_ffff
}
