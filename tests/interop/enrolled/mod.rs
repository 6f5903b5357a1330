//! From a minted token to a device in the list: the reference agent in an installer that the running service has stamped, installed in a
//! system that boots, and started there by systemd.

mod clocks;
mod cloned;
mod deb;
mod device;
mod disks;
mod dmidecode;
mod hardware;
mod inspected;
mod lossy;
mod msi;
mod networks;
mod offline;
mod refused;
mod rpm;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use installer::Product;
use installer::format::Kind;
use installer::formats;
use serde_json::{Value, json};

use super::boot::boot;
use crate::service::server::Server;
use crate::support::product::build;
use crate::support::{judges_folder, missing};

const MANIFEST: &str = r#"
[product]
name = "Enrolled Agent"
file-stem = "Enrolled-Agent"
version = "1.4.2"
publisher = "Example Ltd"
summary = "enrolls"
license = "MIT"
maintainer = "Example <packages@example.com>"

[token]
issuer-keys = "issuer-keys.json"

[service]
linux-arguments = ["run"]
windows-arguments = ["run"]

[[agent]]
platform = "linux"
arch = "x64"
path = "reference-agent"

[[file]]
platform = "linux"
source = "agent.json"
destination = "AGENT-FOLDER/agent.json"

[[agent]]
platform = "windows"
arch = "x64"
path = "reference-agent.exe"

[[file]]
platform = "windows"
source = "agent.json"
destination = "agent.json"

[windows]
upgrade-code = "{2D6C1B2E-7C55-4C0E-9D0B-3B8A1F0F5E61}"
"#;

/// What the steps inside begin with. Every line of the result is `step.what=value`.
const PRELUDE: &str = r#"#!/bin/sh
exec > /test/log 2>&1
set -x
token=/etc/enrolled-agent/enrollment-token
state=/var/lib/enrolled-agent
say() { printf '%s=%s\n' "$1" "$2" >> /test/result; }
until_is() { for n in $(seq 150); do grep -q "$1" "$2" 2>/dev/null && return; sleep 0.1; done; }
program() { systemctl show -p ExecStart --value enrolled-agent | sed 's/.*path=\([^ ;]*\).*/\1/'; }
status() { $(program) status | sed -n "s/.*\"$1\": \"\(.*\)\".*/\1/p"; }
is_same() { [ -n "$id" ] && [ "$(status device_id)" = "$id" ] && echo yes; }
enrolled() {
    until_is checked-in $state/outcome.json
    say "$1.state" "$(cat $state/enrollment-state)"
    say "$1.token" "$(ls $token 2>&1 | grep -c 'No such file')"
    say "$1.active" "$(systemctl is-active enrolled-agent)"
    say "$1.standing" "$(status standing)"
}
"#;

/// What they end with.
const END: &str = r#"
say leaks "$(grep -rlaFf /test/secrets /var/log $state /proc/[0-9]*/cmdline 2>/dev/null | tr '\n' ' ')"
say journal "$(journalctl | grep -cFf /test/secrets)"
journalctl -u enrolled-agent --no-pager > /test/agent.log
sync
systemctl poweroff --no-block
"#;

/// A vendor: its agent, its service, and a folder for its files.
struct Vendor {
    kind: Kind,
    server: Server,
    folder: tempfile::TempDir,
}

/// A token that the service has minted.
struct Token {
    id: String,
    secret: String,
}

impl Vendor {
    /// Starts the service, unless there is no agent.
    fn new(kind: Kind) -> Option<Self> {
        Self::with(kind, "")
    }

    /// The same, with more about enrollment in the service's configuration.
    fn with(kind: Kind, enrollment: &str) -> Option<Self> {
        Self::with_files(kind, enrollment, |_| {})
    }

    /// The same, with files that the configuration names beside it.
    fn with_files(kind: Kind, enrollment: &str, make: impl FnOnce(&Path)) -> Option<Self> {
        Self::start(kind, enrollment, &[], make)
    }

    /// With another clock: variables of the service's process.
    fn with_clock(kind: Kind, environment: &[(&str, &OsStr)]) -> Option<Self> {
        Self::start(kind, "", environment, |_| {})
    }

    fn start(kind: Kind, enrollment: &str, environment: &[(&str, &OsStr)], make: impl FnOnce(&Path)) -> Option<Self> {
        let payloads = judges_folder().with_file_name("payloads");
        let agents = ["linux-x64/reference-agent", "windows-x64/reference-agent.exe"].map(|name| payloads.join(name));
        if !agents.iter().all(|agent| agent.is_file()) {
            missing("reference-agent (cargo xtask payloads builds it)");
            return None;
        }
        let config = format!("[enrollment]\nenabled = true\ncheck-in-secs = 5\n{enrollment}");
        let server = Server::start_in(&config, environment, |bases| make(bases.parent().unwrap()));
        let vendor = Self { kind, server, folder: tempfile::tempdir().unwrap() };
        for agent in agents {
            fs::copy(&agent, vendor.path(agent.file_name().unwrap().to_str().unwrap())).unwrap();
        }
        fs::write(vendor.path("issuer-keys.json"), vendor.server.get("", "/v1/jwks").body).unwrap();
        Some(vendor)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Builds the base of a version and gives it to the service. `agent_folder` is where the format installs the program.
    fn publish(&self, version: [u32; 3], agent_folder: &str) {
        let mut config = json!({
            "product": "Enrolled Agent", "publisher-folder": "Example Ltd", "folder": "Enrolled Agent",
            "package": "enrolled-agent", "bundle-id": "com.example.enrolled", "version": version,
            "server": self.server.url, "fingerprint-key": "07".repeat(32), "first-try-secs": 1,
        });
        if self.kind == Kind::Msi {
            // Windows keeps what a service writes to standard error nowhere.
            config["log"] = json!(r"C:\windows\temp\enrolled-agent.log");
        }
        fs::write(self.path("agent.json"), config.to_string()).unwrap();
        let text = version.map(|part| part.to_string()).join(".");
        let manifest = MANIFEST.replace("1.4.2", &text).replace("AGENT-FOLDER", agent_folder);
        let product = Product::load(&self.path("stampwright.toml"), &manifest).unwrap();
        let agent = product.agents_for(self.kind.platform()).next().unwrap();
        let base = self.path("base");
        fs::write(&base, build(formats::by_kind(self.kind).unwrap(), &product, agent).unwrap()).unwrap();
        let put =
            self.server.curl("admin", "/v1/bases", &["-X", "PUT", "--data-binary", &format!("@{}", base.display())]);
        assert_eq!(put.status, 201, "{}", put.text());
    }

    /// Mints a token for so many devices.
    fn mint(&self, uses: u32) -> Token {
        let wish = json!({ "tenant": "acme", "product": "Enrolled Agent", "uses": uses });
        let minted = self.server.post("admin", "/v1/tokens", &wish, &[]);
        assert_eq!(minted.status, 201, "{}", minted.text());
        let minted = minted.json();
        let text = |key: &str| minted[key].as_str().unwrap().to_owned();
        Token { id: text("id"), secret: text("token") }
    }

    /// Mints a token and keeps the installer that the service makes with it.
    fn stamp(&self, file: &str) -> Token {
        let token = self.mint(10);
        let platform = if self.kind == Kind::Msi { "windows" } else { "linux" };
        let wish = json!({ "product": "Enrolled Agent", "platform": platform, "token_id": token.id });
        let installer = self.server.post("admin", "/v1/installers", &wish, &[]);
        assert_eq!(installer.status, 200, "{}", installer.text());
        fs::write(self.path(file), installer.body).unwrap();
        token
    }

    fn revoke(&self, token: &Token) {
        let revoked = self.server.post("admin", &format!("/v1/tokens/{}/revoke", token.id), &json!({}), &[]);
        assert_eq!(revoked.status, 204, "{}", revoked.text());
    }

    /// Boots the root, runs the steps between prelude and end, and holds that no log on either side has one of the tokens.
    fn boot(&self, root: &Path, nspawn: &Path, steps: &str, tokens: &[&Token]) -> Said<'_> {
        let secrets: String = tokens.iter().map(|token| format!("{}\n", token.secret)).collect();
        fs::write(self.path("secrets"), secrets).unwrap();
        let answers = boot(root, nspawn, self.folder.path(), &format!("{PRELUDE}{steps}{END}"));
        let said = Said { vendor: self, answers };
        said.is("leaks", "");
        said.is("journal", "0");
        let log = self.server.log();
        assert!(tokens.iter().all(|token| !log.contains(&token.secret)), "a token is in the service's log");
        said
    }

    /// The devices of the service, newest first.
    fn devices(&self) -> Vec<Value> {
        self.server.get("admin", "/v1/devices").json().as_array().unwrap().clone()
    }

    /// How many devices the token has enrolled.
    fn uses(&self, token: &Token) -> Value {
        self.server.get("admin", &format!("/v1/tokens/{}", token.id)).json()["used"].clone()
    }
}

/// What the steps have said.
struct Said<'a> {
    vendor: &'a Vendor,
    answers: BTreeMap<String, String>,
}

impl Said<'_> {
    fn is(&self, key: &str, expected: &str) {
        let found = self.answers.get(key).map_or("(nothing)", String::as_str);
        let log = |name: &str| fs::read_to_string(self.vendor.path(name)).unwrap_or_default();
        let logs = ["log", "agent.log", "doctor.txt"].map(log).join("\n");
        assert!(found == expected, "{key} is {found:?}, must be {expected:?}\n{logs}");
    }

    /// The step has ended with an enrolled device, whose token is gone and whose service runs.
    fn is_enrolled(&self, step: &str) {
        for (what, expected) in
            [("status", "0"), ("state", "enrolled"), ("token", "1"), ("active", "active"), ("standing", "enrolled")]
        {
            self.is(&format!("{step}.{what}"), expected);
        }
    }
}

/// Approves the one request that waits.
fn approve(vendor: &Vendor) {
    let waiting = vendor.server.get("admin", "/v1/enrollments").json();
    assert_eq!(waiting.as_array().unwrap().len(), 1, "{waiting}");
    let path = format!("/v1/enrollments/{}/answer", waiting[0]["request_id"].as_str().unwrap());
    let mut answer = json!({ "answer": "approve" });
    // A request that names no tenant is approved with one.
    if waiting[0]["tenant"].is_null() {
        answer["tenant"] = json!("acme");
    }
    let answered = vendor.server.post("admin", &path, &answer, &[]);
    assert_eq!(answered.status, 204, "{}", answered.text());
}
