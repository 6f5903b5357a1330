//! Kits for dnf: createrepo_c makes the index, dnf installs from it into a root of its own, with its check of signatures on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use installer::Kind;

use super::rpm_root::Root;
use crate::support::keys::keys;
use crate::support::kits::{Made, TOKEN, assert_private, json};
use crate::support::{both, judge, output, program, run};

const LIVE: &str = "etc/example-agent/enrollment-token";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A stamp with a signature of one of the keys, in a folder of its own: stamps of one base have one name.
fn stamped(made: &Made, key: &str, folder: &str, more: &[&str]) -> PathBuf {
    let keys = keys().unwrap();
    let out = made.small.folder.path().join(folder).join("Example-Agent.rpm");
    fs::create_dir_all(out.parent().unwrap()).unwrap();
    let (certificate, private) = (keys.text(&format!("{key}.pem")), keys.text(&format!("{key}.key")));
    let mut command = program();
    command.args(["stamp", text(&made.base), "--token-file", text(&made.token), "-o", text(&out)]);
    command.args(["--certs", &certificate, "--key", &private]).args(more);
    let said = output(&mut command);
    assert!(said.status.success(), "{}", both(&said));
    out
}

fn said(output: Option<Output>) -> (bool, String) {
    let output = output.unwrap();
    (output.status.success(), both(&output))
}

#[test]
fn dnf_installs_from_the_repository_that_the_kit_tells_to_make() {
    let (Some(keys), Some(createrepo), Some(root), Some(_)) =
        (keys(), judge("createrepo_c"), Root::new(), judge("dnf"))
    else {
        return;
    };
    let made = Made::of(Kind::Rpm);
    let Some(()) = root.distribution(&made.base) else { return };
    let first = stamped(&made, "rsa2048", "first", &["--release", "100"]);
    let served = made.small.folder.path().join("served");
    fs::create_dir(&served).unwrap();
    let url = format!("file://{}/x.rpm", text(&served));
    let kit = made.good_kit(&first, "dnf", &["--package-url", &url]);
    assert_private(&kit.join("dnf"), &["example-agent-1.4.2-1.100.x86_64.rpm"]);
    assert_eq!(json(&kit.join("kit.json"))["secret"], true);
    let page = fs::read_to_string(kit.join("dnf/README.md")).unwrap();
    for part in [
        "createrepo_c --update .",
        "example-agent-1.4.2-1.100.x86_64.rpm",
        "RPM-GPG-KEY-example-agent",
        "/etc/zypp/repos.d/",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }

    // As the page says.
    let serve = |package: &Path| {
        let name = run(judge("rpm").unwrap(), ["-qp", "--qf", "%{NVRA}.rpm", text(package)]);
        fs::copy(package, served.join(name)).unwrap();
        run(&createrepo, ["--quiet", "--update", text(&served)]);
    };
    let (certificate, key) = (keys.text("rsa2048.pem"), keys.text("rsa2048.key"));
    let block =
        run(program().get_program(), ["rpm-key", "--certs", &certificate, "--key", &key, "--user-id", "Example"]);
    fs::write(served.join("RPM-GPG-KEY-example-agent"), block).unwrap();
    serve(&kit.join("dnf/example-agent-1.4.2-1.100.x86_64.rpm"));
    let devices = made.small.folder.path().join("devices");
    fs::create_dir(&devices).unwrap();
    fs::copy(kit.join("dnf/example-agent.repo"), devices.join("example-agent.repo")).unwrap();

    let (good, words) = said(root.dnf(&devices, &["install", "example-agent"]));
    assert!(good && words.contains("Importing GPG key"), "{words}");
    assert_eq!(root.read(LIVE).as_deref(), Some(TOKEN));
    assert_eq!(root.rpm(&["-V", "--nodeps", "example-agent"]), "");
    assert_eq!(root.rpm(&["-q", "--qf", "%{RELEASE}", "example-agent"]), "1.100");

    // Another's signature and a changed byte are refused, a newer stamp is an upgrade.
    serve(&stamped(&made, "rsa4096", "other", &["--release", "300"]));
    let (good, words) = said(root.dnf(&devices, &["--refresh", "upgrade"]));
    assert!(!good && words.contains("not correct") | words.contains("not installed"), "{words}");
    assert_eq!(root.rpm(&["-q", "--qf", "%{RELEASE}", "example-agent"]), "1.100");
    fs::remove_file(served.join("example-agent-1.4.2-1.300.x86_64.rpm")).unwrap();
    serve(&stamped(&made, "rsa2048", "second", &["--release", "200"]));
    let (good, words) = said(root.dnf(&devices, &["--refresh", "upgrade"]));
    assert!(good, "{words}");
    assert_eq!(root.rpm(&["-q", "--qf", "%{RELEASE}", "example-agent"]), "1.200");
}

#[test]
fn what_dnf_would_refuse_becomes_no_kit() {
    let made = Made::of(Kind::Rpm);
    let (folder, unsigned) = made.kit(&made.stamped, "dnf", &[]);
    assert!(!unsigned.status.success() && both(&unsigned).contains("the package is not signed"), "{}", both(&unsigned));
    assert!(!folder.exists());
    let (_, base) = made.kit(&made.base, "dnf", &[]);
    assert!(!base.status.success() && both(&base).contains("stamp the base first"), "{}", both(&base));
    let (_, token) = made.kit(&made.base, "dnf", &["--token-file", text(&made.token)]);
    assert!(!token.status.success() && both(&token).contains("brings its token inside"), "{}", both(&token));
    let (_, gpo) = made.kit(&made.stamped, "gpo", &[]);
    assert_eq!(gpo.status.code(), Some(2), "{}", both(&gpo));
}
