//! Linux: files of sysfs, all of them below one folder.
#![cfg_attr(any(windows, target_os = "macos"), allow(dead_code, reason = "Linux only"))]

use std::fs;
use std::io::Read;
use std::path::Path;

use super::machine::{Hardware, is_virtual, take_smbios};
use super::smbios;
use crate::class::Class;
use crate::sorted::insert_by;

/// The most bytes of a file that has one value.
const MAX_VALUE_BYTES: u64 = 4096;
/// The most network addresses.
const MAX_MACS: usize = 8;

/// Reads the system below `root`.
pub(super) fn read(root: &Path) -> Hardware {
    let mut hardware = Hardware::default();
    if let Some(tables) = bytes(&root.join("sys/firmware/dmi/tables/DMI"), smbios::MAX_BYTES as u64) {
        take_smbios(&mut hardware, &tables);
    }
    let dmi = |name: &str| text(&root.join("sys/class/dmi/id").join(name));
    hardware.system_serial = hardware.system_serial.or_else(|| dmi("product_serial"));
    hardware.board_serial = hardware.board_serial.or_else(|| dmi("board_serial"));
    hardware.system_uuid = hardware.system_uuid.or_else(|| uuid_as_in_table(&dmi("product_uuid")?));
    // Boards without SMBIOS: the device tree, whose texts end with a zero.
    let tree = || text(&root.join("sys/firmware/devicetree/base/serial-number"));
    hardware.system_serial = hardware.system_serial.or_else(tree);
    hardware.os_instance = text(&root.join("etc/machine-id"));
    hardware.cpu = hardware.cpu.take().or_else(|| cpu(root));
    hardware.class = class(root, &dmi("sys_vendor"), hardware.class);
    hardware.macs = macs(&root.join("sys/class/net"), hardware.class);
    hardware
}

/// `product_uuid` is written as from SMBIOS 2.6 on: the first three fields are little-endian in the table.
fn uuid_as_in_table(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(|letter| *letter != '-').collect();
    let value = u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32)?;
    let [a, b, c, d, e, f, g, h, rest @ ..] = value.to_be_bytes();
    let mut table = [d, c, b, a, f, e, h, g, 0, 0, 0, 0, 0, 0, 0, 0];
    table.get_mut(8..)?.copy_from_slice(&rest);
    Some(table)
}

fn class(root: &Path, maker: &Option<String>, so_far: Class) -> Class {
    let is_there = |path: &str| root.join(path).exists();
    if is_there("run/systemd/container") || is_there(".dockerenv") || is_there("run/.containerenv") {
        return Class::Container;
    }
    // `bytes`, not `text`: all flags of a processor are longer than one value.
    let flags = bytes(&root.join("proc/cpuinfo"), 65_536).unwrap_or_default();
    let is_guest = String::from_utf8_lossy(&flags).split_whitespace().any(|flag| flag == "hypervisor");
    match maker {
        _ if so_far == Class::Vm || is_guest => Class::Vm,
        Some(maker) if is_virtual(maker) => Class::Vm,
        Some(_) => Class::Physical,
        None => Class::Unknown,
    }
}

/// The model of the processor, by what the kernel prints of it.
fn cpu(root: &Path) -> Option<String> {
    const FIELDS: [&str; 7] =
        ["vendor_id", "cpu family", "model", "stepping", "CPU implementer", "CPU part", "CPU revision"];
    let info = bytes(&root.join("proc/cpuinfo"), 65_536)?;
    let info = String::from_utf8_lossy(&info).into_owned();
    // The first processor only: the others are the same model, or the small ones of the same chip.
    let first = info.split("\n\n").next()?;
    let fields = first.lines().filter_map(|line| line.split_once(':'));
    let wanted = fields.filter(|(name, _)| FIELDS.contains(&name.trim()));
    let model: Vec<String> = wanted.map(|(name, value)| format!("{}={}", name.trim(), value.trim())).collect();
    (!model.is_empty()).then(|| model.join(","))
}

/// Addresses of interfaces that are built in: with a device, on no bus that things are plugged into, and with a permanent address.
fn macs(net: &Path, class: Class) -> Vec<[u8; 6]> {
    let Ok(entries) = fs::read_dir(net) else { return Vec::new() };
    let names = entries.filter_map(|entry| Some(entry.ok()?.path())).take(256);
    let permanent = names.filter(|interface| is_built_in(interface, class));
    let addresses = permanent.filter_map(|interface| mac(&text(&interface.join("address"))?));
    let mut found = Vec::new();
    addresses
        .filter(|mac| class != Class::Physical || !super::placeholder::is_local_mac(mac))
        .for_each(|mac| insert_by(&mut found, mac, Ord::cmp));
    found.dedup();
    found.truncate(MAX_MACS);
    found
}

fn is_built_in(interface: &Path, class: Class) -> bool {
    // 0: the address is the hardware's own (NET_ADDR_PERM); 3 is one that software has set.
    let is_permanent = text(&interface.join("addr_assign_type")).as_deref() == Some("0");
    let Ok(device) = fs::canonicalize(interface.join("device")) else { return false };
    let way = device.display().to_string().to_lowercase();
    let bus = fs::read_link(interface.join("device/subsystem"));
    let bus = bus.ok().and_then(|bus| bus.file_name().map(|name| name.to_string_lossy().into_owned()));
    let is_plugged = way.contains("/usb") || way.contains("thunderbolt") || bus.as_deref() == Some("usb");
    let is_virtual = bus.as_deref() == Some("vmbus") && class == Class::Physical;
    is_permanent && !is_plugged && !is_virtual
}

fn mac(text: &str) -> Option<[u8; 6]> {
    let bytes: Option<Vec<u8>> = text.split(':').map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    bytes?.try_into().ok()
}

fn bytes(path: &Path, most: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(most).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// A text without what surrounds it; nothing if it cannot be read or is empty.
fn text(path: &Path) -> Option<String> {
    let bytes = bytes(path, MAX_VALUE_BYTES)?;
    let text = String::from_utf8_lossy(&bytes).trim_matches(['\0', ' ', '\n', '\r', '\t']).to_owned();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, path: &str, value: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, value).unwrap();
    }

    fn interface(root: &Path, name: &str, way: &str, address: &str, assigned: &str) {
        let net = format!("sys/class/net/{name}");
        put(root, &format!("{net}/address"), address);
        put(root, &format!("{net}/addr_assign_type"), assigned);
        let device = root.join("sys/devices").join(way);
        fs::create_dir_all(&device).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(device, root.join(net).join("device")).unwrap();
    }

    #[test]
    fn nothing_is_normal() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()), Hardware::default());
    }

    #[test]
    fn the_table_comes_before_the_files_and_the_tree_last() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        put(root, "sys/firmware/devicetree/base/serial-number", "10000000abcdef01\0");
        assert_eq!(read(root).system_serial.as_deref(), Some("10000000abcdef01"));
        put(root, "sys/class/dmi/id/product_serial", "PF2ABCDE\n");
        put(root, "sys/class/dmi/id/sys_vendor", "LENOVO\n");
        let hardware = read(root);
        assert_eq!((hardware.system_serial.as_deref(), hardware.class), (Some("PF2ABCDE"), Class::Physical));
        put(root, "sys/firmware/dmi/tables/DMI", "");
        fs::write(root.join("sys/firmware/dmi/tables/DMI"), super::super::smbios::tests::tables()).unwrap();
        assert_eq!(read(root).system_serial.as_deref(), Some("5CG1234XYZ"));
        put(root, "run/systemd/container", "systemd-nspawn");
        assert_eq!(read(root).class, Class::Container);
    }

    #[test]
    fn a_uuid_is_the_same_from_both_sources() {
        let text = "04030201-0605-0807-090a-0b0c0d0e0f10";
        assert_eq!(uuid_as_in_table(text), Some(std::array::from_fn(|at| at as u8 + 1)));
        assert_eq!(uuid_as_in_table("04030201"), None);
    }

    #[cfg(unix)]
    #[test]
    fn only_built_in_interfaces_count() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        put(root, "sys/class/dmi/id/sys_vendor", "LENOVO\n");
        interface(root, "eth0", "pci0000:00/0000:00:1f.6", "54:e1:ad:00:00:01", "0");
        interface(root, "wlan0", "pci0000:00/0000:00:14.3", "54:e1:ad:00:00:02", "3");
        interface(root, "dock0", "pci0000:00/usb2/2-1", "54:e1:ad:00:00:03", "0");
        interface(root, "veth0", "pci0000:00/0000:00:20.0", "02:e1:ad:00:00:04", "0");
        put(root, "sys/class/net/br0/address", "54:e1:ad:00:00:05");
        assert_eq!(read(root).macs, [[0x54, 0xe1, 0xad, 0, 0, 1]]);
    }
}
