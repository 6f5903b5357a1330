//! A macOS application folder: `Contents/Info.plist`, `Contents/MacOS/PROGRAM`, `Contents/_CodeSignature/CodeResources`.
//!
//! The program's code signature seals two files of the folder by their digests: special slot 1 is `Info.plist`, slot 3
//! `CodeResources` (`cs_blobs.h`, `CSSLOT_INFOSLOT`, `CSSLOT_RESOURCEDIR`), which in turn seals everything else ([`seal`]).

use std::fs::File;
use std::path::Path;

use container::macho::Signature;
use container::read_at::FileAt;

use super::bundle::Bundle;
use super::errors::AgentProblem;
use super::facts::{Agent, AgentFormat, Expected};
use super::{code_resources, macho};

pub(super) fn check(folder: &Path, expected: Expected) -> Result<Agent, AgentProblem> {
    let wrong = |file: &str, what| AgentProblem::App { file: file.to_owned(), what };
    let bundle = Bundle::with_contents(folder, "")?.ok_or_else(|| wrong("Contents/Info.plist", "it is missing"))?;
    let name = bundle.info.executable();
    let name = name.ok_or_else(|| wrong("Contents/Info.plist", "CFBundleExecutable is not a file name"))?;
    let program = format!("Contents/MacOS/{name}");
    if bundle.program.is_none() {
        return Err(wrong(&program, "it is not a file, though Info.plist names it"));
    }
    let io = |source| AgentProblem::Read { verb: "open its program", source };
    let file = FileAt::new(File::open(folder.join(&program)).map_err(io)?).map_err(io)?;
    let (agent, signatures) = macho::check(&file, expected)?;
    let directories: Vec<_> = signatures.iter().filter_map(Signature::best).collect();
    if !directories.is_empty() {
        let resources = bundle.resources(&directories)?;
        code_resources::check(folder, &bundle, &resources)?;
    }
    Ok(Agent {
        format: AgentFormat::App,
        executable: Some(program),
        version: bundle.info.short_version,
        minimum_os: bundle.info.minimum_os.or(agent.minimum_os),
        needs_wrapper: false,
        ..agent
    })
}
