//! A dry run: what would be made, and everything that keeps it from being made.

use std::path::PathBuf;

use installer::{Kind, Token};
use serde::Serialize;

use crate::build::{BuildPlan, agent_findings};
use crate::error::{Error, Result};
use crate::policy;
use crate::sign::SigningMethod;

/// What a dry run has found.
#[derive(Debug)]
pub struct Checked {
    /// The installers that can be made, in the order in which they would be.
    pub files: Vec<Planned>,
    /// What keeps others from being made.
    pub problems: Vec<Error>,
    /// What is not wrong and good to know.
    pub notes: Vec<String>,
}

/// An installer that can be made.
#[derive(Debug, Serialize)]
pub struct Planned {
    /// Its name.
    pub file: PathBuf,
    /// Its format.
    pub kind: Kind,
    /// Its architecture: `x64`, `arm64` or `universal`.
    pub arch: String,
    /// The agent's file.
    pub agent: PathBuf,
    /// How many files it installs.
    pub files: usize,
    /// Their length together, before compression, in bytes.
    pub payload_bytes: u64,
    /// Whether it would be signed.
    pub signed: bool,
}

/// What a dry run holds a product's installers to, beside its manifest and its agents.
#[derive(Clone, Copy)]
pub struct CheckOptions<'a> {
    /// The token that they would get.
    pub token: Option<&'a Token>,
    /// Who would sign the installers of a format.
    pub signing: &'a dyn Fn(Kind) -> Option<&'a SigningMethod>,
    /// Seconds since 1970.
    pub now: u64,
}

/// Looks at everything that `make` would use, and makes nothing.
#[must_use]
pub fn check(plan: &BuildPlan, options: &CheckOptions<'_>) -> Checked {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    let items = plan.survey();
    let mut notes = plan.product().notes().to_vec();
    let found = agent_findings(items.iter().flatten());
    notes.extend(found.iter().map(|(path, finding)| format!("{}: {}", path.display(), finding.message)));
    for item in items {
        let planned: Result<Planned> = item.and_then(|item| {
            let signing = (options.signing)(item.kind());
            if let Some(signer) = SigningMethod::signer(signing) {
                signer.check(item.format()).map_err(|error| error.about(item.path()))?;
            }
            let (agent, payload) = item.parts();
            Ok(Planned {
                file: item.path().to_path_buf(),
                kind: item.kind(),
                arch: agent.arch.to_string(),
                agent: agent.path.clone(),
                files: payload.files().count(),
                payload_bytes: payload.total_bytes(),
                signed: signing.is_some(),
            })
        });
        match planned {
            Ok(planned) => files.push(planned),
            Err(problem) => problems.push(problem),
        }
    }
    let token = policy::for_product(plan.product())
        .and_then(|policy| options.token.map_or(Ok(()), |token| Ok(policy.check(token, options.now).map(drop)?)));
    problems.extend(token.err());
    Checked { files, problems, notes }
}
