//! The service as the issuer with a key that is not here: on a token, behind a command.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use serde_json::json;

use super::server::Server;
use crate::support::keys::{Keys, keys};
use crate::support::{both, judge, missing, output, product, program, python_with};

fn put_pkg(folder: &Path) {
    for base in product::bases().iter().filter(|base| base.name().ends_with(".pkg")) {
        fs::write(folder.join(base.name()), &base.bytes).unwrap();
    }
}

/// The public half beside the private key.
fn public(keys: &Keys, name: &str) -> String {
    keys.openssl(&format!("pkey -in {name}.key -pubout -out {name}.pub"));
    keys.text(&format!("{name}.pub"))
}

/// Mints a token, which must verify under the first of the published keys, and an older key must be published beside it.
fn mints(server: &Server) {
    let (_, token) = server.mint("acme");
    let jwks = server.get("", "/v1/jwks");
    let set = installer::IssuerKeys::parse(&jwks.body).unwrap();
    let token = installer::Token::parse(token.as_bytes()).unwrap();
    assert_eq!(set.verify(&token).unwrap().tenant, "acme");
    assert_eq!((set.ids().count(), jwks.json()["keys"][0]["alg"].clone()), (2, json!("ES256")));
    let wish = json!({ "product": "Example Agent", "platform": "macos", "token": token.expose() });
    assert_eq!(server.post("admin", "/v1/installers", &wish, &[]).status, 200);
}

/// The public half of a key that was used before.
fn old_key(folder: &Path) {
    let said = output(program().args(["token", "keygen", "-o"]).arg(folder.join("old")));
    assert!(said.status.success(), "{}", both(&said));
}

/// A key on a token in software.
pub(super) struct OnAToken {
    keys: &'static Keys,
    softhsm: PathBuf,
    module: &'static str,
}

impl OnAToken {
    /// None: a judge is missing.
    pub(super) fn new() -> Option<Self> {
        let (keys, softhsm) = (keys()?, judge("softhsm2-util")?);
        let modules = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"];
        let Some(module) = modules.into_iter().find(|path| Path::new(path).exists()) else {
            missing("libsofthsm2.so");
            return None;
        };
        keys.openssl("pkcs8 -topk8 -nocrypt -in p256.key -out p256.issuer.p8");
        Some(Self { keys, softhsm, module })
    }

    /// What the service's configuration says of it.
    pub(super) fn config(&self) -> String {
        format!(
            "[issuer]\npkcs11 = \"{}\"\npassphrase-file = \"pin\"\npublic-key = {:?}\nkeys = [\"old.jwks.json\"]\n",
            self.uri(),
            public(self.keys, "p256")
        )
    }

    fn uri(&self) -> String {
        format!("pkcs11:token=Issuer;object=mints?module-path={}", self.module)
    }

    /// Makes the token in the service's folder, and an older key beside it.
    pub(super) fn make(&self, folder: &Path, pin: &str) {
        old_key(folder);
        let (tokens, config) = (folder.join("tokens"), folder.join("softhsm2.conf"));
        fs::create_dir(&tokens).unwrap();
        fs::write(&config, format!("directories.tokendir = {}\n", tokens.display())).unwrap();
        fs::write(folder.join("pin"), format!("{pin}\n")).unwrap();
        fs::set_permissions(folder.join("pin"), fs::Permissions::from_mode(0o600)).unwrap();
        for arguments in [
            format!("--init-token|--free|--label|Issuer|--pin|{pin}|--so-pin|0815"),
            format!("--import|{}|--token|Issuer|--label|mints|--id|01|--pin|{pin}", self.keys.text("p256.issuer.p8")),
        ] {
            let mut command = Command::new(&self.softhsm);
            let said = output(command.args(arguments.split('|')).env("SOFTHSM2_CONF", &config));
            assert!(said.status.success(), "{arguments}: {}", both(&said));
        }
    }
}

/// `token mint` in this folder, with a PIN in the environment.
fn mint(folder: &Path, more: &[&str]) -> Output {
    let mut command = program();
    command.args(["token", "mint", "--tenant", "acme", "--product", "Example Agent", "--id", "first", "-o", "t"]);
    command.args(more).current_dir(folder).env("SOFTHSM2_CONF", folder.join("softhsm2.conf")).env("PIN", "4711");
    output(&mut command)
}

/// What PyJWT reads in the token, under the public key as openssl wrote it.
fn read_by_pyjwt(python: &Path, token: &Path, public: &str) -> Output {
    const READ: &str = "import sys, jwt\nkey = open(sys.argv[2]).read()\n\
                        claims = jwt.decode(open(sys.argv[1]).read().strip(), key, algorithms=['ES256'])\n\
                        print(claims['tenant'], claims['product'], claims['jti'])\n";
    output(Command::new(python).args(["-c", READ]).arg(token).arg(public))
}

#[test]
fn the_command_line_mints_with_a_key_that_is_on_a_token_or_behind_a_command() {
    let (Some(token), Some(python)) = (OnAToken::new(), python_with("jwt")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    token.make(folder, "4711");
    let (right, other) = (public(token.keys, "p256"), public(token.keys, "installer-p256"));
    // It signs only where it does not see the PIN.
    let script = "#!/bin/sh\n[ -z \"${PIN+x}\" ] && exec openssl pkeyutl -sign -inkey \"$1\"\n";
    fs::write(folder.join("sign.sh"), script).unwrap();
    let command = format!("sh {} {}", folder.join("sign.sh").display(), token.keys.text("p256.key"));
    let uri = token.uri();
    let on_token = ["--pkcs11", uri.as_str(), "--public-key"];
    let behind = ["--sign-command", command.as_str(), "--public-key"];
    for place in [
        &[&on_token[..], &[right.as_str(), "--key-password-file", "pin"]].concat(),
        &[&on_token[..], &[right.as_str(), "--key-password-env", "PIN"]].concat(),
        &[&behind[..], &[right.as_str(), "--key-password-env", "PIN"]].concat(),
    ] {
        let said = mint(folder, place);
        assert!(said.status.success(), "{place:?}: {}", both(&said));
        assert!(both(&said).starts_with("minted token first for acme, good until "), "{}", both(&said));
        assert_eq!(fs::metadata(folder.join("t")).unwrap().permissions().mode() & 0o777, 0o600);
        let read = read_by_pyjwt(&python, &folder.join("t"), &right);
        assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), "acme Example Agent first", "{}", both(&read));
        assert!(both(&read_by_pyjwt(&python, &folder.join("t"), &other)).contains("InvalidSignatureError"));
        fs::remove_file(folder.join("t")).unwrap();
    }
    fs::write(folder.join("wrong"), "0815\n").unwrap();
    fs::set_permissions(folder.join("wrong"), fs::Permissions::from_mode(0o600)).unwrap();
    for (place, status, sentence) in [
        (&[&on_token[..], &[right.as_str(), "--key-password-file", "wrong"]].concat(), 1, "PIN"),
        (
            &[&on_token[..], &[other.as_str(), "--key-password-file", "pin"]].concat(),
            1,
            "does not verify under its public key",
        ),
        // With the PIN in sight it does not sign.
        (&[&behind[..], &[right.as_str()]].concat(), 3, "exit status: 1"),
        (&on_token[..2].to_vec(), 2, "--public-key"),
        (&vec!["--key", "no", "--public-key", right.as_str()], 2, "cannot be used with"),
    ] {
        let said = mint(folder, place);
        assert_eq!(said.status.code(), Some(status), "{place:?}: {}", both(&said));
        assert!(both(&said).contains(sentence) && !both(&said).contains("0815"), "{place:?}: {}", both(&said));
        assert!(!folder.join("t").exists());
    }
}

#[test]
fn a_key_on_a_token_mints() {
    let Some(token) = OnAToken::new() else { return };
    let server = Server::start_with(&token.config(), |folder| {
        put_pkg(folder);
        token.make(folder.parent().unwrap(), "4711");
    });
    mints(&server);
}

#[test]
fn a_key_behind_a_command_mints_and_one_that_fails_is_told() {
    let Some(keys) = keys() else { return };
    let start = |command: &str, public: &str| {
        let config = format!(
            "[issuer]\ncommand = {command:?}\npublic-key = {public:?}\nkeys = [\"old.jwks.json\"]\ntimeout = \"1s\"\n"
        );
        Server::start_with(&config, |folder| {
            put_pkg(folder);
            old_key(folder.parent().unwrap());
        })
    };
    let sign = format!("openssl pkeyutl -sign -inkey {}", keys.text("p256.key"));
    mints(&start(&sign, &public(keys, "p256")));

    let wish = json!({ "tenant": "acme", "product": "Example Agent" });
    for command in ["sleep 4", "false"] {
        let server = start(command, &public(keys, "p256"));
        let begin = Instant::now();
        let refused = server.post("admin", "/v1/tokens", &wish, &[]);
        assert_eq!((refused.status, refused.problem().as_str()), (503, "unavailable"), "{}", refused.text());
        assert!(refused.header("retry-after").is_some() && begin.elapsed().as_secs() < 4);
        assert_eq!(server.get("admin", "/v1/tokens").json(), json!([]));
    }
    // It signs, but with another key than the one that is published.
    let server = start(&sign, &public(keys, "installer-p256"));
    let refused = server.post("admin", "/v1/tokens", &wish, &[]);
    assert_eq!((refused.status, refused.problem().as_str()), (500, "internal"), "{}", refused.text());
    assert!(server.log().contains("does not verify under its public key"), "{}", server.log());
}
