//! The program, started in a scratch folder, and curl.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{self, product};

/// A running service; killed when it is dropped.
pub struct Server {
    pub folder: tempfile::TempDir,
    pub url: String,
    child: Child,
}

/// What every configuration says.
const USUAL: &str = "listen = \"127.0.0.1:0\"\ndata = \"data\"\nbases = \"bases\"\n";

/// What curl got.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        format!("{}\n{}", self.head, String::from_utf8_lossy(&self.body[..self.body.len().min(2000)]))
    }

    /// The last part of a problem's type.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text());
        self.json()["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
    }
}

impl Server {
    /// With every base of the small product.
    pub fn start() -> Self {
        Self::start_with("", |folder| {
            for base in product::bases() {
                fs::write(folder.join(base.name()), &base.bytes).unwrap();
            }
        })
    }

    /// With a configuration beside the usual, and bases that are put into its folder.
    pub fn start_with(config: &str, bases: impl FnOnce(&Path)) -> Self {
        Self::start_in(config, &[], bases)
    }

    /// The same, with variables in its environment.
    pub fn start_in(config: &str, environment: &[(&str, &OsStr)], bases: impl FnOnce(&Path)) -> Self {
        Self::start_by(support::program(), config, environment, bases)
    }

    /// Started by another program, which becomes it: the command ends where the service's arguments begin.
    pub fn start_by(command: Command, config: &str, environment: &[(&str, &OsStr)], bases: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bases")).unwrap();
        bases(&folder.path().join("bases"));
        fs::write(folder.path().join("serve.toml"), format!("{USUAL}{config}")).unwrap();
        let (child, url) = spawn(command, folder.path(), environment);
        let server = Self { folder, url, child };
        let key = fs::read_to_string(server.path("data/admin.key")).unwrap();
        server.write_key("admin", &key);
        server
    }

    /// Kills it at once.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Kills it at once and starts it again, with its data.
    pub fn kill_and_restart(&mut self) {
        self.kill();
        let (child, url) = spawn(support::program(), self.folder.path(), &[]);
        (self.child, self.url) = (child, url);
    }

    /// Whether it has ended within a moment.
    pub fn has_ended(&mut self) -> bool {
        for _ in 0..20 {
            if self.child.try_wait().unwrap().is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// Asks it to stop, and waits until it has. Gives whether it ended well.
    pub fn stop(&mut self) -> bool {
        self.signal("TERM");
        self.child.wait().unwrap().success()
    }

    pub fn signal(&self, name: &str) {
        support::run("kill", [format!("-{name}"), self.child.id().to_string()]);
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes another configuration after the usual lines.
    pub fn configure(&self, more: &str) {
        fs::write(self.path("serve.toml"), format!("{USUAL}{more}")).unwrap();
    }

    /// Keeps a key for curl: as a header in a file, because arguments can be seen.
    pub fn write_key(&self, name: &str, key: &str) {
        fs::write(self.path(&format!("{name}.header")), format!("Authorization: Bearer {}", key.trim())).unwrap();
    }

    /// Everything that it has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// curl, with a key.
    pub fn curl(&self, key: &str, path: &str, more: &[&str]) -> Answer {
        let (head, body) = (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
        let mut command = Command::new("curl");
        command
            .args(["-sS", "--max-time", "60", "-w", "%{http_code}", "-D"])
            .arg(head.path())
            .arg("-o")
            .arg(body.path());
        if !key.is_empty() {
            command.arg("-H").arg(format!("@{}", self.path(&format!("{key}.header")).display()));
        }
        let authority = self.path("tls.pem");
        if authority.is_file() {
            command.arg("--cacert").arg(authority);
        }
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.url) };
        let output = support::output(command.arg(&url).args(more));
        let status = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(0);
        Answer { status, head: fs::read_to_string(head.path()).unwrap(), body: fs::read(body.path()).unwrap() }
    }

    /// A POST of a document.
    pub fn post(&self, key: &str, path: &str, document: &Value, more: &[&str]) -> Answer {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), document.to_string()).unwrap();
        let data = format!("@{}", file.path().display());
        let usual = ["-X", "POST", "-H", "content-type: application/json", "--data-binary", data.as_str()];
        self.curl(key, path, &[&usual, more].concat())
    }

    pub fn get(&self, key: &str, path: &str) -> Answer {
        self.curl(key, path, &[])
    }

    /// Makes a key with these scopes and keeps it under its name.
    pub fn make_key(&self, name: &str, scopes: &[&str], tenant: Option<&str>) {
        let mut wish = serde_json::json!({ "name": name, "scopes": scopes });
        if let Some(tenant) = tenant {
            wish["tenant"] = tenant.into();
        }
        let made = self.post("admin", "/v1/keys", &wish, &[]);
        assert_eq!(made.status, 201, "{}", made.text());
        self.write_key(name, made.json()["key"].as_str().unwrap());
    }

    /// Mints a token; gives its id and itself.
    pub fn mint(&self, tenant: &str) -> (String, String) {
        let minted =
            self.post("admin", "/v1/tokens", &serde_json::json!({ "tenant": tenant, "product": "Example Agent" }), &[]);
        assert_eq!(minted.status, 201, "{}", minted.text());
        let minted = minted.json();
        (minted["id"].as_str().unwrap().to_owned(), minted["token"].as_str().unwrap().to_owned())
    }

    /// The rows of the ledger, newest first.
    pub fn ledger(&self, query: &str) -> Vec<Value> {
        let rows = self.get("admin", &format!("/v1/installers?limit=1000&{query}"));
        assert_eq!(rows.status, 200, "{}", rows.text());
        rows.json().as_array().unwrap().clone()
    }

    /// Waits until something is so.
    pub fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let begin = Instant::now();
        while !is_so() {
            assert!(begin.elapsed() < Duration::from_secs(20), "{what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(mut command: Command, folder: &Path, environment: &[(&str, &OsStr)]) -> (Child, String) {
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    command.current_dir(folder).envs(environment.iter().copied());
    command.arg("serve").arg("--config").arg(folder.join("serve.toml")).stdout(Stdio::piped()).stderr(log);
    // For a key on a token: tests that have one put the file there.
    command.env("SOFTHSM2_CONF", folder.join("softhsm2.conf"));
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ");
    let url = url.unwrap_or_else(|| panic!("{line}{}", fs::read_to_string(folder.join("log")).unwrap())).to_owned();
    (child, url)
}
