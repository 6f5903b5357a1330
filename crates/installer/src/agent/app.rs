//! A macOS application folder: `Contents/Info.plist`, `Contents/MacOS/PROGRAM`, `Contents/_CodeSignature/CodeResources`.
//!
//! The program's code signature seals two files of the folder by their hashes: special slot 1 is `Info.plist`, slot 3
//! `CodeResources` (`cs_blobs.h`, `CSSLOT_INFOSLOT`, `CSSLOT_RESOURCEDIR`), which in turn lists everything else.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use container::at::FileAt;
use container::macho::Signature;

use super::errors::AgentProblem;
use super::facts::{Agent, AgentFormat, Expected};
use super::macho;
use super::plist::Info;

const INFO: &str = "Contents/Info.plist";
const RESOURCES: &str = "Contents/_CodeSignature/CodeResources";
/// `CodeResources` has about 150 bytes for each file of the application.
const SEALED_MAX_BYTES: u64 = 16 << 20;

pub(super) fn check(folder: &Path, expected: Expected) -> Result<Agent, AgentProblem> {
    let info_bytes = read(folder, INFO)?.ok_or_else(|| wrong(INFO, "it is missing"))?;
    let info = Info::read(&info_bytes).map_err(|what| wrong(INFO, what))?;
    let program = format!("Contents/MacOS/{}", info.executable);
    let path = folder.join(&program);
    if !std::fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
        return Err(wrong(&program, "it is not a file, though Info.plist names it"));
    }
    let io = |source| AgentProblem::Read { verb: "open its program", source };
    let file = FileAt::new(File::open(&path).map_err(io)?).map_err(io)?;
    let (agent, signatures) = macho::check(&file, expected)?;
    let resources = read(folder, RESOURCES)?;
    for signature in &signatures {
        check_seal(signature, 1, INFO, Some(&info_bytes))?;
        check_seal(signature, 3, RESOURCES, resources.as_deref())?;
    }
    Ok(Agent {
        format: AgentFormat::App,
        executable: Some(program),
        version: info.version,
        minimum_os: info.minimum_os.or(agent.minimum_os),
        needs_wrapper: false,
        ..agent
    })
}

/// Compares a file with its hash in the best code directory.
fn check_seal(signature: &Signature, slot: u32, name: &str, bytes: Option<&[u8]>) -> Result<(), AgentProblem> {
    let Some(best) = signature.best() else { return Ok(()) };
    let Some(bytes) = bytes else { return Err(wrong(name, "it is missing, so nothing in the folder is signed")) };
    match best.special(slot) {
        Some(hash) if hash == best.hash().digest(bytes) => Ok(()),
        Some(_) => Err(wrong(name, "it is not the file that was signed")),
        None => Err(wrong(name, "the program's code signature does not cover it")),
    }
}

/// A small file of the folder; `None` when it is not there.
fn read(folder: &Path, name: &str) -> Result<Option<Vec<u8>>, AgentProblem> {
    let verb = "read a file of the application";
    let file = match File::open(folder.join(name)) {
        Ok(file) => file,
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(AgentProblem::Read { verb, source }),
    };
    let mut bytes = Vec::new();
    let mut limited = file.take(SEALED_MAX_BYTES + 1);
    limited.read_to_end(&mut bytes).map_err(|source| AgentProblem::Read { verb, source })?;
    if bytes.len() as u64 > SEALED_MAX_BYTES {
        return Err(wrong(name, "it is larger than 16 MiB"));
    }
    Ok(Some(bytes))
}

fn wrong(file: &str, what: &'static str) -> AgentProblem {
    AgentProblem::App { file: file.to_owned(), what }
}
