//! Code that is signed by itself: a program, a library or a helper inside of an application.

use container::ReadAt;
use container::macho::{CodeDirectory, MachO, Signature, developer_id_requirement, is_macho};

use super::errors::AgentProblem;
use super::macho;

/// `CS_CDHASH_LEN`.
const CDHASH_BYTES: usize = 20;

/// The signatures of all slices, each of which holds.
#[derive(Debug)]
pub(super) struct Code {
    signatures: Vec<Signature>,
}

impl Code {
    /// Checks a Mach-O file of any kind.
    pub(super) fn read(file: &dyn ReadAt) -> Result<Self, AgentProblem> {
        let mut head = [0; 8];
        if file.len() < head.len() as u64 {
            return Err(AgentProblem::Unsigned);
        }
        file.read_at(0, &mut head).map_err(|source| AgentProblem::Read { verb: "read a program", source })?;
        if !is_macho(&head) {
            return Err(AgentProblem::Unsigned);
        }
        let mut signatures = Vec::new();
        for slice in MachO::open(file)?.slices() {
            let signature = slice.signature(file).map_err(AgentProblem::in_signature)?;
            let signature = signature.ok_or(AgentProblem::Unsigned)?;
            macho::check_signature(file, slice, &signature)?;
            signatures.push(signature);
        }
        Ok(Self { signatures })
    }

    /// The code directory of each slice that counts.
    pub(super) fn directories(&self) -> Vec<&CodeDirectory> {
        self.signatures.iter().filter_map(Signature::best).collect()
    }

    /// Whether it is the code that was sealed, by the digest of any of its code directories; or a later one of which its signature
    /// says that it meets the same requirement. The requirement is compared, not evaluated: like the check of the agent
    /// itself this looks for changes, not for somebody who forges a whole signature.
    pub(super) fn is(&self, cdhash: &[u8; CDHASH_BYTES], requirement: &str) -> Result<bool, AgentProblem> {
        for signature in &self.signatures {
            let mut directories = signature.directories().iter();
            if directories.any(|directory| directory.digest().get(..CDHASH_BYTES) == Some(cdhash)) {
                return Ok(true);
            }
        }
        for signature in &self.signatures {
            let written = signature.designated_requirement().map_err(AgentProblem::SignatureUnreadable)?;
            let derived = || {
                let best = signature.best()?;
                Some(developer_id_requirement(best.identifier(), best.team()?))
            };
            if written.or_else(derived).as_deref() != Some(requirement) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
