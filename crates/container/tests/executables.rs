//! The readers of executables, against programs that were written from the specifications by other code.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "tests")]

#[path = "../../../tests/support/agents/mod.rs"]
mod agents;

use agents::macho::Signing;
use agents::{Cpu, elf, macho, pe};
use container::digest::Algorithm;
use container::elf::Elf;
use container::macho::MachO;
use container::pe::Image;
use container::{Error, elf as elf_reader, macho as macho_reader, pe as pe_reader};

#[test]
fn a_windows_program_has_its_machine_version_and_signature() {
    let file = pe::signed(Cpu::X64);
    let image = Image::open(&file).unwrap();
    assert_eq!(image.machine(), pe_reader::Machine::X64);
    assert!(image.is_plus() && image.is_program());
    assert_eq!(image.subsystem(), 3);
    let version = image.version(&file).unwrap().unwrap();
    assert_eq!((version.file, version.languages.as_slice()), ([1, 2, 3, 4], &[1033][..]));
    let certificate = image.certificate(&file).unwrap().unwrap();
    assert_eq!(certificate.offset, pe::unsigned(Cpu::X64).len() as u64);
    assert_eq!(certificate.signed_data[0], 0x30);
}

#[test]
fn a_signature_changes_no_authenticode_digest() {
    for cpu in [Cpu::X64, Cpu::Arm64] {
        let (unsigned, signed) = (pe::unsigned(cpu), pe::signed(cpu));
        for algorithm in [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512] {
            let digest = |file: &Vec<u8>| Image::open(file).unwrap().authenticode(file, algorithm).unwrap();
            assert_eq!(digest(&unsigned), digest(&signed));
        }
    }
}

#[test]
fn an_unsigned_program_has_no_certificate() {
    let file = pe::unsigned(Cpu::Arm64);
    let image = Image::open(&file).unwrap();
    assert_eq!(image.machine(), pe_reader::Machine::Arm64);
    assert!(image.certificate(&file).unwrap().is_none());
}

#[test]
fn nothing_hides_beside_a_certificate() {
    let good = pe::signed(Cpu::X64);
    let says = |file: Vec<u8>| Image::open(&file).unwrap().certificate(&file).unwrap_err().to_string();
    let at = pe::unsigned(Cpu::X64).len();
    let table_bytes = good.len() - at;

    let mut after_the_file = good.clone();
    after_the_file.extend([0; 8]);
    assert_eq!(
        says(after_the_file),
        format!("certificate table at {:#x}: 8 bytes are left over after the end", good.len())
    );

    // Inside its entry they are given to the caller, who says so.
    let mut behind_the_message = good.clone();
    behind_the_message.extend([7; 8]);
    agents::writer::put_u32(&mut behind_the_message, pe::SECURITY_AT + 4, table_bytes as u32 + 8);
    agents::writer::put_u32(&mut behind_the_message, at, table_bytes as u32 + 8);
    let certificate = Image::open(&behind_the_message).unwrap().certificate(&behind_the_message).unwrap().unwrap();
    assert!(certificate.signed_data.ends_with(&[7; 8]));
    assert_eq!(certificate.message_offset, at as u64 + 8);

    let mut second_entry = good.clone();
    second_entry.extend([8, 0, 0, 0, 0, 2, 2, 0]);
    agents::writer::put_u32(&mut second_entry, pe::SECURITY_AT + 4, table_bytes as u32 + 8);
    assert!(says(second_entry).contains("dwLength"));

    let mut over_a_section = good.clone();
    agents::writer::put_u32(&mut over_a_section, pe::SECURITY_AT, pe::RESOURCES_AT as u32);
    assert!(says(over_a_section).contains("must be after the last section"));

    let mut other_kind = good;
    other_kind[at + 6] = 1;
    assert!(says(other_kind).contains("wCertificateType is 1, must be 2"));
}

#[test]
fn a_universal_program_has_its_slices_and_their_signatures() {
    let file = macho::program(&[Cpu::X64, Cpu::Arm64], &Signing::identity());
    let read = MachO::open(&file).unwrap();
    assert!(read.is_universal());
    let cpus: Vec<_> = read.slices().iter().map(macho_reader::Slice::cpu).collect();
    assert_eq!(cpus, [macho_reader::Cpu::X64, macho_reader::Cpu::Arm64]);
    let minimum: Vec<_> = read.slices().iter().map(|slice| slice.minimum_os().unwrap().to_string()).collect();
    assert_eq!(minimum, ["10.15", "11.0"]);
    for slice in read.slices() {
        assert!(slice.is_program());
        let signature = slice.signature(&file).unwrap().unwrap();
        let best = signature.best().unwrap();
        assert_eq!((best.identifier(), best.team()), (macho::IDENTIFIER, Some(macho::TEAM)));
        assert!(best.has_hardened_runtime() && !best.is_adhoc());
        assert!(signature.has_requirements() && signature.cms().is_some());
        signature.verify(&file, slice).unwrap();
    }
}

#[test]
fn an_adhoc_signature_has_no_cms() {
    let file = macho::program(&[Cpu::Arm64], &Signing::adhoc());
    let read = MachO::open(&file).unwrap();
    let signature = read.slices()[0].signature(&file).unwrap().unwrap();
    assert!(signature.best().unwrap().is_adhoc());
    assert_eq!(signature.cms(), None);
    let unsigned = macho::program(&[Cpu::Arm64], &Signing::none());
    assert!(MachO::open(&unsigned).unwrap().slices()[0].signature(&unsigned).unwrap().is_none());
}

#[test]
fn a_changed_page_is_named() {
    let mut file = macho::program(&[Cpu::Arm64], &Signing::identity());
    file[0x2345] ^= 1;
    let read = MachO::open(&file).unwrap();
    let slice = &read.slices()[0];
    let error = slice.signature(&file).unwrap().unwrap().verify(&file, slice).unwrap_err();
    let expected = "code page at 0x2000: the bytes and their hash in the code directory do not agree";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_java_class_is_no_universal_program() {
    let class = [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 52, 0, 100, 7, 0, 2, 1, 0, 4];
    assert!(MachO::open(&class.as_slice()).unwrap_err().to_string().contains("nfat_arch is 52, must be 1 to 16"));
}

#[test]
fn a_static_program_needs_nothing() {
    for cpu in [Cpu::X64, Cpu::Arm64] {
        let file = elf::waiting(cpu);
        let elf = Elf::open(&file).unwrap();
        assert!(elf.is_program() && elf.is_stripped() && !elf.is_position_independent());
        assert_eq!(elf.interpreter(), None);
        assert_eq!(elf.libraries(&file).unwrap(), []);
    }
}

#[test]
fn needed_libraries_have_their_versions() {
    let libraries: &[(&str, &[&str])] =
        &[("libm.so.6", &["GLIBC_2.29"]), ("libc.so.6", &["GLIBC_2.2.5", "GLIBC_2.34"])];
    let file = elf::needing(Cpu::Arm64, "/lib/ld-linux-aarch64.so.1", libraries);
    let elf = Elf::open(&file).unwrap();
    assert_eq!(elf.machine(), elf_reader::Machine::Arm64);
    assert!(elf.is_program() && elf.is_position_independent());
    assert_eq!(elf.interpreter(), Some("/lib/ld-linux-aarch64.so.1"));
    let found = elf.libraries(&file).unwrap();
    let found: Vec<_> = found.iter().map(|l| (l.name.as_str(), l.versions.as_slice())).collect();
    assert_eq!(found.len(), libraries.len());
    for ((name, versions), (expected_name, expected)) in found.iter().zip(libraries) {
        assert_eq!((name, *versions), (expected_name, &expected.map_strings()[..]));
    }
}

trait MapStrings {
    fn map_strings(&self) -> Vec<String>;
}

impl MapStrings for &[&str] {
    fn map_strings(&self) -> Vec<String> {
        self.iter().map(|&text| text.to_owned()).collect()
    }
}

/// Everything that a reader can be asked about a file.
#[expect(clippy::ptr_arg, reason = "`dyn ReadAt` wants a sized type")]
fn read_all(file: &Vec<u8>) -> Result<(), Error> {
    if pe_reader::is_pe(file) {
        let image = Image::open(file)?;
        image.certificate(file)?;
        image.authenticode(file, Algorithm::Sha256)?;
        image.version(file)?;
    } else if macho_reader::is_macho(file) {
        let read = MachO::open(file)?;
        for slice in read.slices() {
            if let Some(signature) = slice.signature(file)? {
                signature.verify(file, slice)?;
            }
        }
    } else if elf_reader::is_elf(file) {
        Elf::open(file)?.libraries(file)?;
    }
    Ok(())
}

fn samples() -> Vec<Vec<u8>> {
    let needs: &[(&str, &[&str])] = &[("libc.so.6", &["GLIBC_2.2.5", "GLIBC_2.34"])];
    vec![
        pe::signed(Cpu::X64),
        macho::program(&[Cpu::Arm64], &Signing::identity()),
        macho::program(&[Cpu::X64, Cpu::Arm64], &Signing::adhoc()),
        elf::needing(Cpu::X64, "/lib64/ld-linux-x86-64.so.2", needs),
    ]
}

#[test]
fn a_file_that_ends_early_is_an_error() {
    for good in samples() {
        read_all(&good).unwrap();
        for len in (8..good.len()).step_by(7) {
            assert!(read_all(&good[..len].to_vec()).is_err(), "{len} of {} bytes", good.len());
        }
    }
}

#[test]
fn no_field_leads_a_reader_astray() {
    for good in samples() {
        let interesting = good.iter().enumerate().filter(|(at, byte)| **byte != 0 || at % 16 == 0).map(|(at, _)| at);
        for at in interesting.collect::<Vec<_>>() {
            for value in [0x00, 0x01, 0x7f, 0x80, 0xff] {
                let mut bad = good.clone();
                bad[at] = value;
                let _ = read_all(&bad);
            }
            let mut bad = good.clone();
            for byte in bad.iter_mut().skip(at).take(4) {
                *byte = 0xff;
            }
            let _ = read_all(&bad);
        }
    }
}
