//! The token: in its place and nowhere else, and of use for as long as devices get the installer.

use installer::Severity;

use super::profile::EVERYWHERE;
use super::rule::{Broken, Rule, broken};
use super::subject::Subject;

const CONTRACT: &str = "Stampwright, docs/agent-contract.md";
const RFC: &str = "RFC 7519, sections 4.1.4 and 7.2";
const CWE: &str = "MITRE, CWE-532 and CWE-538: secrets in logs and in files that others can read";

/// A rollout takes longer than a week: devices are off, on leave, in a drawer.
const SOON_SECS: u64 = 7 * 86_400;

pub(super) static RULES: [Rule; 7] = [
    Rule {
        id: "token-there",
        severity: Severity::Warning,
        profiles: EVERYWHERE,
        what: "it has a token",
        why: "the agent gets installed and does not enroll, unless the token comes another way: a transform, a profile",
        remedy: "stamp it, or deliver the token by the kit's transform or profile",
        source: CONTRACT,
        broken: |s| if s.has_token { None } else { broken("token", "there is none") },
    },
    Rule {
        id: "token-readable",
        severity: Severity::Error,
        profiles: EVERYWHERE,
        what: "the token is in its own place and in no installed file, script or document",
        why: "those can be read by everybody on the device, and scripts write logs",
        remedy: "leave the token to the stamp; take it out of the product's own files",
        source: CWE,
        broken: |s| s.leaks.first().and_then(|leak| broken(leak.as_str(), "it has the token in it")),
    },
    Rule {
        id: "token-in-name",
        severity: Severity::Error,
        profiles: EVERYWHERE,
        what: "the file's name does not have the token in it",
        why: "names are in logs, URLs, consoles and command lines",
        remedy: "give the file the product's name",
        source: CWE,
        broken: |s| if s.is_token_in_name { broken("file name", "it has the token in it") } else { None },
    },
    Rule {
        id: "token-wrong",
        severity: Severity::Error,
        profiles: EVERYWHERE,
        what: "a signed token has the claims that it needs, and is for this product",
        why: "the service refuses the device",
        remedy: "mint it for this product: stampwright token mint",
        source: CONTRACT,
        broken: wrong,
    },
    Rule {
        id: "token-expired",
        severity: Severity::Error,
        profiles: EVERYWHERE,
        what: "the token has not expired",
        why: "the agent gets installed and does not enroll",
        remedy: "stamp the base with a new token, and replace the file in the console",
        source: RFC,
        broken: |s| match &s.claims {
            Ok(Some(claims)) if claims.expires <= s.now => {
                broken("token", format!("it expired {}", before(s.now - claims.expires)))
            }
            _ => None,
        },
    },
    Rule {
        id: "token-expires-soon",
        severity: Severity::Warning,
        profiles: EVERYWHERE,
        what: "the token is valid for another week",
        why: "a device that is off until then gets the agent and does not enroll",
        remedy: "mint one that is valid for as long as the rollout takes",
        source: RFC,
        broken: |s| match &s.claims {
            Ok(Some(claims)) if claims.expires > s.now && claims.expires - s.now < SOON_SECS => {
                broken("token", format!("it expires in {}", span(claims.expires - s.now)))
            }
            _ => None,
        },
    },
    Rule {
        id: "token-one-device",
        severity: Severity::Warning,
        profiles: EVERYWHERE,
        what: "the token is not bound to one device's serial number",
        why: "a management system gives the installer to many devices, and all but one are refused",
        remedy: "mint a token without a serial number for it; bound ones are for lists of devices",
        source: CONTRACT,
        broken: |s| match &s.claims {
            Ok(Some(claims)) if claims.serial.is_some() => broken("token", "it is for one serial number"),
            _ => None,
        },
    },
];

fn wrong(subject: &Subject) -> Option<Broken> {
    match &subject.claims {
        Err(problem) => broken("token", problem.as_str()),
        Ok(Some(claims)) => {
            let ours = subject.product.as_ref().filter(|ours| **ours != claims.product)?;
            broken("token", format!("it is for the product {:?}, this is {ours:?}", claims.product))
        }
        Ok(None) => None,
    }
}

fn before(secs: u64) -> String {
    format!("{} ago", span(secs))
}

fn span(secs: u64) -> String {
    match secs {
        0..7200 => format!("{} minutes", secs / 60),
        7200..172_800 => format!("{} hours", secs / 3600),
        _ => format!("{} days", secs / 86_400),
    }
}
