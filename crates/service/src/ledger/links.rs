//! Links: an installer for whoever has the secret, as often as was said and no oftener.
//!
//! ```text
//!  claim ──a use is left──▶ uses_left - 1, a session, a row of the ledger        one transaction: of two claims of the last use, one succeeds
//!  resume ──cookie or ETag──▶ the session's row, as often as wanted until the session ends
//!  end_stamp ──the client went within 64 KiB, nothing else runs──▶ the use is given back, the session is over; three times for a link
//! ```

use super::engine::Transaction;
use super::error::Result;
use super::handle::Ledger;
use super::once::once;
use super::records::{
    Added, Claimed, Filter, LinkRefusal, LinkRow, NewLink, NewSession, NewStamp, Once, Page, Resumed, SealedBytes,
    SessionProof, StampId, TokenStatus,
};
use super::selection::{Selection, place, read_place, rows};
use super::stamps::{INSTALLER, MAX_GIVEN_BACK, insert, installer, installer_values};
use super::tokens::{Seen, see};
use super::values::{Cells, Value, values};

const ROW: &str = "link.base, link.product, link.platform, link.arch, link.file_name, link.size, link.etag, \
     link.id, link.tenant, link.token, link.uses, link.uses_left, link.given_back, link.created, link.expires, \
     link.revoked, link.by_key, link.sealed, token.revoked, token.expires, token.uses, token.used";
const TABLES: &str = "link JOIN token ON token.id = link.token";

impl Ledger {
    /// Writes down a link, if its token can be used.
    pub(crate) async fn add_link(&self, link: NewLink, once_only: Option<Once>) -> Result<Added> {
        self.write(move |tx| {
            match see(tx, &link.token, link.created)? {
                Seen::Other => return Ok(Added::OtherToken),
                Seen::Status(TokenStatus::Valid) => {}
                Seen::Status(status) => return Ok(Added::Refused(status)),
            }
            if let Some(before) = once(tx, once_only.as_ref(), link.created)? {
                return Ok(before);
            }
            add(tx, &link, link.uses)?;
            Ok(Added::New)
        })
        .await
    }

    /// The link with this secret, by the SHA-256 of the secret. Takes nothing: what HEAD, previews and the page ask.
    pub(crate) async fn link(&self, secret_hash: [u8; 32], now: u64) -> Result<Option<LinkRow>> {
        let sql = format!("SELECT {ROW} FROM {TABLES} WHERE link.secret_hash = $1");
        self.look(move |tx| tx.row(&sql, values![secret_hash])?.map(|cells| row(cells, now)).transpose()).await
    }

    /// The link with this public id.
    pub(crate) async fn link_by_id(&self, id: &str, now: u64) -> Result<Option<LinkRow>> {
        let id = id.to_owned();
        let sql = format!("SELECT {ROW} FROM {TABLES} WHERE link.id = $1");
        self.look(move |tx| tx.row(&sql, values![&id])?.map(|cells| row(cells, now)).transpose()).await
    }

    /// Links, newest first.
    pub(crate) async fn links(&self, filter: Filter, now: u64) -> Result<Page<LinkRow>> {
        let mut selection = Selection::default();
        // Without uses it only resumes a download that was no link's.
        selection.and("link.uses > ?", [Value::from(0_u64)]);
        selection.and_if("link.tenant = ?", filter.tenant.as_ref());
        selection.and_if("link.token = ?", filter.token.as_ref());
        selection.and_if("link.created >= ?", filter.since.as_ref());
        if let Some(after) = &filter.after {
            selection.and("(link.created, link.id) < (?, ?)", read_place(after));
        }
        let wanted = rows(&filter);
        let sql = format!(
            "SELECT {ROW} FROM {TABLES}{} ORDER BY link.created DESC, link.id DESC LIMIT {}",
            selection.text(),
            wanted + 1
        );
        self.read(move |tx| {
            let found = tx.query(&sql, &selection.values)?;
            let is_last = found.len() <= wanted;
            let rows = found.into_iter().take(wanted).map(|cells| row(cells, now)).collect::<Result<Vec<_>>>()?;
            let last = rows.last().filter(|_| !is_last);
            Ok(Page { next: last.map(|last| place(last.created, &last.id)), rows })
        })
        .await
    }

    /// Takes one use of a link, opens a session and writes down the installer that is about to be handed out: all of it or nothing.
    /// [`NewStamp::at`] is now.
    pub(crate) async fn claim_link(
        &self,
        secret_hash: [u8; 32],
        session: NewSession,
        stamp: NewStamp,
    ) -> Result<Claimed> {
        self.write(move |tx| {
            // The token first, as in `revoke_token`: locks are taken in one order.
            match see(tx, &stamp.token, stamp.at)? {
                Seen::Status(TokenStatus::Valid) => {}
                Seen::Status(status) => return Ok(Claimed::Refused(LinkRefusal::Token(status))),
                Seen::Other => return Ok(Claimed::Refused(LinkRefusal::Unknown)),
            }
            let sql = "UPDATE link SET uses_left = uses_left - 1 \
                       WHERE secret_hash = $1 AND token = $2 AND uses_left > 0 AND expires > $3 AND revoked IS NULL \
                       RETURNING id";
            let Some(mut taken) = tx.row(sql, values![secret_hash, &stamp.token.id, stamp.at])? else {
                let sql = format!("SELECT {ROW} FROM {TABLES} WHERE link.secret_hash = $1");
                let found = tx.row(&sql, values![secret_hash])?.map(|cells| row(cells, stamp.at)).transpose()?;
                let refusal = found.and_then(|link| link.refusal(stamp.at)).unwrap_or(LinkRefusal::Unknown);
                return Ok(Claimed::Refused(refusal));
            };
            let link = taken.text()?;
            let id = insert(tx, &stamp, Some(&link))?;
            open(tx, &link, session, &stamp, id)?;
            Ok(Claimed::Open(id))
        })
        .await
    }

    /// Another response within a session. Takes no use and makes no row: the session's row counts its bytes. [`Resumed::Open`] asks for an
    /// [`Ledger::end_stamp`], like every beginning.
    pub(crate) async fn resume_session(&self, secret_hash: [u8; 32], proof: SessionProof, now: u64) -> Result<Resumed> {
        self.write(move |tx| {
            let sql = format!("SELECT {ROW} FROM {TABLES} WHERE link.secret_hash = $1");
            let Some(link) = tx.row(&sql, values![secret_hash])?.map(|cells| row(cells, now)).transpose()? else {
                return Ok(Resumed::Refused(LinkRefusal::Unknown));
            };
            if let Some(refusal) = link.refusal_in_session() {
                return Ok(Resumed::Refused(refusal));
            }
            let (column, value) = proven(&proof);
            // One of them, if several uses of one link are going on: they hand out the same bytes.
            let sql = format!(
                "UPDATE session SET running = running + 1 WHERE stamp = \
                 (SELECT MAX(stamp) FROM session WHERE link = $1 AND {column} = $2 AND expires > $3) RETURNING stamp"
            );
            let found = tx.row(&sql, &[Value::from(&link.id), value, Value::from(now)])?;
            Ok(match found {
                Some(mut cells) => Resumed::Open(StampId(cells.integer()?)),
                None => Resumed::NoSession,
            })
        })
        .await
    }

    /// Whether a session of this link is open. Takes nothing: what HEAD asks.
    pub(crate) async fn has_session(&self, secret_hash: [u8; 32], proof: SessionProof, now: u64) -> Result<bool> {
        let (column, value) = proven(&proof);
        let sql = format!(
            "SELECT session.stamp FROM session JOIN link ON link.id = session.link \
             WHERE link.secret_hash = $1 AND session.{column} = $2 AND session.expires > $3 LIMIT 1"
        );
        let values = [Value::from(secret_hash), value, Value::from(now)];
        self.read(move |tx| Ok(tx.row(&sql, &values)?.is_some())).await
    }

    /// A link that only resumes: it has no uses, and its session is that of an installer which is about to be handed out without a
    /// link. All of it or nothing, and refused as by [`Ledger::begin_stamp`].
    pub(crate) async fn begin_resumable(&self, link: NewLink, session: NewSession, stamp: NewStamp) -> Result<Claimed> {
        self.write(move |tx| {
            match see(tx, &stamp.token, stamp.at)? {
                Seen::Status(TokenStatus::Valid) => {}
                Seen::Status(status) => return Ok(Claimed::Refused(LinkRefusal::Token(status))),
                Seen::Other => return Ok(Claimed::Refused(LinkRefusal::Unknown)),
            }
            let link = NewLink { uses: 0, ..link.clone() };
            add(tx, &link, 0)?;
            // No use was taken, so none is to be given back.
            tx.execute("UPDATE link SET given_back = $1 WHERE id = $2", values![MAX_GIVEN_BACK, &link.id])?;
            // The row names no link: no user of the interface has made one, and this one goes when its session does.
            let id = insert(tx, &stamp, None)?;
            open(tx, &link.id, session, &stamp, id)?;
            Ok(Claimed::Open(id))
        })
        .await
    }

    /// Revokes a link: from the return on it gives nothing, not even within a session, and no token is kept for it. Gives whether there is
    /// such a link.
    pub(crate) async fn revoke_link(&self, id: &str, now: u64) -> Result<bool> {
        let id = id.to_owned();
        self.write(move |tx| {
            let sql = "UPDATE link SET revoked = COALESCE(revoked, $1), sealed = NULL WHERE id = $2";
            Ok(tx.execute(sql, values![now, &id])? == 1)
        })
        .await
    }
}

/// The column that a proof is compared with, and its value.
fn proven(proof: &SessionProof) -> (&'static str, Value) {
    match proof {
        SessionProof::Cookie(hash) => ("hash", Value::from(*hash)),
        SessionProof::Etag(etag) => ("etag", Value::from(etag)),
    }
}

fn add(tx: &mut dyn Transaction, link: &NewLink, uses_left: u64) -> Result<()> {
    let sql = format!(
        "INSERT INTO link ({INSTALLER}, id, secret_hash, tenant, token, uses, uses_left, created, expires, by_key, sealed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
    );
    let mut values = installer_values(&link.installer);
    values.extend_from_slice(values![
        &link.id,
        link.secret_hash,
        &link.tenant,
        &link.token.id,
        link.uses,
        uses_left,
        link.created,
        link.expires,
        &link.by_key,
        &link.sealed.0,
    ]);
    tx.execute(&sql, &values).map(drop)
}

fn open(tx: &mut dyn Transaction, link: &str, session: NewSession, stamp: &NewStamp, id: StampId) -> Result<()> {
    let sql = "INSERT INTO session (hash, link, stamp, etag, expires, running) VALUES ($1, $2, $3, $4, $5, 1)";
    tx.execute(sql, values![session.hash, link, id.0, &stamp.installer.etag, session.expires]).map(drop)
}

fn row(mut cells: Cells, now: u64) -> Result<LinkRow> {
    let installer = installer(&mut cells)?;
    Ok(LinkRow {
        installer,
        id: cells.text()?,
        tenant: cells.optional_text()?,
        token: cells.text()?,
        uses: cells.number()?,
        uses_left: cells.number()?,
        given_back: cells.number()?,
        created: cells.number()?,
        expires: cells.number()?,
        revoked: cells.optional_number()?,
        by_key: cells.text()?,
        sealed: cells.optional_bytes()?.map(SealedBytes),
        token_status: TokenStatus::new(
            cells.optional_number()?,
            cells.optional_number()?,
            cells.optional_number()?,
            cells.number()?,
            now,
        ),
    })
}
