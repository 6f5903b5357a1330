//! The ledger: what was handed out, to whom, with which token; and everything else that has to outlive a restart.
//!
//! # What each method promises
//!
//! - **Durable when it returns.** A method that writes returns `Ok` after the change is on the disk (SQLite: write-ahead log, `synchronous`
//!   FULL; PostgreSQL: `synchronous_commit` on), and `Err` if it is not there. One exception: [`LedgerError::Unavailable`] from PostgreSQL may
//!   mean that the connection broke while the change was committed; it may be there. No caller was told so, and every change here can be repeated.
//! - **Atomic.** Each method is one transaction: all that it says or nothing.
//! - **A refusal is an answer.** Tokens that are revoked, links that are used up and the like come as values, and nothing has changed then
//!   but that a token is written down that was not known. Errors are the database's.
//! - **No secret goes in unprotected**: keys, link secrets and cookies as SHA-256, tokens sealed or as fingerprints.
//! - **Time is an argument** in seconds since 1970. Ids, secrets and nonces are the caller's.
//! - A future that is dropped takes nothing back: what was submitted is done.
//!
//! | method | atomic change | again |
//! |---|---|---|
//! | [`Ledger::add_api_key`], [`Ledger::add_first_api_key`] | the key, if its id is free; if there is no key at all | `false` |
//! | [`Ledger::revoke_api_key`] | the key is revoked, its page sessions end | keeps the first time |
//! | [`Ledger::add_token`] | the token's row, the sealed token, the answer to an `Idempotency-Key` | [`Added::Before`] |
//! | [`Ledger::revoke_token`] | revoked; no sealed copy is left, in links neither. No [`Ledger::begin_stamp`], claim or resume that returns later succeeds with it | keeps the first time |
//! | [`Ledger::report_use`] | one use of one device, never more devices than `uses` | counts once |
//! | [`Ledger::begin_stamp`] | the row of an installer, if its token can be used **in the same transaction** | a new row, or with an `Idempotency-Key` the first one |
//! | [`Ledger::end_stamp`] | outcome and bytes, and perhaps a link's use back; submitted at once, for use in a `Drop` | adds up: call it once for each beginning |
//! | [`Ledger::add_link`] | the link, its sealed token, the answer to an `Idempotency-Key` | [`Added::Before`] |
//! | [`Ledger::claim_link`] | one use less, a session, the row of the installer | takes another use |
//! | [`Ledger::resume_session`] | one response more in the session | as often as wanted |
//! | [`Ledger::begin_resumable`] | a link without uses, its session, the row of the installer: what `Content-Location` names | a new link |
//! | [`Ledger::revoke_link`] | revoked, sessions included; no sealed copy is left | keeps the first time |
//! | [`Ledger::enroll`] | what the rules decide: the record, the use of the token, the event, or the request that waits | the same key gets the same record |
//! | [`Ledger::check_in`] | the next generation, the parts that were shown | a lost answer is forgiven |
//! | [`Ledger::retire_device`], [`Ledger::merge_devices`] | what an admin does to records | keeps the first time; nothing to merge |
//! | [`Ledger::sweep`] | what is over is forgotten | changes nothing |
//!
//! # How it is built
//!
//! The statements stand here once; an `Engine` runs them. `sqlite` is a thread that writes in groups and two that read; `postgres` is a
//! few threads with a connection each. One suite of tests runs on both.

mod api_keys;
mod device_rows;
mod devices;
mod engine;
mod enrollments;
mod error;
mod handle;
mod links;
mod once;
mod page_sessions;
mod postgres;
mod postgres_url;
mod records;
mod selection;
mod sqlite;
mod stamps;
mod sweep;
#[cfg(test)]
mod tests;
mod tokens;
mod values;
mod waiting;

pub(crate) use device_rows::{AdminAnswer, Asked, DeviceRecord, DeviceRow, Enrolled, Places, WaitRow};
pub(crate) use error::LedgerError;
pub(crate) use handle::Ledger;
pub(crate) use records::{
    Added, ApiKeyRow, Begun, Claimed, Filter, Installer, LinkRefusal, LinkRow, NewLink, NewSession, NewStamp, Once,
    Origin, Outcome, Page, PageSession, Resumed, SealedBytes, SessionProof, StampEnd, StampId, StampRow, TokenRecord,
    TokenRow, TokenStatus, UseReport,
};
pub(crate) use sqlite::Journal;
pub(crate) use stamps::StampBegun;
