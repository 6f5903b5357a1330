//! One token in, one installer out.

use std::fs;
use std::thread;

use installer::Token;
use serde_json::{Value, json};

use super::server::{Answer, Server};
use crate::support;
use crate::support::product;

/// The base of a format for x64 or universal, by what the service lists.
pub(super) fn base(server: &Server, format: &str) -> Value {
    let bases = server.get("admin", "/v1/bases").json();
    let is_it = |base: &&Value| base["format"] == format && base["arch"] != "arm64";
    bases.as_array().unwrap().iter().find(is_it).unwrap_or_else(|| panic!("{bases}")).clone()
}

fn wish(base: &Value, token: &str) -> Value {
    json!({ "base": base["sha256"], "token": token })
}

/// What the program itself makes of the same base and token.
fn stamped(server: &Server, base: &Value, token: &str) -> Vec<u8> {
    let digest = base["sha256"].as_str().unwrap();
    let bytes = product::bases().iter().find(|one| hex_digest(&one.bytes) == digest).unwrap();
    let (token_file, from, to) = (server.path("a.token"), server.path("a.base"), server.path("a.stamped"));
    fs::write(&token_file, token).unwrap();
    fs::write(&from, &bytes.bytes).unwrap();
    let _ = fs::remove_file(&to);
    let mut command = support::program();
    command.arg("stamp").arg(&from).arg("--token-file").arg(&token_file).arg("-o").arg(&to);
    let output = support::output(&mut command);
    assert!(output.status.success(), "{}", support::both(&output));
    fs::read(&to).unwrap()
}

pub(super) fn hex_digest(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn assert_good(answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn every_format_is_what_the_program_makes() {
    let server = Server::start();
    let (_, token) = server.mint("acme");
    for format in ["msi", "pkg", "deb", "rpm"] {
        let base = base(&server, format);
        let answer = server.post("admin", "/v1/installers", &wish(&base, &token), &[]);
        assert_good(&answer);
        assert!(answer.body == stamped(&server, &base, &token), "{format}");
        assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
        let name = format!("attachment; filename=\"{}\"", base["file_name"].as_str().unwrap());
        assert_eq!(answer.header("content-disposition"), Some(name.as_str()));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let ledger_ms = answer.header("server-timing").and_then(|timing| timing.strip_prefix("ledger;dur="));
        assert!(ledger_ms.is_some_and(|ms| ms.parse::<f64>().is_ok_and(|ms| ms > 0.0)), "{ledger_ms:?}");
        assert_eq!(answer.header("x-accel-buffering"), Some("no"));
        assert!(answer.header("etag").unwrap().starts_with('"'));
        // The same again: the same bytes, the same tag.
        let again = server.post("admin", "/v1/installers", &wish(&base, &token), &[]);
        assert!(again.body == answer.body && again.header("etag") == answer.header("etag"));
        // The digest when it is asked for is the digest of what came.
        let asked =
            server.post("admin", "/v1/installers", &wish(&base, &token), &["-H", "Want-Repr-Digest: sha-256=5"]);
        let said = asked.header("repr-digest").unwrap().to_owned();
        assert_eq!(said, format!("sha-256=:{}:", base64(&asked.body)), "{format}");
    }
    // One row each time, with its end.
    server.until("every row has its end", || server.ledger("").iter().all(|row| row["outcome"] == "done"));
    let rows = server.ledger("tenant=acme");
    assert_eq!(rows.len(), 12);
    assert!(rows.iter().all(|row| row["bytes"] == row["size"] && row["product"] == "Example Agent"));
}

fn base64(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(bytes);
    let mut out = String::new();
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in digest.chunks(3) {
        let word = group.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for n in 0..4 {
            out.push(if n > group.len() { '=' } else { char::from(LETTERS[(word >> (18 - 6 * n)) as usize & 63]) });
        }
    }
    out
}

#[test]
fn a_product_and_a_platform_are_enough_where_they_mean_one_base() {
    let server = Server::start();
    let (_, token) = server.mint("acme");
    let by_product = json!({ "product": "Example Agent", "platform": "windows", "arch": "x64", "token": token });
    let answer = server.post("admin", "/v1/installers", &by_product, &[]);
    assert_good(&answer);
    assert_eq!(answer.header("content-type"), Some("application/x-msi"));
    // Linux has two formats.
    let two = json!({ "product": "Example Agent", "platform": "linux", "arch": "x64", "token": token });
    let refused = server.post("admin", "/v1/installers", &two, &[]);
    assert_eq!((refused.status, refused.problem().as_str()), (422, "no-base"), "{}", refused.text());
    let named =
        json!({ "product": "Example Agent", "platform": "linux", "arch": "x64", "format": "deb", "token": token });
    assert_good(&server.post("admin", "/v1/installers", &named, &[]));
}

#[test]
fn two_hundred_at_once_each_with_its_own_token() {
    let server = Server::start();
    let base = base(&server, "deb");
    thread::scope(|scope| {
        for worker in 0..8 {
            let (server, base) = (&server, &base);
            scope.spawn(move || {
                for n in 0..25 {
                    let token = format!("tenant-{worker}-{n}.{}", "x".repeat(20 + n));
                    let answer = server.post("admin", "/v1/installers", &wish(base, &token), &[]);
                    assert_good(&answer);
                    let file = installer::formats::open(&answer.body).unwrap();
                    let found = file.token().unwrap().unwrap();
                    assert!(found == Token::parse(token.as_bytes()).unwrap(), "another token came");
                    let mut report = installer::Report::new();
                    file.verify(&mut report).unwrap();
                    assert!(report.is_ok(), "{report:?}");
                }
            });
        }
    });
    assert_eq!(server.ledger("").len(), 200);
}

#[test]
fn a_download_is_resumed_by_its_content_location() {
    let server = Server::start();
    let (_, token) = server.mint("acme");
    let answer = server.post("admin", "/v1/installers", &wish(&base(&server, "msi"), &token), &[]);
    assert_good(&answer);
    let (place, etag) = (answer.header("content-location").unwrap(), answer.header("etag").unwrap());
    let if_range = format!("If-Range: {etag}");
    let rest = server.curl("", place, &["-r", "1000-", "-H", &if_range]);
    assert_eq!(rest.status, 206, "{}", rest.text());
    let size = answer.body.len();
    assert_eq!(rest.header("content-range"), Some(format!("bytes 1000-{}/{size}", size - 1).as_str()));
    assert!(rest.body == answer.body[1000..]);
    // Who does not know the tag gets nothing: the link has no use left.
    let refused = server.curl("", place, &["-r", "1000-"]);
    assert_eq!((refused.status, refused.problem().as_str()), (410, "link-over"), "{}", refused.text());
    let outside = server.curl("", place, &["-r", "999999999-", "-H", &if_range]);
    assert_eq!(outside.status, 416, "{}", outside.text());
    // Ranges are for GET.
    let post = server.post("admin", "/v1/installers", &wish(&base(&server, "msi"), &token), &["-r", "5-"]);
    assert!(post.status == 200 && post.body == answer.body);
}

#[test]
fn a_plan_is_the_installer_without_its_base() {
    use base64ct::decode;
    let server = Server::start();
    let (_, token) = server.mint("acme");
    let base = base(&server, "msi");
    let accept = ["-H", "Accept: application/vnd.stampwright.splice+json"];
    let plan = server.post("admin", "/v1/installers", &wish(&base, &token), &accept);
    assert_eq!(plan.status, 200, "{}", plan.text());
    assert_eq!(plan.header("content-type"), Some("application/vnd.stampwright.splice+json"));
    let plan = plan.json();
    let bulk = server.curl("admin", plan["base_url"].as_str().unwrap(), &[]);
    assert_eq!(hex_digest(&bulk.body), base["sha256"].as_str().unwrap());
    let mut made = Vec::new();
    for segment in plan["segments"].as_array().unwrap() {
        if let Some(range) = segment["keep"].as_array() {
            let [from, to] = [0, 1].map(|n| range[n].as_u64().unwrap() as usize);
            made.extend(&bulk.body[from..to]);
        } else {
            made.extend(decode(segment["put"].as_str().unwrap()));
        }
    }
    assert!(made == stamped(&server, &base, &token));
}

/// Base64 as a reader who shares no code with the writer.
mod base64ct {
    pub fn decode(text: &str) -> Vec<u8> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        let output = std::process::Command::new("base64").arg("-d").arg(file.path()).output().unwrap();
        assert!(output.status.success());
        output.stdout
    }
}

#[test]
fn an_idempotency_key_counts_once() {
    let server = Server::start();
    let (base, header) = (base(&server, "rpm"), ["-H", "Idempotency-Key: order-4711"]);
    // An opaque token in an rpm: its release is the time of the first stamp.
    let first = server.post("admin", "/v1/installers", &wish(&base, "t1.opaque.0123456789"), &header);
    assert_good(&first);
    thread::sleep(std::time::Duration::from_millis(1100));
    let second = server.post("admin", "/v1/installers", &wish(&base, "t1.opaque.0123456789"), &header);
    assert!(second.body == first.body, "{}", second.text());
    assert_eq!(second.header("stampwright-installer-id"), first.header("stampwright-installer-id"));
    assert_eq!(server.ledger("").len(), 1);
    let other = server.post("admin", "/v1/installers", &wish(&base, "t1.other.0123456789"), &header);
    assert_eq!((other.status, other.problem().as_str()), (422, "idempotency-mismatch"));
}

#[test]
fn the_ledger_is_paged_and_comes_as_csv() {
    let server = Server::start();
    let base = base(&server, "deb");
    for n in 0..5 {
        assert_good(&server.post("admin", "/v1/installers", &wish(&base, &format!("t1.number-{n}")), &[]));
    }
    let first = server.get("admin", "/v1/installers?limit=2");
    let next = first.header("link").unwrap();
    assert_eq!(first.json().as_array().unwrap().len(), 2);
    let query = next.split(['<', '>']).nth(1).unwrap();
    assert!(query.contains("limit=2&"), "the next page is asked for as this one: {query}");
    let second = server.get("admin", &format!("/v1/installers{}", query.replace("limit=2", "limit=10")));
    assert_eq!(second.json().as_array().unwrap().len(), 3);
    assert!(second.header("link").is_none());
    let csv = server.get("admin", "/v1/installers?format=csv");
    let text = String::from_utf8(csv.body.clone()).unwrap();
    assert!(text.starts_with("id,at,by_key,tenant,token_id") && text.lines().count() == 6, "{text}");
    let wrong = server.get("admin", "/v1/installers?since=yesterday");
    assert_eq!((wrong.status, wrong.problem().as_str()), (400, "bad-request"));
}

#[test]
fn bases_come_and_go_while_it_runs() {
    let server = Server::start_with("", |_| {});
    assert_eq!(server.get("admin", "/v1/bases").json(), json!([]));
    let deb = product::bases().iter().find(|base| base.format.kind().extension() == "deb").unwrap();
    let file = server.path("new.deb");
    fs::write(&file, &deb.bytes).unwrap();
    let upload = file.to_str().unwrap();
    let put = server.curl("admin", "/v1/bases?file_name=Example-Agent.deb", &["-T", upload]);
    assert_eq!(put.status, 201, "{}", put.text());
    assert_eq!(put.json()["sha256"], hex_digest(&deb.bytes));
    assert_eq!(server.curl("admin", "/v1/bases?file_name=Example-Agent.deb", &["-T", upload]).status, 200);
    let (_, token) = server.mint("acme");
    let good = server.post("admin", "/v1/installers", &wish(&put.json(), &token), &[]);
    assert_good(&good);
    // An installer with a token in it is not a base, and neither is anything else.
    for bytes in [good.body.as_slice(), b"nothing"] {
        fs::write(&file, bytes).unwrap();
        let refused = server.curl("admin", "/v1/bases", &["-T", upload]);
        assert_eq!((refused.status, refused.problem().as_str()), (422, "base-refused"), "{}", refused.text());
    }
    let place = format!("/v1/bases/{}", hex_digest(&deb.bytes));
    assert_eq!(server.curl("admin", &place, &["-X", "DELETE"]).status, 204);
    assert_eq!(server.post("admin", "/v1/installers", &wish(&put.json(), &token), &[]).problem(), "no-base");
    // The folder is followed.
    fs::write(server.path("bases/Other.deb"), &deb.bytes).unwrap();
    server.until("the base in the folder is served", || server.get("admin", "/v1/bases").json() != json!([]));
    fs::remove_file(server.path("bases/Other.deb")).unwrap();
    server.until("the base is withdrawn", || server.get("admin", "/v1/bases").json() == json!([]));
}
