//! What is known of an agent, and what it has to be.

use container::ReadAt;
use serde::Serialize;

use super::errors::AgentProblem;
use crate::product::{Arch, Platform};
use crate::report::Report;

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
    pub(crate) hardened_runtime: Option<bool>,
    /// Whether the signature is ad hoc: the linker's own, without a signer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_adhoc: bool,
}

impl Signer {
    /// Whether it is the same person or organisation. The slices of a universal program may have identifiers of their own.
    pub(super) fn is_same_identity(&self, other: &Self) -> bool {
        let identity =
            |signer: &Self| (signer.name.clone(), signer.organisation.clone(), signer.team.clone(), signer.is_adhoc);
        identity(self) == identity(other)
    }
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
    pub(crate) len_bytes: u64,
    /// Who signed it; `None` when it has no signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<Signer>,
    /// How many bytes lie in the signature's place, behind the signature, where nothing covers them.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) uncovered_bytes: u64,
    /// The file version (`20.20.2.0`) or, of an `.app`, its short version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Windows language identifiers of the version resource.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) languages: Vec<u16>,
    /// The oldest macOS that one of its slices runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) minimum_os: Option<String>,
    /// The shared libraries that it needs; Linux only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub libraries: Vec<String>,
    /// The Debian packages that have them, as a `Depends` field lists them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) depends: Vec<String>,
    /// Libraries whose Debian package is not known here; the manifest has to name it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) unknown_libraries: Vec<String>,
    /// Whether a macOS package must put a minimal application folder around it.
    pub(crate) needs_wrapper: bool,
    /// Whether it still has a symbol table; Linux only.
    pub(crate) has_symbols: bool,
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

impl Agent {
    pub(super) fn new(format: AgentFormat, architectures: Vec<Arch>, file: &dyn ReadAt) -> Self {
        Self {
            format,
            architectures,
            executable: None,
            len_bytes: file.len(),
            signer: None,
            uncovered_bytes: 0,
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

    /// Says what is worth knowing of an agent that passed. That it has no signature whoever let it through knows.
    pub fn report(&self, report: &mut Report) {
        if self.uncovered_bytes > 0 {
            let (bytes, hint) = match self.format {
                AgentFormat::Pe => {
                    (self.uncovered_bytes, "; a Windows with EnableCertPaddingCheck takes the agent for unsigned")
                }
                _ => (self.uncovered_bytes, ""),
            };
            let message =
                format!("{bytes} bytes follow the agent's code signature in its place, and nothing covers them{hint}");
            report.warning("agent-uncovered", "code signature", message);
        }
        if !self.unknown_libraries.is_empty() {
            let names = self.unknown_libraries.join(", ");
            let message = format!("no Debian package is known for {names}; the manifest's `depends` must name it");
            report.warning("agent-libraries", "DT_NEEDED", message);
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The processor that a program, or one slice of it, is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Processor {
    /// One that products can be for.
    Known(Arch),
    /// Another one, by its name.
    Other(String),
}

/// Refuses processors other than the expected ones: just one, or for [`Arch::Universal`] both.
pub(super) fn check_architectures(found: &[Processor], expected: Arch) -> Result<Vec<Arch>, AgentProblem> {
    let mut known: Vec<Arch> = Vec::new();
    let mut others: Vec<String> = Vec::new();
    for processor in found {
        match processor {
            Processor::Known(arch) => known.push(*arch),
            Processor::Other(name) => others.push(name.clone()),
        }
    }
    known.sort_unstable();
    known.dedup();
    let wanted: &[Arch] = match expected {
        Arch::Universal => &[Arch::X64, Arch::Arm64],
        Arch::X64 => &[Arch::X64],
        Arch::Arm64 => &[Arch::Arm64],
    };
    if known != wanted || known.len() != found.len() {
        return Err(AgentProblem::Architecture { expected, found: known, others });
    }
    Ok(known)
}
