//! What a server answers to a device that wants to enroll.

use std::collections::BTreeSet;

use crate::fingerprint::{Kind, Part};
use crate::matching::{Match, Verdict, compare};
use crate::records::{Answer, Clones, Device, Exhausted, Policy, Previous, Request, Token};
use crate::refusal::Refusal;

/// Everything that a decision looks at.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    policy: &'a Policy,
    request: &'a Request,
    token: Option<&'a Token>,
    by_key: Option<&'a Device>,
    previous: Option<&'a Device>,
    candidates: &'a [Device],
    common: Option<&'a BTreeSet<Part>>,
    answer: Option<&'a Answer>,
    tenant: Option<&'a str>,
    first_asked: Option<u64>,
    enrolled: u32,
    is_listed: bool,
}

impl<'a> Question<'a> {
    /// A request at a server that has no record yet.
    #[must_use]
    pub const fn new(policy: &'a Policy, request: &'a Request) -> Self {
        Self {
            policy,
            request,
            token: None,
            by_key: None,
            previous: None,
            candidates: &[],
            common: None,
            answer: None,
            tenant: None,
            first_asked: None,
            enrolled: 0,
            is_listed: false,
        }
    }

    /// The token that the request names, if the server knows it.
    #[must_use]
    pub const fn with_token(mut self, token: &'a Token) -> Self {
        self.token = Some(token);
        self
    }

    /// The record that has the request's key.
    #[must_use]
    pub const fn with_owner_of_key(mut self, device: &'a Device) -> Self {
        self.by_key = Some(device);
        self
    }

    /// The record that the request says it had.
    #[must_use]
    pub const fn with_previous(mut self, device: &'a Device) -> Self {
        self.previous = Some(device);
        self
    }

    /// Records of the tenant that share a part with the request, and the parts that many devices share.
    #[must_use]
    pub const fn with_candidates(mut self, devices: &'a [Device], common: &'a BTreeSet<Part>) -> Self {
        self.candidates = devices;
        self.common = Some(common);
        self
    }

    /// What an admin has answered to this key's request, and when it first asked.
    #[must_use]
    pub const fn with_answer(mut self, answer: Option<&'a Answer>, first_asked: u64) -> Self {
        self.answer = answer;
        self.first_asked = Some(first_asked);
        self
    }

    /// The tenant that a request without a token is let into: its record's, or the one that an admin has named.
    #[must_use]
    pub const fn with_tenant(mut self, tenant: Option<&'a str>) -> Self {
        self.tenant = tenant;
        self
    }

    /// How many devices the tenant has that count against its allocation.
    #[must_use]
    pub const fn with_enrolled(mut self, devices: u32) -> Self {
        self.enrolled = devices;
        self
    }

    /// The device is on the tenant's list of serial numbers.
    #[must_use]
    pub const fn listed(mut self, is_listed: bool) -> Self {
        self.is_listed = is_listed;
        self
    }
}

/// What a server does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// This key has a record already.
    Known {
        /// Its id.
        device_id: String,
    },
    /// A new record, and one use of the token.
    Enroll {
        /// A record of a device that is on-line and looks like this one: an event for the admin, no more.
        conflict: Option<String>,
    },
    /// An existing record gets this key, and its old key is worth nothing from then on.
    Rebind {
        /// Its id.
        device_id: String,
    },
    /// The device asks again later.
    Pending(Pending),
    /// Refused.
    Refuse(Refusal),
}

/// What a request waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pending {
    /// An admin lets every new device in by hand.
    Approval,
    /// The tenant's allocation is used up.
    Allocation,
    /// An admin says whether it is this record's device.
    ReAssociation {
        /// The record.
        device_id: String,
        /// Both beside each other; none where the token names the record.
        matched: Option<Match>,
    },
}

impl Pending {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::Allocation => "allocation",
            Self::ReAssociation { .. } => "re-association",
        }
    }
}

/// Decides. The order of the rules is the order of their causes: a device is told the first that it can do something about.
#[must_use]
pub fn decide(question: &Question<'_>, now: u64) -> Decision {
    if let Some(device) = question.by_key {
        // An expired or revoked token changes nothing for a device that is enrolled.
        return match () {
            () if device.retired => Decision::Refuse(Refusal::DeviceRetired),
            () if is_pinned_elsewhere(question.request, &device.tenant) => Decision::Refuse(Refusal::WrongTenant),
            () => Decision::Known { device_id: device.id.clone() },
        };
    }
    if question.answer == Some(&Answer::Deny) {
        return Decision::Refuse(Refusal::Denied);
    }
    let Some(token) = question.token else { return without_token(question) };
    if let Some(refusal) = refused_token(question.request, token, now) {
        return Decision::Refuse(refusal);
    }
    let is_copy = match again(question, token) {
        Some(Again::Same(device_id)) => return Decision::Rebind { device_id },
        Some(Again::Copy) => {
            let is_approved = question.answer == Some(&Answer::Approve);
            match question.policy.clones {
                Clones::Refuse => return Decision::Refuse(Refusal::DeviceCloned),
                Clones::Approve if !is_approved => return Decision::Pending(Pending::Approval),
                Clones::Approve | Clones::Allow => true,
            }
        }
        None => false,
    };
    if let Some(Answer::Reassociate(device_id)) = question.answer {
        return Decision::Rebind { device_id: device_id.clone() };
    }
    if question.policy.pre_enrolled_only && !question.is_listed {
        return Decision::Refuse(Refusal::NotPreEnrolled);
    }
    let mut conflict = None;
    // Whose copy it is, is known, so there is nothing to ask.
    if !is_copy && question.answer.is_none() && !is_overdue(question, now) {
        match prompt(question, token, now) {
            Prompt::Ask(pending) => return Decision::Pending(pending),
            Prompt::Conflict(device_id) => conflict = Some(device_id),
            Prompt::Nothing => {}
        }
    }
    admit(question, token, conflict)
}

fn is_pinned_elsewhere(request: &Request, tenant: &str) -> bool {
    request.expected_tenant.as_ref().is_some_and(|pinned| pinned != tenant)
}

/// A device that is to enroll anew has a new key, for which the old one vouches: it gets its record. One whose record is gone, as after a
/// restored database, keeps its key and has no token any more: an admin lets it in. One that was never here needs a token.
fn without_token(question: &Question<'_>) -> Decision {
    let Some(previous) = &question.request.previous else { return Decision::Refuse(Refusal::TokenUnknown) };
    if question.tenant.is_some_and(|tenant| is_pinned_elsewhere(question.request, tenant)) {
        return Decision::Refuse(Refusal::WrongTenant);
    }
    let own = question.previous.filter(|device| previous.proven && !previous.copied && device.id == previous.device_id);
    if let Some(device) = own.filter(|device| !device.retired) {
        return Decision::Rebind { device_id: device.id.clone() };
    }
    match question.answer {
        Some(Answer::Approve) => Decision::Enroll { conflict: None },
        Some(Answer::Reassociate(device_id)) => Decision::Rebind { device_id: device_id.clone() },
        Some(Answer::Deny) | None => Decision::Pending(Pending::Approval),
    }
}

fn refused_token(request: &Request, token: &Token, now: u64) -> Option<Refusal> {
    let serials: Vec<_> = request.fingerprint.of(Kind::SystemSerial).collect();
    match () {
        () if is_pinned_elsewhere(request, &token.tenant) => Some(Refusal::WrongTenant),
        () if token.revoked => Some(Refusal::TokenRevoked),
        () if now >= token.expires => Some(Refusal::TokenExpired),
        () if token.product != request.product => Some(Refusal::WrongProduct),
        () if token.least_agent.is_some_and(|least| least > request.agent) => Some(Refusal::AgentTooOld),
        () if token.serial.is_some_and(|serial| !serials.contains(&serial)) => Some(Refusal::SerialMismatch),
        () if token.max_uses.is_some_and(|most| token.uses >= most) => Some(Refusal::TokenExhausted),
        () => None,
    }
}

/// A device that proves that it had a record.
enum Again {
    /// It is that device.
    Same(String),
    /// It is a copy of that device.
    Copy,
}

fn again(question: &Question<'_>, token: &Token) -> Option<Again> {
    let (Previous { device_id, proven, copied }, device) = (question.request.previous.as_ref()?, question.previous?);
    let is_that = *proven && device.id == *device_id && device.tenant == token.tenant;
    match (is_that, copied) {
        (false, _) => None,
        (true, true) => Some(Again::Copy),
        // Who retired it decides whether it comes back.
        (true, false) if device.retired => None,
        (true, false) => Some(Again::Same(device.id.clone())),
    }
}

/// The last step: is there room, and does somebody have to nod?
fn admit(question: &Question<'_>, token: &Token, conflict: Option<String>) -> Decision {
    let is_approved = question.answer == Some(&Answer::Approve);
    let is_full = question.policy.allocation.is_some_and(|most| question.enrolled >= most);
    match question.policy.exhausted {
        Exhausted::Refuse if is_full => Decision::Refuse(Refusal::AllocationExhausted),
        Exhausted::Hold if is_full => Decision::Pending(Pending::Allocation),
        _ if (question.policy.approval || token.approval) && !is_approved => Decision::Pending(Pending::Approval),
        _ => Decision::Enroll { conflict },
    }
}

fn is_overdue(question: &Question<'_>, now: u64) -> bool {
    question.first_asked.is_some_and(|asked| now.saturating_sub(asked) >= question.policy.prompt_secs)
}

enum Prompt {
    Ask(Pending),
    Conflict(String),
    Nothing,
}

fn prompt(question: &Question<'_>, token: &Token, now: u64) -> Prompt {
    if let Some(device_id) = &token.replaces {
        return Prompt::Ask(Pending::ReAssociation { device_id: device_id.clone(), matched: None });
    }
    let none = BTreeSet::new();
    let common = question.common.unwrap_or(&none);
    let of_tenant = question.candidates.iter().filter(|device| device.tenant == token.tenant);
    let matches = of_tenant.map(|device| (device, compare(&device.fingerprint, &question.request.fingerprint, common)));
    let found = matches.filter(|(_, matched)| matched.verdict > Verdict::New);
    // The best match; of equals the one that was seen last, then the lower id, so that the answer does not depend on an order.
    let best = found.max_by(|(one, left), (other, right)| {
        let of = |device: &Device, matched: &Match| (matched.verdict, matched.equal.len(), device.last_seen);
        of(one, left).cmp(&of(other, right)).then_with(|| other.id.cmp(&one.id))
    });
    match best {
        None => Prompt::Nothing,
        // A device that is there is never offered to another.
        Some((device, _)) if !device.is_silent(question.policy.offline_secs, now) => {
            Prompt::Conflict(device.id.clone())
        }
        Some((device, matched)) => {
            Prompt::Ask(Pending::ReAssociation { device_id: device.id.clone(), matched: Some(matched) })
        }
    }
}

#[cfg(test)]
mod tests;
