//! Bases that need a new signature for each stamp, and a signer that is slow.

use std::fs;
use std::path::Path;
use std::time::Instant;

use installer::Kind;
use serde_json::json;

use super::server::Server;
use crate::support::keys::keys;
use crate::support::signed::Bench;

fn put(base: &Path, folder: &Path) {
    fs::copy(base, folder.join("Agent.msi")).unwrap();
}

#[test]
fn a_stamp_is_signed_by_the_key_of_the_configuration() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let signed = bench.sign("base", "signed", &keys.arguments("p256"));
    let config = format!("[signing]\nkey = {:?}\ncertificates = {:?}\n", keys.path("p256.key"), keys.path("p256.pem"));
    let server = Server::start_with(&config, |folder| put(&signed, folder));
    let base = server.get("admin", "/v1/bases").json()[0].clone();
    assert_eq!(base["mode"], "resign");
    let wish = json!({ "base": base["sha256"], "token": "t1.acme.0123456789" });
    let answer = server.post("admin", "/v1/installers", &wish, &[]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let file = bench.path("served");
    fs::write(&file, &answer.body).unwrap();
    let (is_ok, said) = bench.verify(&file, &["--root", &keys.text("ca.pem")]);
    assert!(is_ok, "{said}");
    // It is the same signature again, so ranges fit together.
    let rest = ["-r", "5000-", "-H", &format!("If-Range: {}", answer.header("etag").unwrap())];
    let rest = server.curl("", answer.header("content-location").unwrap(), &rest);
    assert!(rest.status == 206 && rest.body == answer.body[5000..], "{}", rest.text());

    // Without a key such a base is not served.
    let server = Server::start_with("", |folder| put(&signed, folder));
    assert_eq!(server.get("admin", "/v1/bases").json(), json!([]));
    assert!(server.log().contains("no key to sign"), "{}", server.log());
}

#[test]
fn a_signer_that_does_not_answer_is_waited_for_so_long_and_no_longer() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let signed = bench.sign("base", "signed", &keys.arguments("p256"));
    let config =
        format!("[signing]\ncommand = \"sleep 4\"\ncertificates = {:?}\ntimeout = \"1s\"\n", keys.path("p256.pem"));
    let server = Server::start_with(&config, |folder| put(&signed, folder));
    let base = server.get("admin", "/v1/bases").json()[0].clone();
    let wish = json!({ "base": base["sha256"], "token": "t1.acme.0123456789" });
    // The second one waits for the signer that the first one has left busy.
    for _ in 0..2 {
        let begin = Instant::now();
        let refused = server.post("admin", "/v1/installers", &wish, &[]);
        assert_eq!((refused.status, refused.problem().as_str()), (503, "unavailable"), "{}", refused.text());
        assert!(refused.header("retry-after").is_some() && begin.elapsed().as_secs() < 4);
    }
    assert!(server.ledger("").is_empty());
    assert_eq!(server.get("", "/livez").status, 200);
}

#[test]
fn a_signer_that_answers_with_nonsense_is_no_fault_of_the_request() {
    let Some(keys) = keys() else { return };
    let bench = Bench::new(Kind::Msi);
    let signed = bench.sign("base", "signed", &keys.arguments("p256"));
    // It signs until the file is there.
    let script = "[ -e nonsense ] && exec echo nonsense; exec openssl pkeyutl -sign -inkey \"$1\"\n";
    fs::write(bench.path("sign.sh"), script).unwrap();
    let config = format!(
        "[signing]\ncommand = \"sh {} {}\"\ncertificates = {:?}\n",
        bench.path("sign.sh").display(),
        keys.text("p256.key"),
        keys.path("p256.pem")
    );
    let server = Server::start_with(&config, |folder| put(&signed, folder));
    let base = server.get("admin", "/v1/bases").json()[0].clone();
    let wish = json!({ "base": base["sha256"], "token": "t1.acme.0123456789" });
    let link = server.post("admin", "/v1/links", &wish, &[]);
    assert_eq!(link.status, 201, "{}", link.text());
    let link = link.json()["url"].as_str().unwrap().to_owned();
    fs::write(server.path("nonsense"), "").unwrap();
    for refused in [server.post("admin", "/v1/installers", &wish, &[]), server.get("", &link)] {
        assert_eq!((refused.status, refused.problem().as_str()), (503, "unavailable"), "{}", refused.text());
        assert!(refused.header("retry-after").is_some());
    }
    assert!(server.ledger("").is_empty() && server.log().contains("the signer failed"), "{}", server.log());
    fs::remove_file(server.path("nonsense")).unwrap();
    assert_eq!(server.get("", &link).status, 200, "the link was not used");
}
