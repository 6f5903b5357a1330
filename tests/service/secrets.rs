//! Tokens, keys and secrets of links are in no log, no metric, no answer that is not theirs, not in the database, and not in the process's
//! arguments; nor are handles of the façade, the credentials of a bucket, a PIN, and what devices enroll with.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::enrollment::enroll;
use super::issuer::OnAToken;
use super::server::Server;
use crate::support::object_store::{Fault, ObjectStore, Proxy};
use crate::support::{self, product};

#[test]
fn no_secret_is_anywhere() {
    let server = Server::start();
    server.make_key("acme", &["stamp", "links", "tokens", "read"], Some("acme"));
    let (id, minted) = server.mint("acme");
    let opaque = "t1.opaque-token.0123456789abcdef";
    let mut secrets = vec![minted.clone(), opaque.to_owned()];
    for name in ["admin", "acme"] {
        let header = fs::read_to_string(server.path(&format!("{name}.header"))).unwrap();
        secrets.push(header.rsplit(' ').next().unwrap().to_owned());
    }
    // The ways of a secret: good, refused, with mistakes, in the wrong place.
    for (n, token) in [minted.as_str(), opaque].into_iter().enumerate() {
        let wish = json!({ "product": "Example Agent", "platform": "macos", "token": token });
        let answer = server.post("acme", "/v1/installers", &wish, &[]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        secrets.push(answer.header("content-location").unwrap().rsplit('/').next().unwrap().to_owned());
        let link = server.post("acme", "/v1/links", &wish, &["-H", &format!("Idempotency-Key: {n}")]);
        assert_eq!(link.status, 201, "{}", link.text());
        let url = link.json()["url"].as_str().unwrap().to_owned();
        secrets.push(url.rsplit('/').next().unwrap().to_owned());
        assert_eq!(server.curl("", &url, &[]).status, 200);
        assert_eq!(server.curl("", &url, &[]).status, 410);
        assert_eq!(server.curl("", &format!("{url}x"), &[]).status, 404);
    }
    let by_id = json!({ "product": "Example Agent", "platform": "macos", "token_id": id });
    assert_eq!(server.post("acme", "/v1/installers", &by_id, &[]).status, 200);
    for wish in [
        json!({ "product": minted, "platform": minted, "token": minted }),
        json!({ "token": minted }),
        json!({ "token": [minted] }),
        json!({ minted.clone(): 1 }),
        json!({ "product": "Example Agent", "platform": "macos", "token": format!("{minted} ") }),
    ] {
        let refused = server.post("acme", "/v1/installers", &wish, &[]);
        assert!(refused.status >= 400 && !refused.text().contains(&minted), "{}", refused.text());
    }
    server.get("", &format!("/v1/tokens/{minted}"));
    server.get("admin", &format!("/v1/tokens/{minted}"));
    server.get("admin", &format!("/v1/installers?token_id={minted}"));
    assert!(secrets.len() >= 8);
    search(server, &secrets, &["/v1/tokens", "/v1/links", "/v1/installers", "/v1/keys"]);
}

/// Stops the service and looks for secrets in all that it leaves, and in what it answers under these paths.
fn search(mut server: Server, secrets: &[String], paths: &[&str]) {
    let mut places = vec![("metrics".to_owned(), server.get("", "/metrics").body)];
    places.extend(paths.iter().map(|path| ((*path).to_owned(), server.get("admin", path).body)));
    places.push(("arguments".to_owned(), fs::read(format!("/proc/{}/cmdline", server.id())).unwrap()));
    assert!(server.stop());
    places.push(("log".to_owned(), server.log().into_bytes()));
    for entry in fs::read_dir(server.path("data")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with("ledger") {
            places.push((name, fs::read(path).unwrap()));
        }
    }
    // What is longer than a page lies in pieces in the file, and whole in a dump.
    places.extend(dump(&server.path("data/ledger.sqlite")).map(|dump| ("dump".to_owned(), dump)));
    assert!(places.iter().any(|(name, bytes)| name == "ledger.sqlite" && bytes.len() > 1000));
    for (n, secret) in secrets.iter().enumerate() {
        assert!(secret.len() > 20, "secret {n} is too short to be looked for");
        let hex: String = secret.bytes().map(|byte| format!("{byte:02X}")).collect();
        for (place, bytes) in &places {
            for form in [secret.clone(), hex.to_lowercase(), hex.clone()] {
                let is_there = bytes.windows(form.len()).any(|window| window == form.as_bytes());
                assert!(!is_there, "secret {n} is in {place}");
            }
        }
    }
}

/// The database as statements; what is no text is in hex.
fn dump(ledger: &Path) -> Option<Vec<u8>> {
    const DUMP: &str = "import sqlite3, sys\nfor line in sqlite3.connect(sys.argv[1]).iterdump(): print(line)";
    let said = support::output(Command::new(support::judge("python3")?).args(["-c", DUMP]).arg(ledger));
    assert!(said.status.success() && said.stdout.starts_with(b"BEGIN"), "{}", support::both(&said));
    Some(said.stdout)
}

const PIN: &str = "pin-of-the-issuer-0123456789";
/// The key's id, its secret, and the session that it lives for, as they stand in a file of AWS's tools.
const OF_THE_BUCKET: [(&str, &str); 3] = [
    ("aws_access_key_id", "AKIASECRET0123456789ABCD"),
    ("aws_secret_access_key", "secret/of+the/bucket0123456789abcdefghij"),
    ("aws_session_token", "session-of-the-bucket-0123456789"),
];
const FINGERPRINT_KEY: &str = "00112233445566778899aabbccddeeff0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const SERIAL: &str = "serial-of-a-device-0123456789";
const FLEET: &str = "https://fleet.example.com";

fn write_secret(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A service with everything that has a secret of its own, and a bucket that refuses and breaks off at first.
fn with_neighbours(token: &OnAToken, proxy: &Proxy) -> Server {
    let config = format!(
        "[facade]\nenabled = true\nproduct = \"Example Agent\"\nurl = {FLEET:?}\n\
         [store.s3]\nbucket = \"bases\"\nprefix = \"releases/\"\nendpoint = \"http://{}\"\n\
         credentials-file = \"bucket\"\npoll = \"1s\"\n\
         [enrollment]\nenabled = true\nfingerprint-key-file = \"fingerprint.key\"\n{}",
        proxy.address,
        token.config()
    );
    proxy.fail("GET", "list-type", Fault::Refuse(403, "AccessDenied"), 1);
    proxy.fail("GET", ".msi", Fault::Cut(1000), 3);
    Server::start_with(&config, |folder| {
        for base in product::bases().iter().filter(|base| !base.name().ends_with(".msi")) {
            fs::write(folder.join(base.name()), &base.bytes).unwrap();
        }
        let folder = folder.parent().unwrap();
        token.make(folder, PIN);
        let lines = OF_THE_BUCKET.map(|(name, value)| format!("{name} = {value}\n"));
        write_secret(&folder.join("bucket"), &format!("[default]\n{}", lines.concat()));
        write_secret(&folder.join("fingerprint.key"), &format!("{FINGERPRINT_KEY}\n"));
    })
}

/// The façade's ways: good, used, refused, in the wrong place. Gives the handles.
fn through_the_facade(server: &Server, token: &str) -> Vec<String> {
    let wish = json!({ "type": "deb", "arch": "amd64", "enroll_secret": token, "url": FLEET });
    let mut handles = Vec::new();
    for _ in 0..2 {
        let made = server.post("admin", "/generate", &wish, &[]);
        assert_eq!(made.status, 200, "{}", made.text());
        let handle = made.json()["token"].as_str().unwrap().to_owned();
        assert_eq!(server.get("", &format!("/status/{handle}")).json()["status"], "completed");
        assert_eq!(server.get("", &format!("/download/{handle}")).status, 200);
        for wrong in [format!("/download/{handle}x"), format!("/status/x{handle}"), format!("/v1/links/{handle}")] {
            assert!(server.get("admin", &wrong).status >= 400, "{wrong}");
        }
        handles.push(handle);
    }
    for member in ["type", "arch", "url"] {
        let mut wrong = wish.clone();
        wrong[member] = Value::from(token);
        let refused = server.post("admin", "/generate", &wrong, &[]);
        assert!(refused.status == 400 && !refused.text().contains(token), "{}", refused.text());
    }
    handles
}

#[test]
fn no_secret_of_the_facade_a_bucket_an_issuer_or_a_device_is_anywhere() {
    let (Some(token), Some(store)) = (OnAToken::new(), ObjectStore::start()) else { return };
    let Some(python) = support::python_with("http_message_signatures, jwt, requests") else { return };
    let folder = tempfile::tempdir().unwrap();
    let msi = product::bases().iter().find(|base| base.name().ends_with(".msi")).unwrap();
    let file = folder.path().join("base.msi");
    fs::write(&file, &msi.bytes).unwrap();
    store.put(&format!("releases/{}", msi.name()), &file, &["checksum"]);
    let proxy = Proxy::before(&store);
    let server = with_neighbours(&token, &proxy);

    let mut secrets: Vec<String> = OF_THE_BUCKET
        .map(|(_, value)| value)
        .into_iter()
        .chain([PIN, FINGERPRINT_KEY, SERIAL])
        .map(str::to_owned)
        .collect();
    // The service's own: the longest line of each.
    for name in ["admin.key", "issuer.key", "sealing.key", "enrollment.key"] {
        if let Ok(text) = fs::read_to_string(server.path("data").join(name)) {
            secrets.push(text.lines().max_by_key(|line| line.len()).unwrap().to_owned());
        }
    }
    let (id, minted) = server.mint("acme");
    secrets.push(minted.clone());
    secrets.extend(through_the_facade(&server, &minted));

    // Devices: one that enrolls, one whose token was revoked, requests that are not signed, and a list of serial numbers.
    assert_eq!(enroll(&server, &python, &minted)["tenant"], "acme");
    assert_eq!(server.post("admin", &format!("/v1/tokens/{id}/revoke"), &json!({}), &[]).status, 204);
    assert!(enroll(&server, &python, &minted)["type"].as_str().unwrap().ends_with(":token-revoked"));
    for wish in [json!({ "token": minted }), json!({ "token": minted, "key": { "kty": minted } }), json!([minted])] {
        let refused = server.post("", "/v1/enrollments", &wish, &[]);
        assert!(refused.status >= 400 && !refused.text().contains(&minted), "{}", refused.text());
    }
    let listed = server.post("admin", "/v1/serials", &json!({ "tenant": "acme", "serials": [SERIAL] }), &[]);
    assert_eq!((listed.status, listed.json()["new"].clone()), (200, json!(1)), "{}", listed.text());

    server.until("the bucket's base is imported", || server.get("admin", "/v1/bases").text().contains(".msi\""));
    let log = server.log();
    assert!(log.contains("AccessDenied") && !log.contains("X-Amz-"), "{log}");
    assert!(secrets.len() >= 12);
    let paths =
        ["/v1/tokens", "/v1/links", "/v1/installers", "/v1/keys", "/v1/devices", "/v1/enrollments", "/v1/bases"];
    search(server, &secrets, &paths);
}
