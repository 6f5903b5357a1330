//! A PostgreSQL of the tests' own: another user than root, its own folder and socket, no port.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// A running server; it ends with this.
pub struct Server {
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
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            #[allow(clippy::disallowed_methods, reason = "the test command says whether a judge may be missing")]
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
    pub fn with_tls(&mut self, port: u16) {
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
    pub fn own(&self, name: &str) {
        let path = self.folder.path().join(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        if is_root(self.folder.path()) {
            assert!(Command::new("chown").arg(USER).arg(&path).status().unwrap().success());
        }
    }

    pub fn folder(&self) -> &Path {
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
    pub fn resume(&mut self) {
        // Nothing is left of one that was stopped.
        self.kill();
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
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Its own processes go when they see that it is gone.
            let has_ended = child.try_wait().unwrap().is_some();
            child.kill().unwrap();
            child.wait().unwrap();
            if !has_ended {
                thread::sleep(Duration::from_millis(300));
            }
        }
    }

    /// What stops it without its writing anything down, as an operator does who cannot wait. It is taken up again by [`Server::resume`].
    pub fn stop_immediately(&self) -> Command {
        let mut command = self.command("pg_ctl");
        command.args(["stop", "--silent", "-m", "immediate", "-D"]).arg(self.data());
        command
    }

    /// Where its socket is.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(format!(".s.PGSQL.{}", self.port))
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
    pub fn database(&self) -> String {
        self.database_at(self.folder.path())
    }

    /// The same where its socket is in another folder.
    pub fn database_at(&self, folder: &Path) -> String {
        let name = format!("ledger_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        assert!(self.sql(&format!("CREATE DATABASE {name}")));
        format!("postgres://ledger@{}/{name}", folder.display().to_string().replace('/', "%2F"))
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
