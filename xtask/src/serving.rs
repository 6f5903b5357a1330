//! `stampwright serve`, started for a demonstration or a measurement, and curl as its client.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use xshell::{Shell, cmd};

use crate::failure::{AtPath, Failure, Result};

/// A running service; it ends with this.
pub(crate) struct Serving {
    child: Child,
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub(crate) address: String,
    /// Its folder: data, log, and the key as a header for curl.
    pub(crate) folder: String,
}

impl Serving {
    /// Starts it in a new folder, with a folder of bases.
    pub(crate) fn start(sh: &Shell, stampwright: &Path, folder: &str, bases: &str) -> Result<Self> {
        Self::start_with(sh, stampwright, folder, bases, "")
    }

    /// The same, with a configuration beside them.
    pub(crate) fn start_with(sh: &Shell, stampwright: &Path, folder: &str, bases: &str, config: &str) -> Result<Self> {
        let full = sh.current_dir().join(folder);
        if full.exists() {
            fs::remove_dir_all(&full).at("remove", &full)?;
        }
        fs::create_dir_all(&full).at("create", &full)?;
        let toml = full.join("serve.toml");
        fs::write(&toml, config).at("write", &toml)?;
        let log = fs::File::create(full.join("log")).at("create", &full)?;
        let mut command = Command::new(stampwright);
        command.current_dir(sh.current_dir()).args(["serve", "--listen", "127.0.0.1:0", "--bases", bases]);
        command.arg("--data").arg(format!("{folder}/data")).arg("--config").arg(&toml);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().at("start", stampwright)?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).at("read", stampwright)?;
        }
        let address = line.trim().strip_prefix("listening on ").unwrap_or_default().to_owned();
        let serving = Self { child, address, folder: folder.to_owned() };
        if serving.address.is_empty() {
            return Err(said(format!("the service did not start; see {folder}/log")));
        }
        // In a file, because arguments can be seen by every user.
        let key = fs::read_to_string(full.join("data/admin.key")).at("read", &full)?;
        fs::write(full.join("key.header"), format!("Authorization: Bearer {}", key.trim())).at("write", &full)?;
        Ok(serving)
    }

    /// Its memory that is in use, in KiB.
    pub(crate) fn resident_kib(&self) -> Result<u64> {
        self.status("VmRSS")
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// A number that the system tells of its process (proc_pid_status(5)).
    pub(crate) fn status(&self, name: &str) -> Result<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(&path).at("read", &path)?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        number.ok_or_else(|| said(format!("{path} has no {name}")))
    }

    /// What it has counted.
    pub(crate) fn metrics(&self) -> Result<String> {
        let sh = Shell::new()?;
        let url = format!("{}/metrics", self.address);
        Ok(cmd!(sh, "curl -sS {url}").quiet().read()?)
    }

    /// Gives it a base.
    pub(crate) fn put_base(&self, sh: &Shell, base: &Path) -> Result {
        let (url, header) = (format!("{}/v1/bases", self.address), format!("@{}/key.header", self.folder));
        let put = cmd!(sh, "curl -sS --fail-with-body -X PUT -H {header} --data-binary").quiet().ignore_stdout();
        Ok(put.arg(format!("@{}", base.display())).arg(url).run()?)
    }

    /// One request as an administrator; what was answered, a refusal as well.
    pub(crate) fn ask(&self, sh: &Shell, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let (url, header) = (format!("{}{path}", self.address), format!("@{}/key.header", self.folder));
        let mut command = cmd!(sh, "curl -sS -X {method} -H {header} {url}").quiet();
        if let Some(body) = body {
            command =
                command.args(["-H", "content-type: application/json", "--data-binary", "@-"]).stdin(body.to_string());
        }
        let answer = command.read()?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&answer).map_err(|_| said(format!("{path} answered no JSON")))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the service should not have answered.
pub(crate) fn said(answer: impl Into<String>) -> Failure {
    Failure::Answer { program: "stampwright serve".to_owned(), answer: answer.into() }
}

/// A field of an answer; null where it has none.
pub(crate) fn field<'a>(document: &'a Value, name: &str) -> &'a Value {
    document.get(name).unwrap_or(&Value::Null)
}

/// A field of an answer that must be text.
pub(crate) fn text(document: &Value, name: &str) -> Result<String> {
    let text = field(document, name).as_str().map(str::to_owned);
    text.ok_or_else(|| said(format!("an answer has no {name}")))
}

/// A base of a product with a program of this size, which does not compress.
pub(crate) fn base(sh: &Shell, stampwright: &Path, folder: &str, name: &str, bulk: usize) -> Result {
    let product = sh.current_dir().join(folder).join(name);
    fs::create_dir_all(&product).at("create", &product)?;
    let (manifest, agent) = (product.join("stampwright.toml"), product.join("agent"));
    let text = format!(
        "[product]\nname = \"{name}\"\nfile-stem = \"{name}\"\nversion = \"1.0.0\"\npublisher = \"Example Ltd\"\nsummary = \"measures a server\"\n\
         license = \"MIT\"\nmaintainer = \"Example <packages@example.com>\"\n\n[[agent]]\nplatform = \"linux\"\narch = \"x64\"\npath = \"agent\"\n"
    );
    fs::write(&manifest, text).at("write", &manifest)?;
    fs::write(&agent, program_of(bulk)).at("write", &agent)?;
    let bases = format!("{folder}/bases");
    cmd!(sh, "{stampwright} build --product {manifest} --format deb -o {bases}").quiet().ignore_stderr().run()?;
    Ok(())
}

/// A static program for x86-64 that loops (System V gABI, chapters 4 and 5), and bytes that do not compress.
fn program_of(bulk: usize) -> Vec<u8> {
    let (start, head) = (0x40_0000_u64, 64 + 56_u64);
    let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    out.extend([2_u16, 62].into_iter().flat_map(u16::to_le_bytes));
    out.extend(1_u32.to_le_bytes());
    out.extend([start + head, 64, 0].into_iter().flat_map(u64::to_le_bytes));
    out.extend(0_u32.to_le_bytes());
    out.extend([64_u16, 56, 1, 64, 0, 0].into_iter().flat_map(u16::to_le_bytes));
    let len = head + 2 + bulk as u64;
    out.extend([1_u32, 5].into_iter().flat_map(u32::to_le_bytes));
    out.extend([0, start, start, len, len, 0x1_0000].into_iter().flat_map(u64::to_le_bytes));
    out.extend([0xEB, 0xFE]);
    let step =
        |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
    out.extend(std::iter::successors(Some(1_u64), step).map(|state| (state >> 56) as u8).take(bulk));
    out
}
