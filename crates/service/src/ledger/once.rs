//! Requests with an `Idempotency-Key`.

use super::engine::Transaction;
use super::error::Result;
use super::handle::Ledger;
use super::records::{Added, Once, SealedBytes};
use super::values::values;

impl Ledger {
    /// What was answered to this request before, if its answer is still kept: [`Added::New`] says that there is none.
    pub(crate) async fn answered(&self, by_key: &str, name: &str, request: [u8; 32], now: u64) -> Result<Added> {
        let (by_key, name) = (by_key.to_owned(), name.to_owned());
        self.read(move |tx| Ok(before(tx, &by_key, &name, request, now)?.unwrap_or(Added::New))).await
    }
}

/// Writes down what is answered to a request, in the transaction that makes the change. If it was answered before, nothing is written,
/// and the caller must change nothing.
pub(super) fn once(tx: &mut dyn Transaction, once: Option<&Once>, now: u64) -> Result<Option<Added>> {
    let Some(once) = once else { return Ok(None) };
    tx.execute(
        "DELETE FROM once WHERE by_key = $1 AND name = $2 AND expires <= $3",
        values![&once.by_key, &once.name, now],
    )?;
    let sql = "INSERT INTO once (by_key, name, request, response, expires) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (by_key, name) DO NOTHING";
    let values = values![&once.by_key, &once.name, once.request, &once.response.0, once.expires];
    if tx.execute(sql, values)? == 1 {
        return Ok(None);
    }
    before(tx, &once.by_key, &once.name, once.request, now)
}

fn before(tx: &mut dyn Transaction, by_key: &str, name: &str, request: [u8; 32], now: u64) -> Result<Option<Added>> {
    let sql = "SELECT request, response FROM once WHERE by_key = $1 AND name = $2 AND expires > $3";
    let Some(mut cells) = tx.row(sql, values![by_key, name, now])? else { return Ok(None) };
    let same = cells.digest()? == request;
    let response = SealedBytes(cells.bytes()?);
    Ok(Some(if same { Added::Before(response) } else { Added::OtherRequest }))
}
