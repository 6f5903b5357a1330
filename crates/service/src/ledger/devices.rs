//! Devices that are enrolled: check-ins, records, and what an admin does to them.

use enrollment::{CheckIn, Fingerprint, Kind, Part, PartHash, Refusal, check_in, merge};

use super::device_rows::{DEVICE, DeviceRecord, DeviceRow, device, fingerprint_text, part_text};
use super::engine::Transaction;
use super::enrollments::{device_where, event, look_at_device, set_parts, show_parts};
use super::error::Result;
use super::handle::Ledger;
use super::values::values;

/// The most rows of a list.
const MAX_ROWS: usize = 1000;

/// What a check-in gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedIn {
    /// The next generation.
    pub generation: u64,
    /// A command of an admin.
    pub command: Option<String>,
}

impl Ledger {
    /// The device with this id.
    pub async fn device(&self, id: &str) -> Result<Option<DeviceRow>> {
        let id = id.to_owned();
        self.read(move |tx| look_at_device(tx, "id = $1", &id)).await
    }

    /// The device with this key.
    pub async fn device_by_key(&self, key: &str) -> Result<Option<DeviceRow>> {
        let key = key.to_owned();
        self.read(move |tx| look_at_device(tx, "key = $1", &key)).await
    }

    /// Devices, newest first, of one tenant or of all.
    pub async fn devices(&self, tenant: Option<String>) -> Result<Vec<DeviceRow>> {
        self.read(move |tx| {
            let sql = format!(
                "SELECT {DEVICE} FROM device WHERE (tenant = $1 OR CAST($2 AS BIGINT) = 1) ORDER BY enrolled DESC, id LIMIT {MAX_ROWS}"
            );
            let all = u64::from(tenant.is_none());
            let rows = tx.query(&sql, values![tenant.clone().unwrap_or_default(), all])?;
            rows.into_iter().map(device).collect()
        })
        .await
    }

    /// The device has stored its identity.
    pub async fn confirm_device(&self, id: &str, key: &str) -> Result<bool> {
        let (id, key) = (id.to_owned(), key.to_owned());
        let sql = "UPDATE device SET confirmed = 1 WHERE id = $1 AND key = $2 AND retired IS NULL";
        self.write(move |tx| Ok(tx.execute(sql, values![&id, &key])? == 1)).await
    }

    /// A check-in that shows `generation`.
    pub async fn check_in(
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
                 confirmed = 1, command = NULL WHERE id = $6";
            let print = fingerprint_text(&fingerprint);
            tx.execute(sql, values![now, generation, before, print, &agent, &id])?;
            Ok(Ok(CheckedIn { generation, command }))
        })
        .await
    }

    /// Records of a device; those that are there already count as taken.
    pub async fn take_records(&self, id: &str, class: &str, records: Vec<DeviceRecord>) -> Result<()> {
        let (id, class) = (id.to_owned(), class.to_owned());
        self.write(move |tx| {
            let sql = "INSERT INTO device_record (device, class, epoch, seq, at, body) VALUES ($1, $2, $3, $4, $5, $6) \
                 ON CONFLICT (device, class, epoch, seq) DO NOTHING";
            for record in &records {
                tx.execute(sql, values![&id, &class, &record.epoch, record.seq, record.time, &record.body])?;
            }
            Ok(())
        })
        .await
    }

    /// Retires a device: its key is worth nothing, and its place in the allocation is free.
    pub async fn retire_device(&self, id: &str, now: u64) -> Result<bool> {
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
    pub async fn command_device(&self, id: &str, command: &str) -> Result<bool> {
        let (id, command) = (id.to_owned(), command.to_owned());
        self.write(move |tx| {
            Ok(tx.execute("UPDATE device SET command = $1 WHERE id = $2", values![&command, &id])? == 1)
        })
        .await
    }

    /// Makes one record of two: the older id, the living key. Gives the id that stays; nothing if they cannot be one.
    pub async fn merge_devices(&self, one: &str, other: &str, now: u64) -> Result<Option<String>> {
        let (one, other) = (one.to_owned(), other.to_owned());
        self.write(move |tx| {
            let (Some(first), Some(second)) =
                (device_where(tx, "id = $1", &one)?, device_where(tx, "id = $1", &other)?)
            else {
                return Ok(None);
            };
            let Some(merged) = merge(&first.device, &second.device) else { return Ok(None) };
            let living = if first.device.key == merged.kept.key { first } else { second };
            keep(tx, &living, &merged.kept.id, merged.kept.enrolled, &merged.dropped)?;
            event(tx, now, &merged.kept.id, "merged", &merged.dropped)?;
            Ok(Some(merged.kept.id))
        })
        .await
    }

    /// Puts hashed serial numbers on a tenant's list.
    pub async fn list_serials(&self, tenant: &str, hashes: Vec<PartHash>) -> Result<()> {
        let tenant = tenant.to_owned();
        self.write(move |tx| {
            let sql = "INSERT INTO listed_serial (tenant, hash) VALUES ($1, $2) ON CONFLICT (tenant, hash) DO NOTHING";
            for hash in &hashes {
                tx.execute(sql, values![&tenant, part_text(&Part { kind: Kind::SystemSerial, hash: *hash })])?;
            }
            Ok(())
        })
        .await
    }
}

fn keep(tx: &mut dyn Transaction, living: &DeviceRow, kept: &str, enrolled: u64, dropped: &str) -> Result<()> {
    for table in ["device_event", "part_turn"] {
        tx.execute(&format!("UPDATE {table} SET device = $1 WHERE device = $2"), values![kept, dropped])?;
    }
    let sql = "INSERT INTO device_record (device, class, epoch, seq, at, body) \
         SELECT $1, class, epoch, seq, at, body FROM device_record WHERE device = $2 \
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
