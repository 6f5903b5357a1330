//! Until when a signature is good: with a timestamp for good, without one until its certificate ends.

use super::chain::Chain;
use super::facts::{Problem, Severity, SignatureFacts};
use super::timestamps::Moment;
use crate::certificate::Certificate;
use crate::time;

/// How many days before its end a signature without a timestamp is warned of. Certificates of a signing service live for days, all others for
/// 460 days at most (CA/Browser Forum, Code Signing Baseline Requirements 3.10, from March 2026).
const SHORT_DAYS: u64 = 30;
const DAY_SECS: u64 = 86_400;

/// What is to be said of a signature that ends with its certificates: a warning where that is soon.
#[must_use]
pub fn untimestamped(certificates: &[Certificate], now: u64) -> Option<Problem> {
    let end = certificates.iter().map(Certificate::not_after).min()?;
    Some(ending(end, now, "has no timestamp"))
}

fn ending(end: u64, now: u64, why: &str) -> Problem {
    let (until, days) = (time::date(end), end.saturating_sub(now) / DAY_SECS);
    let (severity, message) = if days < SHORT_DAYS {
        let left = match days {
            0 => "less than a day".to_owned(),
            1 => "one day".to_owned(),
            more => format!("{more} days"),
        };
        (Severity::Warning, format!("{why}: it is valid until {until} only, which is in {left}"))
    } else {
        (Severity::Note, format!("{why}: it is valid until {until}"))
    };
    Problem { id: "signature-untimestamped", severity, message }
}

/// Says until when a signature is good that is good at `now`.
pub(super) fn say(chain: &Chain, signer: &Certificate, moment: Moment, now: u64, facts: &mut SignatureFacts) {
    match moment {
        Moment::None => facts.problems.extend(untimestamped(chain.checked(), now)),
        Moment::Stamped(_) if signer.is_for_its_lifetime() => {
            let why = "has a certificate that no timestamp outlives (lifetime signing)";
            facts.problems.push(ending(signer.not_after(), now, why));
        }
        Moment::Stamped(_) => {
            let end = time::date(signer.not_after());
            let message = format!("has a timestamp: it stays valid when its certificate ends, at {end}");
            facts.say(Severity::Note, "signature-timestamped", message);
        }
        Moment::Wrong | Moment::NotChecked => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_within_thirty_days_is_a_warning() {
        let now = 1_700_000_000;
        for (days, severity, part) in [
            (0, Severity::Warning, "in less than a day"),
            (1, Severity::Warning, "in one day"),
            (29, Severity::Warning, "until 2023-12-13T22:13:20Z only, which is in 29 days"),
            (30, Severity::Note, "until 2023-12-14T22:13:20Z"),
            (460, Severity::Note, "until 2025-02-16T22:13:20Z"),
        ] {
            let said = ending(now + days * DAY_SECS, now, "has no timestamp");
            assert!(said.severity == severity && said.message.ends_with(part), "{days}: {said:?}");
        }
    }
}
