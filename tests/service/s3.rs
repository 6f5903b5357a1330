//! An S3 as the store of bases, and as the place where an installer is put together.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use super::server::Server;
use crate::support::object_store::ObjectStore;
use crate::support::{both, judge, output, product, program};

const KEYS: &str = "[default]\naws_access_key_id = test\naws_secret_access_key = hunter2\n";

/// Puts a base into the bucket, and lays it with a token and the bucket's keys in a folder. Gives the base's name.
fn prepare(store: &ObjectStore, folder: &Path) -> String {
    let base = product::bases().iter().find(|base| base.name().ends_with(".msi")).unwrap();
    fs::write(folder.join(base.name()), &base.bytes).unwrap();
    store.put(&format!("releases/{}", base.name()), &folder.join(base.name()), &["checksum"]);
    fs::write(folder.join("keys"), KEYS).unwrap();
    fs::set_permissions(folder.join("keys"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(folder.join("token"), "t1.acme.0123456789").unwrap();
    base.name()
}

#[test]
fn an_installer_is_served_from_a_bucket_and_put_together_in_it() {
    let Some(store) = ObjectStore::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let base = prepare(&store, folder.path());

    let config = format!(
        "[store.s3]\nbucket = \"bases\"\nprefix = \"releases/\"\nendpoint = \"http://{}\"\ncredentials-file = {:?}\npoll = \"1s\"\n",
        store.address,
        path("keys")
    );
    let server = Server::start_with(&config, |_| {});
    server.until("the base is imported", || server.get("admin", "/v1/bases").json().as_array().unwrap().len() == 1);
    let listed = server.get("admin", "/v1/bases").json()[0].clone();
    let wish = json!({ "base": listed["sha256"], "token": "t1.acme.0123456789" });
    let served = server.post("admin", "/v1/installers", &wish, &[]);
    assert_eq!(served.status, 200, "{}", served.text());
    let sha256 = listed["sha256"].as_str().unwrap();
    let refused = server.curl("admin", &format!("/v1/bases/{sha256}"), &["-X", "DELETE"]);
    assert_eq!(refused.problem(), "conflict");

    // The same, put together in the store, by the same base there.
    let stamp = |more: &[&str]| {
        let mut command = program();
        command.arg("stamp").arg(path(&base)).arg("--token-file").arg(path("token"));
        command.args(["--to", "s3://bases/out/Agent.msi", "--s3-endpoint", &format!("http://{}", store.address)]);
        output(command.args(more).env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "hunter2"))
    };
    let there = format!("s3://bases/releases/{base}");
    let keys = path("keys").to_str().unwrap().to_owned();
    for credentials in [&["--s3-credentials", keys.as_str()][..], &["--s3-credentials-env"]] {
        let said = stamp(&[&["--base-object", there.as_str()], credentials].concat());
        assert!(said.status.success(), "{}", both(&said));
        assert!(String::from_utf8_lossy(&said.stdout).starts_with("s3://bases/out/Agent.msi: "), "{}", both(&said));
        let got = path("got");
        store.client("get", &["bases", "out/Agent.msi", got.to_str().unwrap()]);
        assert!(fs::read(&got).unwrap() == served.body);
        store.client("delete", &["bases", "out/Agent.msi"]);
    }
    // Another base there is no base of this stamp, and credentials that others can read are none.
    store.put("other.msi", &path("token"), &[]);
    let said = stamp(&["--base-object", "s3://bases/other.msi", "--s3-credentials-env"]);
    assert!(
        said.status.code() == Some(1) && both(&said).contains("s3://bases/other.msi is not this base: "),
        "{}",
        both(&said)
    );
    fs::set_permissions(path("keys"), fs::Permissions::from_mode(0o644)).unwrap();
    let said = stamp(&["--base-object", &there, "--s3-credentials", &keys]);
    assert!(!said.status.success() && !both(&said).contains("hunter2"), "{}", both(&said));
    let missing = stamp(&["--base-object", "s3://bases/none.msi", "--s3-credentials-env"]);
    assert!(
        missing.status.code() == Some(1) && both(&missing).contains("the store answered 404"),
        "{}",
        both(&missing)
    );
    assert!(!store.client("list", &["bases"]).contains("out/Agent.msi"));
}

/// Two authorities, and a certificate of the first one for the store's names.
fn certificates(openssl: &Path, folder: &Path) {
    let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
    for arguments in [
        "-keyout ca.key -out ca.pem -subj /CN=authority -addext basicConstraints=critical,CA:TRUE",
        "-keyout other.key -out other.pem -subj /CN=other -addext basicConstraints=critical,CA:TRUE",
        "-keyout store.key -out store.pem -subj /CN=store -CA ca.pem -CAkey ca.key \
         -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:bases.localhost",
    ] {
        let mut command = Command::new(openssl);
        command.args(new.split_whitespace()).args(arguments.split_whitespace()).current_dir(folder);
        let said = output(&mut command);
        assert!(said.status.success(), "{}", both(&said));
    }
}

/// A store that speaks TLS, and the files that are there for it.
struct Secure<'a> {
    folder: &'a Path,
    endpoint: String,
    base: String,
}

impl Secure<'_> {
    fn serve(&self, style: &str, authority: &str) -> Server {
        let config = format!(
            "[store.s3]\nbucket = \"bases\"\nprefix = \"releases/\"\nendpoint = {:?}\naddress-style = {style:?}\n\
             authorities = {:?}\ncredentials-file = {:?}\npoll = \"1s\"\n",
            self.endpoint,
            self.folder.join(authority),
            self.folder.join("keys")
        );
        Server::start_with(&config, |_| {})
    }

    fn stamp(&self, to: &str, style: &str, authority: Option<&str>) -> Output {
        let mut command = program();
        command.arg("stamp").arg(self.folder.join(&self.base)).arg("--token-file").arg(self.folder.join("token"));
        command.args(["--to", to, "--s3-endpoint", &self.endpoint, "--s3-address-style", style]);
        command.args(["--base-object", &format!("s3://bases/releases/{}", self.base)]);
        command.arg("--s3-credentials").arg(self.folder.join("keys"));
        command.args(authority.map(|name| format!("--s3-authorities={}", self.folder.join(name).display())));
        output(&mut command)
    }
}

#[test]
fn a_store_under_an_authority_of_its_own_is_reached_through_tls_and_no_other_is() {
    let Some(openssl) = judge("openssl") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    certificates(&openssl, folder.path());
    let Some(store) = ObjectStore::start_with_tls(&path("ca.pem")) else { return };
    let base = prepare(&store, folder.path());
    let port = store.address.rsplit(':').next().unwrap();
    let secure = Secure { folder: folder.path(), endpoint: format!("https://localhost:{port}"), base: base.clone() };
    for style in ["path", "virtual"] {
        let server = secure.serve(style, "ca.pem");
        let is_there = || server.get("admin", "/v1/bases").json().as_array().unwrap().len() == 1;
        server.until("the base is imported", is_there);
        let listed = server.get("admin", "/v1/bases").json()[0].clone();
        let wish = json!({ "base": listed["sha256"], "token": "t1.acme.0123456789" });
        let served = server.post("admin", "/v1/installers", &wish, &[]);
        assert_eq!(served.status, 200, "{}", served.text());
        let said = secure.stamp("s3://bases/out/Agent.msi", style, Some("ca.pem"));
        assert!(said.status.success(), "{}", both(&said));
        let got = path("got");
        store.client("get", &["bases", "out/Agent.msi", got.to_str().unwrap()]);
        assert!(fs::read(&got).unwrap() == served.body);
        store.client("delete", &["bases", "out/Agent.msi"]);
    }
    // Neither another authority nor those of browsers, and no name that the certificate is not for.
    let unknown = "its certificate does not come from the authorities that it must come from";
    for (to, style, authority, problem) in [
        ("s3://bases/out/Agent.msi", "path", Some("other.pem"), unknown),
        ("s3://bases/out/Agent.msi", "virtual", None, unknown),
    ] {
        let said = secure.stamp(to, style, authority);
        let sentence = format!("look at s3://bases/releases/{base}: {problem}");
        assert!(said.status.code() == Some(1) && both(&said).contains(&sentence), "{}", both(&said));
    }
    let said = secure.stamp("s3://elsewhere/out/Agent.msi", "virtual", Some("ca.pem"));
    let sentence = "begin s3://elsewhere/out/Agent.msi: its certificate is for another name";
    assert!(said.status.code() == Some(1) && both(&said).contains(sentence), "{}", both(&said));
    let server = secure.serve("path", "other.pem");
    server.until("the log says why", || server.log().contains(&format!("list s3://bases/releases/: {unknown}")));
    assert_eq!(server.get("admin", "/v1/bases").json(), json!([]));
    assert_eq!(server.get("", "/readyz").status, 200);
    assert!(!store.client("list", &["bases"]).contains("out/Agent.msi"));
}
