//! Tokens: those that were minted here, and those that came with requests.

use super::engine::Transaction;
use super::error::{LedgerError, Result};
use super::handle::Ledger;
use super::once::once;
use super::records::{Added, Filter, Once, Origin, Page, SealedBytes, TokenRecord, TokenRow, TokenStatus, UseReport};
use super::selection::{Selection, place, read_place, rows};
use super::values::{Cells, values};

const RECORD: &str = "id, origin, tenant, product, serial, issuer_key, fingerprint, created, expires, uses, by_key";
const ROW: &str = "id, origin, tenant, product, serial, issuer_key, fingerprint, created, expires, uses, by_key, \
     used, revoked, (SELECT COUNT(*) FROM stamp WHERE stamp.token = token.id), \
     CASE WHEN sealed IS NULL THEN 0 ELSE 1 END";

impl Ledger {
    /// Writes down a token that was minted here, with the token itself, sealed.
    pub(crate) async fn add_token(
        &self,
        record: TokenRecord,
        sealed: SealedBytes,
        once_only: Option<Once>,
    ) -> Result<Added> {
        self.write(move |tx| {
            if let Some(before) = once(tx, once_only.as_ref(), record.created)? {
                return Ok(before);
            }
            if insert(tx, &record, Some(&sealed))? { Ok(Added::New) } else { Err(taken()) }
        })
        .await
    }

    /// The token with this id.
    pub(crate) async fn token(&self, id: &str) -> Result<Option<TokenRow>> {
        let id = id.to_owned();
        let sql = format!("SELECT {ROW} FROM token WHERE id = $1");
        self.read(move |tx| tx.row(&sql, values![&id])?.map(row).transpose()).await
    }

    /// The token with this fingerprint that was minted here.
    pub(crate) async fn minted_token(&self, fingerprint: &str) -> Result<Option<TokenRow>> {
        let fingerprint = fingerprint.to_owned();
        let sql =
            format!("SELECT {ROW} FROM token WHERE fingerprint = $1 AND origin = $2 ORDER BY created DESC LIMIT 1");
        self.read(move |tx| tx.row(&sql, values![&fingerprint, Origin::Minted.name()])?.map(row).transpose()).await
    }

    /// The sealed token with this id, as long as it can be used.
    pub(crate) async fn sealed_token(&self, id: &str) -> Result<Option<SealedBytes>> {
        let id = id.to_owned();
        self.read(move |tx| {
            let found = tx.row("SELECT sealed FROM token WHERE id = $1", values![&id])?;
            Ok(found.map(|mut cells| cells.optional_bytes()).transpose()?.flatten().map(SealedBytes))
        })
        .await
    }

    /// Tokens, newest first.
    pub(crate) async fn tokens(&self, filter: Filter) -> Result<Page<TokenRow>> {
        let mut selection = Selection::default();
        selection.and_if("tenant = ?", filter.tenant.as_ref());
        selection.and_if("created >= ?", filter.since.as_ref());
        if let Some(after) = &filter.after {
            selection.and("(created, id) < (?, ?)", read_place(after));
        }
        let wanted = rows(&filter);
        let limit = wanted + 1;
        let sql = format!("SELECT {ROW} FROM token{} ORDER BY created DESC, id DESC LIMIT {limit}", selection.text());
        self.read(move |tx| {
            let found = tx.query(&sql, &selection.values)?;
            let is_last = found.len() <= wanted;
            let rows = found.into_iter().take(wanted).map(row).collect::<Result<Vec<_>>>()?;
            let last = rows.last().filter(|_| !is_last);
            Ok(Page { next: last.map(|last| place(last.record.created, &last.record.id)), rows })
        })
        .await
    }

    /// Revokes a token: from the return on it is not stamped and not served, and neither it nor a link's copy of it is kept. Gives
    /// whether there is such a token; revoking it again changes nothing.
    pub(crate) async fn revoke_token(&self, id: &str, now: u64) -> Result<bool> {
        let id = id.to_owned();
        self.write(move |tx| {
            let sql = "UPDATE token SET revoked = COALESCE(revoked, $1), sealed = NULL WHERE id = $2";
            let is_there = tx.execute(sql, values![now, &id])? == 1;
            tx.execute("UPDATE link SET sealed = NULL WHERE token = $1", values![&id])?;
            Ok(is_there)
        })
        .await
    }

    /// Writes down that a device has used a token. The same device may be reported any number of times and counts once. `None`: there is
    /// no such token.
    pub(crate) async fn report_use(&self, id: &str, device: &str, now: u64) -> Result<Option<UseReport>> {
        let (id, device) = (id.to_owned(), device.to_owned());
        self.write(move |tx| report_use(tx, &id, &device, now)).await
    }
}

pub(super) fn report_use(tx: &mut dyn Transaction, id: &str, device: &str, now: u64) -> Result<Option<UseReport>> {
    let sql = "SELECT revoked, expires, uses, used FROM token WHERE id = $1 FOR UPDATE";
    let Some(mut cells) = tx.row(sql, values![id])? else { return Ok(None) };
    let (revoked, expires, uses) = (cells.optional_number()?, cells.optional_number()?, cells.optional_number()?);
    let mut used = cells.number()?;
    let status = TokenStatus::new(revoked, expires, uses, used, now);
    let known = tx.row("SELECT at FROM token_use WHERE token = $1 AND device = $2", values![id, device])?;
    let is_new = known.is_none();
    let accepted = status == TokenStatus::Valid || (!is_new && status != TokenStatus::Revoked);
    if accepted && is_new {
        tx.execute("INSERT INTO token_use (token, device, at) VALUES ($1, $2, $3)", values![id, device, now])?;
        tx.execute("UPDATE token SET used = used + 1 WHERE id = $1", values![id])?;
        used += 1;
    }
    let status = TokenStatus::new(revoked, expires, uses, used, now);
    if status == TokenStatus::UsedUp {
        tx.execute("UPDATE token SET sealed = NULL WHERE id = $1", values![id])?;
        tx.execute("UPDATE link SET sealed = NULL WHERE token = $1", values![id])?;
    }
    Ok(Some(UseReport { accepted, is_new: accepted && is_new, status, used, uses }))
}

/// What is known of a token that is about to be stamped or served.
pub(super) enum Seen {
    /// It can be used, or why not.
    Status(TokenStatus),
    /// Another token with this id is known, or this one is another tenant's.
    Other,
}

/// Looks a token up, and writes it down if it is not known. Until the transaction ends, it cannot be revoked.
pub(super) fn see(tx: &mut dyn Transaction, token: &TokenRecord, now: u64) -> Result<Seen> {
    let look = |tx: &mut dyn Transaction| {
        let sql = "SELECT fingerprint, tenant, revoked, expires, uses, used FROM token WHERE id = $1 FOR SHARE";
        tx.row(sql, values![&token.id])
    };
    let mut found = look(tx)?;
    if found.is_none() {
        insert(tx, token, None)?;
        found = look(tx)?;
    }
    let mut cells = found.ok_or(LedgerError::Row { found: "nothing", expected: "the token" })?;
    let (fingerprint, tenant) = (cells.text()?, cells.optional_text()?);
    // A token that says nothing of a tenant is the tenant's whose key has brought it first. A key without a tenant may use all.
    let is_others = matches!((&tenant, &token.tenant), (Some(own), Some(given)) if own != given);
    if fingerprint != token.fingerprint || is_others {
        return Ok(Seen::Other);
    }
    let (revoked, expires, uses) = (cells.optional_number()?, cells.optional_number()?, cells.optional_number()?);
    Ok(Seen::Status(TokenStatus::new(revoked, expires, uses, cells.number()?, now)))
}

fn insert(tx: &mut dyn Transaction, token: &TokenRecord, sealed: Option<&SealedBytes>) -> Result<bool> {
    let sql = format!(
        "INSERT INTO token ({RECORD}, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT (id) DO NOTHING"
    );
    let values = values![
        &token.id,
        token.origin.name(),
        &token.tenant,
        &token.product,
        &token.serial,
        &token.issuer_key,
        &token.fingerprint,
        token.created,
        &token.expires,
        &token.uses,
        &token.by_key,
        &sealed.map(|sealed| sealed.0.clone()),
    ];
    Ok(tx.execute(&sql, values)? == 1)
}

fn taken() -> LedgerError {
    LedgerError::Database("the id of the new token is taken".to_owned())
}

fn row(mut cells: Cells) -> Result<TokenRow> {
    let record = TokenRecord {
        id: cells.text()?,
        origin: match cells.text()?.as_str() {
            "minted" => Origin::Minted,
            "seen" => Origin::Seen,
            _ => return Err(LedgerError::Row { found: "another text", expected: "minted or seen" }),
        },
        tenant: cells.optional_text()?,
        product: cells.optional_text()?,
        serial: cells.optional_text()?,
        issuer_key: cells.optional_text()?,
        fingerprint: cells.text()?,
        created: cells.number()?,
        expires: cells.optional_number()?,
        uses: cells.optional_number()?,
        by_key: cells.text()?,
    };
    Ok(TokenRow {
        record,
        used: cells.number()?,
        revoked: cells.optional_number()?,
        installers: cells.number()?,
        is_kept: cells.integer()? != 0,
    })
}
