//! The agent: what the vendor signed, and whether it is what the manifest says.
//!
//! ```text
//!   the file's first bytes ─▶ PE │ Mach-O │ ELF ─▶ a program? the right processors? ─▶ a signature that holds? ─▶ Agent
//!   a folder ─▶ .app: Info.plist names the program ─▶ Mach-O, and the seals on Info.plist and CodeResources
//! ```
//!
//! An installer hands its agent the highest rights on every device of a fleet, so a wrong file is refused here, where
//! a person can still do something about it, and the receipt says who signed what was packed. What is checked:
//!
//! | | |
//! |---|---|
//! | Windows | a program for windows or the console (no driver, no EFI image), 64-bit or .NET for any processor; the certificate table is at the end, with one signature; the Authenticode digest of the file is the one in the signature; the signature's own digest of that statement agrees; the signer's certificate is in it |
//! | macOS | each slice has a code directory, and each page hashes to what it says; blobs beside it as well; the CMS signs that code directory and has the signer's certificate; all slices have one signer and team. An ad hoc signature counts as none |
//! | `.app` | as above for its program and for the code inside; the signature's seals on `Info.plist` and `CodeResources` hold, and those of `CodeResources` on every other file |
//! | Linux | nothing is signed; the dynamic linker is one that Debian has; the needed libraries become dependencies |
//!
//! A signature that does not hold is told apart in three: it *cannot be read* (where, and what was expected), it is *not checked* (it names a
//! digest that is not computed here), or the file *was changed* after it was signed (a digest was computed and differs).
//!
//! What is **not** checked: the public-key signature itself and the certificate chain. Whoever builds an installer
//! trusts the file he was given; these checks find the unsigned, the damaged and the changed-after-signing, not a
//! forger who makes a whole signature with a certificate of his own. The signer's name in the receipt is for a person
//! (or a policy) to compare.
//!
//! | file | noun |
//! |---|---|
//! | `pe`, `macho`, `app`, `elf` | one kind of agent each |
//! | `bundle`, `plist` | an application, a framework or another bundle: where its parts are; its `Info.plist` |
//! | `code_resources`, `signed` | each file of an application against its seal; code inside that is signed by itself |
//! | `signer` | a CMS SignedData, and who signed it |
//! | `facts` | [`Agent`], [`Expected`] |
//! | `errors` | [`AgentError`] |

mod app;
mod broken;
mod bundle;
mod code_resources;
mod elf;
mod errors;
mod facts;
mod macho;
mod pe;
mod plist;
mod signed;
mod signer;

use std::fs::File;
use std::path::Path;

use container::ReadAt;
use container::read_at::FileAt;

use crate::product::Platform;

pub use broken::{Breach, BrokenSeal};
pub(crate) use elf::packages;
pub use errors::{AgentError, AgentProblem};
pub use facts::{Agent, AgentFormat, Expected, Signer};
pub(crate) use plist::{Info, is_info, read_application};

/// Checks the agent at `path`, a file or on macOS an `.app` folder.
pub fn check(path: &Path, expected: Expected) -> Result<Agent, AgentError> {
    let problem = |problem| AgentError { path: path.to_path_buf(), problem };
    let io = |source| problem(AgentProblem::Read { verb: "open it", source });
    let metadata = std::fs::metadata(path).map_err(io)?;
    if metadata.is_dir() {
        return match expected.platform {
            Platform::Macos => app::check(path, expected).map_err(problem),
            platform => Err(problem(AgentProblem::NotForPlatform { platform, found: "a folder" })),
        };
    }
    let file = FileAt::new(File::open(path).map_err(io)?).map_err(io)?;
    check_file(&file, expected).map_err(problem)
}

/// Checks an agent that is one file, already open.
pub fn check_file(file: &dyn ReadAt, expected: Expected) -> Result<Agent, AgentProblem> {
    let mut head = [0; 8];
    let head_len = head.len().min(usize::try_from(file.len()).unwrap_or(usize::MAX));
    let head = head.get_mut(..head_len).unwrap_or_default();
    file.read_at(0, head).map_err(|source| AgentProblem::Read { verb: "read it", source })?;
    match (expected.platform, kind(head)) {
        (Platform::Windows, Found::Pe) => pe::check(file, expected),
        (Platform::Macos, Found::MachO) => macho::check(file, expected).map(|(agent, _)| agent),
        (Platform::Linux, Found::Elf) => elf::check(file, expected),
        (platform, found) => Err(AgentProblem::NotForPlatform { platform, found: found.in_words() }),
    }
}

/// Who signed a Windows executable of any kind, a library as well; `None`: it has no signature.
///
/// # Errors
/// It is no executable, or has a signature that does not hold.
pub fn signer_of_image(file: &dyn ReadAt) -> Result<Option<Signer>, AgentProblem> {
    pe::signer(file)
}

/// What a file's first bytes say it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Pe,
    MachO,
    Elf,
    Script,
    Zip,
    Empty,
    Other,
}

fn kind(head: &[u8]) -> Found {
    match head {
        [] => Found::Empty,
        _ if container::pe::is_pe(head) => Found::Pe,
        _ if container::macho::is_macho(head) => Found::MachO,
        _ if container::elf::is_elf(head) => Found::Elf,
        [b'#', b'!', ..] => Found::Script,
        [b'P', b'K', 3, 4, ..] => Found::Zip,
        _ => Found::Other,
    }
}

impl Found {
    const fn in_words(self) -> &'static str {
        match self {
            Self::Pe => "a Windows executable",
            Self::MachO => "a macOS executable",
            Self::Elf => "a Linux executable",
            Self::Script => "a script",
            Self::Zip => "a zip archive",
            Self::Empty => "an empty file",
            Self::Other => "neither PE nor Mach-O nor ELF",
        }
    }
}

#[cfg(test)]
mod tests;
