//! Where a bundle has its parts, and the signature that seals them (CFBundle, and `bundlediskrep.cpp` of Apple's Security framework).
//!
//! ```text
//! Example.app/                Example.framework/               Example.bundle/
//!   Contents/      ◀ base       Versions/Current ─▶ A            Info.plist      the folder itself is the base
//!     Info.plist                Versions/A/       ◀ base         Example
//!     MacOS/Example               Resources/Info.plist           _CodeSignature/CodeResources
//!     _CodeSignature/…            Example
//!     …                           _CodeSignature/…
//! ```
//!
//! The program's code signature has the digests of `Info.plist` (special slot 1) and of `CodeResources` (slot 3). A bundle without a
//! program has its code directory in a file, `_CodeSignature/CodeDirectory`.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use container::code_resources::CodeResources;
use container::macho::{self, CodeDirectory};
use container::read_at::FileAt;

use super::errors::AgentProblem;
use super::plist::{self, Info};
use super::signed;

const RESOURCES: &str = "_CodeSignature/CodeResources";
/// `CodeResources` has about 150 bytes for each file of the application.
const MAX_SEALED_BYTES: u64 = 16 << 20;

/// A bundle's parts. Names that are shown count from the application's folder.
#[derive(Debug)]
pub(super) struct Bundle {
    /// The folder that paths in `CodeResources` count from.
    pub(super) base: PathBuf,
    /// How it is shown: empty, or with `/` at the end.
    pub(super) shown: String,
    /// Where its `Info.plist` is, from the base.
    info_path: String,
    info_bytes: Vec<u8>,
    pub(super) info: Info,
    /// Where its program is, from the base; `None`: it has none.
    pub(super) program: Option<String>,
}

impl Bundle {
    /// The bundle whose base this is. `None`: it has no `Info.plist` in one of these folders.
    fn at(base: &Path, shown: String, places: &[&str], programs: &str) -> Result<Option<Self>, AgentProblem> {
        for place in places {
            let folder = base.join(place);
            let Some(name) = plist::find(&folder, &format!("{shown}{place}"))? else { continue };
            let info_path = format!("{place}{name}");
            let file = format!("{shown}{info_path}");
            let info_bytes = plist::read(&folder.join(&name), &file)?;
            let info = Info::parse(&info_bytes).map_err(|wrong| AgentProblem::in_file(&file, wrong))?;
            let program = info.executable().map(|name| format!("{programs}{name}"));
            let is_file = |path: &String| fs::symlink_metadata(base.join(path)).is_ok_and(|found| found.is_file());
            let program = program.filter(is_file);
            return Ok(Some(Self { base: base.to_path_buf(), shown, info_path, info_bytes, info, program }));
        }
        Ok(None)
    }

    /// An application, or another bundle that has `Contents`.
    pub(super) fn with_contents(folder: &Path, shown: &str) -> Result<Option<Self>, AgentProblem> {
        Self::at(&folder.join("Contents"), format!("{shown}Contents/"), &[""], "MacOS/")
    }

    /// All versions of a framework, or the bundle that the folder itself is. Empty: it is none.
    pub(super) fn others(folder: &Path, shown: &str) -> Result<Vec<Self>, AgentProblem> {
        const PLACES: [&str; 2] = ["Resources/", ""];
        let versions = folder.join("Versions");
        if !versions.is_dir() {
            return Ok(Self::at(folder, shown.to_owned(), &PLACES, "")?.into_iter().collect());
        }
        let mut bundles = Vec::new();
        for (name, found) in entries(&versions)? {
            if found.is_dir() {
                bundles.extend(Self::at(&versions.join(&name), format!("{shown}Versions/{name}/"), &PLACES, "")?);
            }
        }
        Ok(bundles)
    }

    /// Checks that `Info.plist` and `CodeResources` are those that a code directory names, and gives the latter.
    pub(super) fn resources(&self, directories: &[&CodeDirectory]) -> Result<CodeResources, AgentProblem> {
        let path = format!("{}{RESOURCES}", self.shown);
        let resources = read(&self.base.join(RESOURCES), &path)?;
        for directory in directories {
            seal(directory, 1, &format!("{}{}", self.shown, self.info_path), Some(&self.info_bytes))?;
            seal(directory, 3, &path, resources.as_deref())?;
        }
        let resources = resources.unwrap_or_default();
        CodeResources::parse(&resources).map_err(|wrong| AgentProblem::in_file(&path, wrong))
    }

    /// Its program, checked. `None`: it has no program.
    pub(super) fn signed(&self) -> Result<Option<signed::Code>, AgentProblem> {
        let Some(program) = &self.program else { return Ok(None) };
        let failed = |source| AgentProblem::Read { verb: "open a program of the application", source };
        let file = FileAt::new(File::open(self.base.join(program)).map_err(failed)?).map_err(failed)?;
        signed::Code::read(&file).map(Some)
    }

    /// The code directory of a bundle without a program.
    pub(super) fn detached(&self) -> Result<Option<CodeDirectory>, AgentProblem> {
        let path = "_CodeSignature/CodeDirectory";
        let shown = format!("{}{path}", self.shown);
        let Some(bytes) = read(&self.base.join(path), &shown)?.filter(|bytes| !bytes.is_empty()) else {
            return Ok(None);
        };
        macho::code_directory(&bytes, 0).map(Some).map_err(|wrong| AgentProblem::in_file(&shown, wrong))
    }
}

/// Compares a file with its digest in a code directory.
fn seal(directory: &CodeDirectory, slot: u32, name: &str, bytes: Option<&[u8]>) -> Result<(), AgentProblem> {
    let wrong = |what| AgentProblem::App { file: name.to_owned(), what };
    let Some(bytes) = bytes else { return Err(wrong("it is missing, so nothing in the folder is signed")) };
    match directory.special(slot) {
        Some(hash) if hash == directory.hash().digest(bytes) => Ok(()),
        Some(_) => Err(wrong("it is not the file that was signed")),
        None => Err(wrong("the program's code signature does not cover it")),
    }
}

/// What a folder has in it, by name.
pub(super) fn entries(folder: &Path) -> Result<Vec<(String, fs::Metadata)>, AgentProblem> {
    let failed = |source| AgentProblem::Read { verb: "read a folder of the application", source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().into_string().map_err(|name| AgentProblem::App {
            file: name.to_string_lossy().into_owned(),
            what: "its name is not UTF-8",
        })?;
        found.push((name, entry.metadata().map_err(failed)?));
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found)
}

/// A small file of the folder; `None` when it is not there.
fn read(path: &Path, shown: &str) -> Result<Option<Vec<u8>>, AgentProblem> {
    let failed = |source| AgentProblem::Read { verb: "read a file of the application", source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(source)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_SEALED_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_SEALED_BYTES {
        return Err(AgentProblem::App { file: shown.to_owned(), what: "it is larger than 16 MiB" });
    }
    Ok(Some(bytes))
}
