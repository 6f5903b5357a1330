//! The raw values of a machine, and what SMBIOS adds to them.

use super::smbios;
use crate::class::Class;
use crate::token::hex;

/// The raw values. They never leave the device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Hardware {
    /// SMBIOS type 1, as its 16 bytes lie in the table; IOPlatformUUID as its 16 bytes.
    pub(crate) system_uuid: Option<[u8; 16]>,
    /// SMBIOS type 2.
    pub(crate) board_serial: Option<String>,
    /// SMBIOS type 1, IOPlatformSerialNumber, `serial-number`: what a token's `serial` is compared with.
    pub(crate) system_serial: Option<String>,
    /// Permanent addresses.
    pub(crate) macs: Vec<[u8; 6]>,
    /// The model of the processor.
    pub(crate) cpu: Option<String>,
    /// The installation of the operating system.
    pub(crate) os_instance: Option<String>,
    /// What kind of machine it is.
    pub(crate) class: Class,
}

/// Takes what SMBIOS says.
pub(super) fn take_smbios(hardware: &mut Hardware, tables: &[u8]) {
    let found = smbios::read(tables);
    hardware.system_uuid = hardware.system_uuid.or(found.system_uuid);
    hardware.board_serial = hardware.board_serial.take().or(found.board_serial);
    hardware.system_serial = hardware.system_serial.take().or(found.system_serial);
    hardware.cpu = hardware.cpu.take().or(found.cpu_id.map(|id| hex(&id)));
    if found.maker.is_some_and(|maker| is_virtual(&maker)) {
        hardware.class = Class::Vm;
    }
}

/// Does the maker make virtual machines only?
pub(super) fn is_virtual(maker: &str) -> bool {
    const MAKERS: [&str; 12] = [
        "qemu",
        "vmware",
        "innotek",
        "virtualbox",
        "xen",
        "bochs",
        "parallels",
        "amazon ec2",
        "google compute engine",
        "kvm",
        "nutanix",
        "openstack",
    ];
    let maker = maker.to_ascii_lowercase();
    MAKERS.iter().any(|known| maker.contains(known))
}
