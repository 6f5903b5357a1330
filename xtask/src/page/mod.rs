//! `cargo xtask page`: the service's page in Debian's Chromium, with scripts and without, judged by axe; and its pictures in `docs/page/`.
//! It is a command of its own because a browser takes longer than the tests that it would stand among.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use xshell::{Shell, cmd};

use crate::debian::{self, Need, Probe, program};
use crate::failure::{AtPath, Failure, Result};
use crate::payloads;

/// Where it works.
const FOLDER: &str = "target/page";
/// The product whose bases are served: small, and for two systems.
const MANIFEST: &str = "payloads/probe/stampwright.toml";
/// Where the pictures for the README are.
const PICTURES: &str = "docs/page";

const PACKAGES: [Need; 4] = [
    program("node", "nodejs"),
    program("npm", "npm"),
    program("chromium", "chromium"),
    // The pictures are drawn with it, so that they are the same everywhere.
    Need { probe: Probe::Package, package: "fonts-dejavu-core" },
];

/// Pinned, because a new version of a judge must not fail a tree that has not changed.
const FROM_NPM: [&str; 2] = ["playwright-core@1.65.1", "@axe-core/playwright@4.14.0"];

/// Serves the probe's bases and opens the page.
pub(crate) fn run(sh: &Shell) -> Result {
    debian::ensure(sh, &PACKAGES)?;
    from_npm(sh)?;
    payloads::run(sh, false)?;
    eprintln!("building the program");
    cmd!(sh, "cargo build --quiet --locked --package stampwright-cli").quiet().run()?;
    let stampwright = sh.current_dir().join("target/debug/stampwright");
    let folder = sh.current_dir().join(FOLDER);
    for name in ["bases", "data"] {
        sh.remove_path(folder.join(name))?;
    }
    let bases = folder.join("bases");
    cmd!(sh, "{stampwright} build --product {MANIFEST} --format msi,deb --allow-unsigned-agent -o {bases}")
        .quiet()
        .ignore_stdout()
        .ignore_stderr()
        .run()?;
    let service = Service::start(&folder, &stampwright)?;
    drive(sh, &folder, &service)
}

/// Packages from npm, once.
fn from_npm(sh: &Shell) -> Result {
    let folder = sh.current_dir().join(FOLDER).join("npm");
    let (done, contents) = (folder.join("contents.txt"), FROM_NPM.join("\n"));
    if fs::read_to_string(&done).is_ok_and(|there| there == contents) {
        return Ok(());
    }
    eprintln!("installing {}", FROM_NPM.join(" "));
    fs::create_dir_all(&folder).at("create", &folder)?;
    cmd!(sh, "npm install --silent --no-save --no-audit --no-fund --ignore-scripts --prefix {folder} {FROM_NPM...}")
        .quiet()
        .run()?;
    fs::write(&done, contents).at("write", &done)
}

/// The browser does what a person does, and says what it found.
fn drive(sh: &Shell, folder: &Path, service: &Service) -> Result {
    let pictures = sh.current_dir().join(PICTURES);
    fs::create_dir_all(&pictures).at("create", &pictures)?;
    // A module is found beside the script that asks for it.
    let script = folder.join("npm/drive.mjs");
    fs::write(&script, include_str!("drive.mjs")).at("write", &script)?;
    let key = fs::read_to_string(folder.join("data/admin.key")).at("read", folder)?;
    let mut node = Command::new("node");
    node.arg(&script).arg(&service.address).arg(&pictures).stdin(Stdio::piped());
    let mut child = node.spawn().at("start", "node")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(key.trim().as_bytes()).at("write to", "node")?;
    }
    if child.wait().at("wait for", "node")?.success() {
        return Ok(());
    }
    Err(Failure::Answer { program: "the browser".to_owned(), answer: "the page is not what it must be".to_owned() })
}

/// The service; it ends with this command.
struct Service {
    child: Child,
    address: String,
}

impl Service {
    fn start(folder: &Path, stampwright: &Path) -> Result<Self> {
        let log: PathBuf = folder.join("log");
        let errors = fs::File::create(&log).at("create", &log)?;
        let mut command = Command::new(stampwright);
        let key = folder.join("fingerprint.key");
        fs::write(&key, "07".repeat(32)).at("write", &key)?;
        // A secret that others can read is refused.
        Command::new("chmod").arg("600").arg(&key).status().at("start", "chmod")?;
        let toml = folder.join("serve.toml");
        let config = format!("[enrollment]\nenabled = true\noffline-secs = 1\nfingerprint-key-file = {key:?}\n");
        fs::write(&toml, config).at("write", &toml)?;
        command.args(["serve", "--listen", "127.0.0.1:0", "--bases"]).arg(folder.join("bases"));
        command.arg("--config").arg(&toml);
        command.arg("--data").arg(folder.join("data")).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().at("start", stampwright)?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).at("read", stampwright)?;
        }
        let address = line.trim().strip_prefix("listening on ").unwrap_or_default().to_owned();
        let service = Self { child, address };
        if service.address.is_empty() {
            let answer = format!("it did not start; see {}", log.display());
            return Err(Failure::Answer { program: "stampwright serve".to_owned(), answer });
        }
        Ok(service)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
