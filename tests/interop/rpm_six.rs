//! rpm 6 of Debian unstable. Its root changes from day to day, so these tests are no part of the test command: `cargo xtask rpm6` runs them,
//! and there a judge that is missing is a failure.

use std::fs;
use std::process::Command;

use super::boot::in_sid;
use super::openpgp::verifies_what_we_sign;
use super::rpm::{COMPRESSIONS, LIVE, installs_what_is_signed, package, takes_tokens, text, verifies};
use super::rpm_root::Root;
use crate::support::keys::keys;
use crate::support::product::Small;
use crate::support::{both, output, program, run};

fn rpm() -> Option<Command> {
    in_sid("rpm")
}

#[test]
#[ignore = "cargo xtask rpm6"]
fn rpm_6_is_rpm_6() {
    let Some(mut rpm) = rpm() else { return };
    let said = both(&output(rpm.arg("--version")));
    assert!(said.contains("RPM version 6."), "{said}");
}

#[test]
#[ignore = "cargo xtask rpm6"]
fn rpm_6_verifies_bases_and_stamps_in_every_compression() {
    verifies(&rpm);
}

#[test]
#[ignore = "cargo xtask rpm6"]
fn rpm_6_verifies_what_we_sign() {
    verifies_what_we_sign(&rpm);
}

#[test]
#[ignore = "cargo xtask rpm6"]
fn a_device_with_rpm_6_takes_tokens_by_plain_installations() {
    takes_tokens(Root::of_sid());
}

#[test]
#[ignore = "cargo xtask rpm6"]
fn rpm_6_installs_a_signed_stamp_where_signatures_are_asked_for() {
    installs_what_is_signed(Root::of_sid());
}

/// What rpm 6 does by upstream's own settings, which Debian takes back: without a good signature nothing is installed.
#[test]
#[ignore = "cargo xtask rpm6"]
fn rpm_6_enforces_signatures_in_every_compression() {
    let Some(keys) = keys() else { return };
    let (certificate, key) = (keys.text("rsa2048.pem"), keys.text("rsa2048.key"));
    let small = Small::new();
    for compression in COMPRESSIONS {
        let Some(root) = Root::of_sid() else { return };
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let product = small.product.clone().with_compression(compression);
        let base = package(&product, None, &at("base.rpm"));
        fs::write(at("token"), "tenant-7.secret").unwrap();
        let stamp = |out: &str, more: &[&str]| {
            let mut command = program();
            command.args(["stamp", text(&base), "--token-file", text(&at("token")), "-o", text(&at(out))]).args(more);
            let said = output(&mut command);
            assert!(said.status.success(), "{}", both(&said));
        };
        stamp("plain.rpm", &[]);
        stamp("signed.rpm", &["--certs", &certificate, "--key", &key]);
        let bytes = fs::read(at("signed.rpm")).unwrap();
        let header = bytes.windows(4).rposition(|four| four == [0x8e, 0xad, 0xe8, 1]).unwrap();
        for (name, place) in [("head.rpm", header + 100), ("payload.rpm", bytes.len() - 300)] {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            fs::write(at(name), damaged).unwrap();
        }
        let block =
            run(program().get_program(), ["rpm-key", "--certs", &certificate, "--key", &key, "--user-id", "Example"]);
        fs::write(at("key.asc"), block).unwrap();

        let all = |arguments: &[&str]| root.try_rpm(&[&["--define", "_pkgverify_level all"], arguments].concat());
        let refused = |arguments: &[&str], why: &str| {
            let said = all(arguments);
            assert!(
                !said.status.success() && both(&said).contains(why),
                "{compression:?} {arguments:?}: {}",
                both(&said)
            );
            assert!(!root.path("usr/libexec/example-agent").exists());
        };
        refused(&["-U", "--nodeps", text(&at("signed.rpm"))], "NOKEY");
        root.rpm(&["--import", text(&at("key.asc"))]);
        refused(&["-U", "--nodeps", text(&at("plain.rpm"))], "no signature");
        for name in ["head.rpm", "payload.rpm"] {
            let said = all(&["-U", "--nodeps", text(&at(name))]);
            assert!(!said.status.success(), "{compression:?} {name}: {}", both(&said));
            assert!(!root.path("usr/libexec/example-agent").exists(), "{name}");
        }
        let said = all(&["-Kv", text(&at("signed.rpm"))]);
        let words = both(&said);
        assert!(said.status.success(), "{words}");
        for line in ["Header SHA256 digest: OK", "Payload SHA256 digest: OK"] {
            assert!(words.contains(line), "{line}: {words}");
        }
        let signature = words.lines().find(|line| line.contains("signature") && line.ends_with("OK"));
        assert!(signature.is_some_and(|line| line.contains("RSA/SHA256")), "{words}");

        let said = all(&["-U", "--nodeps", text(&at("signed.rpm"))]);
        assert!(said.status.success(), "{}", both(&said));
        assert_eq!(root.read(LIVE).as_deref(), Some("tenant-7.secret"));
        assert_eq!(root.rpm(&["-V", "--nodeps", "example-agent"]), "");
        root.rpm(&["-e", "--nodeps", "example-agent"]);
        assert_eq!(root.named("enrollment-token"), "");
    }
}
