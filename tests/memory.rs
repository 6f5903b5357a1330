//! Nothing is whole in memory: what a build of a large agent takes at most, as the kernel counts it.

use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::support::product::MANIFEST;
use crate::support::{product::Small, program};

/// For an agent of 100 MB, whatever it is packed with: xz has two encoders of 95 MiB.
const MAX_KIB: u64 = 300 << 10;
const AGENT_BYTES: usize = 100_000_000;

/// The most that a process has had, by looking again and again while it runs.
fn peak_kib(child: &mut Child) -> u64 {
    let path = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(&path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let found = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(found.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(5));
    }
    peak
}

#[test]
fn an_rpm_of_a_hundred_megabytes_is_built_in_300_mib() {
    let manifest = MANIFEST.split("[[file]]").next().unwrap().to_owned()
        + "[windows]\nupgrade-code = \"{0B6B1E3D-6E3B-4C53-9D3C-6F2B8E6C9A01}\"\n[macos]\nbundle-id = \"com.example.agent\"\n";
    let small = Small::with(&manifest).unwrap();
    // Two agents that differ, of 100 MB each, so that one is no part of the other.
    let path = small.folder.path().join("agent-x64");
    let mut agent = fs::read(&path).unwrap();
    let piece: Vec<u8> = (0..65_521_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    while agent.len() < AGENT_BYTES {
        agent.extend(&piece[..piece.len() - agent.len() % 97]);
    }
    fs::write(&path, agent).unwrap();
    for codec in ["zstd", "gzip", "xz"] {
        let out = small.folder.path().join(codec);
        let mut build = program();
        build.args(["build", "--quiet", "--format", "rpm", "--set", &format!("rpm.compression={codec}"), "--product"]);
        build.arg(small.manifest()).arg("-o").arg(&out).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = build.spawn().unwrap();
        let peak = peak_kib(&mut child);
        let said = child.wait_with_output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        assert!(peak > 10 << 10, "nothing was measured: {peak} KiB");
        assert!(peak <= MAX_KIB, "{codec}: {} MiB", peak >> 10);
    }
}
