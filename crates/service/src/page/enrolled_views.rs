//! What the pages of devices show. The templates escape every value.

use askama::Template;
use enrollment::Status;

use super::views::{Frame, day};
use crate::http::time::rfc3339;
use crate::ledger::{DeviceRow, Places, WaitRow};

#[derive(Template)]
#[template(path = "page/enrolled.html")]
pub(super) struct Enrolled<'a> {
    pub(super) frame: Frame<'a>,
    /// Whether devices enroll here at all.
    pub(super) is_on: bool,
    pub(super) rows: Vec<DeviceLine>,
    pub(super) waiting: Vec<WaitLine>,
    /// The tenant's places, where one tenant is shown.
    pub(super) room: Option<Room>,
    pub(super) tenant: String,
    pub(super) status: String,
    pub(super) next: Option<String>,
}

impl<'a> Enrolled<'a> {
    /// Without an enrollment server.
    pub(super) fn off(frame: Frame<'a>) -> Self {
        let (tenant, status) = (String::new(), String::new());
        Self { frame, is_on: false, rows: Vec::new(), waiting: Vec::new(), room: None, tenant, status, next: None }
    }

    /// The statuses of the filter, and whether each is the one.
    fn statuses(&self) -> Vec<(&'static str, &'static str)> {
        let all =
            [Status::Enrolled, Status::PartiallyEnrolled, Status::EnrolledOffline, Status::Missing, Status::Retired];
        all.map(|status| (status.name(), if self.status == status.name() { " selected" } else { "" })).to_vec()
    }
}

/// A device in the list.
pub(super) struct DeviceLine {
    id: String,
    host_name: String,
    os: String,
    agent: String,
    tenant: String,
    product: String,
    status: &'static str,
    shown_status: &'static str,
    last_seen: String,
    enrolled: String,
    token: Option<String>,
    is_retired: bool,
    may_delete: bool,
}

impl DeviceLine {
    pub(super) fn new(row: &DeviceRow, status: Status, is_admin: bool) -> Self {
        let device = &row.device;
        Self {
            id: device.id.clone(),
            host_name: row.host_name.clone(),
            os: row.os.clone(),
            agent: row.agent.clone(),
            tenant: device.tenant.clone(),
            product: row.product.clone(),
            status: status.name(),
            shown_status: match status {
                Status::Enrolled => "Enrolled",
                Status::PartiallyEnrolled => "Partially enrolled",
                Status::EnrolledOffline => "Enrolled (Offline)",
                Status::Missing => "Missing",
                Status::Retired => "Retired",
            },
            last_seen: device.last_seen.map_or_else(|| "never".to_owned(), rfc3339),
            enrolled: day(device.enrolled),
            token: row.token.clone(),
            is_retired: device.retired,
            may_delete: device.retired && is_admin,
        }
    }

    pub(super) fn has_status(&self, status: &str) -> bool {
        self.status == status
    }
}

/// A tenant's places.
pub(super) struct Room {
    tenant: String,
    enrolled: u64,
    listed: u64,
    /// How many it may have, and how many are left of them.
    allocation: Option<(u32, u64)>,
}

impl Room {
    pub(super) fn new(tenant: &str, places: Places, allocation: Option<u32>) -> Self {
        let left = |most: u32| (most, u64::from(most).saturating_sub(places.enrolled));
        let Places { enrolled, listed } = places;
        Self { tenant: tenant.to_owned(), enrolled, listed, allocation: allocation.map(left) }
    }
}

/// A request that waits, beside the record that it may be.
pub(super) struct WaitLine {
    key: String,
    title: &'static str,
    host_name: String,
    os: String,
    product: String,
    tenant: Option<String>,
    first_asked: String,
    candidate: Option<Candidate>,
    parts: Vec<PartLine>,
}

/// The record.
struct Candidate {
    id: String,
    host_name: String,
    os: String,
    enrolled: String,
    last_seen: String,
}

/// A part of the hardware.
struct PartLine {
    name: String,
    is_equal: bool,
}

impl WaitLine {
    pub(super) fn new(row: &WaitRow, candidate: Option<&DeviceRow>) -> Self {
        let part = |is_equal| move |kind: &str| PartLine { name: part_name(kind).to_owned(), is_equal };
        let kinds = |text: &str| text.split(',').filter(|kind| !kind.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        let (equal, differing) = (kinds(&row.equal), kinds(&row.differing));
        let parts = equal.iter().map(|kind| part(true)(kind)).chain(differing.iter().map(|kind| part(false)(kind)));
        Self {
            key: row.key.clone(),
            title: match row.reason.as_str() {
                "re-association" => "Is this a device that is known already?",
                "allocation" => "A device waits for a place",
                _ => "A device waits for approval",
            },
            host_name: row.host_name.clone(),
            os: row.os.clone(),
            product: row.product.clone(),
            tenant: row.tenant.clone(),
            first_asked: rfc3339(row.first_asked),
            candidate: candidate.map(|row| Candidate {
                id: row.device.id.clone(),
                host_name: row.host_name.clone(),
                os: row.os.clone(),
                enrolled: day(row.device.enrolled),
                last_seen: row.device.last_seen.map_or_else(|| "never".to_owned(), rfc3339),
            }),
            parts: parts.collect(),
        }
    }
}

fn part_name(kind: &str) -> &str {
    match kind {
        "system_uuid" => "System UUID",
        "board_serial" => "Board serial number",
        "system_serial" => "System serial number",
        "mac" => "Network address",
        "cpu" => "Processor",
        "os_instance" => "Operating system installation",
        other => other,
    }
}

#[derive(Template)]
#[template(path = "page/pre_enroll.html")]
pub(super) struct PreEnroll<'a> {
    pub(super) frame: Frame<'a>,
    /// The only tenant of the key.
    pub(super) tenant: Option<&'a str>,
    /// What came of the list.
    pub(super) outcome: Outcome,
}

/// What came of a list or of a request that was uploaded.
pub(super) enum Outcome {
    /// Nothing was uploaded yet.
    Nothing,
    /// So many devices are listed, and so many of them were not before.
    Listed(usize, u64),
    /// These lines are wrong, and nothing was listed.
    Wrong(Vec<(u64, String)>),
    /// The device without a network waits for an admin.
    Waits,
}
