//! A store whose disk is full, at each page that may be the first one missing: what came is refused with the problem that says it, nothing
//! half-written stays, and what is there is served on.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use super::server::{Answer, Server};
use crate::support::{self, product};

/// What tmpfs gives and takes.
const PAGE_BYTES: usize = 4096;
/// The store's disk.
const DISK_BYTES: usize = 4 << 20;

/// The program in a namespace of its own, in which the store is on a disk of its own. None: only root can do that.
fn on_a_small_disk() -> Option<Command> {
    const ENTER: &str = "mount -t tmpfs -o size=$1,mode=0700 tmpfs data/store; shift; exec \"$@\"";
    support::judge("unshare")?;
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private"]);
        command
    };
    if !support::output(unshare().args(["mount", "-t", "tmpfs", "tmpfs", "/mnt"])).status.success() {
        support::missing("mount (the test must be root)");
        return None;
    }
    let mut command = unshare();
    command.args(["sh", "-e", "-c", ENTER, "enter", &DISK_BYTES.to_string()]).arg(support::program().get_program());
    Some(command)
}

/// A service whose disk has so much left as a test says.
struct Full {
    server: Server,
}

impl Full {
    fn start() -> Option<Self> {
        let command = on_a_small_disk()?;
        let server = Server::start_by(command, "", &[], |folder| {
            fs::create_dir_all(folder.with_file_name("data").join("store")).unwrap();
            support::run("chmod", ["700".as_ref(), folder.with_file_name("data").as_os_str()]);
        });
        Some(Self { server })
    }

    /// The store, as the service sees it.
    fn store(&self) -> PathBuf {
        let seen = self.server.path("data/store");
        PathBuf::from(format!("/proc/{}/root{}", self.server.id(), seen.display()))
    }

    /// What is in the store, but for what the test has put there.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.store()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| !name.starts_with("filler")).collect();
        names.sort();
        names
    }

    /// From now on so many pages are left.
    fn leave(&self, pages: usize) {
        // No base: it has no name that the store would look at before the next start.
        let filler = self.store().join("filler.json");
        let _ = fs::remove_file(&filler);
        let said = support::run("stat", ["-f".as_ref(), "-c".as_ref(), "%f".as_ref(), self.store().as_os_str()]);
        let free: usize = said.trim().parse().unwrap();
        fs::write(&filler, vec![1; (free - pages) * PAGE_BYTES]).unwrap();
    }

    fn put(&self, base: &product::Installer) -> Answer {
        self.put_bytes(&base.name(), &base.bytes)
    }

    fn put_bytes(&self, name: &str, bytes: &[u8]) -> Answer {
        let file = self.server.path("new");
        fs::write(&file, bytes).unwrap();
        let path = format!("/v1/bases?file_name={name}");
        self.server.curl("admin", &path, &["-T", file.to_str().unwrap()])
    }

    fn serves(&self, base: &str) {
        let answer =
            self.server.post("admin", "/v1/installers", &json!({ "base": base, "token": "t1.acme.01234567" }), &[]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(installer::formats::open(&answer.body).unwrap().token().unwrap().is_some());
        assert_eq!(self.server.get("", "/readyz").status, 200);
    }
}

fn base(extension: &str) -> &'static product::Installer {
    product::bases().iter().find(|base| base.name().ends_with(extension)).unwrap()
}

#[test]
fn a_base_that_does_not_fit_is_refused_and_leaves_nothing() {
    let Some(full) = Full::start() else { return };
    let first = full.put(base(".rpm"));
    assert_eq!(first.status, 201, "{}", first.text());
    let served = first.json()["sha256"].as_str().unwrap().to_owned();
    let (before, deb) = (full.files(), base(".deb"));
    assert_eq!(before.len(), 2, "{before:?}");
    let pages = deb.bytes.len().div_ceil(PAGE_BYTES);
    // The last of these has room for the base and none for its label.
    for left in [0, 1, pages / 2, pages - 1, pages] {
        full.leave(left);
        let refused = full.put(deb);
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (507, "insufficient-storage"),
            "{left}: {}",
            refused.text()
        );
        assert!(!refused.text().contains("data/store"), "{}", refused.text());
        assert_eq!(full.files(), before, "{left} pages were left");
        assert_eq!(full.server.get("admin", "/v1/bases").json().as_array().unwrap().len(), 1);
        full.serves(&served);
    }
    // One that is longer than the disk: its client reads the answer, though it has more to send.
    let refused = full.put_bytes("Long.deb", &vec![1; 8 * DISK_BYTES]);
    assert_eq!((refused.status, refused.problem().as_str()), (507, "insufficient-storage"), "{}", refused.text());
    assert_eq!(full.files(), before);
    full.leave(pages + 8);
    let taken = full.put(deb);
    assert_eq!((taken.status, full.files().len()), (201, 4), "{}", taken.text());
    full.serves(taken.json()["sha256"].as_str().unwrap());
}

/// One that comes on the other way: it is told once, and taken when there is space again.
#[test]
fn a_base_of_the_folder_is_taken_when_there_is_space_again() {
    let Some(full) = Full::start() else { return };
    full.leave(3);
    let deb = base(".deb");
    fs::write(full.server.path("bases").join(deb.name()), &deb.bytes).unwrap();
    let told = || full.server.log().matches("No space left on device").count();
    full.server.until("the log says why", || told() > 0);
    std::thread::sleep(std::time::Duration::from_secs(5));
    assert_eq!((told(), full.files()), (1, Vec::new()), "{}", full.server.log());
    full.leave(200);
    full.server.until("the base is served", || full.server.get("admin", "/v1/bases").json() != json!([]));
}
