//! macOS: the platform expert device, as `ioreg` prints it.
#![cfg_attr(not(target_os = "macos"), allow(dead_code, reason = "macOS only"))]

use std::process::Command;

use super::machine::Hardware;
use crate::class::Class;

/// Reads the machine. A program that cannot be started leaves a machine that says nothing.
pub(super) fn read() -> Hardware {
    let out = Command::new("/usr/sbin/ioreg").args(["-rd1", "-c", "IOPlatformExpertDevice"]).output();
    let mut hardware = out.map(|out| from_ioreg(&String::from_utf8_lossy(&out.stdout))).unwrap_or_default();
    let model = Command::new("/usr/sbin/sysctl").args(["-n", "hw.model"]).output();
    hardware.cpu = model.ok().and_then(|out| Some(String::from_utf8(out.stdout).ok()?.trim().to_owned()));
    hardware
}

/// Lines of the form `"IOPlatformSerialNumber" = "C02XK0AAJGH5"`.
fn from_ioreg(text: &str) -> Hardware {
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.trim_start_matches([' ', '|']).strip_prefix(name))?;
        let value = line.trim_start().strip_prefix('=')?.trim().strip_prefix('"')?.strip_suffix('"')?;
        Some(value.to_owned())
    };
    let model = text.lines().find(|line| line.contains("\"model\"")).unwrap_or_default();
    Hardware {
        system_uuid: value("\"IOPlatformUUID\"").and_then(|uuid| uuid_bytes(&uuid)),
        system_serial: value("\"IOPlatformSerialNumber\""),
        class: if model.contains("VirtualMac") { Class::Vm } else { Class::Physical },
        ..Hardware::default()
    }
}

fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(|letter| *letter != '-').collect();
    u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32).map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a Mac prints it, shortened.
    const IOREG: &str = r#"+-o Mac14,2  <class IOPlatformExpertDevice, id 0x100000227, registered, matched, active>
  | {
  |   "IOPlatformSerialNumber" = "C02XK0AAJGH5"
  |   "model" = <"Mac14,2">
  |   "IOPlatformUUID" = "564D0C10-6B5E-4B02-9A5E-0123456789AB"
  | }
"#;

    #[test]
    fn serial_and_uuid_are_found() {
        let hardware = from_ioreg(IOREG);
        assert_eq!(hardware.system_serial.as_deref(), Some("C02XK0AAJGH5"));
        assert_eq!(hardware.system_uuid.map(|uuid| uuid[0]), Some(0x56));
        assert_eq!(hardware.class, Class::Physical);
        assert_eq!(from_ioreg("").system_serial, None);
    }
}
