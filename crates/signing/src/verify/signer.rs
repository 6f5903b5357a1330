//! What Authenticode's and a package's messages have in common: one signer, with a chain, a time and a purpose.

use const_oid::ObjectIdentifier;

use super::chain::Chain;
use super::facts::{Severity, SignatureFacts, TimestampFacts, Trust};
use super::signed_data::{Attribute, SignedData, SignerInfo, SignerProblem};
use crate::certificate::{ANY_USAGE, Certificate};
use crate::time;
use crate::timestamp::{TimestampError, check_imprint, read_token};

/// PKCS #9 countersignature: timestamps of the time before RFC 3161.
const COUNTERSIGNATURE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.6");

/// What a format asks of its message.
pub(super) struct Rules<'a> {
    /// The bytes that the message digest must be over.
    pub(super) content: &'a [u8],
    /// The attribute that has the timestamp.
    pub(super) timestamp: ObjectIdentifier,
    /// One of these must be among the extended key usages.
    pub(super) usages: &'a [ObjectIdentifier],
    pub(super) purpose: &'static str,
}

/// Judges the message's only signer.
pub(super) fn judge(data: &SignedData<'_>, rules: &Rules<'_>, trust: Trust<'_>, facts: &mut SignatureFacts) {
    let [info] = data.signers.as_slice() else {
        facts.error("signature-signer", format!("has {} signers, must have one", data.signers.len()));
        return;
    };
    facts.digest = info.digest().ok().map(|algorithm| algorithm.name());
    let certificates = data.understood_certificates();
    let Some(signer) = info.find(&certificates) else {
        facts.error("signature-signer", "does not have its signer's certificate in it");
        return;
    };
    facts.signer = Some(signer.into());
    if let Err(problem) = info.check(data.content_type, rules.content, signer) {
        let id = match problem {
            SignerProblem::Digest | SignerProblem::ContentType => "signature-digest",
            SignerProblem::Forged => "signature-forged",
            SignerProblem::Algorithm(_) => "signature-algorithm",
            SignerProblem::Attribute(_) | SignerProblem::Asn1(_) => "signature-attributes",
        };
        facts.error(id, problem.to_string());
    }
    if signer
        .extended_usages()
        .is_some_and(|found| !found.iter().any(|usage| *usage == ANY_USAGE || rules.usages.contains(usage)))
    {
        facts.error("signature-usage", format!("is made with a certificate that is not for {}", rules.purpose));
    }
    let unsigned = match info.unsigned_attributes() {
        Ok(unsigned) => unsigned,
        Err(error) => {
            facts.error("signature-attributes", format!("has unsigned attributes that cannot be read: {error}"));
            Vec::new()
        }
    };
    let moment = timestamp(info, &unsigned, rules, trust, &certificates, facts);
    judge_chain(signer, &certificates, moment, trust, facts);
    superfluous(data, signer, &certificates, &unsigned, facts);
}

/// Judges the timestamp and gives the moment at which the certificate must be valid: the timestamp's, else now.
fn timestamp(
    info: &SignerInfo<'_>,
    unsigned: &[Attribute<'_>],
    rules: &Rules<'_>,
    trust: Trust<'_>,
    pool: &[Certificate],
    facts: &mut SignatureFacts,
) -> Option<u64> {
    let mut tokens = unsigned.iter().filter(|(kind, _)| *kind == rules.timestamp).flat_map(|(_, values)| values);
    let Some(value) = tokens.next() else {
        if unsigned.iter().any(|(kind, _)| *kind == COUNTERSIGNATURE) {
            facts.say(
                Severity::Note,
                "signature-timestamp",
                "has a timestamp in the way before RFC 3161, which is not looked at",
            );
        }
        return None;
    };
    if tokens.next().is_some() {
        facts.error("signature-timestamp", "has several timestamps");
        return None;
    }
    let token = match read_token(value.whole).and_then(|token| check_imprint(&token, info.signature).map(|()| token)) {
        Ok(token) => token,
        Err(error) => {
            let sentence = match error {
                TimestampError::Wrong(problem) => format!("has a timestamp that {problem}"),
                error => format!("has a timestamp that cannot be read: {error}"),
            };
            facts.error("signature-timestamp", sentence);
            return None;
        }
    };
    let pool: Vec<Certificate> = token.certificates.iter().chain(pool).cloned().collect();
    let chain = Chain::build(&token.signer, &pool, trust.roots);
    let trusted = (!trust.roots.is_empty()).then_some(chain.trusted);
    facts.timestamp = Some(TimestampFacts { time: time::date(token.time), authority: token.signer.subject(), trusted });
    if let Some(problem) = chain.invalid_at(token.time) {
        facts.error("signature-timestamp", format!("has a timestamp of which {problem}"));
        return None;
    }
    if trusted == Some(false) {
        facts.error("signature-timestamp", "has a timestamp of an authority that no given root vouches for");
        return None;
    }
    Some(token.time)
}

fn judge_chain(
    signer: &Certificate,
    pool: &[Certificate],
    timestamp: Option<u64>,
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
    if let Some(problem) = chain.invalid_at(timestamp.unwrap_or(trust.now)) {
        let when = if timestamp.is_some() { "at the timestamp" } else { "and no timestamp helps" };
        facts.error("signature-expired", format!("is not valid: {problem}, {when}"));
    } else if timestamp.is_none() {
        let until = time::date(signer.not_after());
        facts.say(Severity::Note, "signature-untimestamped", format!("has no timestamp: it is valid until {until}"));
    }
}

/// Lists the certificates that neither the signer's chain nor an old timestamp's needs.
fn superfluous(
    data: &SignedData<'_>,
    signer: &Certificate,
    pool: &[Certificate],
    unsigned: &[Attribute<'_>],
    facts: &mut SignatureFacts,
) {
    let mut needed: Vec<Certificate> = Chain::build(signer, pool, &[]).path;
    for (kind, values) in unsigned {
        if *kind != COUNTERSIGNATURE {
            continue;
        }
        for info in values.iter().filter_map(|value| SignerInfo::read(*value).ok()) {
            needed.extend(info.find(pool).into_iter().flat_map(|signer| Chain::build(signer, pool, &[]).path));
        }
    }
    facts.superfluous = pool.iter().filter(|certificate| !needed.contains(certificate)).map(Into::into).collect();
    let strange = data.certificates.len() - pool.len();
    if strange > 0 {
        facts.say(
            Severity::Warning,
            "signature-certificates",
            format!(
                "has {strange} certificates that are not looked at: they cannot be parsed, or there are more than 100"
            ),
        );
    }
}
