//! Installers that were handed out: a row before the first byte, and its end after the last.

use super::engine::{Access, Transaction};
use super::error::{LedgerError, Result};
use super::handle::{Ledger, answer};
use super::once::once;
use super::records::{
    Added, Begun, Filter, Installer, NewStamp, Once, Outcome, Page, SealedBytes, StampEnd, StampId, StampRow,
    TokenStatus,
};
use super::selection::{Selection, rows};
use super::tokens::{Seen, see};
use super::values::{Cells, Value, values};

/// The columns of an [`Installer`], here and in the table of links.
pub(super) const INSTALLER: &str = "base, product, platform, arch, file_name, size, etag";
const ROW: &str = "base, product, platform, arch, file_name, size, etag, \
     id, at, by_key, tenant, token, fingerprint, link, outcome, bytes, ended";

/// So many bytes are a start. If the client goes before them, the use of a link is given back.
pub(crate) const START_BYTES: u64 = 65_536;
/// How often a link gives a use back.
pub(crate) const MAX_GIVEN_BACK: u64 = 3;

impl Ledger {
    /// Writes down that an installer is about to be handed out, if its token can be used. With an `Idempotency-Key`, its
    /// [`Once::response`] is replaced: the second request gets the row of the first.
    pub(crate) async fn begin_stamp(&self, stamp: NewStamp, once_only: Option<Once>) -> Result<StampBegun> {
        self.write(move |tx| {
            match see(tx, &stamp.token, stamp.at)? {
                Seen::Other => return Ok(StampBegun::Begun(Begun::OtherToken)),
                Seen::Status(TokenStatus::Valid) => {}
                Seen::Status(status) => return Ok(StampBegun::Begun(Begun::Refused(status))),
            }
            let id = insert(tx, &stamp, None)?;
            let named = once_only
                .as_ref()
                .map(|once| Once { response: SealedBytes(id.0.to_be_bytes().to_vec()), ..once.clone() });
            match once(tx, named.as_ref(), stamp.at)? {
                None | Some(Added::New) => Ok(StampBegun::Begun(Begun::Started(id))),
                Some(other) => {
                    tx.execute("DELETE FROM stamp WHERE id = $1", values![id.0])?;
                    again(&other)
                }
            }
        })
        .await
    }

    /// Writes down how a response has ended. The change is on its way when this returns, and need not be waited for. The future gives
    /// whether the use of a link was given back.
    pub(crate) fn end_stamp(&self, id: StampId, end: StampEnd) -> impl Future<Output = Result<bool>> + Send + use<> {
        answer(self.submit(Access::End, move |tx| ended(tx, id, &end)))
    }

    /// Installers that were handed out, newest first.
    pub(crate) async fn stamps(&self, filter: Filter) -> Result<Page<StampRow>> {
        let mut selection = Selection::default();
        selection.and_if("tenant = ?", filter.tenant.as_ref());
        selection.and_if("token = ?", filter.token.as_ref());
        selection.and_if("link = ?", filter.link.as_ref());
        selection.and_if("at >= ?", filter.since.as_ref());
        if let Some(after) = &filter.after {
            // A place that this program did not write is before all rows, so that the page is empty.
            selection.and("id < ?", [Value::from(after.parse::<i64>().unwrap_or(0))]);
        }
        let wanted = rows(&filter);
        let limit = wanted + 1;
        let sql = format!("SELECT {ROW} FROM stamp{} ORDER BY id DESC LIMIT {limit}", selection.text());
        self.read(move |tx| {
            let found = tx.query(&sql, &selection.values)?;
            let is_last = found.len() <= wanted;
            let rows = found.into_iter().take(wanted).map(row).collect::<Result<Vec<_>>>()?;
            let last = rows.last().filter(|_| !is_last);
            Ok(Page { next: last.map(|last| last.id.0.to_string()), rows })
        })
        .await
    }

    /// The row with this number.
    pub(crate) async fn stamp(&self, id: StampId) -> Result<Option<StampRow>> {
        let sql = format!("SELECT {ROW} FROM stamp WHERE id = $1");
        self.read(move |tx| tx.row(&sql, values![id.0])?.map(row).transpose()).await
    }
}

/// What became of a request for an installer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StampBegun {
    /// It is the first of its kind.
    Begun(Begun),
    /// The same request came before: this is its row, and there is no other.
    Again(StampId),
    /// Another request had this `Idempotency-Key`.
    OtherRequest,
}

fn again(before: &Added) -> Result<StampBegun> {
    let Added::Before(SealedBytes(id)) = before else { return Ok(StampBegun::OtherRequest) };
    let id = id.as_slice().try_into().map_err(|_| LedgerError::Row { found: "other bytes", expected: "8 bytes" })?;
    Ok(StampBegun::Again(StampId(i64::from_be_bytes(id))))
}

pub(super) fn insert(tx: &mut dyn Transaction, stamp: &NewStamp, link: Option<&str>) -> Result<StampId> {
    let sql = format!(
        "INSERT INTO stamp ({INSTALLER}, at, by_key, tenant, token, fingerprint, link, outcome) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING id"
    );
    let mut values = installer_values(&stamp.installer);
    values.extend_from_slice(values![
        stamp.at,
        &stamp.by_key,
        &stamp.tenant,
        &stamp.token.id,
        &stamp.token.fingerprint,
        &link.map(str::to_owned),
        Outcome::Started.name(),
    ]);
    let mut cells = tx.row(&sql, &values)?.ok_or(LedgerError::Row { found: "nothing", expected: "a number" })?;
    Ok(StampId(cells.integer()?))
}

fn ended(tx: &mut dyn Transaction, id: StampId, end: &StampEnd) -> Result<bool> {
    // What was once complete stays so: a later request for a part of it may break off.
    let sql = "UPDATE stamp SET bytes = bytes + $1, ended = $2, \
               outcome = CASE WHEN outcome = 'done' THEN outcome ELSE $3 END WHERE id = $4 RETURNING outcome";
    let row = tx.row(sql, values![end.sent, end.at, end.outcome.name(), id.0])?;
    let is_complete = row.map(|mut cells| cells.text()).transpose()?.is_some_and(|name| name == Outcome::Done.name());
    let sql = "UPDATE session SET running = running - 1, \
               reached = CASE WHEN reached < $1 THEN $1 ELSE reached END \
               WHERE stamp = $2 RETURNING link, running, reached";
    let Some(mut session) = tx.row(sql, values![end.reached, id.0])? else { return Ok(false) };
    let (link, running, reached) = (session.text()?, session.integer()?, session.number()?);
    // By what was reached, not by what was sent: parts of one installer that were fetched with one use again and again would add up.
    if running > 0 || reached >= START_BYTES || is_complete {
        return Ok(false);
    }
    let sql =
        "UPDATE link SET uses_left = uses_left + 1, given_back = given_back + 1 WHERE id = $1 AND given_back < $2";
    if tx.execute(sql, values![&link, MAX_GIVEN_BACK])? == 0 {
        return Ok(false);
    }
    tx.execute("DELETE FROM session WHERE stamp = $1", values![id.0])?;
    Ok(true)
}

pub(super) fn installer_values(installer: &Installer) -> Vec<Value> {
    values![
        installer.base,
        &installer.product,
        &installer.platform,
        &installer.arch,
        &installer.file_name,
        installer.size,
        &installer.etag,
    ]
    .to_vec()
}

/// The cells of [`INSTALLER`].
pub(super) fn installer(cells: &mut Cells) -> Result<Installer> {
    Ok(Installer {
        base: cells.digest()?,
        product: cells.text()?,
        platform: cells.text()?,
        arch: cells.text()?,
        file_name: cells.text()?,
        size: cells.number()?,
        etag: cells.text()?,
    })
}

fn row(mut cells: Cells) -> Result<StampRow> {
    let installer = installer(&mut cells)?;
    Ok(StampRow {
        id: StampId(cells.integer()?),
        at: cells.number()?,
        by_key: cells.text()?,
        tenant: cells.optional_text()?,
        token: cells.text()?,
        fingerprint: cells.text()?,
        installer,
        link: cells.optional_text()?,
        outcome: Outcome::of_name(&cells.text()?)
            .ok_or(LedgerError::Row { found: "another text", expected: "an outcome" })?,
        bytes: cells.number()?,
        ended: cells.optional_number()?,
    })
}
