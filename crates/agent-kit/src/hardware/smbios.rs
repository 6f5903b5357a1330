//! SMBIOS structures (DSP0134 §6.1.2): type, length, handle, formatted bytes, then strings that end with an empty one.
//!
//! Real tables have structures that are cut, strings that are missing and numbers of strings that are not there. What cannot be read is left out.

/// The most bytes of tables that are read. Real ones have 1 to 16 KiB.
pub(crate) const MAX_BYTES: usize = 256 * 1024;
/// The most structures.
const MAX_STRUCTURES: usize = 4096;

/// What the tables say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Smbios {
    pub(crate) maker: Option<String>,
    pub(crate) system_uuid: Option<[u8; 16]>,
    pub(crate) system_serial: Option<String>,
    pub(crate) board_serial: Option<String>,
    pub(crate) cpu_id: Option<[u8; 8]>,
}

/// One structure: its formatted bytes, header included, and its strings.
struct Structure<'a> {
    formatted: &'a [u8],
    strings: Vec<&'a [u8]>,
}

impl Structure<'_> {
    fn kind(&self) -> Option<u8> {
        self.formatted.first().copied()
    }

    /// The string whose number stands at `offset`; they count from 1, and 0 is none (§6.1.3).
    fn string(&self, offset: usize) -> Option<String> {
        let number = usize::from(*self.formatted.get(offset)?);
        let bytes = self.strings.get(number.checked_sub(1)?)?;
        let text: String =
            String::from_utf8_lossy(bytes).trim().chars().filter(|letter| !letter.is_control()).collect();
        (!text.is_empty()).then_some(text)
    }

    fn bytes<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.formatted.get(offset..offset.checked_add(N)?)?.try_into().ok()
    }
}

/// Reads the structures without their entry point, as Linux and Windows hand them out.
pub(crate) fn read(tables: &[u8]) -> Smbios {
    let mut found = Smbios::default();
    let mut rest = tables.get(..MAX_BYTES).unwrap_or(tables);
    for _ in 0..MAX_STRUCTURES {
        let Some((structure, after)) = next(rest) else { break };
        match structure.kind() {
            // §7.2 System Information: manufacturer at 4, serial number at 7, UUID at 8 (from 2.1 on).
            Some(1) => {
                found.maker = found.maker.or_else(|| structure.string(4));
                found.system_serial = found.system_serial.or_else(|| structure.string(7));
                found.system_uuid = found.system_uuid.or_else(|| structure.bytes(8));
            }
            // §7.3 Baseboard: serial number at 7. A server may have several; the first is the main one.
            Some(2) => found.board_serial = found.board_serial.or_else(|| structure.string(7)),
            // §7.5 Processor Information: the ID at 8.
            Some(4) => found.cpu_id = found.cpu_id.or_else(|| structure.bytes(8)),
            Some(127) => break,
            _ => {}
        }
        rest = after;
    }
    found
}

fn next(bytes: &[u8]) -> Option<(Structure<'_>, &[u8])> {
    let length = usize::from(*bytes.get(1)?);
    // A header alone has four bytes.
    let (formatted, mut rest) = bytes.split_at_checked(length).filter(|_| length >= 4)?;
    let mut strings = Vec::new();
    loop {
        let end = rest.iter().position(|byte| *byte == 0)?;
        let (string, after) = rest.split_at_checked(end)?;
        rest = after.get(1..)?;
        if !string.is_empty() {
            strings.push(string);
            continue;
        }
        // Without any string there are two zeros (§6.1.3).
        if strings.is_empty() {
            rest = rest.strip_prefix(&[0]).unwrap_or(rest);
        }
        return Some((Structure { formatted, strings }, rest));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn structure(kind: u8, body: &[u8], strings: &[&str]) -> Vec<u8> {
        let mut bytes = vec![kind, body.len() as u8 + 4, 0, 0];
        bytes.extend(body);
        for string in strings {
            bytes.extend(string.bytes().chain([0]));
        }
        bytes.extend(if strings.is_empty() { &[0, 0][..] } else { &[0][..] });
        bytes
    }

    pub(crate) fn tables() -> Vec<u8> {
        let mut system = vec![1, 2, 3, 4];
        system.extend(1..=16);
        let mut cpu = vec![0; 4];
        cpu.extend([0xa1; 8]);
        [
            structure(0, &[1], &["BIOS"]),
            structure(1, &system, &["Dell Inc.", "Latitude", "1.0", "5CG1234XYZ "]),
            structure(2, &[1, 2, 3, 4], &["Dell Inc.", "0ABC", "A00", "/5CG1234XYZ/CN1/"]),
            structure(32, &[], &[]),
            structure(4, &cpu, &[]),
            structure(127, &[], &[]),
        ]
        .concat()
    }

    #[test]
    fn the_four_values_are_found() {
        let found = read(&tables());
        assert_eq!(found.system_serial.as_deref(), Some("5CG1234XYZ"));
        assert_eq!(found.board_serial.as_deref(), Some("/5CG1234XYZ/CN1/"));
        assert_eq!(found.system_uuid, Some(std::array::from_fn(|at| at as u8 + 1)));
        assert_eq!(found.cpu_id, Some([0xa1; 8]));
        assert_eq!(found.maker.as_deref(), Some("Dell Inc."));
    }

    #[test]
    fn a_string_that_is_not_there_is_none() {
        let mut system = vec![1, 0, 0, 9];
        system.extend([0; 16]);
        let found = read(&structure(1, &system, &["QEMU"]));
        assert_eq!((found.system_serial, found.maker.as_deref()), (None, Some("QEMU")));
    }

    proptest! {
        #[test]
        fn no_tables_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = read(&bytes);
        }

        #[test]
        fn every_prefix_is_read(cut in 0..200_usize) {
            let tables = tables();
            let _ = read(tables.get(..cut).unwrap_or(&tables));
        }
    }
}
