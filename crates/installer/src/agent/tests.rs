//! The check, against tiny agents that are written and signed by other code.

#[path = "../../../../tests/support/agents/mod.rs"]
mod agents;
mod application;

use agents::macho::{self, Signing};
use agents::{Cpu, cms, elf, pe};

use super::*;
use crate::product::Arch;
use crate::report::Report;

fn expect(platform: Platform, arch: Arch) -> Expected {
    Expected { platform, arch, allow_unsigned: false }
}

#[expect(clippy::ptr_arg, reason = "`dyn ReadAt` wants a sized type")]
fn says(file: &Vec<u8>, expected: Expected) -> String {
    check_file(file, expected).unwrap_err().to_string()
}

#[test]
fn a_signed_windows_agent_names_its_signer() {
    for (cpu, arch) in [(Cpu::X64, Arch::X64), (Cpu::Arm64, Arch::Arm64)] {
        let agent = check_file(&agents::windows(cpu), expect(Platform::Windows, arch)).unwrap();
        let signer = agent.signer.unwrap();
        assert_eq!(
            (signer.name.as_deref(), signer.organisation.as_deref()),
            (Some(cms::NAME), Some(cms::ORGANISATION))
        );
        assert_eq!((agent.version.as_deref(), agent.languages.as_slice()), (Some("1.2.3.4"), &[1033][..]));
        assert_eq!(agent.architectures, [arch]);
    }
}

#[test]
fn a_signed_macos_agent_names_its_team() {
    for (cpus, arch, minimum) in [
        (&[Cpu::Arm64][..], Arch::Arm64, "11.0"),
        (&[Cpu::X64], Arch::X64, "10.15"),
        (&[Cpu::X64, Cpu::Arm64], Arch::Universal, "10.15"),
    ] {
        let agent = check_file(&agents::macos(cpus), expect(Platform::Macos, arch)).unwrap();
        let signer = agent.signer.unwrap();
        assert_eq!((signer.name.as_deref(), signer.team.as_deref()), (Some(cms::NAME), Some(macho::TEAM)));
        assert_eq!((signer.identifier.as_deref(), signer.hardened_runtime), (Some(macho::IDENTIFIER), Some(true)));
        assert_eq!(agent.minimum_os.as_deref(), Some(minimum));
        assert!(agent.needs_wrapper);
    }
}

#[test]
fn a_linux_agent_needs_packages() {
    let libraries: &[(&str, &[&str])] = &[("libc.so.6", &["GLIBC_2.34"]), ("libodd.so.3", &[])];
    let file = elf::needing(Cpu::X64, "/lib64/ld-linux-x86-64.so.2", libraries);
    let agent = check_file(&file, expect(Platform::Linux, Arch::X64)).unwrap();
    assert_eq!(
        (agent.depends, agent.unknown_libraries),
        (vec!["libc6 (>= 2.34)".to_owned()], vec!["libodd.so.3".to_owned()])
    );
    let agent = check_file(&agents::linux(Cpu::Arm64), expect(Platform::Linux, Arch::Arm64)).unwrap();
    assert!(agent.depends.is_empty() && agent.signer.is_none() && !agent.has_symbols);
}

#[test]
fn an_adhoc_signature_is_a_note() {
    let file = macho::program(&[Cpu::Arm64], &Signing::adhoc());
    let agent = check_file(&file, expect(Platform::Macos, Arch::Arm64)).unwrap();
    let mut report = Report::new();
    agent.report("agent", &mut report);
    let ids: Vec<_> = report.findings().iter().map(|finding| finding.id).collect();
    assert_eq!(ids, ["agent-adhoc", "agent-wrapper"]);
}

#[test]
fn an_unsigned_agent_is_let_through_only_when_asked() {
    let macos = macho::program(&[Cpu::X64, Cpu::Arm64], &Signing::none());
    for (file, platform, arch) in
        [(pe::unsigned(Cpu::X64), Platform::Windows, Arch::X64), (macos, Platform::Macos, Arch::Universal)]
    {
        let problem = check_file(&file, expect(platform, arch)).unwrap_err();
        assert_eq!(problem.to_string(), "has no code signature");
        assert_eq!(problem.hint(), Some("sign it first, or pass --allow-unsigned-agent"));
        let agent = check_file(&file, Expected { allow_unsigned: true, ..expect(platform, arch) }).unwrap();
        assert_eq!(agent.signer, None);
    }
}

#[test]
fn the_wrong_kind_of_file_is_named() {
    let (windows, linux) = (agents::windows(Cpu::X64), agents::linux(Cpu::X64));
    let expected = expect(Platform::Windows, Arch::X64);
    assert_eq!(says(&linux, expected), "is not a Windows executable: it is a Linux executable");
    assert_eq!(says(&b"#!/bin/sh\n".to_vec(), expected), "is not a Windows executable: it is a script");
    assert_eq!(says(&Vec::new(), expected), "is not a Windows executable: it is an empty file");
    assert_eq!(says(&b"MZ".to_vec(), expected), "is damaged: dos header at 0x0: needs 64 bytes, found 2");
    let expected = expect(Platform::Macos, Arch::Arm64);
    assert_eq!(says(&windows, expected), "is not a macOS executable: it is a Windows executable");
}

#[test]
fn processors_must_be_those_of_the_manifest() {
    let windows = expect(Platform::Windows, Arch::Arm64);
    assert_eq!(says(&agents::windows(Cpu::X64), windows), "is for x64, the manifest says arm64");
    let both = agents::macos(&[Cpu::X64, Cpu::Arm64]);
    let problem = check_file(&both, expect(Platform::Macos, Arch::Arm64)).unwrap_err();
    assert_eq!(problem.to_string(), "is for x64 and arm64, the manifest says arm64");
    assert_eq!(problem.hint(), Some("write arch = \"universal\" in the manifest"));
    let mut old = agents::windows(Cpu::X64);
    old[pe::MACHINE_AT..][..2].copy_from_slice(&[0x4c, 0x01]);
    let windows = expect(Platform::Windows, Arch::X64);
    assert_eq!(says(&old, windows), "is for another processor, the manifest says x64");
}

#[test]
fn a_changed_windows_agent_is_refused_wherever_it_was_changed() {
    let good = agents::windows(Cpu::X64);
    let expected = expect(Platform::Windows, Arch::X64);
    let unsigned_len = pe::unsigned(Cpu::X64).len();
    for at in 0..unsigned_len {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        let is_checksum = (pe::CHECKSUM_AT..pe::CHECKSUM_AT + 4).contains(&at);
        assert_eq!(check_file(&bad, expected).is_ok(), is_checksum, "byte {at:#x}");
    }
    let mut bad = good;
    bad[pe::RESOURCES_AT + 0x1ff] ^= 1;
    let sentence = "has a code signature that does not hold: its digest and the file's do not agree";
    assert_eq!(says(&bad, expected), sentence);
}

#[test]
fn a_signature_over_another_statement_is_refused() {
    let unsigned = pe::unsigned(Cpu::X64);
    let expected = expect(Platform::Windows, Arch::X64);
    let with = |signature: &[u8]| {
        let mut file = unsigned.clone();
        pe::attach(&mut file, signature);
        says(&file, expected)
    };
    assert!(with(b"\x30\x03\x02\x01\x05").ends_with("it is not a CMS message"));
    assert!(with(&cms::detached(b"x", &[])).contains("must be a definite length"));
    let data = cms::authenticode("1.2.840.113549.1.7.1", &agents::der::tlv(4, &[b"x"]), &[]);
    assert!(with(&data).ends_with("it does not sign an Authenticode digest"));
    // the digest of another file, well signed
    let other = cms::authenticode("1.3.6.1.4.1.311.2.1.4", &pe::indirect_data(&[7; 32]), &[]);
    assert!(with(&other).ends_with("its digest and the file's do not agree"));
    // the digest of this file put into a message that signs another
    let mut forged = agents::windows(Cpu::X64);
    let place = |needle: &[u8], file: &[u8]| file.windows(needle.len()).rposition(|window| window == needle).unwrap();
    let digest_attribute = place(&[0x31, 0x22, 0x04, 0x20], &forged);
    forged[digest_attribute + 4] ^= 1;
    assert!(says(&forged, expected).ends_with("its messageDigest and the signed content do not agree"));
}

#[test]
fn a_changed_macos_agent_is_refused_wherever_it_was_changed() {
    let good = agents::macos(&[Cpu::Arm64]);
    let expected = expect(Platform::Macos, Arch::Arm64);
    let signature_at = macho::SIGNATURE_AT;
    // every byte of the headers, some of the empty pages, every byte at the end
    let places = (0..0x400).chain((0x400..signature_at).step_by(101)).chain(signature_at - 0x20..signature_at);
    for at in places {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        assert!(check_file(&bad, expected).is_err(), "byte {at:#x}");
    }
    let place = good.windows(macho::IDENTIFIER.len()).position(|w| w == macho::IDENTIFIER.as_bytes()).unwrap();
    let mut renamed = good.clone();
    renamed[place] = b'k';
    let sentence = "has a code signature that does not hold: its messageDigest and the signed content do not agree";
    assert_eq!(says(&renamed, expected), sentence);
    let mut longer = good;
    longer.extend([0; 16]);
    let sentence =
        "has a code signature that does not hold: code signature at 0x5010: 16 bytes are left over after the end";
    assert_eq!(says(&longer, expected), sentence);
}

#[test]
fn a_universal_agent_needs_each_slice_signed() {
    let signed = agents::macos(&[Cpu::X64, Cpu::Arm64]);
    let mut bad = signed.clone();
    let at = bad.len() - 0x1000 - 8; // in the second slice, before its signature
    bad[at] ^= 1;
    let expected = expect(Platform::Macos, Arch::Universal);
    assert!(says(&bad, expected).contains("code page at"));
    assert!(check_file(&signed, expected).is_ok());
}
