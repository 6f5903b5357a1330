//! Who may, and what the others get.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::server::Server;
use crate::support;

#[test]
fn without_a_valid_key_nothing_is_told() {
    let server = Server::start();
    let mode = std::fs::metadata(server.path("data/admin.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    server.write_key("wrong", "sw_00000000_0123456789012345678901234567890123456789012");
    let admin = std::fs::read_to_string(server.path("data/admin.key")).unwrap();
    // The right key with its last letter changed.
    let mut changed = admin.trim().to_owned();
    let last = changed.pop().unwrap();
    changed.push(if last == 'a' { 'b' } else { 'a' });
    server.write_key("changed", &changed);
    for key in ["", "wrong", "changed"] {
        for path in ["/v1/bases", "/v1/installers", "/v1/tokens", "/v1/links", "/v1/keys"] {
            let refused = server.get(key, path);
            assert_eq!((refused.status, refused.problem().as_str()), (401, "unauthorized"), "{key} {path}");
            assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        }
    }
    for (path, status) in
        [("/livez", 200), ("/readyz", 200), ("/metrics", 200), ("/openapi.json", 200), ("/v1/jwks", 200)]
    {
        assert_eq!(server.get("", path).status, status, "{path}");
    }
    assert_eq!(server.get("admin", "/v1/nothing").problem(), "not-found");
    for path in ["/v1/installers?nonsense=1", "/v1/installers?limit=many", "/v1/tokens?limit=0"] {
        assert_eq!(server.get("admin", path).problem(), "bad-request", "{path}");
    }
    assert_eq!(server.get("admin", "/v1/tokens/%ff").problem(), "not-found");
    let other = server.curl("admin", "/v1/jwks", &["-X", "DELETE"]);
    assert_eq!(
        (other.status, other.problem().as_str(), other.header("allow")),
        (405, "method-not-allowed", Some("GET"))
    );
}

#[test]
fn a_key_may_do_what_its_scopes_say() {
    let server = Server::start();
    server.make_key("reader", &["read"], None);
    let wish = json!({ "product": "Example Agent", "platform": "macos", "token": "t1.acme.0123456789" });
    for path in ["/v1/installers", "/v1/links", "/v1/tokens", "/v1/keys"] {
        assert_eq!(server.post("reader", path, &wish, &[]).problem(), "forbidden", "{path}");
    }
    assert_eq!(server.get("reader", "/v1/installers").status, 200);
    assert_eq!(server.get("reader", "/v1/keys").status, 403);
    server.make_key("stamper", &["stamp"], None);
    assert_eq!(server.post("stamper", "/v1/installers", &wish, &[]).status, 200);
    assert_eq!(server.get("stamper", "/v1/installers").status, 403);
    // A revoked key is none.
    let keys = server.get("admin", "/v1/keys").json();
    let id =
        keys.as_array().unwrap().iter().find(|key| key["name"] == "reader").unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(server.post("admin", &format!("/v1/keys/{id}/revoke"), &json!({}), &[]).status, 204);
    assert_eq!(server.get("reader", "/v1/installers").status, 401);
}

#[test]
fn a_tenants_key_sees_its_tenant_alone() {
    let server = Server::start();
    server.make_key("acme", &["stamp", "links", "tokens", "read"], Some("acme"));
    server.make_key("other", &["stamp", "links", "tokens", "read"], Some("other"));
    let (id, token) = server.mint("acme");
    let wish = json!({ "product": "Example Agent", "platform": "macos", "token": token });
    assert_eq!(server.post("acme", "/v1/installers", &wish, &[]).status, 200);
    for path in ["/v1/installers", "/v1/links"] {
        assert_eq!(server.post("other", path, &wish, &[]).problem(), "forbidden", "{path}");
    }
    let by_id = json!({ "product": "Example Agent", "platform": "macos", "token_id": id });
    assert_eq!(server.post("other", "/v1/installers", &by_id, &[]).problem(), "not-found");
    for path in [format!("/v1/tokens/{id}"), format!("/v1/tokens/{id}/status")] {
        assert_eq!(server.get("other", &path).problem(), "not-found");
    }
    assert_eq!(server.post("other", &format!("/v1/tokens/{id}/revoke"), &json!({}), &[]).problem(), "not-found");
    assert_eq!(server.get("acme", "/v1/installers").json().as_array().unwrap().len(), 1);
    assert_eq!(server.get("other", "/v1/installers").json(), json!([]));
    assert_eq!(server.get("other", "/v1/tokens").json(), json!([]));
    assert_eq!(server.get("other", "/v1/installers?tenant=acme").problem(), "forbidden");
    let mint = json!({ "tenant": "acme", "product": "Example Agent" });
    assert_eq!(server.post("other", "/v1/tokens", &mint, &[]).problem(), "forbidden");
}

#[test]
fn a_key_has_so_many_requests_and_no_more() {
    let server = Server::start_with("[limits]\nrequests-per-second = 1\nburst = 5\n", |_| {});
    let refused = (0..200).map(|_| server.get("admin", "/v1/bases")).find(|answer| answer.status != 200).unwrap();
    assert_eq!((refused.status, refused.problem().as_str()), (429, "too-many-requests"));
    assert!(refused.header("retry-after").is_some());
    // A signal gives it more.
    server.configure("[limits]\nrequests-per-second = 1000\nburst = 1000\n");
    server.signal("HUP");
    server.until("the limits are exchanged", || (0..10).all(|_| server.get("admin", "/v1/bases").status == 200));
    // A configuration that is wrong changes nothing.
    server.configure("[limits]\nburst = 0\n");
    server.signal("HUP");
    server.until("the mistake is logged", || server.log().contains("the configuration stays what it was"));
    assert_eq!(server.get("admin", "/v1/bases").status, 200);
}

#[test]
fn bodies_and_heads_have_limits() {
    let server = Server::start_with("", |_| {});
    let long = json!({ "tenant": "x".repeat(70_000), "product": "Example Agent" });
    let refused = server.post("admin", "/v1/tokens", &long, &[]);
    assert_eq!((refused.status, refused.problem().as_str()), (413, "too-large"));
    let long: String = (0..8).map(|n| format!("X-Long-{n}: {}\n", "x".repeat(60_000))).collect();
    std::fs::write(server.path("long.header"), long).unwrap();
    assert_eq!(server.get("long", "/v1/bases").status, 431);
    for body in ["", "{", "[]", "\"text\"", "{\"tenant\": 5}", "{\"tenant\":\"SECRET\",\"SECRET\":1}"] {
        let refused = server.curl("admin", "/v1/tokens", &["-X", "POST", "-d", body]);
        assert_eq!((refused.status, refused.problem().as_str()), (400, "bad-request"), "{body}");
        assert!(!refused.text().contains("SECRET"), "{}", refused.text());
    }
}

#[test]
fn an_open_address_without_tls_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = support::program();
    command.args(["serve", "--listen", "0.0.0.0:0", "--data"]).arg(folder.path().join("data"));
    let output = support::output(&mut command);
    let said = support::both(&output);
    assert!(output.status.code() == Some(2) && said.contains("allow-plain-http"), "{said}");
    assert!(!folder.path().join("data").exists());
}

#[test]
fn https_gives_the_same_bytes_and_asks_for_certificates_where_it_is_told_to() {
    let Some(openssl) = support::judge("openssl") else { return };
    let config = "[tls]\ncertificates = \"tls.pem\"\nkey = \"tls.key\"\n";
    let make = |folder: &std::path::Path| {
        for base in crate::support::product::bases().iter().filter(|base| base.name().ends_with(".pkg")) {
            std::fs::write(folder.join(base.name()), &base.bytes).unwrap();
        }
        let folder = folder.parent().unwrap();
        let key = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
        for arguments in [
            "-keyout tls.key -out tls.pem -subj /CN=service -addext subjectAltName=IP:127.0.0.1 \
             -addext basicConstraints=critical,CA:TRUE",
            "-keyout client.key -out client.pem -subj /CN=client -CA tls.pem -CAkey tls.key \
             -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=clientAuth",
        ] {
            let mut command = std::process::Command::new(&openssl);
            command.args(key.split_whitespace()).args(arguments.split_whitespace()).current_dir(folder);
            let said = support::output(&mut command);
            assert!(said.status.success(), "{}", support::both(&said));
        }
    };
    let secure = Server::start_with(config, make);
    assert!(secure.url.starts_with("https://127.0.0.1:"));
    let wish = json!({ "product": "Example Agent", "platform": "macos", "token": "t1.acme.0123456789" });
    let answer = secure.post("admin", "/v1/installers", &wish, &[]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let plain = Server::start().post("admin", "/v1/installers", &wish, &[]);
    assert!(plain.status == 200 && plain.body == answer.body, "{}", plain.text());
    assert!(answer.header("content-location").unwrap().starts_with("https://"));
    assert!(answer.header("set-cookie").unwrap().contains("Secure"));
    let file = installer::formats::open(&answer.body).unwrap();
    assert_eq!(file.token().unwrap().unwrap().expose(), "t1.acme.0123456789");
    drop(file);
    assert!(answer.body.len() as u64 == secure.ledger("")[0]["size"].as_u64().unwrap());

    let mutual = Server::start_with(&format!("{config}client-authorities = \"tls.pem\"\n"), make);
    assert_eq!(mutual.get("", "/livez").status, 0, "a client without a certificate was let in");
    let (certificate, key) = (mutual.path("client.pem"), mutual.path("client.key"));
    let with = ["--cert", certificate.to_str().unwrap(), "--key", key.to_str().unwrap()];
    assert_eq!(mutual.curl("", "/livez", &with).status, 200);
}

#[test]
fn a_certificate_that_ends_soon_is_told_at_the_start_and_at_a_reload() {
    let (Some(openssl), Some(faketime)) = (support::judge("openssl"), support::judge("faketime")) else { return };
    // Made so long ago, for so many days.
    let made = |folder: &std::path::Path, ago: &str, days: &str| {
        let arguments = format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tls.key -out tls.pem -subj /CN=service \
             -addext subjectAltName=IP:127.0.0.1 -days {days}"
        );
        let mut command = std::process::Command::new(&faketime);
        command.arg("-f").arg(ago).arg(&openssl).args(arguments.split_whitespace()).current_dir(folder);
        let said = support::output(&mut command);
        assert!(said.status.success(), "{}", support::both(&said));
    };
    // When it ends, as openssl and date say it.
    let ends = |server: &Server| {
        let pem = server.path("tls.pem").display().to_string();
        let text = support::run(&openssl, ["x509", "-noout", "-enddate", "-in", &pem]);
        let date = text.trim().strip_prefix("notAfter=").unwrap().to_owned();
        support::run("date", ["-u", "+%s", "-d", &date]).trim().to_owned()
    };
    let gauge = |server: &Server| {
        let metrics = server.curl("", "/metrics", &["-k"]);
        let text = String::from_utf8(metrics.body).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix("stampwright_tls_certificate_ends_seconds "));
        value.map(str::to_owned)
    };
    let soon = |server: &Server| server.log().matches("the certificate of this service ends soon").count();
    let server = Server::start_with("[tls]\ncertificates = \"tls.pem\"\nkey = \"tls.key\"\n", |folder| {
        made(folder.parent().unwrap(), "-1h", "29");
    });
    assert_eq!((soon(&server), gauge(&server)), (1, Some(ends(&server))), "{}", server.log());
    assert!(server.log().contains("\"days\":28,"), "{}", server.log());

    let reload = |times: usize| {
        server.signal("HUP");
        server.until("the configuration is read again", || {
            server.log().matches("the configuration was read again").count() == times
        });
        assert_eq!(gauge(&server), Some(ends(&server)));
    };
    made(server.folder.path(), "-1h", "400");
    reload(1);
    assert_eq!(soon(&server), 1);
    made(server.folder.path(), "-1h", "2");
    reload(2);
    assert_eq!(soon(&server), 2);
    made(server.folder.path(), "-40d", "30");
    reload(3);
    assert!(server.log().contains("the certificate of this service has ended"), "{}", server.log());
    // Without TLS there is nothing that could end.
    assert_eq!(gauge(&Server::start_with("", |_| {})), None);
}
