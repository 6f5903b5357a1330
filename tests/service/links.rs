//! Links: whatever only looks takes nothing, and a use is taken once.

use std::thread;

use serde_json::{Value, json};

use super::server::Server;
use crate::support;

fn link(server: &Server, more: &[(&str, Value)]) -> Value {
    let (_, token) = server.mint("acme");
    let mut wish = json!({ "product": "Example Agent", "platform": "windows", "arch": "x64", "token": token });
    for (name, value) in more {
        wish[*name] = value.clone();
    }
    let made = server.post("admin", "/v1/links", &wish, &[]);
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()
}

fn left(server: &Server, link: &Value) -> u64 {
    server.get("admin", &format!("/v1/links/{}", link["id"].as_str().unwrap())).json()["uses_left"].as_u64().unwrap()
}

const BROWSER: [&str; 2] = ["-H", "Accept: text/html,application/xhtml+xml,*/*;q=0.8"];

#[test]
fn whatever_only_looks_takes_nothing() {
    let server = Server::start();
    let link = link(&server, &[]);
    let url = link["url"].as_str().unwrap();
    let head = server.curl("", url, &["-I"]);
    assert_eq!(head.status, 200, "{}", head.text());
    assert_eq!(head.header("content-length"), Some(link["size"].to_string().as_str()));
    let page = server.curl("", url, &BROWSER);
    let text = String::from_utf8(page.body.clone()).unwrap();
    assert!(page.status == 200 && text.contains("Download installer") && text.contains("Example Agent"), "{text}");
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    let probe = server.curl("", url, &["-r", "0-0"]);
    assert!(probe.status == 206 && probe.body.len() == 1, "{}", probe.text());
    for header in ["Sec-Purpose: prefetch", "User-Agent: Slackbot-LinkExpanding 1.0"] {
        assert!(server.curl("", url, &["-H", header]).text().contains("<!doctype html>"));
    }
    let foreign = server.curl("", url, &["-X", "POST", "-H", "Sec-Fetch-Site: cross-site"]);
    assert_eq!(foreign.status, 403);
    assert_eq!(left(&server, &link), 1);
    assert!(server.ledger("").is_empty());
}

#[test]
fn a_program_takes_a_use_and_resumes_in_its_session() {
    let server = Server::start();
    let link = link(&server, &[]);
    let (url, jar) = (link["url"].as_str().unwrap(), server.path("jar"));
    let jar = jar.to_str().unwrap();
    let whole = server.curl("", url, &["-c", jar]);
    assert_eq!(whole.status, 200, "{}", whole.text());
    assert!(whole.header("set-cookie").unwrap().contains("HttpOnly"));
    assert_eq!(left(&server, &link), 0);
    let rest = server.curl("", url, &["-b", jar, "-r", "70000-"]);
    assert!(rest.status == 206 && rest.body == whole.body[70000..], "{}", rest.text());
    // A browser with the cookie downloads; one without it reads that the link is over.
    let browser = server.curl("", url, &[&BROWSER[..], &["-b", jar]].concat());
    assert!(browser.status == 200 && browser.body == whole.body);
    let over = server.curl("", url, &BROWSER);
    assert!(over.status == 410 && over.text().contains("Ask whoever sent it"), "{}", over.text());
    assert_eq!(server.curl("", url, &[]).problem(), "link-over");
    server.until("one row, with all that was sent", || {
        let rows = server.ledger("");
        rows.len() == 1 && rows[0]["bytes"].as_u64().unwrap() as usize == whole.body.len() * 2 + rest.body.len()
    });
}

#[test]
fn curl_goes_on_where_it_stopped_as_the_manual_says() {
    let server = Server::start();
    let link = link(&server, &[]);
    let (url, jar, file) = (link["url"].as_str().unwrap(), server.path("jar"), server.path("agent.msi"));
    let jar = jar.to_str().unwrap();
    let whole = server.curl("", url, &["-c", jar]).body;
    // So much has come before the connection broke.
    std::fs::write(&file, &whole[..70_000]).unwrap();
    let manual = include_str!("../../docs/operations.md");
    assert!(manual.contains("curl -o agent.msi -C - -b jar \"$URL\""));
    let mut curl = std::process::Command::new("curl");
    support::output(curl.args(["-sS", "-o"]).arg(&file).args(["-C", "-", "-b", jar, url]));
    assert!(std::fs::read(&file).unwrap() == whole);
    assert_eq!(left(&server, &link), 0);
}

#[test]
fn the_button_is_the_download() {
    let server = Server::start();
    let link = link(&server, &[("uses", json!(2))]);
    let url = link["url"].as_str().unwrap();
    let pressed = server.curl("", url, &["-X", "POST", "-H", "Sec-Fetch-Site: same-origin", "-H", BROWSER[1]]);
    assert_eq!(pressed.status, 200, "{}", pressed.text());
    assert_eq!(pressed.body.len() as u64, link["size"].as_u64().unwrap());
    assert_eq!(left(&server, &link), 1);
}

#[test]
fn a_link_is_used_once_whoever_is_faster() {
    let server = Server::start();
    let link = link(&server, &[("uses", json!(3))]);
    let url = link["url"].as_str().unwrap();
    let got: Vec<u16> = thread::scope(|scope| {
        let all: Vec<_> = (0..12).map(|_| scope.spawn(|| server.curl("", url, &[]).status)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(got.iter().filter(|status| **status == 200).count(), 3, "{got:?}");
    assert!(got.iter().all(|status| [200, 410].contains(status)));
}

#[test]
fn a_revoked_or_expired_link_or_token_gives_nothing() {
    let server = Server::start();
    let first = link(&server, &[]);
    let revoke = format!("/v1/links/{}/revoke", first["id"].as_str().unwrap());
    assert_eq!(server.post("admin", &revoke, &json!({}), &[]).status, 204);
    assert_eq!(server.curl("", first["url"].as_str().unwrap(), &[]).problem(), "link-over");

    // The token of a link is revoked, even within a session.
    let (id, token) = server.mint("acme");
    let wish = json!({ "product": "Example Agent", "platform": "macos", "token": token });
    let second = server.post("admin", "/v1/links", &wish, &[]).json();
    let (url, jar) = (second["url"].as_str().unwrap(), server.path("jar"));
    assert_eq!(server.curl("", url, &["-c", jar.to_str().unwrap()]).status, 200);
    assert_eq!(server.post("admin", &format!("/v1/tokens/{id}/revoke"), &json!({}), &[]).status, 204);
    assert_eq!(server.curl("", url, &["-b", jar.to_str().unwrap()]).problem(), "link-over");

    let third = link(&server, &[("expires", json!("1s"))]);
    thread::sleep(std::time::Duration::from_millis(2100));
    assert_eq!(server.curl("", third["url"].as_str().unwrap(), &[]).problem(), "link-over");
    let unknown = format!("/d/{}", "A".repeat(43));
    assert_eq!(server.get("", &unknown).problem(), "not-found");
    assert_eq!(server.get("", "/d/..%2f..%2fetc%2fpasswd").problem(), "not-found");
}

#[test]
fn an_idempotency_key_makes_one_link() {
    let server = Server::start();
    let wish = json!({ "product": "Example Agent", "platform": "macos", "token": "t1.acme.0123456789" });
    let header = ["-H", "Idempotency-Key: mail-1"];
    let first = server.post("admin", "/v1/links", &wish, &header);
    let second = server.post("admin", "/v1/links", &wish, &header);
    assert_eq!((first.status, first.json()), (201, second.json()), "{}", second.text());
    assert_eq!(server.get("admin", "/v1/links").json().as_array().unwrap().len(), 1);
}
