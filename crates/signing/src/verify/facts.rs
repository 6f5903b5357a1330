//! What is said of a signature.

use container::Malformed;
use serde::Serialize;

use crate::certificate::Certificate;
use crate::openpgp::Keyring;

/// A message that cannot be read: truncated, in BER where it must be DER, or no SignedData at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the signature cannot be read: {0}")]
pub struct Unreadable(#[from] pub Malformed);

/// Whom to trust, and when it is.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'a> {
    /// Roots; where there are none, no chain is judged.
    pub roots: &'a [Certificate],
    /// OpenPGP keys; where there are none, and no roots, an rpm's signature is not judged.
    pub keys: &'a Keyring,
    /// The moment, in seconds since 1970.
    pub now: u64,
}

/// The problem that something could not be computed.
const UNCHECKED: &str = "signature-unchecked";

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// It works, but not everywhere or not for ever.
    Warning,
    /// It is wrong.
    Error,
}

/// One thing that is wrong, or worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// A stable name, `signature-…`.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found, as a clause about the signature.
    pub message: String,
}

/// A certificate, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateFacts {
    /// Whom it is about.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// Its serial number in hexadecimal digits.
    pub serial: String,
    /// The SHA-256 of its bytes.
    pub sha256: String,
    /// Its key, e.g. `RSA 3072`.
    pub key: String,
    /// Its first day, as a date.
    pub(crate) not_before: String,
    /// Its last day, as a date.
    pub(crate) not_after: String,
}

impl From<&Certificate> for CertificateFacts {
    fn from(certificate: &Certificate) -> Self {
        Self {
            subject: certificate.subject(),
            issuer: certificate.issuer(),
            serial: certificate.serial(),
            sha256: certificate.fingerprint(),
            key: certificate.public_key().map_or_else(|| "of another kind".to_owned(), |key| key.kind().to_string()),
            not_before: crate::time::date(certificate.not_before()),
            not_after: crate::time::date(certificate.not_after()),
        }
    }
}

/// How a timestamp is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimestampForm {
    /// A token as RFC 3161 has it.
    Rfc3161,
    /// A countersignature as PKCS #9 has it, in use before.
    Countersignature,
}

/// What came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything was computed, and it holds.
    Valid,
    /// Something is named that is not computed here; nothing that was computed is wrong.
    NotChecked,
    /// Something does not hold.
    Invalid,
}

/// A timestamp that holds together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimestampFacts {
    /// The moment, as a date.
    pub time: String,
    /// The authority's certificate.
    pub authority: String,
    /// How it is written.
    pub form: TimestampForm,
    /// Whether a given root vouches for the authority; `None`: no root was given.
    pub trusted: Option<bool>,
}

/// Everything about one signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignatureFacts {
    /// What came out, nested signatures apart.
    pub verdict: Verdict,
    /// The signer's certificate, if it is in the message.
    pub signer: Option<CertificateFacts>,
    /// The OpenPGP key that made it, by what it says: its fingerprint or key ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub openpgp_key: Option<String>,
    /// The digest that the message names, e.g. `sha256`.
    pub digest: Option<&'static str>,
    /// The program's name in the signature.
    pub description: Option<String>,
    /// The address in the signature.
    pub url: Option<String>,
    /// When it was made, by the signer's own clock.
    pub(crate) signing_time: Option<String>,
    /// When it existed, by an authority's.
    pub timestamp: Option<TimestampFacts>,
    /// The subjects from the signer's upwards, as far as they are known.
    pub chain: Vec<String>,
    /// Whether the chain ends at a given root; `None`: no root was given.
    pub trusted: Option<bool>,
    /// Whether it is sealed: then nothing may be added to it, not even outside what it covers.
    pub sealed: bool,
    /// Certificates that no chain needs.
    pub superfluous: Vec<CertificateFacts>,
    /// Further signatures inside this one.
    pub nested: Vec<SignatureFacts>,
    /// What is wrong with this one.
    pub problems: Vec<Problem>,
}

impl SignatureFacts {
    /// Whether it and all inside it were computed, and hold.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.worst() == Verdict::Valid
    }

    /// The worst verdict over it and all inside it.
    #[must_use]
    pub(crate) fn worst(&self) -> Verdict {
        self.nested.iter().map(Self::worst).fold(self.verdict, Verdict::max)
    }

    /// Its problems, and those of the signatures inside.
    #[must_use]
    pub fn all_problems(&self) -> Vec<&Problem> {
        self.problems.iter().chain(self.nested.iter().flat_map(Self::all_problems)).collect()
    }

    pub(super) fn say(&mut self, severity: Severity, id: &'static str, message: impl Into<String>) {
        self.problems.push(Problem { id, severity, message: message.into() });
    }

    pub(super) fn error(&mut self, id: &'static str, message: impl Into<String>) {
        self.say(Severity::Error, id, message);
    }

    /// Says that something could not be computed: which, and why.
    pub(super) fn unchecked(&mut self, what: impl std::fmt::Display) {
        self.error(UNCHECKED, format!("is not checked: {what}"));
    }

    /// Draws the verdict from the problems.
    pub(super) fn finish(mut self) -> Self {
        let errors = self.problems.iter().filter(|problem| problem.severity == Severity::Error);
        let verdict = |problem: &Problem| if problem.id == UNCHECKED { Verdict::NotChecked } else { Verdict::Invalid };
        self.verdict = errors.map(verdict).max().unwrap_or(Verdict::Valid);
        self
    }

    pub(super) const fn nothing_yet() -> Self {
        Self {
            verdict: Verdict::NotChecked,
            signer: None,
            openpgp_key: None,
            digest: None,
            description: None,
            url: None,
            signing_time: None,
            timestamp: None,
            chain: Vec::new(),
            trusted: None,
            sealed: false,
            superfluous: Vec::new(),
            nested: Vec::new(),
            problems: Vec::new(),
        }
    }
}
