//! What is over is forgotten: sessions, answers, and the tokens and splices that were kept for later.

use super::devices::forget_history;
use super::error::Result;
use super::handle::Ledger;
use super::values::values;
use super::waiting::forget;

impl Ledger {
    /// Forgets what is over at `now`. Rows of installers, tokens and links stay; the sealed tokens in them go, and links without uses,
    /// which only resume a download. Gives how many sealed
    /// tokens went. To be called every few minutes; what is over is refused without it as well.
    pub(crate) async fn sweep(&self, now: u64) -> Result<u64> {
        self.write(move |tx| {
            for table in ["session", "page_session", "once"] {
                tx.execute(&format!("DELETE FROM {table} WHERE expires <= $1"), values![now])?;
            }
            // Its last session ends when it does.
            tx.execute("DELETE FROM link WHERE uses = 0 AND expires <= $1", values![now])?;
            forget(tx, now)?;
            forget_history(tx, now)?;
            let ended = "revoked IS NOT NULL OR expires <= $1 OR used >= uses";
            let tokens = tx.execute(
                &format!("UPDATE token SET sealed = NULL WHERE sealed IS NOT NULL AND ({ended})"),
                values![now],
            )?;
            // A link whose uses are taken is needed as long as a session runs.
            let links = tx.execute(
                &format!(
                    "UPDATE link SET sealed = NULL WHERE sealed IS NOT NULL AND (revoked IS NOT NULL \
                     OR ((expires <= $1 OR uses_left = 0) \
                         AND NOT EXISTS (SELECT 1 FROM session WHERE session.link = link.id)) \
                     OR token IN (SELECT id FROM token WHERE {ended}))"
                ),
                values![now],
            )?;
            Ok(tokens + links)
        })
        .await
    }
}
