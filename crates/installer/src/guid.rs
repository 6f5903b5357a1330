//! GUIDs that are derived, never drawn: the same input gives the same GUID on every machine.

use sha2::{Digest, Sha256};

/// A name-based GUID in braces and upper case, as Windows Installer wants them: the first 16 bytes of the SHA-256 over
/// the parts, each with its length before it, marked as an RFC 9562 version 8 UUID (custom, name-based).
#[must_use]
pub fn derive(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..]: [u8; 32] = digest.finalize().into();
    let (g, i) = (g & 0x0F | 0x80, i & 0x3F | 0x80);
    format!(
        "{{{a:02X}{b:02X}{c:02X}{d:02X}-{e:02X}{f:02X}-{g:02X}{h:02X}-{i:02X}{j:02X}-{k:02X}{l:02X}{m:02X}{n:02X}{o:02X}{p:02X}}}"
    )
}

/// A GUID in braces and upper case, or Windows Installer does not match it.
#[must_use]
pub fn is_guid(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else { return false };
    let groups = inner.split('-');
    groups.clone().map(str::len).eq([8, 4, 4, 4, 12])
        && groups.flat_map(str::bytes).all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        assert_eq!(derive(&[b"a", b"b"]), derive(&[b"a", b"b"]));
        assert_ne!(derive(&[b"ab"]), derive(&[b"a", b"b"]));
        assert_ne!(derive(&[b"a", b"b"]), derive(&[b"b", b"a"]));
    }

    #[test]
    fn it_is_a_version_8_guid_in_upper_case() {
        let guid = derive(&[b"x"]);
        assert_eq!(crate::product::guid(&guid).as_deref(), Some(guid.as_str()));
        assert!(is_guid(&guid) && !is_guid(&guid.to_lowercase()) && !is_guid(guid.trim_matches(['{', '}'])));
        assert_eq!(guid.as_bytes()[15], b'8');
        assert!(b"89AB".contains(&guid.as_bytes()[20]));
    }
}
