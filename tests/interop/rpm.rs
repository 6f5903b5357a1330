//! rpm, rpm2cpio, bsdtar, 7-Zip and cpio judge RPM packages; rpm installs them into a root of its own, scriptlets and all.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use installer::format::{Format, Kind};
use installer::product::Compression;
use installer::{Product, Token, formats};

use super::boot::in_trixie;
use super::rpm_root::Root;
use crate::support::keys::keys;
use crate::support::product::{MANIFEST, Small, build};
use crate::support::{both, judge, once, output, program, run};

pub(super) const COMPRESSIONS: [Compression; 3] = [Compression::Xz, Compression::Gzip, Compression::Zstd];
const STAGED: &str = "usr/lib/example-agent/enrollment-token";
pub(super) const LIVE: &str = "etc/example-agent/enrollment-token";
const STATE: &str = "var/lib/example-agent/enrollment-state";

fn format() -> &'static dyn Format {
    formats::by_kind(Kind::Rpm).unwrap()
}

/// A base for the product's first Linux agent, or a stamp of it, as a file.
pub(super) fn package(product: &Product, stamp: Option<(&str, u64)>, path: &Path) -> PathBuf {
    let agent = product.agents_for(Kind::Rpm.platform()).next().unwrap();
    let mut bytes = build(format(), product, agent).unwrap();
    if let Some((token, number)) = stamp {
        let base = once::open(bytes.as_slice()).unwrap();
        let token = once::accepted(&base, &Token::parse(token.as_bytes()).unwrap()).with_number(number);
        let mut stamped = Vec::new();
        base.stamp(&token).unwrap().write_to(*base.bytes(), &mut stamped).unwrap();
        bytes = stamped;
    }
    fs::write(path, bytes).unwrap();
    path.to_path_buf()
}

pub(super) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn rpm_verifies_bases_and_stamps_in_every_compression() {
    verifies(&|| judge("rpm").map(Command::new));
}

#[test]
fn rpm_4_20_verifies_bases_and_stamps_in_every_compression() {
    verifies(&|| in_trixie("rpm"));
}

pub(super) fn verifies(rpm: &dyn Fn() -> Option<Command>) {
    if rpm().is_none() {
        return;
    }
    let run = |args: &[&str]| {
        let said = output(rpm().unwrap().args(args));
        assert!(said.status.success(), "{args:?}: {}", both(&said));
        String::from_utf8(said.stdout).unwrap()
    };
    let small = Small::new();
    for compression in COMPRESSIONS {
        let product = small.product.clone().with_compression(compression);
        for len in [0, 1, 66, 4096] {
            let folder = tempfile::tempdir().unwrap();
            let token = "t".repeat(len);
            let stamp = (len > 0).then_some((token.as_str(), 1_700_000_000));
            let file = package(&product, stamp, &folder.path().join("x.rpm"));
            let database = format!("--dbpath={}", text(&folder.path().join("db")));
            let said = run(&[&database, "-K", text(&file)]);
            assert!(said.ends_with("x.rpm: digests OK\n"), "{compression:?} {len}: {said}");
            // As rpm 6 looks: no MD5, no SHA-1.
            let strict = ["--define", "_pkgverify_flags 0x20100", "-Kv", text(&file)];
            let said = run(&[&[database.as_str()][..], &strict].concat());
            assert!(said.contains("Header SHA256 digest: OK") && said.contains("Payload SHA256 digest: OK"), "{said}");
            let query = |what: &[&str]| run(&[&[database.as_str(), "-qp"][..], what, &[text(&file)]].concat());
            let release = if len > 0 { "1.1700000000" } else { "1" };
            let format = "%{NAME}|%{VERSION}|%{RELEASE}|%{ARCH}|%{OS}|%{VENDOR}|%{LICENSE}|%{URL}|%{SOURCERPM}";
            let expected = format!(
                "example-agent|1.4.2|{release}|x86_64|linux|Example Ltd|MIT|https://example.com/agent|example-agent-1.4.2-1.src.rpm"
            );
            assert_eq!(query(&["--qf", format]), expected);
            let dump = query(&["--dump"]);
            assert_eq!(dump.contains(&format!("/{STAGED} {len} ")), len > 0, "{dump}");
            assert!(dump.contains("/usr/libexec/example-agent/example-agent "), "{dump}");
            let scripts = query(&["--scripts"]);
            for name in ["preinstall", "postinstall", "preuninstall", "postuninstall"] {
                assert!(scripts.contains(&format!("{name} scriptlet (using /bin/sh):")), "{scripts}");
            }
        }
    }
}

#[test]
fn other_programs_unpack_what_we_write() {
    let (Some(rpm2cpio), Some(bsdtar), Some(seven), Some(cpio)) =
        (judge("rpm2cpio"), judge("bsdtar"), judge("7z"), judge("cpio"))
    else {
        return;
    };
    let small = Small::new();
    let agent = fs::read(small.folder.path().join("agent-x64")).unwrap();
    for compression in COMPRESSIONS {
        let product = small.product.clone().with_compression(compression);
        let folder = tempfile::tempdir().unwrap();
        let file = package(&product, Some(("tenant-7.secret", 7)), &folder.path().join("x.rpm"));
        let unpacked = |name: &str, command: &mut Command| {
            let out = folder.path().join(name);
            fs::create_dir(&out).unwrap();
            let said = output(command.current_dir(&out));
            assert!(said.status.success(), "{name}: {}", both(&said));
            assert!(fs::read(out.join("usr/libexec/example-agent/example-agent")).unwrap() == agent, "{name}");
            assert_eq!(fs::read(out.join(STAGED)).unwrap(), b"tenant-7.secret", "{name}");
            let mode = fs::metadata(out.join(STAGED)).unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, 0o600, "{name}");
        };
        let pipe = format!("'{}' '{}' | '{}' -idm --quiet", text(&rpm2cpio), text(&file), text(&cpio));
        unpacked("cpio", Command::new("sh").args(["-c", &pipe]));
        unpacked("bsdtar", Command::new(&bsdtar).args(["-xpf", text(&file)]));
        let tested = run(&seven, ["t", text(&file)]);
        assert!(tested.contains("Everything is Ok"), "{tested}");
    }
}

#[test]
fn a_device_takes_tokens_by_plain_installations_and_keeps_no_secret() {
    takes_tokens(Root::new());
}

#[test]
fn a_device_with_rpm_4_20_does_so() {
    takes_tokens(Root::of_trixie());
}

pub(super) fn takes_tokens(root: Option<Root>) {
    let Some(root) = root else { return };
    let small = Small::new();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let base = package(&small.product, None, &at("base.rpm"));
    let first = package(&small.product, Some(("first-token", 100)), &at("first.rpm"));
    let second = package(&small.product, Some(("second-token", 200)), &at("second.rpm"));
    let third = package(&small.product, Some(("third-token", 300)), &at("third.rpm"));

    // Without a token nothing is installed at all.
    let refused = root.try_rpm(&["-U", "--nodeps", text(&base)]);
    let said = both(&refused);
    assert!(!refused.status.success() && said.contains("no enrollment token"), "{said}");
    assert!(!root.path("usr/libexec/example-agent").exists());

    root.install(&first);
    assert_eq!(root.read(LIVE).as_deref(), Some("first-token"));
    for (path, mode) in [(LIVE, 0o600), (STAGED, 0o600), ("var/lib/example-agent", 0o700), ("etc/example-agent", 0o755)]
    {
        let metadata = fs::metadata(root.path(path)).unwrap();
        assert_eq!((metadata.mode() & 0o7777, metadata.uid()), (mode, 0), "{path}");
    }
    let agent = fs::read(small.folder.path().join("agent-x64")).unwrap();
    assert!(fs::read(root.path("usr/libexec/example-agent/example-agent")).unwrap() == agent);

    // Another token is a plain upgrade, also where the agent has used up and removed the first.
    fs::remove_file(root.path(LIVE)).unwrap();
    root.install(&second);
    assert_eq!(
        (root.read(LIVE).as_deref(), root.read(STAGED).as_deref()),
        (Some("second-token"), Some("second-token"))
    );
    // A base over a device that waits keeps the token that it waits with.
    root.rpm(&["-U", "--nodeps", "--oldpackage", text(&base)]);
    assert_eq!((root.read(LIVE).as_deref(), root.read(STAGED)), (Some("second-token"), None));
    // An enrolled device is given none.
    fs::write(root.path(STATE), "enrolled\n").unwrap();
    fs::remove_file(root.path(LIVE)).unwrap();
    root.install(&third);
    assert_eq!(root.read(LIVE), None);
    root.rpm(&["-U", "--nodeps", "--oldpackage", text(&base)]);
    root.rpm(&["-U", "--nodeps", text(&third)]);
    assert_eq!(root.read(LIVE), None);
    // An administrator's file stays.
    fs::write(root.path("etc/example-agent/agent.conf"), "# mine\n").unwrap();
    root.rpm(&["-U", "--nodeps", "--replacepkgs", text(&third)]);
    assert_eq!(root.read("etc/example-agent/agent.conf").as_deref(), Some("# mine\n"));

    fs::write(root.path("var/lib/example-agent/of-the-agent"), "x").unwrap();
    root.rpm(&["-e", "--nodeps", "example-agent"]);
    for path in [LIVE, STAGED, STATE, "usr/libexec/example-agent", "usr/lib/systemd/system/example-agent.service"] {
        assert!(!root.path(path).exists(), "{path}");
    }
    assert!(root.path("var/lib/example-agent/of-the-agent").exists(), "the agent's own files stay");
    assert_eq!(root.named("enrollment-token") + &root.named("token.rpm"), "");
}

#[test]
fn a_package_that_needs_no_token_installs_without() {
    let Some(root) = Root::new() else { return };
    let manifest = MANIFEST.replace("[service]", "[token]\nrequired = false\n[service]");
    let small = Small::with(&manifest).unwrap();
    let folder = tempfile::tempdir().unwrap();
    root.install(&package(&small.product, None, &folder.path().join("base.rpm")));
    assert_eq!(root.read(LIVE), None);
}

#[test]
fn a_signed_stamp_is_installed_where_signatures_are_asked_for() {
    installs_what_is_signed(Root::new());
}

#[test]
fn rpm_4_20_installs_a_signed_stamp_where_signatures_are_asked_for() {
    installs_what_is_signed(Root::of_trixie());
}

pub(super) fn installs_what_is_signed(root: Option<Root>) {
    let (Some(root), Some(keys)) = (root, keys()) else { return };
    let small = Small::new();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let base = package(&small.product, None, &at("base.rpm"));
    let token = at("token");
    fs::write(&token, "tenant-7.secret").unwrap();
    let stamp = |out: &Path, more: &[&str]| {
        let mut command = program();
        command.args(["stamp", text(&base), "--token-file", text(&token), "-o", text(out)]).args(more);
        let said = output(&mut command);
        assert!(said.status.success(), "{}", both(&said));
    };
    let (certificate, key) = (keys.text("rsa2048.pem"), keys.text("rsa2048.key"));
    let (plain, signed) = (at("plain.rpm"), at("signed.rpm"));
    stamp(&plain, &[]);
    stamp(&signed, &["--certs", &certificate, "--key", &key]);
    let all = ["--define", "_pkgverify_level all"];
    let refused = root.try_rpm(&[&all[..], &["-U", "--nodeps", text(&plain)]].concat());
    assert!(!refused.status.success() && both(&refused).contains("no signature"), "{}", both(&refused));
    let refused = root.try_rpm(&[&all[..], &["-U", "--nodeps", text(&signed)]].concat());
    assert!(!refused.status.success() && both(&refused).contains("NOKEY"), "{}", both(&refused));

    let block =
        run(program().get_program(), ["rpm-key", "--certs", &certificate, "--key", &key, "--user-id", "Example"]);
    fs::write(at("key.asc"), block).unwrap();
    root.rpm(&["--import", text(&at("key.asc"))]);
    root.rpm(&[&all[..], &["-U", "--nodeps", text(&signed)]].concat());
    assert_eq!(root.read(LIVE).as_deref(), Some("tenant-7.secret"));

    // Our own verification: with the certificate, with the key block, and with another's.
    let verify = |file: &Path, root: &str| output(program().args(["verify", text(file), "--root", root]));
    for good in [&certificate, text(&at("key.asc"))] {
        let said = verify(&signed, good);
        assert!(said.status.success(), "{}", both(&said));
    }
    let said = verify(&signed, &keys.text("rsa4096.pem"));
    assert!(!said.status.success() && both(&said).contains("not among the given ones"), "{}", both(&said));
    assert!(!verify(&plain, &certificate).status.success());
    let shown = both(&output(program().args(["inspect", text(&signed), "--root", &certificate])));
    assert!(shown.contains("Test-rsa2048"), "{shown}");
}

/// `rpmsign` and others that come later find everything in its place.
#[test]
fn a_base_of_ours_is_signed_and_signed_anew() {
    let Some(keys) = keys() else { return };
    let small = Small::new();
    let folder = tempfile::tempdir().unwrap();
    let base = package(&small.product, None, &folder.path().join("base.rpm"));
    let sign = |from: &Path, out: &str, more: &[&str]| {
        let out = folder.path().join(out);
        let mut command = program();
        command.args(["sign", text(from), "-o", text(&out)]).args(more);
        (output(&mut command), out)
    };
    let rsa = (keys.text("rsa2048.pem"), keys.text("rsa2048.key"));
    let (said, signed) = sign(&base, "signed.rpm", &["--certs", &rsa.0, "--key", &rsa.1]);
    assert!(said.status.success(), "{}", both(&said));
    let (said, _) = sign(&signed, "again.rpm", &["--certs", &rsa.0, "--key", &rsa.1]);
    assert!(!said.status.success() && both(&said).contains("signed already"), "{}", both(&said));
    let (said, again) = sign(&signed, "again.rpm", &["--certs", &rsa.0, "--key", &rsa.1, "--replace"]);
    assert!(said.status.success(), "{}", both(&said));
    assert!(format().open(&fs::read(again).unwrap()).unwrap().signable().unwrap().stored().unwrap().is_some());
    let p256 = (keys.text("p256.pem"), keys.text("p256.key"));
    let (said, _) = sign(&base, "p256.rpm", &["--certs", &p256.0, "--key", &p256.1]);
    assert!(!said.status.success() && both(&said).contains("rpm before 4.20"), "{}", both(&said));
    let (said, _) = sign(&base, "time.rpm", &["--certs", &rsa.0, "--key", &rsa.1, "--timestamp", "http://127.0.0.1:9"]);
    assert!(!said.status.success() && both(&said).contains("no place for one"), "{}", both(&said));
}

/// What rpmlint says of a package with a secret in it, and of this one's agent, each with the reason why it stays.
const ACCEPTED: [&str; 12] = [
    // Stamps are signed where there is a key; this one is not.
    "E: no-signature",
    // The token, its live copy and the state are root's alone, and so is the state's folder.
    "E: non-readable",
    "E: non-standard-dir-perm /var/lib/example-agent 700",
    // They are made by the agent and by %post, and are ghosts.
    "W: postin-without-ghost-file-creation",
    // The token and what systemd needs.
    "W: only-non-binary-in-usr-lib",
    "W: no-documentation",
    // Its list of licenses is another distribution's.
    "W: invalid-license MIT",
    // The product's own words.
    "W: summary-not-capitalized",
    // A token takes another's place whole, and a removal takes what an interrupted installation left.
    "W: dangerous-command-in-%post",
    // The stand-in for an agent is hardly a program.
    "E: statically-linked-binary",
    "W: position-independent-executable-suggested",
    "E: missing-PT_GNU_STACK-section",
];

#[test]
fn rpmlint_has_nothing_else_to_say() {
    let Some(rpmlint) = judge("rpmlint") else { return };
    let small = Small::new();
    let folder = tempfile::tempdir().unwrap();
    let name = "example-agent-1.4.2-1.7.x86_64.rpm";
    let file = package(&small.product, Some(("tenant-7.secret", 7)), &folder.path().join(name));
    let said = both(&output(Command::new(rpmlint).arg(file)));
    let lines = said.lines().filter_map(|line| line.strip_prefix("example-agent.x86_64: "));
    let others: Vec<&str> = lines.filter(|line| !ACCEPTED.iter().any(|accepted| line.starts_with(accepted))).collect();
    assert!(said.contains("E: non-readable"), "{said}");
    assert_eq!(others, [""; 0], "{said}");
}
