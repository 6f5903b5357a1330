//! The download service on the bases of the demonstration: mint, link, download, resume, verify, revoke, refused.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use xshell::{Shell, cmd};

use super::report::findings;
use super::setup::FOLDER;
use crate::debian::{self, program};
use crate::failure::{AtPath, Failure, Result};

/// The service; it ends with the demonstration.
struct Service {
    child: Child,
    address: String,
    folder: String,
}

/// Starts the service, and plays an administrator and a device.
pub(super) fn run(sh: &Shell, stampwright: &Path) -> Result {
    debian::ensure(sh, &[program("curl", "curl")])?;
    eprintln!("serving the bases");
    let service = Service::start(sh, stampwright)?;
    println!("\nstampwright serve --bases {FOLDER}/bases --data {FOLDER}/serve: {}", service.address);
    let bases = service.ask(sh, "GET", "/v1/bases", None)?;
    let base = bases.as_array().and_then(|all| all.iter().find(|base| field(base, "format") == "msi"));
    let base = base.ok_or_else(|| said("the service lists no msi".to_owned()))?;
    let product = field(base, "product").clone();

    let minted = service.ask(sh, "POST", "/v1/tokens", Some(&json!({ "tenant": "acme", "product": product })))?;
    let id = text(&minted, "id")?;
    println!("minted     token {id} for acme, good until {}", text(&minted, "expires")?);
    let wish = json!({ "product": product, "platform": "windows", "token_id": id });
    let link = service.ask(sh, "POST", "/v1/links", Some(&wish))?;
    let url = text(&link, "url")?;
    println!("linked     {} for one use, {} bytes", text(&link, "file_name")?, field(&link, "size"));

    // The connection breaks, and what is there is gone on with: the cookie says whose download it is.
    let (folder, file) = (&service.folder, format!("{}/{}", service.folder, text(&link, "file_name")?));
    let broken = cmd!(sh, "curl -sS -c {folder}/jar --limit-rate 12M --max-time 1 -o {file} {url}");
    broken.quiet().ignore_status().ignore_stderr().run()?;
    let part = fs::metadata(sh.current_dir().join(&file)).at("measure", Path::new(&file))?.len();
    cmd!(sh, "curl -sS -b {folder}/jar -C - -o {file} {url}").quiet().ignore_stderr().run()?;
    println!("downloaded {part} bytes, then the rest: {file}");
    let base = format!("{FOLDER}/bases/{}", text(&link, "file_name")?);
    let report = cmd!(sh, "{stampwright} verify {file} --base {base} --json").quiet().read()?;
    println!("verified   {}", findings(&report)?);

    let status = |status: &str| println!("           the token is {status}");
    service.ask(sh, "POST", &format!("/v1/tokens/{id}/revoke"), Some(&json!({})))?;
    println!("revoked    token {id}");
    status(&text(&service.ask(sh, "GET", &format!("/v1/tokens/{id}/status"), None)?, "status")?);
    let refused = service.ask(sh, "POST", "/v1/links", Some(&wish))?;
    println!("refused    {}: {}", field(&refused, "status"), text(&refused, "detail")?);
    let rows = service.ask(sh, "GET", "/v1/installers", None)?;
    println!(
        "ledger     {} installer(s) of that token, outcome {}",
        rows.as_array().map_or(0, Vec::len),
        rows.as_array().and_then(|rows| rows.first()).map_or(&Value::Null, |row| field(row, "outcome"))
    );
    if field(&refused, "status") != 422 {
        return Err(said("the revoked token was not refused".to_owned()));
    }
    Ok(())
}

impl Service {
    fn start(sh: &Shell, stampwright: &Path) -> Result<Self> {
        let folder = format!("{FOLDER}/serve");
        let full = sh.current_dir().join(&folder);
        if full.exists() {
            fs::remove_dir_all(&full).at("remove", &full)?;
        }
        fs::create_dir_all(&full).at("create", &full)?;
        let log = fs::File::create(full.join("log")).at("create", &full)?;
        let mut command = Command::new(stampwright);
        command.current_dir(sh.current_dir()).args(["serve", "--listen", "127.0.0.1:0", "--bases"]);
        command.arg(format!("{FOLDER}/bases")).arg("--data").arg(format!("{folder}/data"));
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().at("start", stampwright)?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).at("read", stampwright)?;
        }
        let address = line.trim().strip_prefix("listening on ").unwrap_or_default().to_owned();
        let service = Self { child, address, folder };
        if service.address.is_empty() {
            return Err(said(format!("the service did not start; see {}/log", service.folder)));
        }
        // In a file, because arguments can be seen by every user.
        let key = fs::read_to_string(full.join("data/admin.key")).at("read", &full)?;
        fs::write(full.join("key.header"), format!("Authorization: Bearer {}", key.trim())).at("write", &full)?;
        Ok(service)
    }

    /// One request as an administrator; what was answered, a refusal as well.
    fn ask(&self, sh: &Shell, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
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

impl Drop for Service {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn said(answer: impl Into<String>) -> Failure {
    Failure::Answer { program: "stampwright serve".to_owned(), answer: answer.into() }
}

/// A field of an answer; null where it has none.
fn field<'a>(document: &'a Value, name: &str) -> &'a Value {
    document.get(name).unwrap_or(&Value::Null)
}

fn text(document: &Value, name: &str) -> Result<String> {
    let text = field(document, name).as_str().map(str::to_owned);
    text.ok_or_else(|| said(format!("an answer has no {name}")))
}
