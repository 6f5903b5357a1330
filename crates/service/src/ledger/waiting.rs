//! Requests for an enrollment that wait for an admin, and what was answered.

use enrollment::{Answer, Pending};

use super::device_rows::{AdminAnswer, Asked, WaitRow, kinds};
use super::engine::Transaction;
use super::error::Result;
use super::handle::Ledger;
use super::records::{Filter, Page};
use super::selection::{Selection, place, read_place, rows};
use super::values::{Cells, Value, values};

/// The most requests that wait and name no tenant. Anybody can make such a request, so their number has an end.
const MAX_WITHOUT_TENANT: u64 = 1000;
/// The most requests that wait for a tenant: who has a token of it can make any number of keys.
const MAX_OF_TENANT: u64 = 20_000;
/// How long a request waits.
const LIFE_SECS: u64 = 30 * 86_400;
/// The columns that [`row`] reads.
const ROW: &str = "key, tenant, product, first_asked, reason, candidate, equal, differing, host_name, os, answer";

impl Ledger {
    /// Requests that wait for an admin, newest first.
    pub(crate) async fn waiting_devices(&self, filter: Filter) -> Result<Page<WaitRow>> {
        let mut selection = Selection::default();
        selection.and_if("tenant = ?", filter.tenant.as_ref());
        if let Some(after) = &filter.after {
            selection.and("(first_asked, key) < (?, ?)", read_place(after));
        }
        let wanted = rows(&filter);
        let limit = wanted + 1;
        let sql = format!(
            "SELECT {ROW} FROM enrollment_wait{} ORDER BY first_asked DESC, key DESC LIMIT {limit}",
            selection.text()
        );
        self.read(move |tx| {
            let found = tx.query(&sql, &selection.values)?;
            let is_last = found.len() <= wanted;
            let rows = found.into_iter().take(wanted).map(row).collect::<Result<Vec<_>>>()?;
            let last = rows.last().filter(|_| !is_last);
            Ok(Page { next: last.map(|last| place(last.first_asked, &last.key)), rows })
        })
        .await
    }

    /// The request of this key, if it waits.
    pub(crate) async fn waiting_device(&self, key: &str) -> Result<Option<WaitRow>> {
        let key = key.to_owned();
        self.read(move |tx| {
            let sql = format!("SELECT {ROW} FROM enrollment_wait WHERE key = $1");
            tx.row(&sql, values![&key])?.map(row).transpose()
        })
        .await
    }

    /// The tenant that an admin has let the request of this key into, where the request itself names none.
    pub(crate) async fn granted_tenant(&self, key: &str) -> Result<Option<String>> {
        let key = key.to_owned();
        self.read(move |tx| {
            let sql = "SELECT answer_tenant FROM enrollment_wait WHERE key = $1 AND tenant IS NULL";
            Ok(tx.row(sql, values![&key])?.map(|mut cells| cells.optional_text()).transpose()?.flatten())
        })
        .await
    }

    /// An admin's answer to a request that waits and is of the tenant `of`, as the admin has seen it. A record to re-associate must be of
    /// the same tenant and product.
    pub(crate) async fn answer_device(&self, key: &str, of: Option<String>, said: AdminAnswer) -> Result<bool> {
        let key = key.to_owned();
        self.write(move |tx| {
            let sql = "SELECT tenant FROM enrollment_wait WHERE key = $1 FOR UPDATE";
            let Some(mut cells) = tx.row(sql, values![&key])? else { return Ok(false) };
            if cells.optional_text()? != of {
                return Ok(false);
            }
            if let Some(id) = &said.device_id {
                let sql = "SELECT device.id FROM device JOIN enrollment_wait ON enrollment_wait.tenant = device.tenant \
                     AND enrollment_wait.product = device.product WHERE device.id = $1 AND enrollment_wait.key = $2";
                if tx.row(sql, values![id, &key])?.is_none() {
                    return Ok(false);
                }
            }
            let sql = "UPDATE enrollment_wait SET answer = $1, answer_id = $2, answer_tenant = $3 WHERE key = $4";
            Ok(tx.execute(sql, values![&said.answer, &said.device_id, &said.tenant, &key])? == 1)
        })
        .await
    }
}

/// What is known of an earlier request of a key.
pub(super) struct Waited {
    /// What an admin has answered.
    pub(super) answer: Option<Answer>,
    /// When it first asked.
    pub(super) first_asked: Option<u64>,
    /// Whose device it would be now.
    pub(super) tenant: Option<String>,
    /// The row is of another tenant: what was answered there says nothing here.
    is_of_other: bool,
    is_there: bool,
}

impl Waited {
    /// `tenant` is the tenant of the token or of the record that the request names, if there is one.
    pub(super) fn of(tx: &mut dyn Transaction, key: &str, tenant: Option<String>) -> Result<Self> {
        let sql = "SELECT tenant, answer_tenant, answer, answer_id, first_asked FROM enrollment_wait WHERE key = $1";
        let mut found = Self { answer: None, first_asked: None, tenant, is_of_other: false, is_there: false };
        let Some(mut cells) = tx.row(sql, values![key])? else { return Ok(found) };
        found.is_there = true;
        let (own, granted) = (cells.optional_text()?, cells.optional_text()?);
        if own.is_none() && found.tenant.is_none() {
            found.tenant.clone_from(&granted);
        }
        if own.or(granted) != found.tenant {
            found.is_of_other = true;
            return Ok(found);
        }
        let (answer, id) = (cells.optional_text()?, cells.optional_text()?);
        found.answer = match (answer.as_deref(), id) {
            (Some("approve"), _) => Some(Answer::Approve),
            (Some("deny"), _) => Some(Answer::Deny),
            (Some("re-associate"), Some(id)) => Some(Answer::Reassociate(id)),
            _ => None,
        };
        found.first_asked = Some(cells.number()?);
        Ok(found)
    }

    /// The request waits no longer.
    pub(super) fn end(&self, tx: &mut dyn Transaction, key: &str) -> Result<()> {
        if self.is_there {
            tx.execute("DELETE FROM enrollment_wait WHERE key = $1", values![key])?;
        }
        Ok(())
    }

    /// Lets the request wait. False if as many wait for the tenant, or without one, as may.
    pub(super) fn wait(&self, tx: &mut dyn Transaction, asked: &Asked, pending: &Pending, now: u64) -> Result<bool> {
        let key = &asked.request.key;
        if self.is_of_other {
            tx.execute("DELETE FROM enrollment_wait WHERE key = $1", values![key])?;
        }
        if (self.is_of_other || !self.is_there) && is_full(tx, self.tenant.as_ref())? {
            return Ok(false);
        }
        let (candidate, equal, differing) = match pending {
            Pending::ReAssociation { device_id, matched } => {
                let kinds = matched.as_ref().map(|matched| (kinds(&matched.equal), kinds(&matched.differing)));
                let (equal, differing) = kinds.unwrap_or_default();
                (Some(device_id.clone()), equal, differing)
            }
            Pending::Approval | Pending::Allocation => (None, String::new(), String::new()),
        };
        let sql = "INSERT INTO enrollment_wait (key, tenant, product, first_asked, reason, candidate, equal, differing, host_name, os) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (key) DO UPDATE SET product = $3, reason = $5, candidate = $6, equal = $7, differing = $8";
        let values: &[Value] = values![
            key,
            &self.tenant,
            &asked.request.product,
            now,
            pending.name(),
            &candidate,
            equal,
            differing,
            &asked.host_name,
            &asked.os,
        ];
        tx.execute(sql, values)?;
        Ok(true)
    }
}

fn is_full(tx: &mut dyn Transaction, tenant: Option<&String>) -> Result<bool> {
    let (count, most) = match tenant {
        None => (tx.row("SELECT COUNT(*) FROM enrollment_wait WHERE tenant IS NULL", values![])?, MAX_WITHOUT_TENANT),
        Some(tenant) => {
            (tx.row("SELECT COUNT(*) FROM enrollment_wait WHERE tenant = $1", values![tenant])?, MAX_OF_TENANT)
        }
    };
    Ok(count.map(|mut cells| cells.number()).transpose()?.is_some_and(|count| count >= most))
}

/// Forgets requests that have waited for too long. A tenant's refusal stays.
pub(super) fn forget(tx: &mut dyn Transaction, now: u64) -> Result<u64> {
    let sql = "DELETE FROM enrollment_wait WHERE first_asked <= $1 AND (tenant IS NULL OR answer IS NULL OR answer <> 'deny')";
    tx.execute(sql, values![now.saturating_sub(LIFE_SECS)])
}

fn row(mut cells: Cells) -> Result<WaitRow> {
    Ok(WaitRow {
        key: cells.text()?,
        tenant: cells.optional_text()?,
        product: cells.text()?,
        first_asked: cells.number()?,
        reason: cells.text()?,
        candidate: cells.optional_text()?,
        equal: cells.text()?,
        differing: cells.text()?,
        host_name: cells.text()?,
        os: cells.text()?,
        answer: cells.optional_text()?,
    })
}
