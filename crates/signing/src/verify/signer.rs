//! What Authenticode's and a package's messages have in common: one signer, with a chain, a time and a purpose.

use const_oid::ObjectIdentifier;
use container::cms::SignedData;

use super::chain::Chain;
use super::ending;
use super::facts::{Severity, SignatureFacts, Trust};
use super::signature::{self, SignatureProblem};
use super::timestamps::{self, Moment};
use crate::certificate::{ANY_USAGE, Certificate};

/// What a format asks of its message.
pub(super) struct Rules<'a> {
    /// The bytes that the message digest must be over.
    pub(super) content: &'a [u8],
    /// The attribute that has an RFC 3161 timestamp.
    pub(super) timestamp: ObjectIdentifier,
    /// One of these must be among the extended key usages.
    pub(super) usages: &'a [ObjectIdentifier],
    pub(super) purpose: &'static str,
}

/// Judges the message's only signer.
pub(super) fn judge(data: &SignedData<'_>, rules: &Rules<'_>, trust: Trust<'_>, facts: &mut SignatureFacts) {
    if data.left_over() > 0 {
        let message = format!("is followed by {} bytes that no signature covers", data.left_over());
        facts.say(Severity::Warning, "signature-trailing", message);
    }
    let [info] = data.signers.as_slice() else {
        facts.error("signature-signer", format!("has {} signers, must have one", data.signers.len()));
        return;
    };
    facts.digest = signature::digest_algorithm(info).ok().map(|algorithm| algorithm.name());
    let certificates = signature::understood(data);
    let Some(signer) = signature::find(info, &certificates) else {
        facts.error("signature-signer", "does not have its signer's certificate in it");
        return;
    };
    facts.signer = Some(signer.into());
    if let Err(problem) = signature::check(info, data.content_type, rules.content, signer) {
        match problem {
            SignatureProblem::Digest | SignatureProblem::ContentType => {
                facts.error("signature-digest", problem.to_string())
            }
            SignatureProblem::Forged => facts.error("signature-forged", problem.to_string()),
            SignatureProblem::NotChecked(what) => {
                facts.unchecked(format!("it uses {what}, which is not computed here"))
            }
            SignatureProblem::Attribute(_) | SignatureProblem::Malformed(_) => {
                facts.error("signature-attributes", problem.to_string());
            }
        }
    }
    if signer
        .extended_usages()
        .is_some_and(|found| !found.iter().any(|usage| *usage == ANY_USAGE || rules.usages.contains(usage)))
    {
        facts.error("signature-usage", format!("is made with a certificate that is not for {}", rules.purpose));
    }
    let (moment, needed) = timestamps::judge(info, rules.timestamp, trust, &certificates, facts);
    judge_chain(signer, &certificates, moment, trust, facts);
    superfluous(data, signer, &certificates, needed, facts);
}

fn judge_chain(
    signer: &Certificate,
    pool: &[Certificate],
    moment: Moment,
    trust: Trust<'_>,
    facts: &mut SignatureFacts,
) {
    let chain = Chain::build(signer, pool, trust.roots);
    facts.chain = chain.subjects();
    facts.trusted = (!trust.roots.is_empty()).then_some(chain.trusted);
    match facts.trusted {
        None => facts.say(Severity::Note, "signature-chain", "is not judged as to whom to trust: no root was given"),
        Some(false) => facts.error("signature-chain", "is of a signer that no given root vouches for"),
        Some(true) => {}
    }
    let (at, when) = match moment {
        Moment::Stamped(_) if signer.is_for_its_lifetime() => (trust.now, "and it is for lifetime signing"),
        Moment::Stamped(time) => (time, "at the timestamp"),
        Moment::None => (trust.now, "and there is no timestamp"),
        Moment::Wrong => (trust.now, "and the timestamp does not hold"),
        // It has been said that this is not known.
        Moment::NotChecked => return,
    };
    if let Some(problem) = chain.invalid_at(at) {
        facts.error("signature-expired", format!("is not valid: {problem}, {when}"));
    } else {
        ending::say(&chain, signer, moment, trust.now, facts);
    }
}

/// Lists the certificates that neither the signer's chain nor that of a timestamp needs.
fn superfluous(
    data: &SignedData<'_>,
    signer: &Certificate,
    pool: &[Certificate],
    mut needed: Vec<Certificate>,
    facts: &mut SignatureFacts,
) {
    needed.extend(Chain::build(signer, pool, &[]).path);
    facts.superfluous = pool.iter().filter(|certificate| !needed.contains(certificate)).map(Into::into).collect();
    let strange = data.certificates.len() - pool.len();
    if strange > 0 {
        let message = format!(
            "has {strange} certificates that are not looked at: they cannot be parsed, or there are more than 100"
        );
        facts.say(Severity::Warning, "signature-certificates", message);
    }
}
