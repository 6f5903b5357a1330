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
pub const TOKEN_MAX_BYTES: usize = 4096;

/// The extension's object identifier: a UUID of its own below 2.25 (ITU-T X.667 §6), so that it is nobody else's.
pub const MSI_OID: &str = "2.25.122442108642713733758811935069934885953";
/// The same as the content of its DER encoding.
pub const MSI_OID_DER: [u8; 20] = [
    0x69, 0x81, 0xb8, 0x9d, 0xbf, 0x82, 0xd2, 0xbb, 0xa2, 0xbd, 0xdd, 0x8a, 0x93, 0xf4, 0x8d, 0xf3, 0xda, 0xfa, 0xb8,
    0x41,
];
/// What the extension's value starts with.
pub const MSI_MAGIC: &[u8; 16] = b"STAMPWRIGHT-SLOT";
/// The layout after the magic.
pub const MSI_VERSION: u8 = 1;
/// The extension's value, whatever token is in it.
pub const MSI_LEN_BYTES: usize = 16 + 1 + 2 + TOKEN_MAX_BYTES;

/// What a flat package's block starts with, between its line ending and the length.
pub const PKG_MARK: &str = "stampwright-slot-1";
/// The block, line endings included, whatever token is in it.
pub const PKG_LEN_BYTES: usize = 1 + 18 + 1 + 4 + 1 + 10 + 1 + TOKEN_MAX_BYTES + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identifier_is_its_encoding() {
        let mut arcs = MSI_OID_DER.iter().fold(vec![0_u128], |mut arcs, byte| {
            let last = arcs.last_mut().unwrap();
            *last = *last << 7 | u128::from(byte & 0x7F);
            if byte & 0x80 == 0 {
                arcs.push(0);
            }
            arcs
        });
        arcs.pop();
        assert_eq!(arcs, [2 * 40 + 25, MSI_OID.strip_prefix("2.25.").unwrap().parse().unwrap()]);
    }

    #[test]
    fn the_lengths_are_those_of_the_contract() {
        assert_eq!((MSI_LEN_BYTES, PKG_LEN_BYTES, PKG_MARK.len()), (4115, 4133, 18));
    }
}
