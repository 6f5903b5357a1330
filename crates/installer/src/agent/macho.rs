//! A macOS agent, thin or universal.

use const_oid::ObjectIdentifier;
use container::ReadAt;
use container::macho::{Cpu, MachO, Signature, Slice};

use super::errors::AgentProblem;
use super::facts::{Agent, AgentFormat, Expected, Signer, check_architectures};
use super::signer::Signed;
use crate::product::Arch;

/// Apple's signed attribute with the digests of all code directories, each with its algorithm.
const CODE_DIRECTORY_DIGESTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.9.2");

/// Checks a Mach-O file; the slices' signatures are given as well, for the seals of an application folder.
pub(super) fn check(file: &dyn ReadAt, expected: Expected) -> Result<(Agent, Vec<Signature>), AgentProblem> {
    let macho = MachO::open(file)?;
    let slices = macho.slices();
    let found: Vec<Option<Arch>> = slices.iter().map(arch).collect();
    let architectures = check_architectures(&found, expected.arch)?;
    if !slices.iter().all(Slice::is_program) {
        return Err(AgentProblem::NotAProgram { found: "a library, a bundle or an object file" });
    }
    let mut signatures = Vec::new();
    let mut signer: Option<Signer> = None;
    for slice in slices {
        let Some(signature) = slice.signature(file).map_err(AgentProblem::in_signature)? else { continue };
        signature.verify(file, slice).map_err(AgentProblem::in_signature)?;
        let this = check_signer(&signature)?;
        if signer.as_ref().is_some_and(|other| *other != this) {
            return Err(AgentProblem::Signature("its slices have different signers"));
        }
        signer = Some(this);
        signatures.push(signature);
    }
    if signatures.len() < slices.len() && !(signatures.is_empty() && expected.allow_unsigned) {
        return Err(AgentProblem::Unsigned);
    }
    let minimum_os = slices.iter().filter_map(Slice::minimum_os).min();
    let agent = Agent {
        signer,
        minimum_os: minimum_os.map(|version| version.to_string()),
        needs_wrapper: true,
        ..Agent::new(AgentFormat::MachO, architectures, file)
    };
    Ok((agent, signatures))
}

fn arch(slice: &Slice) -> Option<Arch> {
    match slice.cpu() {
        Cpu::X64 => Some(Arch::X64),
        Cpu::Arm64 => Some(Arch::Arm64),
        Cpu::Other(_) => None,
    }
}

/// Checks that the CMS signs the code directories, and tells who signed. Ad hoc: nobody.
pub(super) fn check_signer(signature: &Signature) -> Result<Signer, AgentProblem> {
    let wrong = AgentProblem::Signature;
    let Some(best) = signature.best() else { return Err(wrong("it has no code directory")) };
    let names = |directory: &container::macho::CodeDirectory| {
        (directory.identifier().to_owned(), directory.team().map(str::to_owned), directory.is_adhoc())
    };
    let (identifier, team, is_adhoc) = names(best);
    if signature.directories().iter().any(|other| names(other) != names(best)) {
        return Err(wrong("its code directories name different programs"));
    }
    let identity = match (signature.cms(), is_adhoc) {
        (None, true) => Signer::default(),
        (Some(_), true) => return Err(wrong("it is marked ad hoc and has a CMS signature")),
        (None, false) => return Err(wrong("it has no CMS signature and is not marked ad hoc")),
        (Some(cms), false) => {
            let signed = Signed::read(cms)?;
            signed.check_message_digest(signature.signed_bytes())?;
            check_alternates(&signed, signature)?;
            signed.signer()
        }
    };
    Ok(Signer { identifier: Some(identifier), team, hardened_runtime: Some(best.has_hardened_runtime()), ..identity })
}

/// The CMS signs the first code directory; the others count only when a signed attribute has their digests.
fn check_alternates(signed: &Signed, signature: &Signature) -> Result<(), AgentProblem> {
    if signature.directories().len() < 2 {
        return Ok(());
    }
    // One value for each directory, or (older) one value in all: what matters is that each digest is in there.
    let values = signed.attribute_values(CODE_DIRECTORY_DIGESTS);
    let is_named = |digest: &[u8]| values.iter().any(|value| value.value().ends_with(digest));
    if signature.directories().iter().all(|directory| is_named(directory.digest())) {
        Ok(())
    } else {
        Err(AgentProblem::Signature("its CMS does not name each code directory"))
    }
}
