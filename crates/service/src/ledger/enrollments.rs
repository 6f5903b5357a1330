//! Enrolling: what the rules decide, and what is written of it, in one transaction.

use std::collections::BTreeSet;

use enrollment::{Decision, Kind, Part, Question, Refusal, Token, decide, is_common};

use super::device_rows::{Asked, DEVICE, DeviceRow, Enrolled, device, fingerprint_text, part_text};
use super::engine::Transaction;
use super::error::Result;
use super::handle::Ledger;
use super::tokens::report_use;
use super::values::values;
use super::waiting::Waited;

/// The most records that share a part with a request and are looked at.
const MAX_CANDIDATES: usize = 32;
/// The most events of a device that are kept: the newest.
pub(super) const MAX_EVENTS: usize = 100;
/// The most turns of a part that are kept: two devices that share it are told by three.
const MAX_TURNS: usize = 16;

impl Ledger {
    /// Decides on a device that asks to be enrolled, and does it: the record, the use of the token, the event. The same key gets the same
    /// record again, without a further use.
    pub(crate) async fn enroll(&self, asked: Asked, now: u64) -> Result<Enrolled> {
        self.write(move |tx| enroll(tx, &asked, now)).await
    }
}

fn enroll(tx: &mut dyn Transaction, asked: &Asked, now: u64) -> Result<Enrolled> {
    let request = &asked.request;
    let token = match &asked.token {
        Some(id) => token(tx, id, asked)?,
        None => None,
    };
    let by_key = device_where(tx, "key = $1", &request.key)?;
    let previous = match &request.previous {
        Some(previous) => device_where(tx, "id = $1", &previous.device_id)?,
        None => None,
    };
    let shown = Shown::of(tx, request.fingerprint.parts())?;
    let rows = candidates(tx, &shown)?;
    let candidates: Vec<_> = rows.iter().map(|row| row.device.clone()).collect();
    let common: BTreeSet<Part> = shown.iter().filter(|shown| is_common(&shown.turns)).map(|shown| shown.part).collect();
    let known = token.as_ref().map(|token| token.tenant.clone()).or_else(|| asked.tenant.clone());
    let waited = Waited::of(tx, &request.key, known)?;
    let mut question = Question::new(&asked.policy, request)
        .with_candidates(&candidates, &common)
        .with_answer(waited.answer.as_ref(), waited.first_asked.unwrap_or(now))
        .with_tenant(waited.tenant.as_deref())
        .with_enrolled(enrolled(tx, waited.tenant.as_ref().filter(|_| asked.policy.allocation.is_some()))?)
        .listed(is_listed(tx, asked)?);
    if let Some(token) = &token {
        question = question.with_token(token);
    }
    if let Some(row) = &by_key {
        question = question.with_owner_of_key(&row.device);
    }
    if let Some(row) = &previous {
        question = question.with_previous(&row.device);
    }
    let decision = decide(&question, now);
    apply(tx, asked, decision, waited, &shown, now)
}

fn apply(
    tx: &mut dyn Transaction,
    asked: &Asked,
    decision: Decision,
    waited: Waited,
    shown: &[Shown],
    now: u64,
) -> Result<Enrolled> {
    let key = &asked.request.key;
    match decision {
        Decision::Known { device_id } => given(tx, &device_id, false),
        Decision::Refuse(refusal) => Ok(Enrolled::Refused(refusal)),
        Decision::Pending(pending) => {
            if !waited.wait(tx, asked, &pending, now)? {
                return Ok(Enrolled::Full);
            }
            Ok(Enrolled::Pending(pending.name()))
        }
        Decision::Enroll { conflict } => {
            let Some(tenant) = &waited.tenant else { return Ok(Enrolled::Refused(Refusal::TokenUnknown)) };
            if !use_token(tx, asked, now)? {
                return Ok(Enrolled::Refused(Refusal::TokenExhausted));
            }
            insert(tx, asked, tenant, now)?;
            add_parts(tx, &asked.new_id, shown.iter().map(|shown| shown.text.as_str()))?;
            take_turns(tx, &asked.new_id, shown, now)?;
            add_event(tx, now, &asked.new_id, "enrolled", asked.token.as_deref().unwrap_or_default())?;
            if let Some(other) = conflict {
                add_event(tx, now, &asked.new_id, "fingerprint-conflict", &other)?;
            }
            waited.end(tx, key)?;
            given(tx, &asked.new_id, true)
        }
        Decision::Rebind { device_id } => {
            if !use_token(tx, asked, now)? {
                return Ok(Enrolled::Refused(Refusal::TokenExhausted));
            }
            rebind(tx, asked, &device_id)?;
            event(tx, now, &device_id, "re-associated", key)?;
            waited.end(tx, key)?;
            given(tx, &device_id, true)
        }
    }
}

fn given(tx: &mut dyn Transaction, id: &str, is_new: bool) -> Result<Enrolled> {
    let row = device_where(tx, "id = $1", id)?;
    Ok(row.map_or(Enrolled::Refused(Refusal::DeviceUnknown), |row| Enrolled::Device { row: Box::new(row), is_new }))
}

/// A use of the token by this key. A device without a token was let in by an admin.
fn use_token(tx: &mut dyn Transaction, asked: &Asked, now: u64) -> Result<bool> {
    match &asked.token {
        None => Ok(true),
        Some(id) => Ok(report_use(tx, id, &asked.request.key, now)?.is_some_and(|report| report.accepted)),
    }
}

fn insert(tx: &mut dyn Transaction, asked: &Asked, tenant: &str, now: u64) -> Result<()> {
    let sql = "INSERT INTO device (id, tenant, product, key, public_key, token, enrolled, generation, generation_before, \
         fingerprint, host_name, os, agent, offline) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let fingerprint = fingerprint_text(&asked.request.fingerprint);
    tx.execute(
        sql,
        values![
            &asked.new_id,
            tenant,
            &asked.request.product,
            &asked.request.key,
            &asked.public_key,
            &asked.token,
            now,
            1_u64,
            0_u64,
            fingerprint,
            &asked.host_name,
            &asked.os,
            &asked.agent,
            u64::from(asked.offline),
        ],
    )
    .map(drop)
}

/// The record gets another key; the old one is worth nothing from now on.
fn rebind(tx: &mut dyn Transaction, asked: &Asked, id: &str) -> Result<()> {
    let sql = "UPDATE device SET key = $1, public_key = $2, token = $3, fingerprint = $4, host_name = $5, os = $6, agent = $7, \
         retired = NULL, confirmed = 0, offline = $9, last_seen = CASE WHEN CAST($9 AS BIGINT) = 1 THEN NULL ELSE last_seen END, \
         generation = generation + 2, generation_before = generation + 1 WHERE id = $8";
    let fingerprint = fingerprint_text(&asked.request.fingerprint);
    tx.execute(
        sql,
        values![
            &asked.request.key,
            &asked.public_key,
            &asked.token,
            fingerprint,
            &asked.host_name,
            &asked.os,
            &asked.agent,
            id,
            u64::from(asked.offline),
        ],
    )?;
    set_parts(tx, id, asked.request.fingerprint.parts())
}

/// A part that counts, as its tables have it, and the devices that have shown it by turns.
struct Shown {
    part: Part,
    text: String,
    turns: Vec<(String, u64)>,
}

impl Shown {
    fn of(tx: &mut dyn Transaction, parts: &[Part]) -> Result<Vec<Self>> {
        let counting = parts.iter().filter(|part| part.kind.weight() > 0);
        let mut read = |part: &Part| {
            let text = part_text(part);
            let rows = tx.query("SELECT device, at FROM part_turn WHERE part = $1 ORDER BY id", values![&text])?;
            let turns = rows.into_iter().map(|mut cells| Ok((cells.text()?, cells.number()?)));
            Ok(Self { part: *part, turns: turns.collect::<Result<_>>()?, text })
        };
        counting.map(&mut read).collect()
    }
}

/// These are the parts of a device now.
pub(super) fn set_parts(tx: &mut dyn Transaction, id: &str, parts: &[Part]) -> Result<()> {
    tx.execute("DELETE FROM device_part WHERE device = $1", values![id])?;
    let counting: Vec<_> = parts.iter().filter(|part| part.kind.weight() > 0).map(part_text).collect();
    add_parts(tx, id, counting.iter().map(String::as_str))
}

fn add_parts<'a>(tx: &mut dyn Transaction, id: &str, mut parts: impl Iterator<Item = &'a str>) -> Result<()> {
    let sql = "INSERT INTO device_part (part, device) VALUES ($1, $2) ON CONFLICT (part, device) DO NOTHING";
    parts.try_for_each(|part| tx.execute(sql, values![part, id]).map(drop))
}

/// A device shows its parts.
pub(super) fn show_parts(tx: &mut dyn Transaction, id: &str, parts: &[Part], now: u64) -> Result<()> {
    set_parts(tx, id, parts)?;
    let shown = Shown::of(tx, parts)?;
    take_turns(tx, id, &shown, now)
}

/// Where another device has shown a part before, that is a turn: devices that take turns share the part.
fn take_turns(tx: &mut dyn Transaction, id: &str, shown: &[Shown], now: u64) -> Result<()> {
    let sql = "INSERT INTO part_turn (part, device, at) VALUES ($1, $2, $3)";
    let is_turn = |turns: &[(String, u64)]| turns.len() < MAX_TURNS && turns.last().is_none_or(|(last, _)| last != id);
    let mut new = shown.iter().filter(|shown| is_turn(&shown.turns));
    new.try_for_each(|shown| tx.execute(sql, values![&shown.text, id, now]).map(drop))
}

fn candidates(tx: &mut dyn Transaction, parts: &[Shown]) -> Result<Vec<DeviceRow>> {
    let mut ids = BTreeSet::new();
    let sql = format!("SELECT device FROM device_part WHERE part = $1 ORDER BY device LIMIT {MAX_CANDIDATES}");
    for part in parts {
        for mut cells in tx.query(&sql, values![&part.text])? {
            ids.insert(cells.text()?);
        }
    }
    let rows = ids.iter().take(MAX_CANDIDATES).map(|id| device_where(tx, "id = $1", id)).collect::<Result<Vec<_>>>()?;
    Ok(rows.into_iter().flatten().collect())
}

/// The same without a lock, for who only looks.
pub(super) fn look_at_device(tx: &mut dyn Transaction, condition: &str, value: &str) -> Result<Option<DeviceRow>> {
    let sql = format!("SELECT {DEVICE} FROM device WHERE {condition}");
    tx.row(&sql, values![value])?.map(device).transpose()
}

pub(super) fn device_where(tx: &mut dyn Transaction, condition: &str, value: &str) -> Result<Option<DeviceRow>> {
    let sql = format!("SELECT {DEVICE} FROM device WHERE {condition} FOR UPDATE");
    tx.row(&sql, values![value])?.map(device).transpose()
}

fn token(tx: &mut dyn Transaction, id: &str, asked: &Asked) -> Result<Option<Token>> {
    let sql = "SELECT tenant, product, expires, uses, used, revoked FROM token WHERE id = $1 FOR UPDATE";
    let Some(mut cells) = tx.row(sql, values![id])? else { return Ok(None) };
    let (tenant, product) = (cells.optional_text()?, cells.optional_text()?);
    let (Some(tenant), Some(product)) = (tenant, product) else { return Ok(None) };
    let expires = cells.optional_number()?.unwrap_or(u64::MAX);
    let most = cells.optional_number()?;
    let used = cells.number()?;
    let as_u32 = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(Some(Token {
        revoked: cells.optional_number()?.is_some(),
        max_uses: most.map(as_u32),
        uses: as_u32(used),
        serial: asked.token_serial,
        least_agent: asked.least_agent,
        ..Token::new(id, &tenant, &product, expires)
    }))
}

/// How many devices of the tenant count: only asked where that number has an end, because it takes as long as there are devices.
fn enrolled(tx: &mut dyn Transaction, tenant: Option<&String>) -> Result<u32> {
    let Some(tenant) = tenant else { return Ok(0) };
    let row = tx.row("SELECT COUNT(*) FROM device WHERE tenant = $1 AND retired IS NULL", values![tenant])?;
    let count = row.map(|mut cells| cells.number()).transpose()?.unwrap_or_default();
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

fn is_listed(tx: &mut dyn Transaction, asked: &Asked) -> Result<bool> {
    let Some(tenant) = &asked.tenant else { return Ok(false) };
    for hash in &asked.listed_as {
        let hash = part_text(&Part { kind: Kind::SystemSerial, hash: *hash });
        if tx.row("SELECT tenant FROM listed_serial WHERE tenant = $1 AND hash = $2", values![tenant, hash])?.is_some()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn event(tx: &mut dyn Transaction, now: u64, device: &str, event: &str, detail: &str) -> Result<()> {
    add_event(tx, now, device, event, detail)?;
    let sql = format!(
        "DELETE FROM device_event WHERE device = $1 AND id <= \
         (SELECT id FROM device_event WHERE device = $1 ORDER BY id DESC LIMIT 1 OFFSET {MAX_EVENTS})"
    );
    tx.execute(&sql, values![device]).map(drop)
}

/// An event of a device that is new, and has no old ones to forget.
fn add_event(tx: &mut dyn Transaction, now: u64, device: &str, event: &str, detail: &str) -> Result<()> {
    let sql = "INSERT INTO device_event (at, device, event, detail) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, values![now, device, event, detail]).map(drop)
}
