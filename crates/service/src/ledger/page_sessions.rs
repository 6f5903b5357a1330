//! Who has signed in on the page.

use super::error::Result;
use super::handle::Ledger;
use super::records::PageSession;
use super::values::values;

impl Ledger {
    /// Opens a session.
    pub(crate) async fn open_page_session(&self, session: PageSession) -> Result<()> {
        self.write(move |tx| {
            let sql = "INSERT INTO page_session (hash, api_key, opened, expires) VALUES ($1, $2, $3, $4)";
            tx.execute(sql, values![session.hash, &session.api_key, session.opened, session.expires])?;
            Ok(())
        })
        .await
    }

    /// The session with this hash, if it is not over at `now`.
    pub(crate) async fn page_session(&self, hash: [u8; 32], now: u64) -> Result<Option<PageSession>> {
        self.read(move |tx| {
            let sql = "SELECT hash, api_key, opened, expires FROM page_session WHERE hash = $1 AND expires > $2";
            let Some(mut cells) = tx.row(sql, values![hash, now])? else { return Ok(None) };
            Ok(Some(PageSession {
                hash: cells.digest()?,
                api_key: cells.text()?,
                opened: cells.number()?,
                expires: cells.number()?,
            }))
        })
        .await
    }

    /// Ends a session. One that is not there has ended.
    pub(crate) async fn close_page_session(&self, hash: [u8; 32]) -> Result<()> {
        self.write(move |tx| tx.execute("DELETE FROM page_session WHERE hash = $1", values![hash]).map(drop)).await
    }
}
