//! The ledger on PostgreSQL: a server of the tests' own, gone and back, and what no error gives away.

#[allow(dead_code, unreachable_pub, reason = "other tests have it as a module of theirs, and use other parts")]
#[path = "../../../../../tests/support/postgres.rs"]
mod server;

use std::future::Future;
use std::sync::OnceLock;
use std::sync::mpsc;
use std::thread;

pub(super) use server::Server;

use super::super::{Ledger, LedgerError};
use super::faults::block_on;
use super::samples::{begin, page, stamp};

/// Runs a case on a new database of the common server.
pub(super) fn on_postgres<F: Future<Output = ()>>(case: impl FnOnce(Ledger) -> F) {
    let Some(server) = common() else { return };
    let ledger = Ledger::postgres(&server.database(), None).unwrap();
    block_on(case(ledger));
}

/// The server that all cases share; it ends with the process.
pub(super) fn common() -> Option<&'static Server> {
    static COMMON: OnceLock<Option<Server>> = OnceLock::new();
    COMMON
        .get_or_init(|| {
            let (send, receive) = mpsc::channel();
            // The server is told to end when the thread that started it does: this one stays until the process ends.
            thread::spawn(move || {
                send.send(Server::start()).unwrap();
                loop {
                    thread::park();
                }
            });
            receive.recv().unwrap()
        })
        .as_ref()
}

#[test]
fn a_server_that_is_gone_and_back_loses_no_answered_row() {
    let Some(mut server) = Server::start() else { return };
    let ledger = Ledger::postgres(&server.database(), None).unwrap();
    let first = block_on(begin(&ledger, stamp("t1")));
    server.kill();
    let error = block_on(ledger.begin_stamp(stamp("t2"), None)).unwrap_err();
    assert!(matches!(error, LedgerError::Unavailable(_)) && error.is_temporary(), "{error}");
    assert!(block_on(ledger.ping()).is_err());
    server.resume();
    assert_eq!(block_on(ledger.stamps(page(9))).unwrap().rows.iter().map(|row| row.id).collect::<Vec<_>>(), [first]);
    block_on(begin(&ledger, stamp("t3")));
}

#[test]
fn a_password_is_in_no_error() {
    for url in
        ["postgres://ledger:hunter2@127.0.0.1:1/x", "postgres://ledger:hunter2@:x:y/", "host=/nowhere password=hunter2"]
    {
        let error = Ledger::postgres(url, None).unwrap_err();
        assert!(!format!("{error}{error:?}").contains("hunter2"), "{url}");
    }
}

#[test]
fn a_statement_does_not_wait_without_end() {
    on_postgres(|ledger| async move {
        let timeout = ledger.read(|tx| tx.row("SHOW statement_timeout", &[])?.unwrap().text()).await.unwrap();
        assert_eq!(timeout, "10s");
    });
}

#[test]
fn a_url_that_asks_for_tls_is_refused_before_anything_is_sent() {
    for mode in ["require", "verify-full"] {
        let error = Ledger::postgres(&format!("postgres://ledger@127.0.0.1:1/x?sslmode={mode}"), None).unwrap_err();
        assert!(matches!(error, LedgerError::Url(_)), "{error}");
    }
}
