//! A Windows agent ("Windows Authenticode Portable Executable Signature Format", 2008).

use const_oid::ObjectIdentifier;
use container::ReadAt;
use container::pe::{Image, Machine};
use der::asn1::{Any, OctetString};
use der::{Decode, Reader, SliceReader};
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::errors::AgentProblem;
use super::facts::{Agent, AgentFormat, Expected, Signer, check_architectures};
use super::signer::{Signed, algorithm};
use crate::product::Arch;

/// `SPC_INDIRECT_DATA_OBJID`.
const SPC_INDIRECT_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.4");
/// `SPC_PE_IMAGE_DATAOBJ`.
const SPC_PE_IMAGE_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.15");

pub(super) fn check(file: &dyn ReadAt, expected: Expected) -> Result<Agent, AgentProblem> {
    let image = Image::open(file)?;
    let arch = match image.machine() {
        Machine::X64 => Some(Arch::X64),
        Machine::Arm64 => Some(Arch::Arm64),
        Machine::X86 | Machine::Other(_) => None,
    };
    let architectures = check_architectures(&[arch], expected.arch)?;
    if !image.is_plus() {
        return Err(AgentProblem::NotAProgram { found: "a 32-bit image" });
    }
    if !image.is_program() {
        return Err(AgentProblem::NotAProgram { found: "a library" });
    }
    let signer = check_signature(file, &image)?;
    if signer.is_none() && !expected.allow_unsigned {
        return Err(AgentProblem::Unsigned);
    }
    let version = image.version(file)?;
    Ok(Agent {
        signer,
        version: version.as_ref().map(|v| v.file.map(|part| part.to_string()).join(".")),
        languages: version.map(|v| v.languages).unwrap_or_default(),
        ..Agent::new(AgentFormat::Pe, architectures, file)
    })
}

fn check_signature(file: &dyn ReadAt, image: &Image) -> Result<Option<Signer>, AgentProblem> {
    let Some(certificate) = image.certificate(file).map_err(AgentProblem::in_signature)? else { return Ok(None) };
    let signed = Signed::read(&certificate.signed_data)?;
    let (SPC_INDIRECT_DATA, Some(content)) = signed.content() else {
        return Err(AgentProblem::Signature("it does not sign an Authenticode digest"));
    };
    let (oid, digest) =
        indirect_data(content).ok_or(AgentProblem::Signature("its SpcIndirectDataContent cannot be parsed"))?;
    let computed = image.authenticode(file, algorithm(oid)?).map_err(AgentProblem::in_signature)?;
    if digest != computed {
        return Err(AgentProblem::Signature("its digest and the file's do not agree"));
    }
    // What is hashed is the content of the SEQUENCE, without its tag and length.
    signed.check_message_digest(content.value())?;
    Ok(Some(signed.signer()))
}

/// Algorithm and digest of `SpcIndirectDataContent ::= SEQUENCE { data SpcAttributeTypeAndOptionalValue,
/// messageDigest DigestInfo }`, when it is about a PE image.
fn indirect_data(content: &Any) -> Option<(ObjectIdentifier, Vec<u8>)> {
    let mut reader = SliceReader::new(content.value()).ok()?;
    let data = reader.sequence(|data| {
        let kind = ObjectIdentifier::decode(data)?;
        while !data.is_finished() {
            Any::decode(data)?; // SpcPeImageData: flags and a link that says <<<Obsolete>>>
        }
        Ok(kind)
    });
    if data.ok()? != SPC_PE_IMAGE_DATA {
        return None;
    }
    let digest = reader.sequence(|info| {
        let algorithm = AlgorithmIdentifierOwned::decode(info)?;
        Ok((algorithm.oid, OctetString::decode(info)?.into_bytes()))
    });
    let digest = digest.ok()?;
    reader.is_finished().then_some(digest)
}
