//! PEM (RFC 7468), read leniently around the blocks: people's certificate files have text between them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// A block and its label, e.g. `CERTIFICATE`.
pub(crate) struct Block {
    pub(crate) label: String,
    /// Empty where the block cannot be decoded.
    pub(crate) der: Zeroizing<Vec<u8>>,
    /// Whether it has headers, as OpenSSL's old encrypted keys do (RFC 1421).
    pub(crate) headers: bool,
}

/// Whether these bytes are PEM at all.
pub(crate) fn is_pem(bytes: &[u8]) -> bool {
    bytes.windows(10).any(|window| window == b"-----BEGIN")
}

/// All blocks, in order.
pub(crate) fn blocks(bytes: &[u8]) -> Vec<Block> {
    let text = Zeroizing::new(String::from_utf8_lossy(bytes).into_owned());
    let mut found = Vec::new();
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let Some((label, after)) = after.split_once("-----") else { break };
        let end = format!("-----END {label}-----");
        let Some((body, after)) = after.split_once(end.as_str()) else { break };
        let headers = body.contains(':');
        let mut packed = Zeroizing::new(Vec::with_capacity(body.len()));
        packed.extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
        let der = Zeroizing::new(STANDARD.decode(packed.as_slice()).unwrap_or_default());
        found.push(Block { label: label.to_owned(), der, headers });
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_between_text() {
        let text = b"leaf:\n-----BEGIN A-----\nAQID\n-----END A-----\r\nroot\n-----BEGIN B C-----\r\nBAUG\r\nBw==\r\n-----END B C-----\n-----BEGIN A-----";
        let found = blocks(text);
        let found: Vec<_> = found.iter().map(|block| (block.label.as_str(), block.der.as_slice())).collect();
        assert_eq!(found, [("A", &[1, 2, 3][..]), ("B C", &[4, 5, 6, 7])]);
    }
}
