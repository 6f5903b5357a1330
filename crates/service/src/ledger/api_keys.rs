//! Who may call.

use super::engine::Transaction;
use super::error::{LedgerError, Result};
use super::handle::Ledger;
use super::records::ApiKeyRow;
use super::values::{Cells, values};
use crate::keys::Scopes;

const COLUMNS: &str = "id, name, hash, scopes, tenant, created, expires, revoked";

impl Ledger {
    /// Adds a key. Gives `false` and changes nothing if its id is taken.
    pub(crate) async fn add_api_key(&self, key: ApiKeyRow) -> Result<bool> {
        self.write(move |tx| insert(tx, &key)).await
    }

    /// Adds a key if there is none at all: of several processes that try, one succeeds.
    pub(crate) async fn add_first_api_key(&self, key: ApiKeyRow) -> Result<bool> {
        self.write(move |tx| {
            let there = tx.row("SELECT id FROM api_key LIMIT 1", &[])?;
            if there.is_some() { Ok(false) } else { insert(tx, &key) }
        })
        .await
    }

    /// The key with this id, revoked or not.
    pub(crate) async fn api_key(&self, id: &str) -> Result<Option<ApiKeyRow>> {
        let id = id.to_owned();
        let sql = format!("SELECT {COLUMNS} FROM api_key WHERE id = $1");
        self.look(move |tx| tx.row(&sql, values![&id])?.map(row).transpose()).await
    }

    /// All keys, in the order in which they were made.
    pub(crate) async fn api_keys(&self) -> Result<Vec<ApiKeyRow>> {
        let sql = format!("SELECT {COLUMNS} FROM api_key ORDER BY created, id");
        self.read(move |tx| tx.query(&sql, &[])?.into_iter().map(row).collect()).await
    }

    /// Revokes a key and ends what it has signed in. Gives whether there is such a key; revoking it again changes nothing.
    pub(crate) async fn revoke_api_key(&self, id: &str, now: u64) -> Result<bool> {
        let id = id.to_owned();
        self.write(move |tx| {
            tx.execute("DELETE FROM page_session WHERE api_key = $1", values![&id])?;
            let sql = "UPDATE api_key SET revoked = COALESCE(revoked, $1) WHERE id = $2";
            Ok(tx.execute(sql, values![now, &id])? == 1)
        })
        .await
    }
}

fn insert(tx: &mut dyn Transaction, key: &ApiKeyRow) -> Result<bool> {
    let sql =
        format!("INSERT INTO api_key ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING");
    let values = values![
        &key.id,
        &key.name,
        key.hash,
        key.scopes.to_string(),
        &key.tenant,
        key.created,
        &key.expires,
        &key.revoked,
    ];
    Ok(tx.execute(&sql, values)? == 1)
}

fn row(mut cells: Cells) -> Result<ApiKeyRow> {
    Ok(ApiKeyRow {
        id: cells.text()?,
        name: cells.text()?,
        hash: cells.digest()?,
        scopes: Scopes::parse(&cells.text()?)
            .map_err(|_| LedgerError::Row { found: "another text", expected: "names of scopes" })?,
        tenant: cells.optional_text()?,
        created: cells.number()?,
        expires: cells.optional_number()?,
        revoked: cells.optional_number()?,
    })
}
