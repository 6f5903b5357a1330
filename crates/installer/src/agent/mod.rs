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
//! | Windows | PE32+; the certificate table is at the end, with one signature and nothing beside it; the Authenticode digest of the file is the one in the signature; the signature's own digest of that statement agrees; the signer's certificate is in it |
//! | macOS | each slice has a code directory, and each page hashes to what it says; blobs beside it as well; the CMS signs that code directory and has the signer's certificate; all slices have one team. An ad-hoc signature is noted |
//! | `.app` | as above for its program; the signature's seals on `Info.plist` and `CodeResources` hold |
//! | Linux | nothing is signed; the needed libraries become dependencies |
//!
//! What is **not** checked: the public-key signature itself and the certificate chain. Whoever builds an installer
//! trusts the file he was given; these checks find the unsigned, the damaged and the changed-after-signing, not a
//! forger who makes a whole signature with a certificate of his own. The signer's name in the receipt is for a person
//! (or a policy) to compare. Files that `CodeResources` lists are not compared with it either.
//!
//! | file | noun |
//! |---|---|
//! | `pe`, `macho`, `app`, `elf` | one kind of agent each |
//! | `plist` | an application's `Info.plist` |
//! | `signer` | a CMS SignedData, and who signed it |
//! | `errors` | [`AgentError`] |

mod app;
mod elf;
mod errors;
mod macho;
mod pe;
mod plist;
mod signer;

use std::fs::File;
use std::path::Path;

use container::ReadAt;
use container::at::FileAt;
use serde::Serialize;

use crate::product::{Arch, Platform};
use crate::report::Report;

pub(crate) use elf::packages;
pub use errors::{AgentError, AgentProblem};

/// What kind of file an agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentFormat {
    /// A Windows executable.
    Pe,
    /// A macOS executable.
    MachO,
    /// A macOS application folder.
    App,
    /// A Linux executable.
    Elf,
}

/// Who signed an agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Signer {
    /// The common name of the signer's certificate; `None` when the signature is ad hoc.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The organisation in the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// Apple's team identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The identifier that the code signature names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Whether the hardened runtime is on, which notarization asks for; macOS only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hardened_runtime: Option<bool>,
}

/// What is known of an agent that passed the check: the facts for a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Agent {
    /// What kind of file it is.
    pub format: AgentFormat,
    /// The processors that it is for, sorted.
    pub architectures: Vec<Arch>,
    /// Where in an `.app` the executable is; `None` when the agent is one file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// The length of the executable.
    pub len_bytes: u64,
    /// Who signed it; `None` when it has no signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<Signer>,
    /// The file version (`20.20.2.0`) or, of an `.app`, its short version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Windows language identifiers of the version resource.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<u16>,
    /// The oldest macOS that one of its slices runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_os: Option<String>,
    /// The shared libraries that it needs; Linux only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub libraries: Vec<String>,
    /// The Debian packages that have them, as a `Depends` field lists them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends: Vec<String>,
    /// Libraries whose Debian package is not known here; the manifest has to name it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown_libraries: Vec<String>,
    /// Whether a macOS package must put a minimal application folder around it.
    pub needs_wrapper: bool,
    /// Whether it still has a symbol table; Linux only.
    pub has_symbols: bool,
}

/// What an agent has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the types say it")]
pub struct Expected {
    pub platform: Platform,
    pub arch: Arch,
    /// Whether a missing signature is let through. A signature that does not hold never is.
    pub allow_unsigned: bool,
}

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

impl Agent {
    fn new(format: AgentFormat, architectures: Vec<Arch>, file: &dyn ReadAt) -> Self {
        Self {
            format,
            architectures,
            executable: None,
            len_bytes: file.len(),
            signer: None,
            version: None,
            languages: Vec::new(),
            minimum_os: None,
            libraries: Vec::new(),
            depends: Vec::new(),
            unknown_libraries: Vec::new(),
            needs_wrapper: false,
            has_symbols: false,
        }
    }

    /// Says what is worth knowing of an agent that passed.
    pub fn report(&self, place: &str, report: &mut Report) {
        match &self.signer {
            None if self.format != AgentFormat::Elf => {
                report.warning("agent-unsigned", place, "the agent has no code signature");
            }
            Some(signer) if signer.name.is_none() => {
                report.note("agent-adhoc", place, "the agent's code signature is ad hoc: it names no identity");
            }
            _ => {}
        }
        if self.needs_wrapper {
            let message = "the agent is a bare executable; the package puts an application folder around it";
            report.note("agent-wrapper", place, message);
        }
        if !self.unknown_libraries.is_empty() {
            let names = self.unknown_libraries.join(", ");
            let message = format!("no Debian package is known for {names}; the manifest's `depends` must name it");
            report.warning("agent-libraries", place, message);
        }
    }
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

/// Refuses processors other than the expected ones: just one, or for [`Arch::Universal`] both.
fn check_architectures(found: &[Option<Arch>], expected: Arch) -> Result<Vec<Arch>, AgentProblem> {
    let mut known: Vec<Arch> = found.iter().copied().flatten().collect();
    known.sort_unstable();
    known.dedup();
    let wanted: &[Arch] = match expected {
        Arch::Universal => &[Arch::X64, Arch::Arm64],
        Arch::X64 => &[Arch::X64],
        Arch::Arm64 => &[Arch::Arm64],
    };
    if known != wanted || known.len() != found.len() {
        return Err(AgentProblem::Architecture { expected, found: known, others: found.contains(&None) });
    }
    Ok(known)
}

#[cfg(test)]
mod tests;
