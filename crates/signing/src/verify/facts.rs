//! What is said of a signature.

use serde::Serialize;

use crate::asn1::Asn1Error;
use crate::certificate::Certificate;

/// A message that cannot be read: truncated, in BER, followed by garbage, or no SignedData at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the signature cannot be read: {0}")]
pub struct Unreadable(#[from] pub Asn1Error);

/// Whom to trust, and when it is.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'a> {
    /// Roots; where there are none, no chain is judged.
    pub roots: &'a [Certificate],
    /// The moment, in seconds since 1970.
    pub now: u64,
}

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
    pub not_before: String,
    /// Its last day, as a date.
    pub not_after: String,
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

/// A timestamp that holds together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimestampFacts {
    /// The moment, as a date.
    pub time: String,
    /// The authority's certificate.
    pub authority: String,
    /// Whether a given root vouches for the authority; `None`: no root was given.
    pub trusted: Option<bool>,
}

/// Everything about one signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignatureFacts {
    /// The signer's certificate, if it is in the message.
    pub signer: Option<CertificateFacts>,
    /// The digest that the message names, e.g. `sha256`.
    pub digest: Option<&'static str>,
    /// The program's name in the signature.
    pub description: Option<String>,
    /// The address in the signature.
    pub url: Option<String>,
    /// When it was made, by the signer's own clock.
    pub signing_time: Option<String>,
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
    /// Whether nothing is wrong with it and all inside it.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.all_problems().iter().all(|problem| problem.severity != Severity::Error)
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

    pub(super) const fn nothing_yet() -> Self {
        Self {
            signer: None,
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
