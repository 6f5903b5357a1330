//! Clocks that are wrong: the service's, which decides, and the device's, which does not. libfaketime sets them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use installer::format::Kind;

use super::Vendor;
use super::device::Device;
use crate::support::missing;

const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

pub(super) fn library() -> Option<PathBuf> {
    let library = Path::new(LIBRARY);
    if !library.is_file() {
        missing("libfaketime");
        return None;
    }
    Some(library.to_owned())
}

#[test]
fn a_token_expires_by_the_services_clock() {
    let Some(library) = library() else { return };
    let time = tempfile::NamedTempFile::new().unwrap();
    fs::write(time.path(), "+0").unwrap();
    let clock = [
        ("LD_PRELOAD", library.as_os_str()),
        ("FAKETIME_TIMESTAMP_FILE", time.path().as_os_str()),
        ("FAKETIME_NO_CACHE", "1".as_ref()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".as_ref()),
    ];
    let Some(vendor) = Vendor::with_clock(Kind::Deb, &clock) else { return };
    vendor.publish([1, 4, 2], "/usr/lib/enrolled-agent");
    let token = vendor.mint(10).secret;
    let early = Device::new(&vendor, "early", &token);
    early.enrolls();
    // A month later for the service, and not for the device: it is the service that decides.
    fs::write(time.path(), "+31d").unwrap();
    let late = Device::new(&vendor, "late", &token);
    assert!(late.agent(&["once"]).contains("the server refuses: token-expired"));
    let mut at = Command::new(late.program());
    at.env("LD_PRELOAD", &library).env("FAKETIME", "+31d").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let doctor = late.agent_with(at, &["doctor"]);
    assert!(doctor.contains("cause: the token has expired [token-expired]"), "{doctor}");
    // What is enrolled stays it.
    assert!(early.agent(&["once"]).contains("checked in"));
    assert_eq!(vendor.devices().len(), 1);
}

#[test]
fn a_device_with_a_wrong_clock_enrolls_and_doctor_says_so() {
    let Some(library) = library() else { return };
    let Some(vendor) = Vendor::new(Kind::Deb) else { return };
    vendor.publish([1, 4, 2], "/usr/lib/enrolled-agent");
    for (name, clock) in [("ahead", "+400d"), ("behind", "-9000d")] {
        let device = Device::new(&vendor, name, &vendor.mint(1).secret);
        let at = || {
            let mut command = Command::new(device.program());
            command.env("LD_PRELOAD", &library).env("FAKETIME", clock).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
            command
        };
        let once = device.agent_with(at(), &["once"]);
        assert!(once.contains("enrolled as dev-") && once.contains("checked in"), "{name}: {once}");
        let doctor = device.agent_with(at(), &["doctor"]);
        assert!(doctor.contains("[clock-wrong]"), "{name}: {doctor}");
    }
    assert_eq!(vendor.devices().len(), 2);
}
