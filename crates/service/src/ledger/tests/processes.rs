//! Several processes on one database, and one that is killed while it writes.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::super::{Claimed, Journal, Ledger, LinkRefusal, StampId};
use super::faults::block_on;
use super::postgres::common;
use super::samples::{begin, link, page, session, stamp};

/// Where the database is, what is to be done, and where the results go: in the environment of a child.
const PLACE: &str = "LEDGER_PLACE";
const WORK: &str = "LEDGER_WORK";
const OUT: &str = "LEDGER_OUT";

/// So many uses and so many claims of two processes.
const USES: u64 = 40;
const CLAIMS: u8 = 60;

fn open(place: &str) -> Ledger {
    if place.starts_with("postgres:") {
        Ledger::postgres(place, None).unwrap()
    } else {
        Ledger::sqlite(Path::new(place), Journal::Wal).unwrap()
    }
}

/// This test again as a process of its own.
fn child(place: &str, work: &str, out: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ledger::tests::processes::work", "--ignored", "--nocapture"])
        .env(PLACE, place)
        .env(WORK, work)
        .env(OUT, out)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "the part of the other tests that runs in a process of its own"]
fn work() {
    #[expect(clippy::disallowed_methods, reason = "the parent says what is to be done")]
    let [place, work, out] = [PLACE, WORK, OUT].map(|name| std::env::var(name).unwrap());
    let ledger = open(&place);
    let mut out = OpenOptions::new().append(true).create(true).open(out).unwrap();
    if work == "write" {
        // Until it is killed: a line for each row that was answered.
        for n in 0_u64.. {
            let id = block_on(begin(&ledger, stamp(&format!("t{n}"))));
            out.write_all(format!("{}\n", id.0).as_bytes()).unwrap();
        }
    }
    let first = if work == "claim 0" { 0 } else { CLAIMS };
    block_on(async {
        let claims: Vec<_> = (first..first + CLAIMS)
            .map(|n| {
                let ledger = ledger.clone();
                tokio::spawn(async move { ledger.claim_link([1; 32], session(n), stamp("t1")).await.unwrap() })
            })
            .collect();
        for claim in claims {
            match claim.await.unwrap() {
                Claimed::Open(id) => out.write_all(format!("{}\n", id.0).as_bytes()).unwrap(),
                refused => assert_eq!(refused, Claimed::Refused(LinkRefusal::UsedUp)),
            }
        }
    });
}

/// The rows that children say they were answered.
fn answered(out: &Path) -> Vec<StampId> {
    let text = fs::read_to_string(out).unwrap_or_default();
    // The last line may be cut.
    let whole = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    whole.map(|line| StampId(line.parse().unwrap())).collect()
}

fn two_processes_use_a_link_as_often_as_it_may(place: &str) {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let ledger = open(place);
    block_on(ledger.add_link(link(1, USES, "t1"), None)).unwrap();
    let children = [child(place, "claim 0", &out), child(place, "claim 1", &out)];
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let mut ids = answered(&out);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len() as u64, USES, "of {} claims", 2 * u64::from(CLAIMS));
    let mut rows: Vec<StampId> = block_on(ledger.stamps(page(999))).unwrap().rows.iter().map(|row| row.id).collect();
    rows.sort_unstable();
    assert_eq!(rows, ids);
}

#[test]
fn two_processes_on_sqlite() {
    let folder = TempDir::new().unwrap();
    two_processes_use_a_link_as_often_as_it_may(folder.path().join("ledger.db").to_str().unwrap());
}

#[test]
fn two_processes_on_postgres() {
    let Some(server) = common() else { return };
    two_processes_use_a_link_as_often_as_it_may(&server.database());
}

#[test]
fn a_killed_process_has_lost_no_row_that_was_answered() {
    let folder = TempDir::new().unwrap();
    let (place, out) = (folder.path().join("ledger.db"), folder.path().join("out"));
    let place = place.to_str().unwrap();
    let mut before = 0;
    for millis in [0, 3, 11, 29, 64, 120] {
        let mut child = child(place, "write", &out);
        // Until it has written something.
        for _ in 0..3000 {
            if answered(&out).len() > before || child.try_wait().unwrap().is_some() {
                break;
            }
            thread::sleep(Duration::from_millis(2));
        }
        thread::sleep(Duration::from_millis(millis));
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
        let ledger = open(place);
        let ids = answered(&out);
        assert!(ids.len() > before, "{} rows", ids.len());
        for id in ids.iter().skip(before) {
            assert!(block_on(ledger.stamp(*id)).unwrap().is_some(), "{id:?}");
        }
        before = ids.len();
    }
}
