//! The check, against tiny agents that are written and signed by other code.

#[path = "../../../../tests/support/agents/mod.rs"]
mod agents;
mod application;

use agents::cms::{Algorithm, Extras};
use agents::der::{SEQUENCE, tlv};
use agents::macho::{self, Naming, Signing};
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
fn an_adhoc_signature_counts_as_none() {
    for cpus in [&[Cpu::Arm64][..], &[Cpu::X64, Cpu::Arm64]] {
        let arch = if cpus.len() == 1 { Arch::Arm64 } else { Arch::Universal };
        let file = macho::program(cpus, &Signing::adhoc());
        let problem = check_file(&file, expect(Platform::Macos, arch)).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "has an ad hoc code signature, which names no signer: linkers add one by themselves"
        );
        assert_eq!(problem.hint(), Some("sign it first, or pass --allow-unsigned-agent"));
        let expected = Expected { allow_unsigned: true, ..expect(Platform::Macos, arch) };
        let agent = check_file(&file, expected).unwrap();
        assert!(agent.signer.is_some_and(|signer| signer.is_adhoc) && agent.needs_wrapper);
        let mut changed = file.clone();
        changed[0x4000 * (cpus.len() - 1) + 0x2000] ^= 1;
        assert!(check_file(&changed, expected).unwrap_err().to_string().starts_with("was changed after it was signed"));
    }
}

#[test]
fn certificates_may_be_there_twice_and_in_any_order() {
    let unsigned = pe::unsigned(Cpu::X64);
    let (ours, short) = (cms::certificate(), tlv(SEQUENCE, &[&[5, 0]]));
    // Azure's Trusted Signing: the signer's certificate twice. Sorted, the short value would come first.
    for certificates in [vec![ours.clone()], vec![ours.clone(), ours.clone()], vec![ours, short]] {
        let extras = Extras { certificates: &certificates, ..Extras::default() };
        let file = pe::sign_with(unsigned.clone(), extras);
        let agent = check_file(&file, expect(Platform::Windows, Arch::X64)).unwrap();
        assert_eq!(agent.signer.unwrap().name.as_deref(), Some(cms::NAME));
    }
}

#[test]
fn every_digest_is_computed_or_named() {
    let expected = expect(Platform::Windows, Arch::X64);
    for digest in [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512] {
        let extras = Extras { digest: Some(digest), ..Extras::default() };
        let good = pe::sign_with(pe::unsigned(Cpu::X64), extras);
        assert!(check_file(&good, expected).is_ok(), "{digest:?}");
        let mut bad = good;
        bad[pe::RESOURCES_AT + 0x1ff] ^= 1;
        assert!(says(&bad, expected).starts_with("was changed after it was signed"), "{digest:?}");
    }
    let extras = Extras { digest: Some(Algorithm::Md5), ..Extras::default() };
    let old = pe::sign_with(pe::unsigned(Cpu::X64), extras);
    let problem = check_file(&old, expected).unwrap_err();
    let sentence = "has a code signature that is not checked: its digest algorithm is md5, must be SHA-1, SHA-256, SHA-384 or SHA-512";
    assert_eq!((problem.to_string().as_str(), problem.hint()), (sentence, Some("have it signed anew, over SHA-256")));
}

#[test]
fn bytes_behind_a_signature_are_a_warning() {
    let uncovered = |agent: &Agent| {
        let mut report = Report::new();
        agent.report(&mut report);
        assert!(report.findings().iter().any(|finding| finding.id == "agent-uncovered"));
        agent.uncovered_bytes
    };
    let mut file = pe::unsigned(Cpu::X64);
    let at = file.len();
    pe::sign_and_append(&mut file, b"settings of an updater");
    assert!(file.len() > at);
    let agent = check_file(&file, expect(Platform::Windows, Arch::X64)).unwrap();
    assert!(uncovered(&agent) >= 22, "{}", agent.uncovered_bytes);
    let file = macho::program(&[Cpu::Arm64], &Signing { left_over: true, ..Signing::identity() });
    let agent = check_file(&file, expect(Platform::Macos, Arch::Arm64)).unwrap();
    assert!(uncovered(&agent) > 1000);
    assert_eq!(
        check_file(&agents::windows(Cpu::X64), expect(Platform::Windows, Arch::X64)).unwrap().uncovered_bytes,
        0
    );
}

#[test]
fn slices_may_have_identifiers_of_their_own() {
    let cpus = [Cpu::X64, Cpu::Arm64];
    let expected = expect(Platform::Macos, Arch::Universal);
    let file = macho::program(&cpus, &Signing { own_identifiers: true, ..Signing::identity() });
    assert_eq!(check_file(&file, expected).unwrap().signer.unwrap().team.as_deref(), Some(macho::TEAM));
    // Another team in one of them is another signer.
    let requirements = vec![0xfa, 0xde, 0x0c, 0x01, 0, 0, 0, 12, 0, 0, 0, 0];
    let other = macho::program(
        &[Cpu::Arm64],
        &Signing { requirements: Some((requirements, "OTHERTEAM1")), ..Signing::identity() },
    );
    let mut mixed = macho::program(&cpus, &Signing::identity());
    mixed.truncate(mixed.len() - other.len());
    mixed.extend(&other);
    assert_eq!(says(&mixed, expected), "has a code signature that does not hold: its slices have different signers");
}

#[test]
fn code_directories_are_named_in_several_ways() {
    let expected = expect(Platform::Macos, Arch::Arm64);
    let file = |naming| macho::program(&[Cpu::Arm64], &Signing { alternate: Some(naming), ..Signing::identity() });
    for naming in [Naming::Digests, Naming::Hashes, Naming::Nothing] {
        let good = file(naming);
        assert!(check_file(&good, expected).is_ok(), "{naming:?}: {}", says(&good, expected));
        let mut bad = good.clone();
        bad[0x2000] ^= 1;
        assert!(says(&bad, expected).starts_with("was changed after it was signed: code page"), "{naming:?}");
    }
    let sentence = "was changed after it was signed: its CMS does not name each code directory";
    assert_eq!(says(&file(Naming::OneHash), expected), sentence);
    // A second code directory that no signature covers does not stand for the first: both must fit the pages.
    let good = file(Naming::Nothing);
    let mut forged = good.clone();
    forged[0x2000] ^= 1;
    let page = |bytes: &[u8]| <sha2::Sha384 as sha2::Digest>::digest(&bytes[0x2000..0x3000]);
    let (old, new) = (page(&good), page(&forged));
    let at = forged.windows(48).position(|window| *window == old[..]).unwrap();
    forged[at..at + 48].copy_from_slice(&new);
    assert!(says(&forged, expected).starts_with("was changed after it was signed: code page"));
}

#[test]
fn files_that_cannot_be_started_are_refused() {
    let expected = expect(Platform::Windows, Arch::X64);
    for (subsystem, found) in
        [(1, "a driver or a native program (subsystem 1)"), (10, "a program, driver or image for EFI")]
    {
        let mut driver = pe::unsigned(Cpu::X64);
        driver[pe::SUBSYSTEM_AT] = subsystem;
        assert_eq!(says(&pe::sign(driver), expected), format!("is not a program: it is {found}"));
    }
    let mut windows = pe::unsigned(Cpu::X64);
    windows[pe::SUBSYSTEM_AT] = 2;
    assert!(check_file(&pe::sign(windows), expected).is_ok());

    let musl = elf::needing(Cpu::X64, "/lib/ld-musl-x86_64.so.1", &[("libc.musl-x86_64.so.1", &[])]);
    let problem = check_file(&musl, expect(Platform::Linux, Arch::X64)).unwrap_err();
    let sentence = "needs the dynamic linker /lib/ld-musl-x86_64.so.1, which Debian does not have: systemd could not start it (status 203/EXEC)";
    assert_eq!(
        (problem.to_string().as_str(), problem.hint()),
        (sentence, Some("build it for glibc, or link it statically"))
    );
    // The other processor's is not there either.
    let wrong = elf::needing(Cpu::Arm64, "/lib64/ld-linux-x86-64.so.2", &[("libc.so.6", &["GLIBC_2.17"])]);
    assert!(says(&wrong, expect(Platform::Linux, Arch::Arm64)).starts_with("needs the dynamic linker"));
    let good = elf::needing(Cpu::Arm64, "/lib/ld-linux-aarch64.so.1", &[("libc.so.6", &["GLIBC_2.17"])]);
    assert!(check_file(&good, expect(Platform::Linux, Arch::Arm64)).is_ok());
}

#[test]
fn a_dot_net_program_runs_on_any_processor_if_its_flags_say_so() {
    let check = |flags, arch| {
        let expected = Expected { allow_unsigned: true, ..expect(Platform::Windows, arch) };
        check_file(&pe::dot_net(flags), expected).map_err(|problem| problem.to_string())
    };
    for arch in [Arch::X64, Arch::Arm64] {
        assert_eq!(check(0x1, arch).unwrap().architectures, [arch], "ILONLY");
        assert!(check(0x9, arch).is_ok(), "ILONLY, with a strong name");
        // 32BITREQUIRED, the same as a preference only, native code.
        for flags in [0x3, 0x2_0003, 0x0] {
            let sentence = format!("is for x86 (32-bit), the manifest says {arch}");
            assert_eq!(check(flags, arch).unwrap_err(), sentence, "{flags:#x}");
        }
    }
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
    old[pe::MACHINE_AT..][..2].copy_from_slice(&[0xa2, 0x01]);
    let windows = expect(Platform::Windows, Arch::X64);
    assert_eq!(says(&old, windows), "is for the processor with the number 0x01a2, the manifest says x64");
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
    let problem = check_file(&bad, expected).unwrap_err();
    let sentence = "was changed after it was signed: its digest and the file's do not agree";
    assert_eq!(problem.to_string(), sentence);
    assert_eq!(problem.hint(), Some("the file was changed after it was signed; get it again"));
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
    let at = unsigned.len() + 8;
    let unreadable = |what: &str| format!("has a code signature that cannot be read: {what}");
    assert_eq!(
        with(b"\x30\x03\x02\x01\x05"),
        unreadable(&format!("contentType at {:#x}: it is not signedData", at + 2))
    );
    let cut = with(&cms::authenticode("1.2.3", &tlv(SEQUENCE, &[b"x"]), &[])[..100]);
    assert!(cut.starts_with(&unreadable(&format!("ContentInfo at {at:#x}: needs "))), "{cut}");
    assert!(with(&cms::detached(b"x", &[])).ends_with("what is signed is missing"));
    let data = cms::authenticode("1.2.840.113549.1.7.1", &tlv(4, &[b"x"]), &[]);
    assert!(with(&data).ends_with("it is not SpcIndirectDataContent"));
    let unknown = check_file(
        &{
            let mut file = unsigned.clone();
            pe::attach(&mut file, &data);
            file
        },
        expected,
    )
    .unwrap_err();
    assert_eq!(unknown.hint(), None, "nothing says that the file was changed");
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
    let sentence = "was changed after it was signed: its messageDigest and the signed content do not agree";
    assert_eq!(says(&renamed, expected), sentence);
    let mut longer = good;
    longer.extend([0; 16]);
    let sentence =
        "has a code signature that cannot be read: code signature at 0x5010: 16 bytes are left over after the end";
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
