//! From a certificate to a root: names, signatures, validity, the right to issue (RFC 5280 §6, as far as that). Name
//! constraints, policies and revocation are not looked at.

use crate::certificate::Certificate;

/// The longest chain that is built; real ones have two to four certificates.
const MAX_DEPTH: usize = 10;

/// How far a chain goes.
#[derive(Debug)]
pub(crate) struct Chain {
    /// From the leaf upwards.
    pub(crate) path: Vec<Certificate>,
    /// Whether it ends at, or below, one of the roots.
    pub(crate) trusted: bool,
}

impl Chain {
    /// Goes up from `leaf`, to one of the `roots` if that can be, through certificates of the `pool`.
    pub(crate) fn build(leaf: &Certificate, pool: &[Certificate], roots: &[Certificate]) -> Self {
        let mut path = vec![leaf.clone()];
        let mut trusted = false;
        while let Some(last) = path.last() {
            if roots.contains(last) {
                trusted = true;
                break;
            }
            if path.len() == MAX_DEPTH || last.is_self_issued() {
                break;
            }
            let mut issuers = roots.iter().chain(pool.iter().filter(|candidate| candidate.is_authority()));
            let next = issuers.find(|candidate| !path.contains(candidate) && candidate.issued(last)).cloned();
            let Some(next) = next else { break };
            path.push(next);
        }
        Self { path, trusted }
    }

    /// The certificates whose validity counts. A root is trusted as it is.
    pub(crate) fn checked(&self) -> &[Certificate] {
        match self.path.split_last() {
            Some((_, checked)) if self.trusted && !checked.is_empty() => checked,
            _ => &self.path,
        }
    }

    /// What keeps one of its certificates from being valid at a moment.
    pub(crate) fn invalid_at(&self, moment: u64) -> Option<String> {
        self.checked().iter().find_map(|certificate| {
            let problem = certificate.invalid_at(moment)?;
            Some(format!("the certificate {:?} {problem}", certificate.subject()))
        })
    }

    /// The subjects, from the leaf upwards.
    pub(crate) fn subjects(&self) -> Vec<String> {
        self.path.iter().map(Certificate::subject).collect()
    }
}
