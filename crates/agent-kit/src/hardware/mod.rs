//! What the machine says of itself, read afresh at each start and kept nowhere.
//!
//! | | Windows | macOS | Linux |
//! |---|---|---|---|
//! | UUID, serial numbers | SMBIOS, as the registry has it | `ioreg` | SMBIOS tables, else `/sys/class/dmi/id`, else the device tree |
//! | network addresses | not read | not read | `/sys/class/net`, permanent ones of built-in interfaces |
//! | installation | `MachineGuid` | none | `/etc/machine-id` |
//!
//! A machine may say nothing at all: small virtual machines do.

mod linux;
mod machine;
mod macos;
pub(crate) mod placeholder;
pub(crate) mod smbios;
#[cfg(windows)]
mod windows;

pub(crate) use machine::Hardware;

/// Reads the machine.
pub(crate) fn read() -> Hardware {
    #[cfg(windows)]
    return windows::read();
    #[cfg(target_os = "macos")]
    return macos::read();
    #[cfg(not(any(windows, target_os = "macos")))]
    return linux::read(std::path::Path::new("/"));
}

/// A serial number as it is compared: without spaces around it, in lower case. None if it is a placeholder.
pub(crate) fn serial(raw: &str) -> Option<String> {
    let serial = raw.trim().to_lowercase();
    (!placeholder::is_placeholder(&serial)).then_some(serial)
}
