//! The places outside of a signature that hold a token: what they are called and how long they are. Constants alone, because
//! writer, reader, the Windows token reader (`payloads/token-reader`) and the macOS scripts (`templates/pkg`) each go their own way.
//!
//! ```text
//! MSI   an extension of a superfluous certificate, 4115 bytes in its OCTET STRING:
//!       STAMPWRIGHT-SLOT │ version 1 │ token length, u16 big-endian │ token │ zeros
//! PKG   between the archive's end and the notarization trailer, 4133 bytes:
//!       \nstampwright-slot-1 LLLL CCCCCCCCCC TTTT…\n    length, POSIX cksum, token and spaces
//! ```

/// The most bytes that a token has.
pub const MAX_TOKEN_BYTES: usize = 4096;

/// The extension's object identifier: a UUID, 5c1d7e0a-93b4-4f6e-8a27-d06f3b5e9c41, in seven numbers below the root that Microsoft's `oidgen` gives to
/// identifiers that need no registration. Not `2.25.` and the UUID as one number (X.667): readers whose numbers have 32 or 64
/// bits (the `der` crate, Go's `crypto/x509`) refuse the whole certificate, and with it the signature.
///
/// This is the content of its DER encoding; in numbers: 1.2.840.113556.1.8000.2554.23581.32266.37812.20334.35367.13659963.6200385.
pub const MSI_OID_DER: [u8; 34] = [
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x14, 0x01, 0xbe, 0x40, 0x93, 0x7a, // the root
    0x81, 0xb8, 0x1d, 0x81, 0xfc, 0x0a, 0x82, 0xa7, 0x34, 0x81, 0x9e, 0x6e, 0x82, 0x94, 0x27, 0x86, 0xc1, 0xde, 0x3b,
    0x82, 0xfa, 0xb8, 0x41,
];
/// What the extension's value starts with.
pub const MSI_MAGIC: &[u8; 16] = b"STAMPWRIGHT-SLOT";
/// The layout after the magic.
pub const MSI_VERSION: u8 = 1;
/// The extension's value, whatever token is in it.
pub const MSI_LEN_BYTES: usize = 16 + 1 + 2 + MAX_TOKEN_BYTES;

/// What a flat package's block starts with, between its line ending and the length.
pub const PKG_MARK: &str = "stampwright-slot-1";
/// The block, line endings included, whatever token is in it.
pub const PKG_LEN_BYTES: usize = 1 + 18 + 1 + 4 + 1 + 10 + 1 + MAX_TOKEN_BYTES + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identifier_is_its_encoding() {
        let mut arcs = MSI_OID_DER.iter().fold(vec![0_u32], |mut arcs, byte| {
            let last = arcs.last_mut().unwrap();
            *last = *last << 7 | u32::from(byte & 0x7F);
            if byte & 0x80 == 0 {
                arcs.push(0);
            }
            arcs
        });
        arcs.pop();
        let first = arcs.remove(0);
        let text: Vec<String> = [first / 40, first % 40].iter().chain(&arcs).map(u32::to_string).collect();
        assert_eq!(text.join("."), "1.2.840.113556.1.8000.2554.23581.32266.37812.20334.35367.13659963.6200385");
    }

    #[test]
    fn the_lengths_are_those_of_the_contract() {
        assert_eq!((MSI_LEN_BYTES, PKG_LEN_BYTES, PKG_MARK.len()), (4115, 4133, 18));
    }
}
