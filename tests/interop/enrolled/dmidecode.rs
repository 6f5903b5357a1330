//! dmidecode beside our reader of SMBIOS, on tables of several makers' shapes: the parts that the agent sends are the hashes of what it prints.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::hardware::{LAPTOP, Machine, vendor};
use crate::support::{judge, run};

/// A structure (DSP0134 §6.1.2): what stands behind its header, and its strings.
fn structure(kind: u8, handle: u8, body: &[u8], strings: &[&str]) -> Vec<u8> {
    let mut bytes = vec![kind, u8::try_from(body.len() + 4).unwrap(), handle, 0];
    bytes.extend(body);
    strings.iter().for_each(|string| bytes.extend(string.bytes().chain([0])));
    bytes.extend(if strings.is_empty() { &[0, 0][..] } else { &[0][..] });
    bytes
}

/// System Information (§7.2): maker, product, version and serial number by the numbers of their strings, then the UUID.
fn system(numbers: [u8; 4], uuid: [u8; 16], strings: &[&str]) -> Vec<u8> {
    // Wake-up by the power switch, then SKU number and family: none.
    structure(1, 1, &[&numbers[..], &uuid, &[6, 0, 0]].concat(), strings)
}

/// Baseboard (§7.3): the same numbers, then asset tag, flags, location, chassis, type and no contained objects.
fn board(handle: u8, numbers: [u8; 4], strings: &[&str]) -> Vec<u8> {
    structure(2, handle, &[&numbers[..], &[0, 9, 0, 3, 0, 10, 0]].concat(), strings)
}

/// The form of `dmidecode --dump-bin`: an entry point of SMBIOS 3 (§5.2.2) for tables that begin at byte 32.
fn dump(tables: &[u8]) -> Vec<u8> {
    let mut entry = b"_SM3_\0\x18\x03\x04\x00\x01\x00".to_vec();
    entry.extend(u32::try_from(tables.len()).unwrap().to_le_bytes());
    entry.extend(32_u64.to_le_bytes());
    entry[5] = entry.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
    entry.resize(32, 0);
    [&entry[..], tables].concat()
}

/// Name, tables, and which parts the agent must have of them: UUID, board serial, system serial.
fn shapes() -> Vec<(&'static str, Vec<u8>, [bool; 3])> {
    let uuid = |first: u8| std::array::from_fn(|at| first.wrapping_add(at as u8 * 13));
    let bios = structure(0, 0, &[1, 2, 0, 0xf0, 3, 0xff], &["American Megatrends", "1.2.3", "01/02/2024"]);
    let end = structure(127, 99, &[], &[]);
    let with = |parts: &[Vec<u8>]| [&[bios.clone()][..], parts, &[end.clone()][..]].concat().concat();
    let dell = ["Dell Inc.", "Latitude 5440", "7XQ9Z53"];
    // A board before the system, each string with spaces around it.
    let hp = ["HP", "HP EliteBook 840", "  5CG1234XYZ  "];
    vec![
        (
            "dell",
            with(&[
                system([1, 2, 0, 3], uuid(0x44), &dell),
                board(2, [1, 2, 3, 4], &["Dell Inc.", "0ABC12", "A00", "/7XQ9Z53/CNCMC0012345AB/"]),
            ]),
            [true, true, true],
        ),
        (
            "hp",
            with(&[
                board(2, [1, 2, 0, 3], &["HP", "8AB8", " PVLQE0AXYZ "]),
                structure(3, 3, &[1, 10, 0, 2, 0, 3, 3, 3, 3, 0, 0, 0, 0, 0, 1, 0, 0], &["HP", "CHASSIS-1"]),
                system([1, 2, 0, 3], uuid(7), &hp),
            ]),
            [true, true, true],
        ),
        (
            "server-with-two-boards",
            with(&[
                system([1, 2, 3, 4], uuid(0x90), &["Supermicro", "SYS-6029", "0123456789A", "S123456X7890123"]),
                board(2, [1, 2, 0, 3], &["Supermicro", "X11DPU", "WM19AS001234"]),
                board(3, [1, 2, 0, 3], &["Supermicro", "AOM", "OM20AS009999"]),
            ]),
            [true, true, true],
        ),
        (
            "qemu",
            // No board, and a serial number that points at no string.
            with(&[system([1, 2, 3, 0], uuid(0x21), &["QEMU", "Standard PC (Q35)", "pc-q35-7.2"])]),
            [true, false, false],
        ),
        (
            "vmware",
            with(&[system(
                [1, 2, 0, 3],
                uuid(0x56),
                &["VMware, Inc.", "VMware7,1", "VMware-56 4d 8f 2a 11 22 33 44-55 66 77 88 99 aa bb cc"],
            )]),
            [true, false, true],
        ),
        (
            "placeholders",
            with(&[
                system([1, 2, 0, 3], [0xff; 16], &["To Be Filled By O.E.M.", "B450", "To Be Filled By O.E.M."]),
                board(2, [1, 2, 0, 3], &["ASRock", "B450", "Default string"]),
            ]),
            [false, false, false],
        ),
    ]
}

/// What dmidecode prints for a keyword; the first line, as of the first board.
fn dmidecode(program: &Path, dump: &Path, keyword: &str) -> String {
    let said = run(program, ["--from-dump".as_ref(), dump.as_os_str(), "-s".as_ref(), keyword.as_ref()]);
    said.lines().find(|line| !line.starts_with('#')).unwrap_or_default().trim().to_owned()
}

/// The agent's hash of a value, by openssl.
fn hash(openssl: &Path, folder: &Path, kind: &str, value: &[u8]) -> String {
    let file = folder.join("message");
    fs::write(&file, [b"hw1\0", kind.as_bytes(), b"\0", value].concat()).unwrap();
    let key = format!("hexkey:{}", "07".repeat(32));
    let mut command = Command::new(openssl);
    command.args(["dgst", "-sha256", "-mac", "HMAC", "-macopt", &key, "-hex"]).arg(&file);
    let said = String::from_utf8(crate::support::output(&mut command).stdout).unwrap();
    said.trim().rsplit(' ').next().unwrap().get(..32).unwrap().to_owned()
}

/// As the tables have it: the first three fields are little-endian (§7.2.1).
fn raw(uuid: &str) -> Vec<u8> {
    let digits: String = uuid.chars().filter(char::is_ascii_hexdigit).collect();
    let mut bytes = u128::from_str_radix(&digits, 16).unwrap().to_be_bytes();
    for field in [0..4, 4..6, 6..8] {
        bytes[field].reverse();
    }
    bytes.to_vec()
}

#[test]
fn the_agent_reads_the_tables_as_dmidecode_does() {
    let (Some(program), Some(openssl)) = (judge("dmidecode"), judge("openssl")) else { return };
    let Some(vendor) = vendor("") else { return };
    let (file, folder) = (vendor.path("dump"), vendor.path(""));
    for (name, tables, [has_uuid, has_board, has_system]) in shapes() {
        let machine = Machine::new(&vendor, name, LAPTOP);
        // What the kernel makes of the tables is not there: the tables alone speak.
        fs::remove_dir_all(machine.root.join("sys/class/dmi")).unwrap();
        fs::create_dir_all(machine.root.join("sys/firmware/dmi/tables")).unwrap();
        fs::write(machine.root.join("sys/firmware/dmi/tables/DMI"), &tables).unwrap();
        let status = machine.agent(&["status"]);
        let status: Value = serde_json::from_str(&status).unwrap_or_else(|error| panic!("{error}: {status}"));
        let parts = status["hardware_fingerprint"]["parts"].as_array().unwrap();
        let part = |kind: &str| parts.iter().find(|part| part["kind"] == kind).map(|part| part["h"].as_str().unwrap());

        fs::write(&file, dump(&tables)).unwrap();
        let said = |keyword: &str| dmidecode(&program, &file, keyword);
        let uuid = said("system-uuid");
        let expected = has_uuid.then(|| hash(&openssl, &folder, "system_uuid", &raw(&uuid)));
        assert_eq!(part("system_uuid"), expected.as_deref(), "{name}: {uuid}");
        for (kind, keyword, has_one) in [
            ("board_serial", "baseboard-serial-number", has_board),
            ("system_serial", "system-serial-number", has_system),
        ] {
            let value = said(keyword);
            let expected = has_one.then(|| hash(&openssl, &folder, kind, value.to_lowercase().as_bytes()));
            assert_eq!(part(kind), expected.as_deref(), "{name}: {keyword} is {value:?}");
        }
    }
}
