//! From a minted token to a device in the list: a deb with the reference agent, stamped by the running service, installed in a Debian that
//! boots, and the agent that systemd starts there.

use std::fs;

use installer::Product;
use serde_json::json;

use super::super::boot::{boot, debian};
use super::package;
use crate::service::server::Server;
use crate::support::{judge, judges_folder, missing, output, program};

const MANIFEST: &str = r#"
[product]
name = "Enrolled Agent"
file-stem = "Enrolled-Agent"
version = "1.4.2"
publisher = "Example Ltd"
summary = "enrolls"
licence = "MIT"
maintainer = "Example <packages@example.com>"

[token]
issuer-keys = "issuer-keys.json"

[service]
linux-arguments = ["run"]

[[agent]]
platform = "linux"
arch = "x64"
path = "reference-agent"

[[file]]
platform = "linux"
source = "agent.json"
destination = "/usr/lib/enrolled-agent/agent.json"
"#;

/// Runs inside. Every line of the result is `step.what=value`.
const STEPS: &str = r#"#!/bin/sh
exec > /test/log 2>&1
set -x
token=/etc/enrolled-agent/enrollment-token
state=/var/lib/enrolled-agent
say() { printf '%s=%s\n' "$1" "$2" >> /test/result; }
until_is() { for n in $(seq 150); do grep -q "$1" "$2" 2>/dev/null && return; sleep 0.1; done; }
program() { systemctl show -p ExecStart --value enrolled-agent | sed 's/.*path=\([^ ;]*\).*/\1/'; }
status() { $(program) status | sed -n "s/.*\"$1\": \"\(.*\)\".*/\1/p"; }

dpkg -i /test/first.deb; say first.status "$?"
until_is checked-in $state/outcome.json
say first.state "$(cat $state/enrollment-state)"
say first.token "$(ls $token 2>&1 | grep -c 'No such file')"
say first.active "$(systemctl is-active enrolled-agent)"
say first.key "$(stat -c '%a %U' $state/device.key)"
say first.standing "$(status standing)"
say first.doctor "$($(program) doctor > /test/doctor.txt; echo $?)"
say first.beside "$($(program) once 2>&1 | grep -c 'another process of this agent is running')"
id=$(status device_id)

rm $state/outcome.json
systemctl restart enrolled-agent
until_is checked-in $state/outcome.json
say second.same "$([ -n "$id" ] && [ "$(status device_id)" = "$id" ] && echo yes)"
say second.checked "$(grep -c checked-in $state/outcome.json)"

systemctl stop enrolled-agent
$(program) reset --for-imaging; say reset.status "$?"
dpkg -i /test/revoked.deb; say revoked.status "$?"
until_is blocked $state/outcome.json
say revoked.active "$(systemctl is-active enrolled-agent)"
say revoked.token "$(stat -c %a $token)"
$(program) doctor --bundle /test/bundle.json; say revoked.doctor "$?"
say leaks "$(grep -rlaFf /test/secrets /var/log $state /proc/[0-9]*/cmdline 2>/dev/null | tr '\n' ' ')"
say journal "$(journalctl | grep -cFf /test/secrets)"
journalctl -u enrolled-agent --no-pager > /test/agent.log
sync
systemctl poweroff --no-block
"#;

#[test]
fn a_stamped_deb_becomes_a_device_in_the_list() {
    let (Some(nspawn), Some(debian)) = (judge("systemd-nspawn"), debian()) else { return };
    let agent = judges_folder().with_file_name("payloads").join("linux-x64/reference-agent");
    if !agent.is_file() {
        return missing("reference-agent (cargo xtask payloads builds it)");
    }
    let server = Server::start_with("[enrollment]\nenabled = true\ncheck-in-secs = 5\n", |_| {});
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::copy(&agent, path("reference-agent")).unwrap();
    fs::write(path("issuer-keys.json"), server.get("", "/v1/jwks").body).unwrap();
    let config = json!({
        "product": "Enrolled Agent", "publisher-folder": "Example Ltd", "folder": "Enrolled Agent",
        "package": "enrolled-agent", "bundle-id": "com.example.enrolled", "version": [1, 4, 2],
        "server": server.url, "fingerprint-key": "07".repeat(32), "first-try-secs": 1,
    });
    fs::write(path("agent.json"), config.to_string()).unwrap();
    let product = Product::load(&path("stampwright.toml"), MANIFEST).unwrap();
    let base = package(&product, None, &path("base.deb"));
    let put = server.curl("admin", "/v1/bases", &["-X", "PUT", "--data-binary", &format!("@{}", base.display())]);
    assert_eq!(put.status, 201, "{}", put.text());

    // Two tokens, each in an installer of the service; the second one is revoked after that.
    let stamped = |name: &str| {
        let minted = server.post("admin", "/v1/tokens", &json!({ "tenant": "acme", "product": "Enrolled Agent" }), &[]);
        assert_eq!(minted.status, 201, "{}", minted.text());
        let minted = minted.json();
        let wish = json!({ "product": "Enrolled Agent", "platform": "linux", "token_id": minted["id"] });
        let installer = server.post("admin", "/v1/installers", &wish, &[]);
        assert_eq!(installer.status, 200, "{}", installer.text());
        fs::write(path(name), installer.body).unwrap();
        (minted["id"].as_str().unwrap().to_owned(), minted["token"].as_str().unwrap().to_owned())
    };
    let ((first, secret), (second, revoked)) = (stamped("first.deb"), stamped("revoked.deb"));
    fs::write(path("secrets"), format!("{secret}\n{revoked}\n")).unwrap();
    assert_eq!(server.post("admin", &format!("/v1/tokens/{second}/revoke"), &json!({}), &[]).status, 204);

    let said = boot(&debian, &nspawn, folder.path(), STEPS);
    let log = |name: &str| fs::read_to_string(path(name)).unwrap_or_default();
    for (key, expected) in [
        ("first.status", "0"),
        ("first.state", "enrolled"),
        ("first.token", "1"),
        ("first.active", "active"),
        ("first.key", "600 root"),
        ("first.standing", "enrolled"),
        ("first.doctor", "0"),
        ("first.beside", "1"),
        ("second.same", "yes"),
        ("second.checked", "1"),
        ("reset.status", "0"),
        ("revoked.status", "0"),
        ("revoked.active", "active"),
        ("revoked.token", "600"),
        ("revoked.doctor", "1"),
        ("leaks", ""),
        ("journal", "0"),
    ] {
        let found = said.get(key).map_or("(nothing)", String::as_str);
        let logs = ["log", "agent.log", "doctor.txt"].map(log).join("\n");
        assert!(found == expected, "{key} is {found:?}, must be {expected:?}\n{logs}");
    }
    let list = server.get("admin", "/v1/devices").json();
    assert_eq!((list.as_array().unwrap().len(), list[0]["token_id"].as_str()), (1, Some(first.as_str())), "{list}");
    assert!(list[0]["last_seen"].is_number() && list[0]["tenant"] == "acme", "{list}");
    let used = |id: &str| server.get("admin", &format!("/v1/tokens/{id}")).json()["used"].clone();
    assert_eq!((used(&first), used(&second)), (json!(1), json!(0)));
    assert!(!server.log().contains(&secret) && !server.log().contains(&revoked), "a token is in the service's log");
    let desk = output(program().arg("doctor").arg(path("bundle.json")));
    let desk = String::from_utf8_lossy(&desk.stdout).into_owned();
    assert!(desk.contains("cause: the token was revoked [token-revoked]"), "{desk}");
}
