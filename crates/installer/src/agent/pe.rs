//! A Windows agent ("Windows Authenticode Portable Executable Signature Format", 2008).

use container::ReadAt;
use container::authenticode::{IndirectData, Subject};
use container::pe::{Image, Machine};

use super::errors::AgentProblem;
use super::facts::{Agent, AgentFormat, Expected, Processor, Signer, check_architectures};
use super::signer::{Signed, not_checked};

use crate::product::Arch;

/// An entry of the certificate table is filled up with zeros to a multiple of this; more is what `EnableCertPaddingCheck` refuses.
const ALIGNMENT: usize = 8;

pub(super) fn check(file: &dyn ReadAt, expected: Expected) -> Result<Agent, AgentProblem> {
    let image = Image::open(file)?;
    let architectures = check_architectures(&[processor(file, &image, expected)?], expected.arch)?;
    if !image.is_program() {
        return Err(AgentProblem::NotAProgram { found: "a library" });
    }
    if let Some(found) = other_subsystem(image.subsystem()) {
        return Err(AgentProblem::NotAProgram { found });
    }
    let signed = check_signature(file, &image)?;
    if signed.is_none() && !expected.allow_unsigned {
        return Err(AgentProblem::Unsigned);
    }
    let (signer, uncovered_bytes) = signed.unzip();
    let version = image.version(file)?;
    Ok(Agent {
        signer,
        uncovered_bytes: uncovered_bytes.unwrap_or(0),
        version: version.as_ref().map(|v| v.file.map(|part| part.to_string()).join(".")),
        languages: version.map(|v| v.languages).unwrap_or_default(),
        ..Agent::new(AgentFormat::Pe, architectures, file)
    })
}

/// The processor that it runs on. A .NET program for any processor runs on the expected one.
fn processor(file: &dyn ReadAt, image: &Image, expected: Expected) -> Result<Processor, AgentProblem> {
    Ok(match image.machine() {
        Machine::X64 if image.is_plus() => Processor::Known(Arch::X64),
        Machine::Arm64 if image.is_plus() => Processor::Known(Arch::Arm64),
        Machine::X86 if expected.arch != Arch::Universal && image.is_any_cpu(file)? => Processor::Known(expected.arch),
        other => Processor::Other(other.to_string()),
    })
}

/// What an image of another subsystem is ("PE Format", Windows Subsystem). A service and a program with or without windows
/// are of subsystem 2 or 3; nothing else can be started.
const fn other_subsystem(number: u16) -> Option<&'static str> {
    match number {
        2 | 3 => None,
        1 => Some("a driver or a native program (subsystem 1)"),
        5 => Some("a program for OS/2 (subsystem 5)"),
        7 => Some("a program for POSIX (subsystem 7)"),
        8 => Some("a driver for Windows 9x (subsystem 8)"),
        9 => Some("a program for Windows CE (subsystem 9)"),
        10..=13 => Some("a program, driver or image for EFI"),
        14 => Some("a program for Xbox (subsystem 14)"),
        16 => Some("a program that Windows starts by itself at boot (subsystem 16)"),
        _ => Some("a file of a subsystem that Windows does not start (not 2 or 3)"),
    }
}

/// Who signed an executable of any kind, a library as well; `None`: it has no signature.
pub(super) fn signer(file: &dyn ReadAt) -> Result<Option<Signer>, AgentProblem> {
    Ok(check_signature(file, &Image::open(file)?)?.map(|(signer, _)| signer))
}

/// Who signed, and how many bytes lie behind the message in its place.
fn check_signature(file: &dyn ReadAt, image: &Image) -> Result<Option<(Signer, u64)>, AgentProblem> {
    let Some(certificate) = image.certificate(file).map_err(AgentProblem::in_signature)? else { return Ok(None) };
    let signed = Signed::read(&certificate.signed_data, certificate.message_offset)?;
    let content = IndirectData::read(signed.data()).map_err(|malformed| signed.unreadable(malformed))?;
    if content.subject != Subject::PeImage {
        return Err(AgentProblem::Signature("it is one of another kind of file"));
    }
    let algorithm = content.algorithm().map_err(not_checked)?;
    let computed = image.authenticode(file, algorithm).map_err(AgentProblem::in_signature)?;
    if computed[..] != *content.digest {
        return Err(AgentProblem::Changed("its digest and the file's do not agree"));
    }
    signed.check_message_digest(content.value.content)?;
    let behind = signed.data().trailing.len();
    let is_padding = behind < ALIGNMENT && signed.data().left_over() == 0;
    Ok(Some((signed.signer(), if is_padding { 0 } else { behind as u64 })))
}
