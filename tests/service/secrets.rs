//! Tokens, keys and secrets of links are in no log, no metric, no answer that is not theirs, and not in the database.

use std::fs;

use serde_json::json;

use super::server::Server;

#[test]
fn no_secret_is_anywhere() {
    let mut server = Server::start();
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
    let metrics = server.get("", "/metrics");
    let lists = ["/v1/tokens", "/v1/links", "/v1/installers", "/v1/keys"].map(|path| server.get("admin", path).text());
    assert!(server.stop());

    let mut places = vec![("log".to_owned(), server.log().into_bytes()), ("metrics".to_owned(), metrics.body)];
    places.extend(lists.map(|list| ("list".to_owned(), list.into_bytes())));
    for entry in fs::read_dir(server.path("data")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with("ledger") {
            places.push((name, fs::read(path).unwrap()));
        }
    }
    assert!(places.iter().any(|(name, bytes)| name == "ledger.sqlite" && bytes.len() > 1000));
    assert!(secrets.len() >= 8);
    for (place, bytes) in &places {
        for (n, secret) in secrets.iter().enumerate() {
            assert!(secret.len() > 20);
            let is_there = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!is_there, "secret {n} is in {place}");
        }
    }
}
