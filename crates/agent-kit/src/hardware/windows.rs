//! Windows: the SMBIOS tables as the driver `mssmbios` has left them in the registry, and the installation's id.

use windows_registry::LOCAL_MACHINE;

use super::machine::{Hardware, take_smbios};
use crate::class::Class;

/// RawSMBIOSData (GetSystemFirmwareTable) begins with eight bytes: method, versions, length.
const HEADER_BYTES: usize = 8;

/// Reads the machine.
pub(super) fn read() -> Hardware {
    let mut hardware = Hardware { class: Class::Physical, ..Hardware::default() };
    let data = LOCAL_MACHINE.open(r"SYSTEM\CurrentControlSet\Services\mssmbios\Data");
    let tables = data.and_then(|key| key.get_value("SMBiosData")).ok();
    match tables.as_deref().and_then(|tables| tables.get(HEADER_BYTES..)) {
        Some(tables) => take_smbios(&mut hardware, tables),
        None => hardware.class = Class::Unknown,
    }
    let instance = LOCAL_MACHINE.open(r"SOFTWARE\Microsoft\Cryptography");
    hardware.os_instance = instance.and_then(|key| key.get_string("MachineGuid")).ok();
    if hardware.cpu.is_none() {
        let cpu = LOCAL_MACHINE.open(r"HARDWARE\DESCRIPTION\System\CentralProcessor\0");
        hardware.cpu = cpu.and_then(|key| key.get_string("Identifier")).ok();
    }
    hardware
}
