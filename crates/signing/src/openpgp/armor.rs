//! ASCII armor, read (RFC 4880 §6.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use container::reader::{Malformed, Problem};

/// What armor starts with.
const BEGIN: &str = "-----BEGIN PGP ";

/// The bytes of all blocks of a text, one after the other; bytes without armor as they are.
pub(super) fn open(bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(bytes.to_vec()) };
    if !text.contains(BEGIN) {
        return Ok(bytes.to_vec());
    }
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let at = text.len() - after.len();
        let wrong = |problem| Malformed { structure: "openpgp armor", offset: at as u64, problem };
        let (kind, after) =
            after.split_once("-----").ok_or_else(|| wrong(Problem::Missing { what: "the end of its first line" }))?;
        if kind != "PUBLIC KEY BLOCK" && kind != "SIGNATURE" {
            return Err(wrong(Problem::Text { what: "it is neither a public key block nor a signature" }));
        }
        let end = format!("-----END PGP {kind}-----");
        let (body, after) =
            after.split_once(end.as_str()).ok_or_else(|| wrong(Problem::Missing { what: "its last line" }))?;
        out.extend(block(body).map_err(wrong)?);
        rest = after;
    }
    Ok(out)
}

/// Headers, an empty line, base64 and, unless it was left out, a checksum.
fn block(body: &str) -> Result<Vec<u8>, Problem> {
    let mut lines = body.lines().map(str::trim).skip(1);
    let (mut packed, mut sum) = (String::new(), None);
    // The headers end with an empty line.
    if !lines.by_ref().any(str::is_empty) {
        return Err(Problem::Missing { what: "the empty line after the headers" });
    }
    for line in lines.filter(|line| !line.is_empty()) {
        match line.strip_prefix('=') {
            Some(checksum) if checksum.len() == 4 => sum = Some(checksum),
            _ => packed.push_str(line),
        }
    }
    let damaged = |_| Problem::Data { what: "it is not base64" };
    let bytes = STANDARD.decode(packed).map_err(damaged)?;
    if let Some(sum) = sum {
        let expected = STANDARD.decode(sum).map_err(damaged)?;
        if expected != checksum(&bytes) {
            return Err(Problem::Mismatch { what: "the bytes and their checksum" });
        }
    }
    Ok(bytes)
}

/// The CRC of §6.1, by the polynomial x^24 + x^23 + x^18 + x^17 + x^14 + x^11 + x^10 + x^7 + x^6 + x^5 + x^4 + x^3 + x + 1.
fn checksum(bytes: &[u8]) -> [u8; 3] {
    const POLYNOMIAL: u64 = 0x0186_4cfb;
    let mut register: u64 = 0x00b7_04ce;
    // The message with 24 bits of zeros behind it would do; the register starts 24 bits ahead, so each bit is added at the top.
    for bit in bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| u64::from(byte >> at & 1))) {
        let top = register >> 23 & 1;
        register = register << 1 & 0x00ff_ffff;
        if top ^ bit == 1 {
            register ^= POLYNOMIAL & 0x00ff_ffff;
        }
    }
    let [.., a, b, c] = register.to_be_bytes();
    [a, b, c]
}
