use proptest::prelude::*;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::json;

use super::*;

fn issuer() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
}

pub(crate) fn keys() -> Vec<u8> {
    let x = URL_SAFE_NO_PAD.encode(issuer().public_key().as_ref());
    json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "one", "x": x }] }).to_string().into_bytes()
}

fn token(header: &Value, claims: &str) -> String {
    let signed =
        format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.as_bytes()));
    let signature = issuer().sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

/// A token of this issuer.
pub(crate) fn token_of(tenant: &str, product: &str) -> String {
    token(&header(), &json!({ "tenant": tenant, "product": product, "jti": "t1", "iat": 1, "exp": 2 }).to_string())
}

fn header() -> Value {
    json!({ "alg": "EdDSA", "kid": "one", "typ": "JWT" })
}

fn claims() -> Value {
    json!({ "tenant": "acme", "product": "Agent", "jti": "t1", "iat": 1, "exp": 2, "serial": "S", "least_agent": "1.2.3" })
}

#[test]
fn a_good_token_says_what_it_is() {
    let found = verify(&token(&header(), &claims().to_string()), &keys(), "Agent").unwrap();
    let expected = Claims {
        tenant: "acme".into(),
        id: "t1".into(),
        expires: 2,
        serial: Some("S".into()),
        least_agent: Some([1, 2, 3]),
    };
    assert_eq!(found, expected);
}

#[test]
fn what_is_not_ours_is_refused() {
    let refused = |header: Value, claims: &str| verify(&token(&header, claims), &keys(), "Agent").unwrap_err();
    let good = claims().to_string();
    assert!(refused(json!({ "alg": "none", "kid": "one" }), &good).contains("algorithm"));
    assert!(refused(json!({ "alg": "ES256", "kid": "one" }), &good).contains("algorithm"));
    assert!(refused(json!({ "alg": "EdDSA", "kid": "two" }), &good).contains("not one of the issuer's"));
    assert!(refused(json!({ "alg": "EdDSA", "kid": "one", "jku": "x" }), &good).contains("not known"));
    assert!(refused(header(), &good.replace("Agent", "Other")).contains("another product"));
    assert!(refused(header(), &good.replace("iat", "nbf")).contains("not known"));
    assert!(refused(header(), &good.replace("\"tenant\"", "\"jti\"")).contains("not a JSON object"));
    assert!(verify("opaque", &keys(), "Agent").unwrap_err().contains("three parts"));
    assert!(verify(&token(&header(), &good), b"{}", "Agent").unwrap_err().contains("Key Set"));
}

proptest! {
    #[test]
    fn every_changed_byte_is_noticed(at in 0..400_usize, flip in 1..=255_u8) {
        let mut bytes = token(&header(), &claims().to_string()).into_bytes();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        if let Ok(text) = String::from_utf8(bytes) {
            prop_assert!(verify(&text, &keys(), "Agent").is_err());
        }
    }

    #[test]
    fn no_bytes_panic(text in ".{0,200}", keys in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = verify(&text, &keys, "Agent");
        let _ = verify(&text, &super::tests::keys(), "Agent");
    }
}
