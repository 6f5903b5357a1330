//! Which facts of a signature were looked at: a number of checks is worth something only if it counts these.

use super::facts::{Severity, SignatureFacts};

impl SignatureFacts {
    /// The checks that were made, each by the name that its failure has, in order and without the signatures inside.
    ///
    /// Without the signer's certificate nothing but the message's form is looked at; without a root no chain is judged; where the digest or
    /// the attributes do not hold, or an algorithm is not computed here, the key is not asked.
    #[must_use]
    pub fn checks(&self) -> Vec<&'static str> {
        let failed =
            |id: &str| self.problems.iter().any(|problem| problem.severity == Severity::Error && problem.id == id);
        let is_unchecked = self.problems.iter().any(|problem| problem.id.ends_with("unchecked"));
        let has_signer = self.signer.is_some();
        let is_key_asked =
            has_signer && !is_unchecked && !failed("signature-digest") && !failed("signature-attributes");
        let table = [
            ("signature-signer", true),
            ("signature-digest", has_signer && !is_unchecked),
            ("signature-attributes", has_signer),
            ("signature-forged", is_key_asked),
            ("signature-usage", has_signer),
            ("signature-expired", has_signer),
            ("signature-chain", has_signer && self.trusted.is_some()),
            ("signature-timestamp", self.timestamp.is_some()),
        ];
        let mut checks: Vec<&str> = table.iter().filter(|(id, made)| *made || failed(id)).map(|(id, _)| *id).collect();
        // What fails was looked at, whatever its name.
        for problem in self.problems.iter().filter(|problem| problem.severity == Severity::Error) {
            if !checks.contains(&problem.id) {
                checks.push(problem.id);
            }
        }
        checks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::CertificateFacts;

    fn signed() -> SignatureFacts {
        let text = String::new;
        let signer = CertificateFacts {
            subject: text(),
            issuer: text(),
            serial: text(),
            sha256: text(),
            key: text(),
            not_before: text(),
            not_after: text(),
        };
        SignatureFacts { signer: Some(signer), ..SignatureFacts::nothing_yet() }
    }

    #[test]
    fn only_what_was_looked_at_counts() {
        let mut facts = SignatureFacts::nothing_yet();
        facts.error("signature-signer", "does not have its signer's certificate in it");
        assert_eq!(facts.checks(), ["signature-signer"]);
        let plain = signed().checks();
        assert!(plain.contains(&"signature-forged") && !plain.contains(&"signature-chain"), "{plain:?}");
        let with_root = SignatureFacts { trusted: Some(true), ..signed() }.checks();
        assert_eq!(with_root.len(), plain.len() + 1);
        let mut wrong = signed();
        wrong.error("signature-digest", "is over another file");
        wrong.error("signature-nested", "has more nested signatures than are read");
        let wrong = wrong.checks();
        assert!(!wrong.contains(&"signature-forged") && wrong.ends_with(&["signature-nested"]), "{wrong:?}");
    }
}
