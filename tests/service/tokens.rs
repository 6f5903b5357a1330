//! The service as the issuer.

use serde_json::json;

use super::server::Server;

#[test]
fn a_token_is_minted_listed_and_verifies_under_the_keys_that_are_published() {
    let server = Server::start();
    let (id, token) = server.mint("acme");
    let jwks = server.get("", "/v1/jwks");
    let keys = installer::IssuerKeys::parse(&jwks.body).unwrap();
    let claims = keys.verify(&installer::Token::parse(token.as_bytes()).unwrap()).unwrap();
    assert_eq!(
        (claims.id.as_str(), claims.tenant.as_str(), claims.product.as_str()),
        (id.as_str(), "acme", "Example Agent")
    );
    assert_eq!(claims.expires - claims.issued, 30 * 86_400);
    let listed = server.get("admin", "/v1/tokens?tenant=acme").json();
    assert_eq!(
        (&listed[0]["id"], &listed[0]["status"], &listed[0]["installers"]),
        (&json!(id), &json!("valid"), &json!(0))
    );
    assert!(!listed.to_string().contains(&token));
    let stamped = json!({ "product": "Example Agent", "platform": "macos", "token_id": id });
    let answer = server.post("admin", "/v1/installers", &stamped, &[]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let file = installer::formats::open(&answer.body).unwrap();
    assert!(file.token().unwrap().unwrap().expose() == token);
    assert_eq!(server.get("admin", &format!("/v1/tokens/{id}")).json()["installers"], 1);
    assert_eq!(server.ledger(&format!("token_id={id}")).len(), 1);
}

#[test]
fn a_revoked_token_is_never_stamped_again() {
    let server = Server::start();
    let (id, token) = server.mint("acme");
    let status = || server.get("admin", &format!("/v1/tokens/{id}/status")).json()["status"].clone();
    assert_eq!(status(), "valid");
    for _ in 0..2 {
        assert_eq!(server.post("admin", &format!("/v1/tokens/{id}/revoke"), &json!({}), &[]).status, 204);
    }
    assert_eq!(status(), "revoked");
    for token in [json!({ "token": token }), json!({ "token_id": id })] {
        let mut wish = json!({ "product": "Example Agent", "platform": "macos" });
        wish.as_object_mut().unwrap().extend(token.as_object().unwrap().clone());
        for path in ["/v1/installers", "/v1/links"] {
            let refused = server.post("admin", path, &wish, &[]);
            assert_eq!((refused.status, refused.problem().as_str()), (422, "token-refused"), "{}", refused.text());
        }
    }
    assert!(server.ledger("").is_empty());
}

#[test]
fn uses_are_counted_by_device_and_end() {
    let server = Server::start();
    let wish = json!({ "tenant": "acme", "product": "Example Agent", "uses": 2, "expires": "2d", "serial": "SN-1" });
    let minted = server.post("admin", "/v1/tokens", &wish, &[]).json();
    let uses = format!("/v1/tokens/{}/uses", minted["id"].as_str().unwrap());
    let report = |device: &str| server.post("admin", &uses, &json!({ "device": device }), &[]).json();
    assert_eq!(report("a")["accepted"], true);
    assert_eq!((report("a")["first"].clone(), report("a")["used"].clone()), (json!(false), json!(1)));
    assert_eq!(report("b")["status"], "used_up");
    assert_eq!(report("c")["accepted"], false);
    assert_eq!(report("a")["accepted"], true, "a device that has its use keeps it");
}

#[test]
fn what_no_device_could_use_is_not_minted() {
    let server = Server::start();
    for (wish, problem) in [
        (json!({ "tenant": "acme" }), "bad-request"),
        (json!({ "tenant": "a/b", "product": "Example Agent" }), "bad-request"),
        (json!({ "tenant": "acme", "product": "Example Agent", "uses": 0 }), "bad-request"),
        (json!({ "tenant": "acme", "product": "Example Agent", "expires": 5 }), "bad-request"),
        (json!({ "tenant": "acme", "product": "Example Agent", "admin": true }), "bad-request"),
    ] {
        let refused = server.post("admin", "/v1/tokens", &wish, &[]);
        assert_eq!(refused.problem(), problem, "{wish}: {}", refused.text());
    }
    // Tokens that are not for this product, or not tokens.
    for token in ["", "white space", &"x".repeat(5000)] {
        let wish = json!({ "product": "Example Agent", "platform": "macos", "token": token });
        assert_eq!(server.post("admin", "/v1/installers", &wish, &[]).problem(), "token-refused");
    }
    let other = server.post("admin", "/v1/tokens", &json!({ "tenant": "acme", "product": "Another" }), &[]);
    assert_eq!((other.status, other.problem().as_str()), (422, "no-base"), "{}", other.text());
}
