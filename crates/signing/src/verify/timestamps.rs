//! The timestamps of a signature, each judged: RFC 3161 tokens, and countersignatures from before them.

use const_oid::ObjectIdentifier;
use container::cms::{COUNTERSIGNATURE, SignerInfo};

use super::chain::Chain;
use super::facts::{Severity, SignatureFacts, TimestampFacts, TimestampForm, Trust};
use crate::certificate::Certificate;
use crate::time;
use crate::timestamp::{Stamp, TimestampError, read_countersignature, read_token};

/// A signature with more timestamps was made to keep its readers busy.
const MAX_TIMESTAMPS: usize = 8;

/// When a signature existed, as far as an authority says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// It has no timestamp.
    None,
    /// Then, in seconds since 1970.
    Stamped(u64),
    /// It has timestamps, and none of them holds.
    Wrong,
    /// It has timestamps that use something that is not computed here.
    NotChecked,
}

/// Judges all timestamps. Gives the moment of the first that holds, and the certificates that they need of the message's.
pub(super) fn judge(
    info: &SignerInfo<'_>,
    rfc3161: ObjectIdentifier,
    trust: Trust<'_>,
    pool: &[Certificate],
    facts: &mut SignatureFacts,
) -> (Moment, Vec<Certificate>) {
    let unsigned = match info.unsigned_attributes() {
        Ok(unsigned) => unsigned,
        Err(error) => {
            facts.error("signature-attributes", format!("has unsigned attributes that cannot be read: {error}"));
            return (Moment::Wrong, Vec::new());
        }
    };
    let tokens = unsigned.values(rfc3161).map(|value| (TimestampForm::Rfc3161, value));
    let countersignatures = unsigned.values(COUNTERSIGNATURE).map(|value| (TimestampForm::Countersignature, value));
    let (mut moment, mut needed) = (Moment::None, Vec::new());
    for (number, (form, value)) in tokens.chain(countersignatures).enumerate() {
        if number == MAX_TIMESTAMPS {
            facts.error("signature-timestamp", format!("has more than {MAX_TIMESTAMPS} timestamps"));
            break;
        }
        let stamp = match form {
            TimestampForm::Rfc3161 => read_token(value, &info.signature),
            TimestampForm::Countersignature => read_countersignature(value, &info.signature, pool),
        };
        let found = match stamp {
            Ok(stamp) => {
                let pool: Vec<Certificate> = stamp.certificates.iter().chain(pool).cloned().collect();
                let chain = Chain::build(&stamp.signer, &pool, trust.roots);
                needed.extend(Chain::build(&stamp.signer, &pool, &[]).path);
                judge_stamp(&stamp, form, &chain, trust, facts)
            }
            Err(error) => say(error, facts),
        };
        moment = match (moment, found) {
            (Moment::Stamped(_), _) => moment,
            (Moment::NotChecked, Moment::Wrong) => Moment::NotChecked,
            _ => found,
        };
    }
    (moment, needed)
}

/// Judges the authority behind a timestamp that holds together.
fn judge_stamp(
    stamp: &Stamp,
    form: TimestampForm,
    chain: &Chain,
    trust: Trust<'_>,
    facts: &mut SignatureFacts,
) -> Moment {
    let trusted = (!trust.roots.is_empty()).then_some(chain.trusted);
    facts.timestamp.get_or_insert_with(|| TimestampFacts {
        time: time::date(stamp.time),
        authority: stamp.signer.subject(),
        form,
        trusted,
    });
    if !stamp.is_for_stamps_alone {
        let message = "has a timestamp of a certificate that is not for time stamping alone, as RFC 3161 asks";
        facts.say(Severity::Note, "signature-timestamp", message);
    }
    if let Some(problem) = chain.invalid_at(stamp.time) {
        facts.error("signature-timestamp", format!("has a timestamp of which {problem}"));
        return Moment::Wrong;
    }
    if trusted == Some(false) {
        facts.error("signature-timestamp", "has a timestamp of an authority that no given root vouches for");
        return Moment::Wrong;
    }
    Moment::Stamped(stamp.time)
}

/// Says what is wrong with a timestamp.
fn say(error: TimestampError, facts: &mut SignatureFacts) -> Moment {
    let sentence = match error {
        TimestampError::NotChecked(what) => {
            facts.unchecked(format!("its timestamp {what}, which is not computed here"));
            return Moment::NotChecked;
        }
        TimestampError::Wrong(problem) => format!("has a timestamp that {problem}"),
        TimestampError::Malformed(malformed) => format!("has a timestamp that cannot be read: {malformed}"),
        error => format!("has a timestamp that cannot be read: {error}"),
    };
    facts.error("signature-timestamp", sentence);
    Moment::Wrong
}
