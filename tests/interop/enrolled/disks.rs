//! Disks that fail and processes that are killed, at each system call of enrolling: strace injects it. Whatever happens, the next start enrolls the
//! device, with one record and one use of its token.

use std::path::{Path, PathBuf};
use std::process::Command;

use installer::format::Kind;
use serde_json::json;

use super::Vendor;
use super::device::Device;
use crate::support::{both, judge, output};

/// What enrolling writes with. `write` is asked apart: it is also how a process speaks.
const CALLS: &str = "fsync,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,fchmod,chmod";

struct Fault<'a> {
    strace: &'a Path,
    /// As strace says it: what happens at which call.
    inject: String,
}

impl Fault<'_> {
    /// The agent under it; gives what it said, and whether the fault came.
    fn agent(&self, device: &Device, arguments: &[&str]) -> (String, bool) {
        let log = device.root.with_extension("strace");
        let mut command = Command::new(self.strace);
        command.args(["-f", "-q", "-e", &format!("inject={}", self.inject), "-e", "signal=none", "-o"]).arg(&log);
        command.arg(device.program());
        let said = device.agent_with(command, arguments);
        let log = std::fs::read_to_string(log).unwrap_or_default();
        // strace ends as its program did, and has no time for a last line then.
        (said, log.contains("(INJECTED)") || !log.contains("+++ exited"))
    }
}

/// strace, where it may trace.
fn strace() -> Option<PathBuf> {
    let strace = judge("strace")?;
    let tried = output(Command::new(&strace).args(["-f", "-o", "/dev/null", "true"]));
    assert!(tried.status.success(), "strace may not trace here: {}", both(&tried));
    Some(strace)
}

fn vendor() -> Option<Vendor> {
    let vendor = Vendor::new(Kind::Deb)?;
    vendor.publish([1, 4, 2], "/usr/lib/enrolled-agent");
    Some(vendor)
}

#[test]
fn a_crash_or_a_full_disk_at_any_call_costs_no_second_record_and_no_second_use() {
    let (Some(strace), Some(vendor)) = (strace(), vendor()) else { return };
    let mut enrolled = 0;
    for what in ["signal=KILL", "error=ENOSPC", "error=EIO"] {
        for at in 1.. {
            let token = vendor.mint(2);
            let device = Device::new(&vendor, &format!("{}-{at}", what.replace('=', "-")), &token.secret);
            let fault = Fault { strace: &strace, inject: format!("{CALLS}:{what}:when={at}") };
            let (said, has_come) = fault.agent(&device, &["once"]);
            assert!(!said.contains("panicked") && !said.contains(&token.secret), "{what} at {at}: {said}");
            // The next start, on a disk that works again.
            let again = device.agent(&["once"]);
            assert!(again.contains("checked in"), "{what} at {at}: {said}\n{again}");
            assert_eq!(device.state(), "enrolled\n", "{what} at {at}");
            assert!(!device.root.join("etc/enrolled-agent/enrollment-token").exists(), "{what} at {at}");
            enrolled += 1;
            assert_eq!(vendor.uses(&token), json!(1), "{what} at {at}");
            if !has_come {
                assert!(at > 10, "{what}: only {at} calls were seen");
                break;
            }
        }
    }
    let listed = vendor.server.get("admin", "/v1/devices?limit=1000").json();
    assert_eq!(listed.as_array().unwrap().len(), enrolled);
}

#[test]
fn a_full_and_a_broken_disk_are_named_by_the_agent_and_by_doctor() {
    let (Some(strace), Some(vendor)) = (strace(), vendor()) else { return };
    for (name, what, cause) in [("full", "error=ENOSPC", "disk-full"), ("broken", "error=EIO", "folder-unwritable")] {
        let token = vendor.mint(1);
        let device = Device::new(&vendor, name, &token.secret);
        // Its folder is there, and from now on nothing reaches the disk.
        device.agent(&["doctor"]);
        std::fs::create_dir_all(device.root.join("var/lib/enrolled-agent")).unwrap();
        let fault = Fault { strace: &strace, inject: format!("fsync:{what}") };
        let (said, has_come) = fault.agent(&device, &["once"]);
        assert!(has_come && !said.contains("checked in"), "{name}: {said}");
        assert!(said.contains("os error") || said.contains("No space") || said.contains("cannot"), "{name}: {said}");
        let (doctor, _) = fault.agent(&device, &["doctor"]);
        let first = doctor.lines().find(|line| line.starts_with("cause:")).unwrap_or_default();
        assert!(first.ends_with(&format!("[{cause}]")), "{name}: {doctor}");
        device.enrolls();
    }
}
