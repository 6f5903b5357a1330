//! A macOS agent, thin or universal.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use const_oid::ObjectIdentifier;
use container::ReadAt;
use container::macho::{CodeDirectory, Cpu, MachO, Signature, Slice};
use container::xml;

use super::errors::AgentProblem;
use super::facts::{Agent, AgentFormat, Expected, Processor, Signer, check_architectures};
use super::signer::Signed;

use crate::product::Arch;

/// Apple's signed attribute with the digests of all code directories, each with its algorithm.
const CODE_DIRECTORY_DIGESTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.9.2");
/// Its elder: a property list with the `cdhashes`, the first 20 bytes of each digest.
const CODE_DIRECTORY_HASHES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.9.1");
/// `CS_CDHASH_LEN` (`cs_blobs.h`).
const CDHASH_BYTES: usize = 20;

/// Checks a Mach-O file; the slices' signatures are given as well, for the seals of an application folder.
pub(super) fn check(file: &dyn ReadAt, expected: Expected) -> Result<(Agent, Vec<Signature>), AgentProblem> {
    let macho = MachO::open(file)?;
    let slices = macho.slices();
    let found: Vec<Processor> = slices.iter().map(processor).collect();
    let architectures = check_architectures(&found, expected.arch)?;
    if !slices.iter().all(Slice::is_program) {
        return Err(AgentProblem::NotAProgram { found: "a library, a bundle or an object file" });
    }
    let mut signatures = Vec::new();
    let mut signer: Option<Signer> = None;
    for slice in slices {
        let Some(signature) = slice.signature(file).map_err(AgentProblem::in_signature)? else { continue };
        let this = check_signature(file, slice, &signature)?;
        match &signer {
            Some(first) if !first.is_same_identity(&this) => {
                return Err(AgentProblem::Signature("its slices have different signers"));
            }
            Some(_) => {}
            None => signer = Some(this),
        }
        signatures.push(signature);
    }
    if signatures.len() < slices.len() && !(signatures.is_empty() && expected.allow_unsigned) {
        return Err(AgentProblem::Unsigned);
    }
    if signer.as_ref().is_some_and(|signer| signer.is_adhoc) && !expected.allow_unsigned {
        return Err(AgentProblem::AdHoc);
    }
    let minimum_os = slices.iter().filter_map(Slice::minimum_os).min();
    let agent = Agent {
        signer,
        uncovered_bytes: signatures.iter().map(|signature| signature.left_over() as u64).sum(),
        minimum_os: minimum_os.map(|version| version.to_string()),
        needs_wrapper: true,
        ..Agent::new(AgentFormat::MachO, architectures, file)
    };
    Ok((agent, signatures))
}

fn processor(slice: &Slice) -> Processor {
    match slice.cpu() {
        Cpu::X64 => Processor::Known(Arch::X64),
        Cpu::Arm64 => Processor::Known(Arch::Arm64),
        other => Processor::Other(other.to_string()),
    }
}

/// Checks that the pages are those that were signed and that the CMS signs the code directories, and tells who signed. An ad hoc signature has no signer.
pub(super) fn check_signature(file: &dyn ReadAt, slice: &Slice, signature: &Signature) -> Result<Signer, AgentProblem> {
    let wrong = AgentProblem::Signature;
    let Some(best) = signature.best() else { return Err(wrong("it has no code directory")) };
    let names = |directory: &CodeDirectory| {
        (directory.identifier().to_owned(), directory.team().map(str::to_owned), directory.is_adhoc())
    };
    let (identifier, team, is_adhoc) = names(best);
    if signature.directories().iter().any(|other| names(other) != names(best)) {
        return Err(wrong("its code directories name different programs"));
    }
    let verify = |directory| signature.verify_with(directory, file, slice).map_err(AgentProblem::in_signature);
    let identity = match (signature.cms(), is_adhoc) {
        (None, true) => {
            verify(best)?;
            Signer { is_adhoc, ..Signer::default() }
        }
        (Some(_), true) => return Err(wrong("it is marked ad hoc and has a CMS signature")),
        (None, false) => return Err(wrong("it has no CMS signature and is not marked ad hoc")),
        (Some(cms), false) => {
            let offset = slice.offset().saturating_add(signature.cms_offset().unwrap_or(0));
            let signed = Signed::read(cms, offset)?;
            verify(best)?;
            signed.check_message_digest(signature.signed_bytes())?;
            if !alternates_are_signed(&signed, signature)? {
                // The message covers the first code directory alone, so what counts is that each of them fits the pages.
                signature.directories().iter().try_for_each(verify)?;
            }
            signed.signer()
        }
    };
    Ok(Signer { identifier: Some(identifier), team, hardened_runtime: Some(best.has_hardened_runtime()), ..identity })
}

/// The CMS signs the first code directory; the others count when a signed attribute has their digests. Whether it has them: signers before
/// macOS 10.12 named none. A directory that is not among those that are named is a wrong one.
fn alternates_are_signed(signed: &Signed<'_>, signature: &Signature) -> Result<bool, AgentProblem> {
    let directories = signature.directories();
    if directories.len() < 2 {
        return Ok(true);
    }
    // One value for each directory, or (older) one value in all: what matters is that each digest is in there.
    let digests = signed.attribute_values(CODE_DIRECTORY_DIGESTS);
    let hashes = signed.attribute_values(CODE_DIRECTORY_HASHES);
    let all_named = if !digests.is_empty() {
        directories.iter().all(|directory| digests.iter().any(|value| value.content.ends_with(directory.digest())))
    } else if let Some(list) = hashes.first() {
        let list = list.octets("cdhashes").map_err(|malformed| signed.unreadable(malformed))?;
        let hashes = cdhashes(&list).map_err(|malformed| signed.unreadable(malformed))?;
        let is_named =
            |directory: &CodeDirectory| hashes.iter().any(|hash| directory.digest().get(..CDHASH_BYTES) == Some(hash));
        directories.iter().all(is_named)
    } else {
        return Ok(false);
    };
    if all_named { Ok(true) } else { Err(AgentProblem::Changed("its CMS does not name each code directory")) }
}

/// The hashes in the older attribute: `<dict><key>cdhashes</key><array><data>…`.
fn cdhashes(list: &[u8]) -> Result<Vec<Vec<u8>>, container::Malformed> {
    let root = xml::parse("cdhashes", list)?;
    let data = root.descendants().filter(|element| element.name == "data");
    let decode = |text: &str| STANDARD.decode(text.split_ascii_whitespace().collect::<String>()).ok();
    Ok(data.filter_map(|element| decode(&element.text)).filter(|hash| hash.len() == CDHASH_BYTES).collect())
}
