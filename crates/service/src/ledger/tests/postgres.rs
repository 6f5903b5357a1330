//! A PostgreSQL of the tests' own: another user than root, its own folder and socket, no port.

use std::fs;
use std::future::Future;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

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

pub(super) struct Server {
    programs: PathBuf,
    folder: TempDir,
    child: Option<Child>,
    databases: AtomicUsize,
    /// Settings beside the usual ones.
    more: Vec<String>,
    /// Part of the socket's name.
    port: u16,
}

/// The user that Debian's package makes, where root runs the tests: the server refuses root.
const USER: &str = "postgres";

impl Server {
    /// Starts a server; `None` if there is no PostgreSQL and judges are not required.
    pub(super) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            #[expect(clippy::disallowed_methods, reason = "the test command says whether a judge may be missing")]
            let required = std::env::var_os("STAMPWRIGHT_JUDGES").is_some();
            assert!(!required, "PostgreSQL is missing: cargo xtask judges");
            eprintln!("skipped: PostgreSQL is missing");
            return None;
        };
        let folder = TempDir::with_prefix("ledger-pg-").unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let mut server =
            Self { programs, folder, child: None, databases: AtomicUsize::new(0), more: Vec::new(), port: 5432 };
        let made = server
            .command("initdb")
            .args(["--no-sync", "--auth=trust", "--username=ledger", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(server.data())
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        server.resume();
        Some(server)
    }

    /// The same over TLS, on a port of 127.0.0.1, with a certificate that lies in the folder as `server.pem` and `server.key`.
    pub(super) fn with_tls(&mut self, port: u16) {
        self.kill();
        self.port = port;
        self.more = format!(
            "listen_addresses=127.0.0.1 port={port} ssl=on ssl_cert_file=../server.pem ssl_key_file=../server.key"
        )
        .split(' ')
        .flat_map(|setting| ["-c".to_owned(), setting.to_owned()])
        .collect();
        // Only what is encrypted may come in.
        fs::write(self.data().join("pg_hba.conf"), "local all all trust\nhostssl all all 127.0.0.1/32 trust\n")
            .unwrap();
        self.resume();
    }

    /// A file in its folder that its user owns, for that user alone.
    pub(super) fn own(&self, name: &str) {
        let path = self.folder.path().join(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        if is_root(self.folder.path()) {
            assert!(Command::new("chown").arg(USER).arg(&path).status().unwrap().success());
        }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A program of PostgreSQL as a user that it accepts, which ends when the thread does that started it.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        if is_root(self.folder.path()) {
            command.args(["--reuid", USER, "--regid", USER, "--clear-groups"]);
        }
        command.args(["--pdeathsig", "KILL"]).arg(self.programs.join(program));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Starts it again after [`Server::kill`].
    pub(super) fn resume(&mut self) {
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let child = self
            .command("postgres")
            .args(["-c", "listen_addresses=", "-c", "max_connections=200", "-c", "shared_buffers=16MB", "-k"])
            .arg(self.folder.path())
            .arg("-D")
            .arg(self.data())
            .args(&self.more)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        for _ in 0..600 {
            if self.sql("SELECT 1") {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("{}", fs::read_to_string(self.folder.path().join("log")).unwrap());
    }

    /// Ends it at once, as a crash does.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Its own processes go when they see that it is gone.
            child.kill().unwrap();
            child.wait().unwrap();
            thread::sleep(Duration::from_millis(300));
        }
    }

    fn sql(&self, sql: &str) -> bool {
        let run = self
            .command("psql")
            .args(["-q", "-h"])
            .arg(self.folder.path())
            .args(["-p", &self.port.to_string(), "-U", "ledger", "-d", "postgres", "-c", sql])
            .output();
        run.unwrap().status.success()
    }

    /// The URL of a new database.
    pub(super) fn database(&self) -> String {
        let name = format!("ledger_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        assert!(self.sql(&format!("CREATE DATABASE {name}")));
        format!("postgres://ledger@{}/{name}", self.folder.path().display().to_string().replace('/', "%2F"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Who owns what we make.
fn is_root(made: &Path) -> bool {
    fs::metadata(made).unwrap().uid() == 0
}

/// Debian keeps them apart by version, outside of the path.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions.flatten().map(|version| version.path().join("bin")).collect();
    found.retain(|bin| is_there(bin, "initdb") && is_there(bin, "postgres"));
    found.sort();
    found.pop()
}

fn is_there(bin: &Path, program: &str) -> bool {
    bin.join(program).is_file()
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
