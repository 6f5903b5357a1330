//! What the rules look at: what a server has stored, and what a device asks.

use crate::fingerprint::{Fingerprint, PartHash};

/// A tenant's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How many devices may be enrolled at a time; none for any number.
    pub allocation: Option<u32>,
    /// What happens to a device above the allocation.
    pub exhausted: Exhausted,
    /// Only devices on the tenant's list of serial numbers enroll.
    pub pre_enrolled_only: bool,
    /// Every new device waits for an admin.
    pub approval: bool,
    /// What happens to a device that says that it is a copy.
    pub clones: Clones,
    /// A record that has been silent for so long is offered for re-association.
    pub offline_secs: u64,
    /// How long a re-association waits for an answer before the device gets a record of its own.
    pub prompt_secs: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            allocation: None,
            exhausted: Exhausted::Refuse,
            pre_enrolled_only: false,
            approval: false,
            clones: Clones::Allow,
            offline_secs: 15 * 60,
            prompt_secs: 24 * 3600,
        }
    }
}

/// What happens to a device above the allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exhausted {
    /// It is refused.
    Refuse,
    /// It waits until there is room or an admin has let it in.
    Hold,
}

/// What happens to a device that says that it is a copy of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clones {
    /// It gets a record of its own.
    Allow,
    /// It waits for an admin.
    Approve,
    /// It is refused.
    Refuse,
}

/// What the server knows of a token. The token itself is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id (`jti`).
    pub id: String,
    /// Whose devices enroll with it.
    pub tenant: String,
    /// For which product.
    pub product: String,
    /// The first second at which it is no longer valid.
    pub expires: u64,
    /// Revoked by an admin.
    pub revoked: bool,
    /// How many devices it may enroll; none for any number.
    pub max_uses: Option<u32>,
    /// How many it has enrolled. Repeated requests of one key count once.
    pub uses: u32,
    /// The hashed serial number of the one device that may use it.
    pub serial: Option<PartHash>,
    /// The oldest agent that may use it.
    pub least_agent: Option<[u32; 3]>,
    /// Its devices wait for an admin.
    pub approval: bool,
    /// The record that its device is to replace.
    pub replaces: Option<String>,
}

impl Token {
    /// A token without limits but its expiry.
    #[must_use]
    pub fn new(id: &str, tenant: &str, product: &str, expires: u64) -> Self {
        Self {
            id: id.to_owned(),
            tenant: tenant.to_owned(),
            product: product.to_owned(),
            expires,
            revoked: false,
            max_uses: None,
            uses: 0,
            serial: None,
            least_agent: None,
            approval: false,
            replaces: None,
        }
    }
}

/// What a device asks. That its signature is right was checked before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The thumbprint of the device's key (RFC 7638).
    pub key: String,
    /// The agent's product.
    pub product: String,
    /// The agent's version.
    pub agent: [u32; 3],
    /// The tenant that a policy on the device pins it to.
    pub expected_tenant: Option<String>,
    /// Its hardware.
    pub fingerprint: Fingerprint,
    /// The record that it had before, if it says so.
    pub previous: Option<Previous>,
}

impl Request {
    /// A device that was never here.
    #[must_use]
    pub fn new(key: &str, product: &str, agent: [u32; 3], fingerprint: Fingerprint) -> Self {
        let (key, product) = (key.to_owned(), product.to_owned());
        Self { key, product, agent, expected_tenant: None, fingerprint, previous: None }
    }
}

/// The record that a device had before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Previous {
    /// Its id.
    pub device_id: String,
    /// The request carries a good signature of the key that this record has today.
    pub proven: bool,
    /// The device says that its state was copied from another device.
    pub copied: bool,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// The thumbprint of its key.
    pub key: String,
    /// When it enrolled.
    pub enrolled: u64,
    /// The device has confirmed that it has stored what it got.
    pub confirmed: bool,
    /// The last check-in.
    pub last_seen: Option<u64>,
    /// Retired by an admin.
    pub retired: bool,
    /// Enrolled by files carried by hand.
    pub offline: bool,
    /// Its hardware when it was last said.
    pub fingerprint: Fingerprint,
    /// The newest generation that it was given.
    pub generation: u64,
    /// The one before, which is taken as well in case an answer was lost.
    pub generation_before: u64,
}

impl Device {
    /// Has it been silent for longer than `secs`? A retired record counts as silent.
    #[must_use]
    pub(crate) fn is_silent(&self, secs: u64, now: u64) -> bool {
        self.retired || now.saturating_sub(self.last_seen.unwrap_or(self.enrolled)) > secs
    }
}

/// What an admin has answered to a request that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Let it in, with a record of its own.
    Approve,
    /// It is this record's device.
    Reassociate(String),
    /// Keep it out.
    Deny,
}

/// Where a record stands, for a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It got its identity and did not say within ten minutes that it has stored it.
    PartiallyEnrolled,
    /// It is there.
    Enrolled,
    /// It was enrolled by files and has never connected.
    EnrolledOffline,
    /// It has missed three check-ins.
    Missing,
    /// Retired.
    Retired,
}

impl Status {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PartiallyEnrolled => "partially-enrolled",
            Self::Enrolled => "enrolled",
            Self::EnrolledOffline => "enrolled-offline",
            Self::Missing => "missing",
            Self::Retired => "retired",
        }
    }
}

/// How long a device has to confirm.
const CONFIRM_SECS: u64 = 600;
/// How many check-ins a device misses until it is called missing.
const MISSED: u64 = 3;

/// Where a record stands at `now`, with devices that check in every `interval_secs`.
#[must_use]
pub fn status(device: &Device, interval_secs: u64, now: u64) -> Status {
    let since = |second: u64| now.saturating_sub(second);
    match device.last_seen {
        _ if device.retired => Status::Retired,
        None if device.offline => Status::EnrolledOffline,
        None if !device.confirmed && since(device.enrolled) >= CONFIRM_SECS => Status::PartiallyEnrolled,
        seen if since(seen.unwrap_or(device.enrolled)) > interval_secs.saturating_mul(MISSED) => Status::Missing,
        _ => Status::Enrolled,
    }
}
