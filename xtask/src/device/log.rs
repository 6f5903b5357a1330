//! Looks for a secret in a log of Windows Installer (`msiexec /l*v`): UTF-16 on Windows, bytes under Wine.

/// The lines that have the secret in them, by their numbers, with the secret taken out.
pub(crate) fn lines_with(log: &[u8], secret: &str) -> Vec<(usize, String)> {
    let text = text(log);
    let found = text.lines().enumerate().filter(|(_, line)| line.contains(secret));
    found.map(|(n, line)| (n + 1, line.replace(secret, "<the secret>"))).collect()
}

fn text(log: &[u8]) -> String {
    match log.strip_prefix(&[0xFF, 0xFE]) {
        Some(units) => {
            let unit = |pair: &[u8]| pair.iter().rev().fold(0, |unit: u16, byte| unit << 8 | u16::from(*byte));
            String::from_utf16_lossy(&units.chunks_exact(2).map(unit).collect::<Vec<u16>>())
        }
        None => String::from_utf8_lossy(log).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_both_encodings_and_shown_in_none() {
        let log =
            "MSI (s): WriteRegistryValues: Name: EnrollmentToken, Value: s.e-c_ret\r\nProperty(S): X = **********\r\n";
        let utf16: Vec<u8> = [0xFEFF].into_iter().chain(log.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        for log in [log.as_bytes(), &utf16] {
            let found = lines_with(log, "s.e-c_ret");
            assert_eq!(found.len(), 1);
            assert!(found[0].0 == 1 && found[0].1.ends_with("Value: <the secret>"), "{found:?}");
            assert!(lines_with(log, "other").is_empty());
        }
    }
}
