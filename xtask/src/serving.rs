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
        let full = sh.current_dir().join(folder);
        if full.exists() {
            fs::remove_dir_all(&full).at("remove", &full)?;
        }
        fs::create_dir_all(&full).at("create", &full)?;
        let log = fs::File::create(full.join("log")).at("create", &full)?;
        let mut command = Command::new(stampwright);
        command.current_dir(sh.current_dir()).args(["serve", "--listen", "127.0.0.1:0", "--bases", bases]);
        command.arg("--data").arg(format!("{folder}/data"));
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
