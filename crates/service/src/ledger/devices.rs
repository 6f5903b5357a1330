//! Devices that are enrolled: check-ins, records, and what an admin does to them.

use enrollment::{CheckIn, Fingerprint, Kind, Part, PartHash, Refusal, check_in, merge};

use super::device_rows::{DEVICE, DeviceRecord, DeviceRow, Places, device, fingerprint_text, part_text};
use super::engine::Transaction;
use super::enrollments::{device_where, event, look_at_device, set_parts, show_parts};
use super::error::{LedgerError, Result};
use super::handle::Ledger;
use super::records::{Filter, Page};
use super::selection::{Selection, place, read_place, rows};
use super::values::values;

/// The most bytes of records that a device may bring in a day: its whole queue, in base64, and those of a day.
pub(super) const MAX_RECORD_BYTES_A_DAY: u64 = 320 << 20;
/// How long a record is kept after it came.
pub(super) const RECORD_LIFE_SECS: u64 = 30 * DAY_SECS;
/// How long a turn of a part is kept that no device shows any more.
const TURN_LIFE_SECS: u64 = 30 * DAY_SECS;
const DAY_SECS: u64 = 86_400;
/// What a row of a record needs beside its body.
const RECORD_ROW_BYTES: u64 = 100;

/// What a check-in gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CheckedIn {
    /// The next generation.
    pub(crate) generation: u64,
    /// A command of an admin.
    pub(crate) command: Option<String>,
}

impl Ledger {
    /// The device with this id.
    pub(crate) async fn device(&self, id: &str) -> Result<Option<DeviceRow>> {
        let id = id.to_owned();
        self.read(move |tx| look_at_device(tx, "id = $1", &id)).await
    }

    /// The device with this key.
    pub(crate) async fn device_by_key(&self, key: &str) -> Result<Option<DeviceRow>> {
        let key = key.to_owned();
        self.read(move |tx| look_at_device(tx, "key = $1", &key)).await
    }

    /// Devices, newest first.
    pub(crate) async fn devices(&self, filter: Filter) -> Result<Page<DeviceRow>> {
        let mut selection = Selection::default();
        selection.and_if("tenant = ?", filter.tenant.as_ref());
        if let Some(after) = &filter.after {
            selection.and("(enrolled, id) < (?, ?)", read_place(after));
        }
        let wanted = rows(&filter);
        let limit = wanted + 1;
        let sql =
            format!("SELECT {DEVICE} FROM device{} ORDER BY enrolled DESC, id DESC LIMIT {limit}", selection.text());
        self.read(move |tx| {
            let found = tx.query(&sql, &selection.values)?;
            let is_last = found.len() <= wanted;
            let rows = found.into_iter().take(wanted).map(device).collect::<Result<Vec<_>>>()?;
            let last = rows.last().filter(|_| !is_last);
            Ok(Page { next: last.map(|last| place(last.device.enrolled, &last.device.id)), rows })
        })
        .await
    }

    /// The device has stored its identity.
    pub(crate) async fn confirm_device(&self, id: &str, key: &str) -> Result<bool> {
        let (id, key) = (id.to_owned(), key.to_owned());
        let sql = "UPDATE device SET confirmed = 1 WHERE id = $1 AND key = $2 AND retired IS NULL";
        self.write(move |tx| Ok(tx.execute(sql, values![&id, &key])? == 1)).await
    }

    /// A check-in that shows `generation`.
    pub(crate) async fn check_in(
        &self,
        id: &str,
        generation: u64,
        fingerprint: Fingerprint,
        agent: &str,
        now: u64,
    ) -> Result<std::result::Result<CheckedIn, Refusal>> {
        let (id, agent) = (id.to_owned(), agent.to_owned());
        self.write(move |tx| {
            let Some(row) = device_where(tx, "id = $1", &id)? else { return Ok(Err(Refusal::DeviceUnknown)) };
            let (generation, before) = match check_in(&row.device, generation) {
                CheckIn::Taken { generation, before } => (generation, before),
                CheckIn::Refuse(refusal) => {
                    event(tx, now, &id, refusal.name(), "")?;
                    return Ok(Err(refusal));
                }
            };
            show_parts(tx, &id, fingerprint.parts(), now)?;
            let found = tx.row("SELECT command FROM device WHERE id = $1", values![&id])?;
            let command = found.map(|mut cells| cells.optional_text()).transpose()?.flatten();
            let sql = "UPDATE device SET last_seen = $1, generation = $2, generation_before = $3, fingerprint = $4, agent = $5, \
                 confirmed = 1, offline = 0, command = NULL WHERE id = $6";
            let print = fingerprint_text(&fingerprint);
            tx.execute(sql, values![now, generation, before, print, &agent, &id])?;
            Ok(Ok(CheckedIn { generation, command }))
        })
        .await
    }

    /// Records of a device; those that are there already count as taken. False, and nothing is taken, if the device has brought as many
    /// bytes today as it may.
    pub(crate) async fn take_records(
        &self,
        id: &str,
        class: &str,
        records: Vec<DeviceRecord>,
        now: u64,
    ) -> Result<bool> {
        let (id, class) = (id.to_owned(), class.to_owned());
        self.write(move |tx| {
            let today = now / DAY_SECS;
            let sql = "SELECT record_day, record_bytes FROM device WHERE id = $1 FOR UPDATE";
            let Some(mut cells) = tx.row(sql, values![&id])? else { return Ok(false) };
            let (day, before) = (cells.number()?, cells.number()?);
            let mut taken = if day == today { before } else { 0 };
            let bytes = |record: &DeviceRecord| (record.body.len() as u64).saturating_add(RECORD_ROW_BYTES);
            if records.iter().map(bytes).fold(taken, u64::saturating_add) > MAX_RECORD_BYTES_A_DAY {
                return Ok(false);
            }
            let sql = "INSERT INTO device_record (device, class, epoch, seq, at, body, taken) VALUES ($1, $2, $3, $4, $5, $6, $7) \
                 ON CONFLICT (device, class, epoch, seq) DO NOTHING";
            for record in &records {
                let values = values![&id, &class, &record.epoch, record.seq, record.time, &record.body, now];
                if tx.execute(sql, values)? == 1 {
                    taken = taken.saturating_add(bytes(record));
                }
            }
            let sql = "UPDATE device SET record_day = $1, record_bytes = $2 WHERE id = $3";
            tx.execute(sql, values![today, taken, &id])?;
            Ok(true)
        })
        .await
    }

    /// Retires a device: its key is worth nothing, and its place in the allocation is free.
    pub(crate) async fn retire_device(&self, id: &str, now: u64) -> Result<bool> {
        let id = id.to_owned();
        self.write(move |tx| {
            let sql = "UPDATE device SET retired = COALESCE(retired, $1) WHERE id = $2";
            let is_there = tx.execute(sql, values![now, &id])? == 1;
            if is_there {
                event(tx, now, &id, "retired", "")?;
            }
            Ok(is_there)
        })
        .await
    }

    /// What the next check-in of a device tells it.
    pub(crate) async fn command_device(&self, id: &str, command: &str) -> Result<bool> {
        let (id, command) = (id.to_owned(), command.to_owned());
        self.write(move |tx| {
            Ok(tx.execute("UPDATE device SET command = $1 WHERE id = $2", values![&command, &id])? == 1)
        })
        .await
    }

    /// Makes one record of two: the older id, the living key. Gives the id that stays; nothing if they cannot be one.
    pub(crate) async fn merge_devices(&self, one: &str, other: &str, now: u64) -> Result<Option<String>> {
        let (one, other) = (one.to_owned(), other.to_owned());
        self.write(move |tx| {
            let (Some(first), Some(second)) =
                (device_where(tx, "id = $1", &one)?, device_where(tx, "id = $1", &other)?)
            else {
                return Ok(None);
            };
            // Two products on one device are two devices.
            if first.product != second.product {
                return Ok(None);
            }
            let Some(merged) = merge(&first.device, &second.device) else { return Ok(None) };
            let living = if first.device.key == merged.kept.key { first } else { second };
            keep(tx, &living, &merged.kept.id, merged.kept.enrolled, &merged.dropped)?;
            event(tx, now, &merged.kept.id, "merged", &merged.dropped)?;
            Ok(Some(merged.kept.id))
        })
        .await
    }

    /// Deletes a retired device and all that it has left. False if it is not retired.
    pub(crate) async fn delete_device(&self, id: &str) -> Result<bool> {
        let id = id.to_owned();
        self.write(move |tx| {
            if tx.execute("DELETE FROM device WHERE id = $1 AND retired IS NOT NULL", values![&id])? != 1 {
                return Ok(false);
            }
            for table in ["device_part", "part_turn", "device_event", "device_record"] {
                tx.execute(&format!("DELETE FROM {table} WHERE device = $1"), values![&id])?;
            }
            Ok(true)
        })
        .await
    }

    /// Puts hashed serial numbers on a tenant's list; gives how many were not there yet.
    pub(crate) async fn list_serials(&self, tenant: &str, hashes: Vec<PartHash>) -> Result<u64> {
        let tenant = tenant.to_owned();
        self.write(move |tx| {
            let sql = "INSERT INTO listed_serial (tenant, hash) VALUES ($1, $2) ON CONFLICT (tenant, hash) DO NOTHING";
            let mut listed = 0;
            for hash in &hashes {
                listed +=
                    tx.execute(sql, values![&tenant, part_text(&Part { kind: Kind::SystemSerial, hash: *hash })])?;
            }
            Ok(listed)
        })
        .await
    }

    /// How many places of a tenant are taken.
    pub(crate) async fn places(&self, tenant: &str) -> Result<Places> {
        let tenant = tenant.to_owned();
        self.read(move |tx| {
            let mut count = |sql: &str| {
                let row = tx.row(sql, values![&tenant])?;
                Ok::<_, LedgerError>(row.map(|mut cells| cells.number()).transpose()?.unwrap_or_default())
            };
            Ok(Places {
                enrolled: count("SELECT COUNT(*) FROM device WHERE tenant = $1 AND retired IS NULL")?,
                listed: count("SELECT COUNT(*) FROM listed_serial WHERE tenant = $1")?,
            })
        })
        .await
    }
}

/// Forgets records that came long ago, and turns of parts that no device shows any more.
pub(super) fn forget_history(tx: &mut dyn Transaction, now: u64) -> Result<()> {
    let sql = "DELETE FROM device_record WHERE taken <= $1";
    tx.execute(sql, values![now.saturating_sub(RECORD_LIFE_SECS)])?;
    let sql = "DELETE FROM part_turn WHERE at <= $1 \
         AND NOT EXISTS (SELECT 1 FROM device_part WHERE device_part.part = part_turn.part)";
    tx.execute(sql, values![now.saturating_sub(TURN_LIFE_SECS)]).map(drop)
}

fn keep(tx: &mut dyn Transaction, living: &DeviceRow, kept: &str, enrolled: u64, dropped: &str) -> Result<()> {
    for table in ["device_event", "part_turn"] {
        tx.execute(&format!("UPDATE {table} SET device = $1 WHERE device = $2"), values![kept, dropped])?;
    }
    let sql = "INSERT INTO device_record (device, class, epoch, seq, at, body, taken) \
         SELECT $1, class, epoch, seq, at, body, taken FROM device_record WHERE device = $2 \
         ON CONFLICT (device, class, epoch, seq) DO NOTHING";
    tx.execute(sql, values![kept, dropped])?;
    for table in ["device_record", "device_part"] {
        tx.execute(&format!("DELETE FROM {table} WHERE device = $1"), values![dropped])?;
    }
    if living.device.id != kept {
        // The key is unique: the record that goes first.
        tx.execute("DELETE FROM device WHERE id = $1", values![kept])?;
        tx.execute(
            "UPDATE device SET id = $1, enrolled = $2 WHERE id = $3",
            values![kept, enrolled, &living.device.id],
        )?;
    } else {
        tx.execute("DELETE FROM device WHERE id = $1", values![dropped])?;
    }
    set_parts(tx, kept, living.device.fingerprint.parts())
}
