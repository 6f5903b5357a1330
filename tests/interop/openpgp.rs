//! OpenPGP signatures and key blocks: what GnuPG, Sequoia and rpm make of ours, and what we make of GnuPG's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use container::rpm::{LeadKind, Value, Writer, lead, tag};
use signing::key::command::CommandKey;
use signing::key::file::FileKey;
use signing::key::pkcs12;
use signing::openpgp::{CheckError, Keyring, Signature, Signer};
use signing::{Certificate, Passphrase};

use super::boot::in_trixie;
use crate::support::keys::keys;
use crate::support::{both, judge, output, run};

/// 2022: after the certificates of the tests start to be valid, before any clock of today.
const TIME: u64 = 1_650_000_000;
const USER_ID: &str = "Example <packages@example.test>";

fn certificate(path: &Path) -> Certificate {
    Certificate::read_all(&fs::read(path).unwrap()).unwrap().remove(0)
}

fn file_key(path: &Path) -> FileKey {
    FileKey::read(&fs::read(path).unwrap(), None).unwrap()
}

/// RSA of a certificate, and Ed25519 without one.
fn signers() -> Option<Vec<(&'static str, Signer<'static>)>> {
    let keys = keys()?;
    // Several tests ask at once, and the files are everybody's.
    static MADE: std::sync::Once = std::sync::Once::new();
    MADE.call_once(|| {
        keys.openssl("genpkey -algorithm ed25519 -out openpgp-ed25519.key");
        keys.openssl("pkey -in openpgp-ed25519.key -pubout -outform DER -out openpgp-ed25519.der");
    });
    let rsa = Box::new(file_key(&keys.path("rsa2048.key")));
    let rsa = Signer::from_certificate(rsa, &certificate(&keys.path("rsa2048.pem"))).unwrap();
    let ed25519 = Box::new(file_key(&keys.path("openpgp-ed25519.key")));
    let spki = fs::read(keys.path("openpgp-ed25519.der")).unwrap();
    Some(vec![("rsa", rsa), ("ed25519", Signer::new(ed25519, &spki, TIME - 1000).unwrap())])
}

/// A keyring of GnuPG's own.
struct Gpg {
    program: PathBuf,
    home: tempfile::TempDir,
}

impl Gpg {
    fn new() -> Option<Self> {
        let program = judge("gpg")?;
        let home = tempfile::tempdir().unwrap();
        #[cfg(unix)]
        fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        Some(Self { program, home })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env("LC_ALL", "C")
            .args(["--homedir", self.home.path().to_str().unwrap(), "--batch", "--quiet"])
            .args(args);
        command
    }

    fn run(&self, args: &[&str]) -> String {
        let mut command = self.command(args);
        let output = output(&mut command);
        assert!(output.status.success(), "{command:?}\n{}", both(&output));
        both(&output)
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").env("GNUPGHOME", self.home.path()).args(["--kill", "all"]).status();
    }
}

#[test]
fn gnupg_and_sequoia_verify_what_we_sign() {
    let (Some(signers), Some(gpg)) = (signers(), Gpg::new()) else { return };
    let sqv = judge("sqv");
    let folder = tempfile::tempdir().unwrap();
    for (name, signer) in signers {
        let at = |ending: &str| folder.path().join(format!("{name}.{ending}"));
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        fs::write(at("asc"), signer.public_key(USER_ID).unwrap()).unwrap();
        fs::write(at("bin"), b"a header").unwrap();
        fs::write(at("sig"), signer.sign(b"a header", TIME).unwrap()).unwrap();
        let shown = gpg.run(&["--with-colons", "--show-keys", &text(at("asc"))]);
        assert!(shown.contains(&signer.fingerprint().to_uppercase()) && shown.contains(USER_ID), "{shown}");
        gpg.run(&["--import", &text(at("asc"))]);
        let said = gpg.run(&["--verify", &text(at("sig")), &text(at("bin"))]);
        assert!(said.contains("Good signature from \"Example <packages@example.test>\""), "{said}");
        fs::write(at("bad"), b"a headex").unwrap();
        let said = output(&mut gpg.command(&["--verify", &text(at("sig")), &text(at("bad"))]));
        assert!(!said.status.success() && both(&said).contains("BAD signature"), "{}", both(&said));
        let Some(sqv) = &sqv else { continue };
        let said = run(sqv, ["--keyring", &text(at("asc")), &text(at("sig")), &text(at("bin"))]);
        assert_eq!(said.trim().to_lowercase(), signer.fingerprint());
        let mut bad = Command::new(sqv);
        bad.args(["--keyring", &text(at("asc")), &text(at("sig")), &text(at("bad"))]);
        assert!(!output(&mut bad).status.success());
    }
}

/// A primary key of RSA that only certifies, with a subkey of Ed25519 and one of ECDSA that sign.
#[test]
fn what_gnupg_signs_verifies() {
    let Some(gpg) = Gpg::new() else { return };
    let make = ["--passphrase", "", "--pinentry-mode", "loopback"];
    gpg.run(&[&make[..], &["--quick-gen-key", USER_ID, "rsa3072", "cert", "never"]].concat());
    let listed = gpg.run(&["--with-colons", "--list-keys"]);
    let fingerprint = listed.lines().find(|line| line.starts_with("fpr")).unwrap().trim_matches(['f', 'p', 'r', ':']);
    for kind in ["ed25519", "nistp256/ecdsa", "rsa2048"] {
        gpg.run(&[&make[..], &["--quick-add-key", fingerprint, kind, "sign", "2y"]].concat());
    }
    let file = gpg.home.path().join("document");
    fs::write(&file, b"a header").unwrap();
    let keys = gpg.command(&["--armor", "--export"]).output().unwrap().stdout;
    let keys = Keyring::read(&keys).unwrap();
    assert_eq!(keys.keys().len(), 4);
    assert_eq!(keys.keys().iter().map(|key| key.may_sign()).collect::<Vec<_>>(), [false, true, true, true]);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for key in keys.keys().iter().skip(1) {
        let (by, out) = (format!("{}!", key.fingerprint()), gpg.home.path().join(key.fingerprint()));
        let (file, out_text) = (file.to_str().unwrap(), out.to_str().unwrap());
        gpg.run(&[&make[..], &["--local-user", &by, "--detach-sign", "--output", out_text, file]].concat());
        let signature = Signature::read(&fs::read(out).unwrap()).unwrap();
        let good = keys.check(&signature, b"a header", now).unwrap();
        assert_eq!((good.fingerprint, good.user_id.as_str()), (key.fingerprint(), USER_ID));
        assert_eq!(keys.check(&signature, b"a headex", now).unwrap_err(), CheckError::Bad);
        // The subkeys were made for two years; the signature is good as long as its time lies in them.
        assert!(key.expires().is_some_and(|expires| expires > now));
    }
    let subkey = keys.keys()[1].fingerprint();
    let revoke = gpg
        .command(&["--pinentry-mode", "loopback", "--passphrase", "", "--command-fd", "0", "--edit-key", fingerprint])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn();
    let mut revoke = revoke.unwrap();
    std::io::Write::write_all(&mut revoke.stdin.take().unwrap(), b"key 1\nrevkey\ny\n0\n\ny\nsave\n").unwrap();
    revoke.wait().unwrap();
    let keys = Keyring::read(&gpg.command(&["--export"]).output().unwrap().stdout).unwrap();
    let signature = Signature::read(&fs::read(gpg.home.path().join(&subkey)).unwrap()).unwrap();
    assert_eq!(keys.check(&signature, b"a header", now).unwrap_err(), CheckError::NotForSigning(subkey));
}

/// The same key from a file, from PKCS #12 and behind a command makes the same signature.
#[test]
fn every_place_of_a_key_makes_the_same_signature() {
    let Some(keys) = keys() else { return };
    let leaf = certificate(&keys.path("rsa2048.pem"));
    let file = Signer::from_certificate(Box::new(file_key(&keys.path("rsa2048.key"))), &leaf).unwrap();
    let expected = file.sign(b"a header", TIME).unwrap();
    assert_eq!(file.created(), leaf.not_before());

    keys.openssl("pkcs12 -export -inkey rsa2048.key -in rsa2048.pem -out openpgp.p12 -passout pass:x");
    let passphrase = Passphrase::new(b"x").unwrap();
    let (key, certificates) = pkcs12::open(&fs::read(keys.path("openpgp.p12")).unwrap(), Some(&passphrase)).unwrap();
    let boxed = Signer::from_certificate(Box::new(key), &certificates[0]).unwrap();
    assert_eq!(boxed.sign(b"a header", TIME).unwrap(), expected);

    let command = format!(
        "openssl pkeyutl -sign -inkey {} -pkeyopt rsa_padding_mode:pkcs1 -pkeyopt digest:sha256",
        keys.path("rsa2048.key").display()
    );
    let key = Box::new(CommandKey::new(&command).unwrap());
    // A key that cannot say what it is, of a block that was published.
    let published = Keyring::read(file.public_key(USER_ID).unwrap().as_bytes()).unwrap();
    let behind = Signer::from_keyring(key, &published).unwrap();
    assert_eq!(behind.sign(b"a header", TIME).unwrap(), expected);
    assert_eq!(behind.fingerprint(), file.fingerprint());

    let other = Box::new(file_key(&keys.path("rsa4096.key")));
    let error = Signer::from_certificate(other, &leaf).unwrap_err().to_string();
    assert_eq!(error, "the private key does not belong to the certificate");
    let p256 = Box::new(file_key(&keys.path("p256.key")));
    let error = Signer::from_certificate(p256, &certificate(&keys.path("p256.pem"))).unwrap_err().to_string();
    assert!(error.contains("ECDSA P-256, which rpm before 4.20"), "{error}");
}

/// A package without files, signed.
fn package(signer: &Signer<'_>, time: u64) -> Vec<u8> {
    use std::io::Write as _;
    let mut payload = container::gzip::Writer::new(Vec::new(), 6).unwrap();
    payload.write_all(&container::cpio::newc::trailer()).unwrap();
    let payload = payload.finish().unwrap();
    let digest = |bytes: &[u8]| container::digest::hex(&container::digest::Algorithm::Sha256.digest(bytes));
    let mut header = Writer::header();
    header
        .put(tag::HEADERI18NTABLE, Value::Texts(vec!["C".into()]))
        .put(tag::NAME, Value::text("example"))
        .put(tag::VERSION, Value::text("1"))
        .put(tag::RELEASE, Value::text("1"))
        .put(tag::ARCH, Value::text("noarch"))
        .put(tag::OS, Value::text("linux"))
        .put(tag::SOURCERPM, Value::text("example-1-1.src.rpm"))
        .put(tag::PAYLOADDIGEST, Value::Texts(vec![digest(&payload)]))
        .put(tag::PAYLOADDIGESTALGO, Value::number(8));
    let header = header.finish().unwrap();
    let mut signature = Writer::signature();
    let kind = if signer.is_rsa() { tag::signature::RSA } else { tag::signature::DSA };
    signature
        .put(tag::signature::SHA256, Value::text(digest(&header)))
        .put(kind, Value::Bytes(signer.sign(&header, time).unwrap()));
    [&lead(LeadKind::Binary, "example-1-1")[..], &signature.finish().unwrap(), &header, &payload].concat()
}

#[test]
fn rpm_verifies_what_we_sign() {
    verifies_what_we_sign(&|| judge("rpm").map(Command::new));
}

#[test]
fn rpm_4_20_verifies_what_we_sign() {
    verifies_what_we_sign(&|| in_trixie("rpm"));
}

pub(super) fn verifies_what_we_sign(rpm: &dyn Fn() -> Option<Command>) {
    let (Some(signers), Some(_)) = (signers(), rpm()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (name, signer) in signers {
        let database = format!("--dbpath={}", path(&format!("{name}.db")));
        fs::write(path("key.asc"), signer.public_key(USER_ID).unwrap()).unwrap();
        fs::write(path("x.rpm"), package(&signer, TIME)).unwrap();
        let check = |file: &str| check(rpm, &database, &path(file));
        let said = both(&check("x.rpm"));
        assert!(said.contains("NOKEY"), "{said}");
        let imported = output(rpm().unwrap().args([&database, "--import", &path("key.asc")]));
        assert!(imported.status.success(), "{}", both(&imported));
        let good = check("x.rpm");
        let said = both(&good);
        // `Header V4 RSA/SHA256 Signature, key ID …: OK`; of rpm 6 `Header OpenPGP V4 RSA/SHA256 signature, key fingerprint: …: OK`.
        let mut signatures = said.lines().filter(|line| line.to_lowercase().contains("signature,"));
        let is_signed = signatures.next().is_some_and(|line| line.contains(" V4 ") && line.ends_with(": OK"));
        assert!(good.status.success() && is_signed && said.contains("Payload SHA256 digest: OK"), "{said}");
        assert!(signatures.all(|line| line.ends_with(": OK")), "{said}");
        let mut bad = package(&signer, TIME);
        let at = bad.len() - 400;
        bad[at] ^= 1;
        fs::write(path("bad.rpm"), bad).unwrap();
        assert!(!check("bad.rpm").status.success());
    }
}

/// What rpm says of every digest and signature where all are asked for.
fn check(rpm: &dyn Fn() -> Option<Command>, database: &str, file: &str) -> Output {
    output(rpm().unwrap().args([database, "--define", "_pkgverify_level all", "-Kv", file]))
}

/// rpm 4.20 has Sequoia, which asks when: a signature from the future is none, and so is one by a key that is not valid yet or any more.
/// Older ones do not look, so the time that a signature is given must be right.
#[test]
fn rpm_4_20_asks_when_something_was_signed() {
    let (Some(keys), Some(old), Some(_)) = (keys(), judge("rpm"), in_trixie("rpm")) else { return };
    let (old, new) = (|| Some(Command::new(&old)), || in_trixie("rpm"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    keys.openssl("genpkey -algorithm ed25519 -out openpgp-times.key");
    keys.openssl("pkey -in openpgp-times.key -pubout -outform DER -out openpgp-times.der");
    let spki = fs::read(keys.path("openpgp-times.der")).unwrap();
    let signer = |created| Signer::new(Box::new(file_key(&keys.path("openpgp-times.key"))), &spki, created).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let verdict = |name: &str, key: &str, signed: &[u8], rpm: &dyn Fn() -> Option<Command>, of: &str| {
        let database = format!("--dbpath={}", path(&format!("{name}.{of}")));
        fs::write(path("key.asc"), key).unwrap();
        fs::write(path("x.rpm"), signed).unwrap();
        let imported = output(rpm().unwrap().args([&database, "--import", &path("key.asc")]));
        let checked = check(rpm, &database, &path("x.rpm"));
        (imported.status.success() && checked.status.success(), both(&imported) + &both(&checked))
    };
    const DAY: u64 = 86_400;
    for (name, created, time, is_good) in [
        ("today", now - DAY, now - 60, true),
        ("signed-tomorrow", now - DAY, now + DAY, false),
        ("key-of-tomorrow", now + DAY, now + DAY, false),
    ] {
        let signer = signer(created);
        let (key, signed) = (signer.public_key(USER_ID).unwrap(), package(&signer, time));
        let (was_good, said) = verdict(name, &key, &signed, &new, "new");
        assert_eq!(was_good, is_good, "{name}: {said}");
        let (was_good, said) = verdict(name, &key, &signed, &old, "old");
        assert!(was_good, "{name}, which rpm 4.18 takes: {said}");
    }
}

/// A key that is over vouches for nothing there any more, not even for what it signed in its day: a key for packages must not expire before
/// the devices have its successor.
#[test]
fn rpm_4_20_takes_nothing_of_a_key_that_is_over() {
    let (Some(gpg), Some(rpmsign), Some(signers), Some(old), Some(_)) =
        (Gpg::new(), judge("rpmsign"), signers(), judge("rpm"), in_trixie("rpm"))
    else {
        return;
    };
    let (old, new) = (|| Some(Command::new(&old)), || in_trixie("rpm"));
    let at = |day: u8| format!("202301{day:02}T000000");
    let clock = |day| format!("--faked-system-time={}!", at(day));
    let make = ["--passphrase", "", "--pinentry-mode", "loopback"];
    gpg.run(&[&make[..], &[&clock(1), "--quick-gen-key", USER_ID, "rsa2048", "sign", "never"]].concat());
    let listed = gpg.run(&["--with-colons", "--list-keys"]);
    let fingerprint = listed.lines().find(|line| line.starts_with("fpr")).unwrap().trim_matches(['f', 'p', 'r', ':']);
    let path = |name: &str| gpg.home.path().join(name).to_str().unwrap().to_owned();
    for (file, day) in [("before.rpm", 5), ("after.rpm", 20)] {
        // rpmsign takes out the one that is there.
        fs::write(path(file), package(&signers[0].1, TIME)).unwrap();
        let defines = [
            format!("_gpg_path {}", gpg.home.path().display()),
            format!("_gpg_sign_cmd_extra_args {} --batch --pinentry-mode loopback", clock(day)),
            format!("_gpg_name {USER_ID}"),
            format!("__gpg {}", gpg.program.display()),
        ];
        let mut sign = Command::new(&rpmsign);
        sign.args(defines.iter().flat_map(|define| ["--define", define]));
        run_it(sign.args(["--resign", &path(file)]));
    }
    let export = || gpg.command(&["--armor", "--export"]).output().unwrap().stdout;
    let living = export();
    gpg.run(&[&make[..], &[&clock(6), "--quick-set-expire", fingerprint, &at(10)]].concat());
    for (name, key, is_good) in [("living", living, true), ("over", export(), false)] {
        fs::write(path("key.asc"), key).unwrap();
        for (rpm, of, is_good) in [(&new as &dyn Fn() -> _, "new", is_good), (&old, "old", true)] {
            let database = format!("--dbpath={}", path(&format!("{name}.{of}")));
            run_it(rpm().unwrap().args([&database, "--import", &path("key.asc")]));
            for file in ["before.rpm", "after.rpm"] {
                let said = check(rpm, &database, &path(file));
                assert_eq!(said.status.success(), is_good, "{file}, {name}, {of}: {}", both(&said));
            }
        }
    }
}

fn run_it(command: &mut Command) {
    let said = output(command);
    assert!(said.status.success(), "{command:?}: {}", both(&said));
}
