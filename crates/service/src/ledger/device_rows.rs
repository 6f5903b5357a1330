//! Devices as the ledger keeps them, and what a request for an enrollment brings.

use std::fmt::Write as _;

use enrollment::{Class, Device, Fingerprint, Kind, Part, PartHash, Policy, Refusal, Request, Status};

use super::error::{LedgerError, Result};
use super::values::Cells;

/// The columns of a device, in the order in which [`device`] reads them.
pub(super) const DEVICE: &str = "id, tenant, product, key, public_key, token, enrolled, confirmed, last_seen, retired, offline, \
     generation, generation_before, fingerprint, host_name, os, agent";

/// A device, and what a list shows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeviceRow {
    /// What the rules look at.
    pub(crate) device: Device,
    /// Its product.
    pub(crate) product: String,
    /// Its public key, a JWK.
    pub(crate) public_key: String,
    /// The id of the token that it enrolled with.
    pub(crate) token: Option<String>,
    /// What it calls itself.
    pub(crate) host_name: String,
    /// Its operating system and architecture.
    pub(crate) os: String,
    /// The agent's version.
    pub(crate) agent: String,
}

impl DeviceRow {
    /// Where it stands.
    #[must_use]
    pub(crate) fn status(&self, interval_secs: u64, now: u64) -> Status {
        enrollment::status(&self.device, interval_secs, now)
    }
}

/// A device that asks to be enrolled. Its signature was checked, its hashes were hashed again.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// What the rules look at.
    pub(crate) request: Request,
    /// Its public key, a JWK.
    pub(crate) public_key: String,
    /// The id of its token, if the service knows it.
    pub(crate) token: Option<String>,
    /// The hashed serial number that the token is bound to.
    pub(crate) token_serial: Option<PartHash>,
    /// The oldest agent that may use the token, as its claims say.
    pub(crate) least_agent: Option<[u32; 3]>,
    /// The hashed serial numbers with which the tenant's list is searched. They do not depend on the product, as those of the request do.
    pub(crate) listed_as: Vec<PartHash>,
    /// Whose device it would be, as far as that is known.
    pub(crate) tenant: Option<String>,
    /// What it calls itself.
    pub(crate) host_name: String,
    /// Its operating system and architecture.
    pub(crate) os: String,
    /// The agent's version.
    pub(crate) agent: String,
    /// The tenant's rules.
    pub(crate) policy: Policy,
    /// The id of a new record, and of a request that waits.
    pub(crate) new_id: String,
    /// It asks by a file, and has no network.
    pub(crate) offline: bool,
}

/// A tenant's places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Places {
    /// Devices that are not retired.
    pub(crate) enrolled: u64,
    /// Serial numbers on its list.
    pub(crate) listed: u64,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Enrolled {
    /// The device has this record; is it new, or newly this key's?
    Device {
        /// The record.
        row: Box<DeviceRow>,
        /// False for a request that was repeated.
        is_new: bool,
    },
    /// It waits, for this.
    Pending(&'static str),
    /// It is refused.
    Refused(Refusal),
    /// As many requests wait as may.
    Full,
}

/// A request that waits for an admin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WaitRow {
    /// The thumbprint of the device's key: the request's id.
    pub(crate) key: String,
    /// Whose device it would be.
    pub(crate) tenant: Option<String>,
    /// Its product.
    pub(crate) product: String,
    /// When it asked first.
    pub(crate) first_asked: u64,
    /// `approval`, `allocation` or `re-association`.
    pub(crate) reason: String,
    /// The record that it may be.
    pub(crate) candidate: Option<String>,
    /// The kinds of parts that are equal.
    pub(crate) equal: String,
    /// The kinds that differ.
    pub(crate) differing: String,
    /// What it calls itself.
    pub(crate) host_name: String,
    /// Its operating system and architecture.
    pub(crate) os: String,
    /// What an admin has answered.
    pub(crate) answer: Option<String>,
}

/// An admin's answer to a request that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AdminAnswer {
    /// `approve`, `deny` or `re-associate`.
    pub(crate) answer: String,
    /// The record to re-associate.
    pub(crate) device_id: Option<String>,
    /// The tenant that a request without one is let into.
    pub(crate) tenant: Option<String>,
}

/// A record that a device has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeviceRecord {
    /// Which opening of its queue has written it.
    pub(crate) epoch: String,
    /// Its number.
    pub(crate) seq: u64,
    /// When, by the device's clock.
    pub(crate) time: u64,
    /// What it says, in base64.
    pub(crate) body: String,
}

pub(super) fn device(mut cells: Cells) -> Result<DeviceRow> {
    let (id, tenant, product, key) = (cells.text()?, cells.text()?, cells.text()?, cells.text()?);
    let (public_key, token, enrolled) = (cells.text()?, cells.optional_text()?, cells.number()?);
    let (confirmed, last_seen, retired) =
        (cells.number()? == 1, cells.optional_number()?, cells.optional_number()?.is_some());
    let (offline, generation, generation_before) = (cells.number()? == 1, cells.number()?, cells.number()?);
    let fingerprint = fingerprint_of(&cells.text()?)?;
    let device = Device {
        id,
        tenant,
        key,
        enrolled,
        confirmed,
        last_seen,
        retired,
        offline,
        fingerprint,
        generation,
        generation_before,
    };
    let (host_name, os, agent) = (cells.text()?, cells.text()?, cells.text()?);
    Ok(DeviceRow { device, product, public_key, token, host_name, os, agent })
}

/// A part as a key: kind and hash.
pub(super) fn part_text(part: &Part) -> String {
    let mut text = format!("{}:", part.kind.name());
    for byte in part.hash {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

pub(super) fn fingerprint_text(fingerprint: &Fingerprint) -> String {
    let parts: Vec<String> = fingerprint.parts().iter().map(part_text).collect();
    format!("{} {}", fingerprint.class().name(), parts.join(","))
}

fn fingerprint_of(text: &str) -> Result<Fingerprint> {
    const WRONG: LedgerError = LedgerError::Row { found: "another text", expected: "a fingerprint" };
    let (class, parts) = text.split_once(' ').ok_or(WRONG)?;
    let class = Class::from_name(class).ok_or(WRONG)?;
    let parts: Option<Vec<Part>> = parts.split(',').filter(|part| !part.is_empty()).map(part_of).collect();
    Ok(Fingerprint::new(class, parts.ok_or(WRONG)?))
}

fn part_of(text: &str) -> Option<Part> {
    let (kind, hash) = text.split_once(':')?;
    let value = u128::from_str_radix(hash, 16).ok().filter(|_| hash.len() == 32)?;
    Some(Part { kind: Kind::from_name(kind)?, hash: value.to_be_bytes() })
}

/// Names of kinds, for a list.
pub(super) fn kinds(kinds: &[Kind]) -> String {
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(",")
}
