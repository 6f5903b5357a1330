//! SQLite under what disks and systems do.

use std::fs;
use std::future::Future;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use super::super::sqlite::{Options, Sqlite};
use super::super::{Journal, Ledger, LedgerError};
use super::samples::{NOW, begin, page, stamp};

/// Runs a case on a new database.
pub(super) fn on_sqlite<F: Future<Output = ()>>(case: impl FnOnce(Ledger) -> F) {
    let folder = TempDir::new().unwrap();
    let ledger = Ledger::sqlite(&folder.path().join("ledger.db"), Journal::Wal).unwrap();
    block_on(case(ledger));
}

pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn options(path: &Path) -> Options {
    Options { path: path.to_owned(), journal: Journal::Wal, most_pages: None, vfs: None }
}

#[test]
fn a_ledger_outlives_its_process_and_is_its_owners() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = Ledger::sqlite(&path, Journal::Wal).unwrap();
    let id = block_on(begin(&ledger, stamp("t1")));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(folder.path().join("ledger.db-wal")).unwrap().permissions().mode() & 0o777, 0o600);
    drop(ledger);
    let again = Ledger::sqlite(&path, Journal::Wal).unwrap();
    assert!(block_on(again.stamp(id)).unwrap().is_some());
}

#[test]
fn a_full_disk_is_an_error_and_what_was_answered_stays() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    let small = Options { most_pages: Some(60), ..options(&path) };
    let ledger = Ledger::new(Sqlite::open(&small).unwrap(), "sqlite");
    let mut answered = Vec::new();
    let error = block_on(async {
        loop {
            match ledger.begin_stamp(stamp(&format!("t{}", answered.len())), None).await {
                Ok(begun) => answered.push(begun),
                Err(error) => break error,
            }
        }
    });
    assert_eq!(error, LedgerError::Full);
    assert_eq!(error.to_string(), "ledger: no space left for the database");
    assert!(answered.len() > 20, "{} rows fit", answered.len());
    // It still reads, and with space it writes again.
    let rows = |ledger: &Ledger| block_on(ledger.stamps(page(1000))).unwrap().rows.len();
    assert_eq!(rows(&ledger), answered.len());
    drop(ledger);
    let ledger = Ledger::sqlite(&path, Journal::Wal).unwrap();
    block_on(begin(&ledger, stamp("more")));
    assert_eq!(rows(&ledger), answered.len() + 1);
}

#[test]
fn a_folder_without_a_write_ahead_log_is_named_in_one_sentence() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    // Locks by files, as on a file system without shared memory.
    let poor = Options { vfs: Some("unix-dotfile"), ..options(&path) };
    let error = Sqlite::open(&poor).err().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "ledger {}: the journal mode is delete, expected wal: the file system of this folder cannot hold a write-ahead log",
            path.display()
        )
    );
    assert!(error.hint().unwrap().contains("journal = \"delete\""));
    let way_out = Ledger::new(Sqlite::open(&Options { journal: Journal::Delete, ..poor }).unwrap(), "sqlite");
    block_on(begin(&way_out, stamp("t1")));
}

#[test]
fn what_is_no_ledger_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    fs::write(&path, [0x5A; 5000]).unwrap();
    let error = Ledger::sqlite(&path, Journal::Wal).unwrap_err();
    assert!(error.to_string().ends_with("file is not a database"), "{error}");
    let error = Ledger::sqlite(&folder.path().join("no/ledger.db"), Journal::Wal).unwrap_err();
    assert!(matches!(error, LedgerError::Open { .. }), "{error}");
}

#[test]
fn the_schema_of_a_newer_version_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    drop(Ledger::sqlite(&path, Journal::Wal).unwrap());
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = Ledger::sqlite(&path, Journal::Wal).unwrap_err();
    assert!(matches!(error, LedgerError::Schema { found: 99, known: 1.. }), "{error}");
}

#[test]
fn a_job_that_fails_takes_no_other_with_it() {
    on_sqlite(|ledger| async move {
        let tasks: Vec<_> = (0..40)
            .map(|n| {
                let ledger = ledger.clone();
                tokio::spawn(async move {
                    // Every other one takes an id that is taken.
                    let id = if n % 2 == 0 { "same".to_owned() } else { format!("t{n}") };
                    ledger.add_token(super::samples::token(&id), super::samples::sealed(), None).await.is_ok()
                })
            })
            .collect();
        let mut added = 0;
        for task in tasks {
            added += usize::from(task.await.unwrap());
        }
        assert_eq!(added, 21);
        assert_eq!(ledger.tokens(page(100)).await.unwrap().rows.len(), 21);
        let _ = NOW;
    });
}

/// The first job of a transaction has no savepoint: what comes after it is in a transaction all the same.
#[test]
fn a_first_job_that_fails_takes_no_other_with_it() {
    on_sqlite(|ledger| async move {
        let add = |id: String| {
            let ledger = ledger.clone();
            tokio::spawn(
                async move { ledger.add_token(super::samples::token(&id), super::samples::sealed(), None).await },
            )
        };
        add("taken".to_owned()).await.unwrap().unwrap();
        for round in 0..20 {
            let ids = ["taken".to_owned(), format!("a{round}"), format!("b{round}")];
            let [first, second, third] = ids.map(add);
            assert!(first.await.unwrap().is_err());
            assert!(second.await.unwrap().is_ok() && third.await.unwrap().is_ok());
        }
        assert_eq!(ledger.tokens(page(100)).await.unwrap().rows.len(), 41);
    });
}
