//! Our Authenticode signatures before osslsigncode and signify, and theirs before us; with keys from everywhere.

use std::fs;
use std::path::Path;
use std::process::Command;

use installer::Kind;

use crate::support::keys::{Keys, Manners, keys, timestamp_authority};
use crate::support::signed::Bench;
use crate::support::{both, judge, judges_folder, missing, output, program, run};

const SIGNIFY: &str = "\
import sys
from signify.authenticode import AuthenticodeFile
from signify.x509 import Certificate, CertificateStore
with open(sys.argv[1], 'rb') as stream:
    root = Certificate.from_pem(open(sys.argv[2], 'rb').read())
    store = CertificateStore([root], trusted=True)
    print(AuthenticodeFile.from_stream(stream).explain_verify(trusted_certificate_store=store))
";

/// osslsigncode and signify say that the signature is good.
pub fn judged_good(keys: &Keys, file: &Path) {
    let Some(osslsigncode) = judge("osslsigncode") else { return };
    let ca = keys.text("ca.pem");
    let file = file.to_str().unwrap();
    let said = run(&osslsigncode, ["verify", "-CAfile", &ca, "-TSA-CAfile", &ca, "-in", file]);
    assert!(said.contains("Signature verification: ok"), "{said}");
    assert!(!said.contains("MISMATCH"), "{said}");
    let python = judges_folder().join("venv/bin/python");
    if !python.is_file() {
        return missing("signify (Python)");
    }
    let said = run(python, ["-c", SIGNIFY, file, &ca]);
    assert!(said.contains("AuthenticodeVerificationResult.OK"), "{file}: {said}");
}

/// We say that it is good.
fn we_say_good(bench: &Bench, keys: &Keys, file: &Path) {
    let (ok, said) = bench.verify(file, &["--root", &keys.text("ca.pem")]);
    // The bases of these tests were built before there was a key: their custom actions are not signed.
    let mut warnings = said.lines().filter(|line| line.starts_with("warning["));
    assert!(ok && warnings.all(|line| line.starts_with("warning[msi-token-reader-unsigned]")), "{said}");
}

#[test]
fn every_kind_of_key_signs_a_base_and_a_stamp() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    for name in ["rsa2048", "rsa4096", "p256", "p384"] {
        for from in ["base", "stamped"] {
            let file = bench.sign(from, &format!("{name}-{from}"), &keys.arguments(name));
            judged_good(keys, &file);
            we_say_good(&bench, keys, &file);
        }
    }
    let (first, second) = (fs::read(bench.path("rsa2048-base")).unwrap(), bench.path("again"));
    bench.sign("base", "again", &keys.arguments("rsa2048"));
    assert_eq!(first, fs::read(second).unwrap(), "the same key signs the same bytes");
}

#[test]
fn keys_come_in_every_envelope() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let password = bench.folder.path().join("password");
    fs::write(&password, "correct horse\n").unwrap();
    owner_only(&password);
    keys.openssl("pkey -in rsa2048.key -traditional -out pkcs1.key");
    keys.openssl("pkey -in p384.key -traditional -out sec1.key");
    keys.openssl("pkey -in p256.key -outform DER -out der.key");
    keys.openssl(&format!("pkcs8 -topk8 -in p256.key -out locked.key -passout file:{}", password.display()));
    keys.openssl(&format!(
        "pkcs8 -topk8 -in rsa2048.key -scrypt -outform DER -out scrypt.key -passout file:{}",
        password.display()
    ));
    keys.openssl(&format!(
        "pkcs12 -export -in p256.pem -inkey p256.key -out modern.p12 -passout file:{}",
        password.display()
    ));
    keys.openssl(&format!(
        "pkcs12 -export -legacy -in rsa2048.pem -inkey rsa2048.key -out legacy.p12 -passout file:{}",
        password.display()
    ));
    let locked: Vec<String> = ["--key-password-file".into(), password.to_str().unwrap().into()].into();
    for (file, certificates, extra) in [
        ("pkcs1.key", "rsa2048", None),
        ("sec1.key", "p384", None),
        ("der.key", "p256", None),
        ("locked.key", "p256", Some(&locked)),
        ("scrypt.key", "rsa2048", Some(&locked)),
    ] {
        owner_only(&keys.path(file));
        let mut arguments =
            vec!["--certs".into(), keys.text(&format!("{certificates}.pem")), "--key".into(), keys.text(file)];
        arguments.extend(extra.into_iter().flatten().cloned());
        judged_good(keys, &bench.sign("stamped", file, &arguments));
    }
    for file in ["modern.p12", "legacy.p12"] {
        owner_only(&keys.path(file));
        let mut arguments = vec!["--pkcs12".to_owned(), keys.text(file)];
        arguments.extend(locked.iter().cloned());
        judged_good(keys, &bench.sign("stamped", file, &arguments));
        // The password by a variable.
        let out = bench.path("variable");
        let mut command = program();
        command.args([
            "sign".as_ref(),
            bench.path("base").as_os_str(),
            "--pkcs12".as_ref(),
            keys.path(file).as_os_str(),
        ]);
        command.args(["--key-password-env".as_ref(), "SECRET".as_ref(), "-o".as_ref(), out.as_os_str()]);
        let said = output(command.env("SECRET", "correct horse"));
        assert!(said.status.success(), "{}", both(&said));
        let said = output(command.env("SECRET", "wrong"));
        assert_eq!(said.status.code(), Some(1));
        assert!(both(&said).contains("the password does not open the key"), "{}", both(&said));
        assert!(!both(&said).contains("wrong"), "{}", both(&said));
    }
}

#[cfg(unix)]
pub fn owner_only(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[cfg(not(unix))]
pub fn owner_only(_: &Path) {}

#[test]
fn a_timestamp_keeps_a_signature_valid() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let url = timestamp_authority(keys, Manners::Good);
    for name in ["rsa2048", "p256"] {
        let mut arguments = keys.arguments(name);
        arguments.extend(
            ["--timestamp", &url, "--description", "Example Agent \u{e9}", "--url", "https://example.com/"]
                .map(Into::into),
        );
        let file = bench.sign("stamped", name, &arguments);
        judged_good(keys, &file);
        we_say_good(&bench, keys, &file);
        let said = bench.must(&["inspect", file.to_str().unwrap(), "--root", &keys.text("ca.pem")]);
        for word in [
            "timestamp: ",
            " by Test-tsa",
            "description: Example Agent \u{e9}",
            "url: https://example.com/",
            "valid, trusted",
        ] {
            assert!(said.contains(word), "{word}: {said}");
        }
        let Some(osslsigncode) = judge("osslsigncode") else { return };
        let ca = keys.text("ca.pem");
        let said = run(&osslsigncode, ["verify", "-CAfile", &ca, "-TSA-CAfile", &ca, "-in", file.to_str().unwrap()]);
        assert!(
            said.contains("Timestamp Server Signature verification: ok") || said.contains("Timestamp verification: ok"),
            "{said}"
        );
    }
}

#[test]
fn a_timestamp_that_is_not_ours_is_refused() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let sign = |url: &str| {
        let mut arguments = keys.arguments("p256");
        arguments.extend(["--timestamp".to_owned(), url.to_owned()]);
        let said = bench.try_to_sign("base", "out", &arguments);
        (said.status.code(), both(&said))
    };
    let repeats = timestamp_authority(keys, Manners::Repeats);
    assert_eq!(sign(&repeats).0, Some(0));
    fs::remove_file(bench.path("out")).unwrap();
    for (url, status, word) in [
        (repeats.as_str(), 1, "its nonce is not ours"),
        (&timestamp_authority(keys, Manners::Down), 3, "HTTP status 503"),
        (&timestamp_authority(keys, Manners::Refuses), 3, "refused: status 2"),
        ("http://127.0.0.1:9/", 3, "timestamp authority http://127.0.0.1:9/"),
        ("https://example.com/", 2, "must be http"),
    ] {
        let (code, said) = sign(url);
        assert_eq!(code, Some(status), "{said}");
        assert!(said.contains(word), "{said}");
        assert_eq!(said.contains("sign again later"), status == 3, "{said}");
        assert!(!bench.path("out").exists(), "{url}");
    }
}

#[test]
fn a_command_signs_digests_and_another_signs_files() {
    let (Some(keys), Some(openssl)) = (keys(), judge("openssl")) else { return };
    let bench = Bench::new(Kind::Msi);
    let openssl = openssl.to_str().unwrap();
    for name in ["rsa2048", "p256", "p384"] {
        let command =
            format!("{openssl} pkeyutl -sign -inkey '{}' -pkeyopt digest:sha256", keys.text(&format!("{name}.key")));
        let arguments = ["--certs".into(), keys.text(&format!("{name}.pem")), "--sign-command".into(), command];
        let file = bench.sign("stamped", &format!("digest-{name}"), &arguments);
        judged_good(keys, &file);
        // The same as with the key in our own hands, where the signature is deterministic.
        if name == "rsa2048" {
            let ours = bench.sign("stamped", "ours", &keys.arguments(name));
            assert_eq!(fs::read(file).unwrap(), fs::read(ours).unwrap());
        }
    }
    let Some(osslsigncode) = judge("osslsigncode") else { return };
    let osslsigncode = osslsigncode.to_str().unwrap();
    let command = format!(
        "{osslsigncode} sign -certs '{}' -key '{}' -h sha256 -add-msi-dse -in {{in}} -out {{out}}",
        keys.text("rsa2048.pem"),
        keys.text("rsa2048.key")
    );
    let file = bench.sign("stamped", "file", &["--sign-file-command".into(), command.clone()]);
    judged_good(keys, &file);
    let (token, out) = (bench.folder.path().join("token"), bench.path("in-one-step"));
    bench.must(&[
        "stamp",
        bench.path("base").to_str().unwrap(),
        "--token-file",
        token.to_str().unwrap(),
        "-o",
        out.to_str().unwrap(),
        "--sign-file-command",
        &command,
    ]);
    judged_good(keys, &out);
    // One that signs nothing, or fails, leaves nothing behind.
    for (command, word) in [
        ("true {out}", "there is no signature"),
        ("cp {in} {out}", "there is no signature"),
        ("false {in} {out}", "ended with"),
        ("true {in} {out}", "wrote no {out}"),
    ] {
        let said = bench.try_to_sign("stamped", "nothing", &["--sign-file-command".into(), command.into()]);
        assert!(!said.status.success() && both(&said).contains(word), "{command}: {}", both(&said));
        assert!(!bench.path("nothing").exists());
    }
}

#[test]
fn a_token_keeps_the_key() {
    let (Some(keys), Some(softhsm)) = (keys(), judge("softhsm2-util")) else { return };
    let Some(module) = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"]
        .into_iter()
        .find(|path| Path::new(path).exists())
    else {
        return missing("libsofthsm2.so");
    };
    let bench = Bench::new(Kind::Msi);
    let folder = bench.folder.path();
    let configuration = folder.join("softhsm2.conf");
    fs::create_dir(folder.join("tokens")).unwrap();
    fs::write(&configuration, format!("directories.tokendir = {}\n", folder.join("tokens").display())).unwrap();
    let there = |program: &Path, arguments: &str| {
        let said = output(Command::new(program).args(arguments.split('|')).env("SOFTHSM2_CONF", &configuration));
        assert!(said.status.success(), "{arguments}: {}", both(&said));
    };
    there(&softhsm, "--init-token|--free|--label|Release keys|--pin|4711|--so-pin|0815");
    fs::write(folder.join("pin"), "4711\n").unwrap();
    owner_only(&folder.join("pin"));
    for (number, name) in ["rsa2048", "p256"].into_iter().enumerate() {
        keys.openssl(&format!("pkcs8 -topk8 -nocrypt -in {name}.key -out {name}.p8"));
        there(
            &softhsm,
            &format!(
                "--import|{}|--token|Release keys|--label|{name}|--id|0{}|--pin|4711",
                keys.text(&format!("{name}.p8")),
                number + 1
            ),
        );
        let uri = format!(
            "pkcs11:token=Release%20keys;object={name};id=%0{}?module-path={module}&pin-source=file:{}",
            number + 1,
            folder.join("pin").display()
        );
        let sign = |uri: &str, certificates: &str, pin: &[&str]| {
            let (from, out) = (bench.path("stamped"), bench.path(name));
            let mut command = program();
            command.args([
                "sign",
                from.to_str().unwrap(),
                "-o",
                out.to_str().unwrap(),
                "--pkcs11",
                uri,
                "--certs",
                certificates,
            ]);
            output(command.args(pin).env("SOFTHSM2_CONF", &configuration).env("WRONG_PIN", "0000"))
        };
        let certificates = keys.text(&format!("{name}.pem"));
        let said = sign(&uri, &certificates, &[]);
        assert!(said.status.success(), "{}", both(&said));
        judged_good(keys, &bench.path(name));
        fs::remove_file(bench.path(name)).unwrap();
        let another = keys.text(if name == "p256" { "p384.pem" } else { "rsa4096.pem" });
        for (uri, certificates, pin, word) in [
            (uri.as_str(), certificates.as_str(), &["--key-password-env", "WRONG_PIN"][..], "the PIN is wrong"),
            (&uri.replace("Release", "Other"), &certificates, &[], "no token has the label"),
            (&uri.replace("object=", "object=x"), &certificates, &[], "no private key with the label"),
            (&uri, &another, &[], "does not belong to the certificate"),
        ] {
            let said = sign(uri, certificates, pin);
            assert_eq!(said.status.code(), Some(1), "{}", both(&said));
            assert!(both(&said).contains(word), "{word}: {}", both(&said));
            assert!(!both(&said).contains("4711") && !bench.path(name).exists());
        }
    }
}

#[test]
fn a_stamp_is_signed_in_the_same_step() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let (token, base) = (bench.folder.path().join("token"), bench.path("base"));
    let stamp = |from: &Path, to: &Path, more: &[&str]| {
        let command =
            ["stamp", from.to_str().unwrap(), "--token-file", token.to_str().unwrap(), "-o", to.to_str().unwrap()];
        bench.stampwright(&command.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
    };
    let arguments = keys.arguments("rsa2048");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let in_one_step = bench.path("one");
    assert!(stamp(&base, &in_one_step, &arguments).status.success());
    judged_good(keys, &in_one_step);
    we_say_good(&bench, keys, &in_one_step);

    let signed = bench.sign("base", "signed", &keys.arguments("p256"));
    let before = fs::read(&signed).unwrap();
    let resigned = bench.path("resigned");
    for more in [&[][..], &arguments] {
        let said = stamp(&signed, &resigned, more);
        assert_eq!(said.status.code(), Some(1), "{}", both(&said));
        assert!(both(&said).contains("--resign"), "{}", both(&said));
        assert!(!resigned.exists());
    }
    let said = stamp(&signed, &resigned, &[&arguments[..], &["--resign"]].concat());
    assert!(said.status.success(), "{}", both(&said));
    judged_good(keys, &resigned);
    we_say_good(&bench, keys, &resigned);
    assert_eq!(fs::read(&signed).unwrap(), before, "the base is not touched");
    assert_eq!(stamp(&signed, &resigned, &["--resign"]).status.code(), Some(2), "--resign needs a key");
}

#[test]
fn what_osslsigncode_signs_we_judge_as_it_does() {
    let (Some(keys), Some(osslsigncode)) = (keys(), judge("osslsigncode")) else { return };
    let bench = Bench::new(Kind::Msi);
    let url = timestamp_authority(keys, Manners::Good);
    let root = keys.text("ca.pem");
    for (name, extra) in [
        ("rsa2048", &["-add-msi-dse"][..]),
        ("p256", &[]),
        ("rsa4096", &["-add-msi-dse", "-n", "Theirs", "-i", "https://example.com/", "-ts", &url]),
    ] {
        let (from, to) = (bench.path("stamped"), bench.path(name));
        let (certificates, key) = (keys.text(&format!("{name}.pem")), keys.text(&format!("{name}.key")));
        let sign = ["sign", "-certs", &certificates, "-key", &key, "-h", "sha256"];
        let files = ["-in", from.to_str().unwrap(), "-out", to.to_str().unwrap()];
        run(&osslsigncode, sign.iter().chain(extra).chain(&files));
        let said = bench.must(&["inspect", to.to_str().unwrap(), "--root", &root]);
        assert!(said.contains("valid, trusted"), "{said}");
        if extra.contains(&"-n") {
            assert!(said.contains("description: Theirs") && said.contains("timestamp: "), "{said}");
        }
        // Theirs is replaced only when that is asked for.
        let said = bench.try_to_sign(name, "replaced", &keys.arguments("p256"));
        assert!(both(&said).contains("signed already"), "{}", both(&said));
        let mut arguments = keys.arguments("p256");
        arguments.push("--replace".into());
        judged_good(keys, &bench.sign(name, "replaced", &arguments));
    }
}

#[test]
fn make_and_a_batch_sign_as_well() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let small = crate::support::product::Small::new();
    let (manifest, token) = (small.manifest(), bench.folder.path().join("token"));
    let arguments = keys.arguments("p256");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let out = bench.folder.path().join("out");
    let make = [
        "make",
        "--product",
        manifest.to_str().unwrap(),
        "--token-file",
        token.to_str().unwrap(),
        "-o",
        out.to_str().unwrap(),
    ];
    bench.must(&[&make[..], &["--format", "msi"], &arguments].concat());
    judged_good(keys, &out.join("Example-Agent.msi"));
    we_say_good(&bench, keys, &out.join("Example-Agent.msi"));
    let said = bench.stampwright(&[&make[..], &["--format", "deb"], &arguments].concat());
    assert!(both(&said).contains("a deb has no signature"), "{}", both(&said));
    assert!(!out.join("Example-Agent.deb").exists());

    fs::write(bench.folder.path().join("list.csv"), "token,name\nfirst-token-1,North\nsecond-token-22,South\n")
        .unwrap();
    let batch = bench.folder.path().join("batch");
    let stamp = ["stamp", bench.path("base").to_str().unwrap(), "--batch", "list.csv", "-o", batch.to_str().unwrap()]
        .map(str::to_owned);
    let stamp: Vec<&str> = stamp.iter().map(String::as_str).collect();
    bench.must(&[&stamp[..], &arguments].concat());
    for name in ["North", "South"] {
        judged_good(keys, &batch.join(name).join("base.msi"));
    }
}
