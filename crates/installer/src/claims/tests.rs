//! Tokens that are signed here with known keys, and everything that can be wrong with one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use p256::pkcs8::EncodePrivateKey;
use serde_json::{Value, json};

use super::{Claims, ClaimsError, IssuerKeys};
use crate::epoch::Civil;
use crate::token::Token;

const NOW: u64 = 1_800_000_000;

fn ed(seed: u8) -> EncodingKey {
    // PKCS #8 version 1 around a seed (RFC 8410 §7).
    let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    der.extend([seed; 32]);
    EncodingKey::from_ed_der(&der)
}

fn es(seed: u8) -> EncodingKey {
    let key = p256::SecretKey::from_slice(&[seed; 32]).unwrap();
    EncodingKey::from_ec_der(key.to_pkcs8_der().unwrap().as_bytes())
}

fn public(key: &EncodingKey, algorithm: Algorithm, id: &str) -> Value {
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(key, algorithm).unwrap()).unwrap();
    jwk["kid"] = json!(id);
    jwk
}

fn keys(keys: &[Value]) -> IssuerKeys {
    IssuerKeys::parse(&serde_json::to_vec(&json!({ "keys": keys })).unwrap()).unwrap()
}

fn both() -> IssuerKeys {
    keys(&[public(&ed(1), Algorithm::EdDSA, "one"), public(&es(2), Algorithm::ES256, "two")])
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Signs any header and claims as they are.
fn signed(header: &str, claims: &str, key: &EncodingKey, algorithm: Algorithm) -> Token {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    Token::parse(format!("{message}.{signature}").as_bytes()).unwrap()
}

fn good() -> Value {
    json!({ "tenant": "acme", "product": "The One", "jti": "t-1", "iat": NOW - 10, "exp": NOW + 7200 })
}

const HEADER: &str = r#"{"alg":"EdDSA","kid":"one","typ":"JWT"}"#;

fn token(claims: &Value) -> Token {
    signed(HEADER, &claims.to_string(), &ed(1), Algorithm::EdDSA)
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = good();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[test]
fn both_algorithms_verify_and_say_what_was_minted() {
    let claims = both().verify(&token(&good())).unwrap();
    assert_eq!((claims.tenant.as_str(), claims.product.as_str(), claims.id.as_str()), ("acme", "The One", "t-1"));
    assert_eq!((claims.issued, claims.expires, claims.key_id.as_str()), (NOW - 10, NOW + 7200, "one"));
    let mut bound = with("serial", json!("C02X"));
    bound["least_agent"] = json!("1.4.2");
    let token = signed(r#"{"typ":"JWT","kid":"two","alg":"ES256"}"#, &bound.to_string(), &es(2), Algorithm::ES256);
    let claims = both().verify(&token).unwrap();
    assert_eq!((claims.serial.as_deref(), claims.least_agent.as_deref()), (Some("C02X"), Some("1.4.2")));
    assert_eq!(Claims::from_token(&token).unwrap(), Some(claims));
}

#[test]
fn every_changed_character_is_found() {
    let right = token(&good());
    let text = right.expose().as_bytes();
    let keys = both();
    for at in 0..text.len() {
        let mut changed = text.to_vec();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = Token::parse(&changed).unwrap();
        assert!(keys.verify(&changed).is_err(), "a change at byte {at} is not found");
    }
}

#[test]
fn another_key_and_an_unlisted_key_are_told_apart() {
    let claims = good().to_string();
    let other = signed(HEADER, &claims, &ed(9), Algorithm::EdDSA);
    assert_eq!(both().verify(&other).unwrap_err(), ClaimsError::Signature("one".to_owned()));
    let unlisted = signed(r#"{"alg":"EdDSA","kid":"new"}"#, &claims, &ed(1), Algorithm::EdDSA);
    let error = both().verify(&unlisted).unwrap_err();
    assert!(error.to_string().ends_with("issuer key new, which is not one of the keys that were given: one, two"));
    // A key of one kind does not verify under the algorithm of the other.
    let crossed = signed(r#"{"alg":"ES256","kid":"one"}"#, &claims, &es(2), Algorithm::ES256);
    assert_eq!(both().verify(&crossed).unwrap_err(), ClaimsError::Signature("one".to_owned()));
}

#[test]
fn no_algorithm_but_the_two() {
    let claims = encoded(&good());
    for algorithm in ["none", "None", "HS256", "RS256", "ES384", "eddsa"] {
        let header = encoded(&json!({ "alg": algorithm, "kid": "one" }));
        let token = Token::parse(format!("{header}.{claims}.AAAA").as_bytes()).unwrap();
        assert_eq!(both().verify(&token).unwrap_err(), ClaimsError::Algorithm(algorithm.to_owned()));
        assert_eq!(Claims::from_token(&token).unwrap(), None, "it is not one of ours");
    }
    // The public key taken for a shared secret.
    let secret = EncodingKey::from_secret(b"one");
    let token = signed(r#"{"alg":"HS256","kid":"one"}"#, &good().to_string(), &secret, Algorithm::HS256);
    assert_eq!(both().verify(&token).unwrap_err(), ClaimsError::Algorithm("HS256".to_owned()));
    // No signature at all.
    let token = Token::parse(format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(HEADER)).as_bytes()).unwrap();
    assert_eq!(both().verify(&token).unwrap_err(), ClaimsError::Signature("one".to_owned()));
}

#[test]
fn time_and_product_are_checked_against_what_is_given() {
    let claims = both().verify(&token(&good())).unwrap();
    assert_eq!(claims.check(NOW, "The One"), Ok(()));
    assert_eq!(claims.check(NOW + 3599, "The One"), Ok(()));
    let soon = claims.check(NOW + 3600, "The One").unwrap_err();
    assert_eq!(soon, ClaimsError::ExpiresSoon { id: "t-1".to_owned(), expires: NOW + 7200 });
    let over = claims.check(NOW + 7200, "The One").unwrap_err();
    assert_eq!(over.to_string(), "the token t-1 expired at 2027-01-15T10:00:00Z");
    assert!(matches!(claims.check(u64::MAX, "The One"), Err(ClaimsError::Expired { .. })));
    let other = claims.check(NOW, "The Other").unwrap_err();
    assert_eq!(other.to_string(), "the token t-1 is for the product \"The One\", must be for \"The Other\"");
}

#[test]
fn a_time_far_away_is_refused_and_never_wraps() {
    for wrong in [json!(u64::MAX), json!(1e300), json!(-1), json!("1800007200"), json!(1.5), json!(null), json!([])] {
        assert!(matches!(both().verify(&token(&with("exp", wrong.clone()))), Err(ClaimsError::Part { .. })), "{wrong}");
        assert!(matches!(Claims::from_token(&token(&with("iat", wrong))), Err(ClaimsError::Part { .. })));
    }
    let last = both().verify(&token(&with("exp", json!(Civil::LAST_SECS)))).unwrap();
    assert_eq!(last.check(NOW, "The One"), Ok(()));
    assert!(Claims::from_token(&token(&with("exp", json!(NOW - 10)))).is_err(), "expires when it is issued");
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    for name in ["jti", "iat", "exp"] {
        let error = Claims::from_token(&token(&without(name))).unwrap_err().to_string();
        assert!(error.contains(&format!("claim {name} ")), "{error}");
    }
    for (name, value) in [
        ("tenant", json!("")),
        ("tenant", json!(7)),
        ("tenant", json!("https://evil.example")),
        ("jti", json!("a\u{1b}[2J")),
        ("serial", json!("\\\\server\\share")),
        ("serial", json!(null)),
        ("least_agent", json!("latest")),
        ("product", json!("x".repeat(201))),
    ] {
        let error = Claims::from_token(&token(&with(name, value))).unwrap_err().to_string();
        assert!(error.contains(&format!("claim {name} ")), "{error}");
    }
    let error =
        Claims::from_token(&signed(r#"{"alg":"EdDSA"}"#, &good().to_string(), &ed(1), Algorithm::EdDSA)).unwrap_err();
    assert_eq!(error.to_string(), "the token's header field kid is missing");
}

#[test]
fn other_systems_tokens_stay_opaque() {
    for name in ["tenant", "product"] {
        let foreign = token(&without(name));
        assert_eq!(Claims::from_token(&foreign).unwrap(), None);
        assert!(both().verify(&foreign).is_err());
    }
    for text in ["opaque", "a.b", "a.b.c", "a.b.c.d", "...", "e30.e30.e30", "0f8fad5b-d9cb-469f-a165-70867728950e"] {
        let token = Token::parse(text.as_bytes()).unwrap();
        assert_eq!(Claims::from_token(&token).unwrap(), None, "{text}");
        assert!(matches!(both().verify(&token), Err(ClaimsError::NotSigned(_))), "{text}");
    }
}

#[test]
fn a_verified_token_says_nothing_else() {
    let error = both().verify(&token(&with("server", json!("evil.example")))).unwrap_err();
    assert_eq!(error.to_string(), "the token's claim server must not be there");
    assert!(Claims::from_token(&token(&with("server", json!("x")))).unwrap().is_some(), "unverified, it is only read");
    for field in [r#""jku":"https://x""#, r#""crit":["exp"]"#, r#""typ":"JOSE""#, r#""zip":"DEF""#] {
        let header = format!(r#"{{"alg":"EdDSA","kid":"one",{field}}}"#);
        let error = both().verify(&signed(&header, &good().to_string(), &ed(1), Algorithm::EdDSA)).unwrap_err();
        assert!(matches!(&error, ClaimsError::Part { part, .. } if part.starts_with("header field")), "{error}");
    }
}

#[test]
fn hostile_json_is_refused_without_a_word_of_it() {
    let twice = good().to_string().replacen('{', r#"{"exp":99999999999,"#, 1);
    let deep = format!("{{\"tenant\":{}{}}}", "[".repeat(1000), "]".repeat(1000));
    for claims in [twice.as_str(), deep.as_str(), "[]", "null", "\"x\"", "{\"tenant\":", "{} {}", "\u{feff}{}"] {
        let token = signed(HEADER, claims, &ed(1), Algorithm::EdDSA);
        let error = both().verify(&token).unwrap_err();
        assert!(matches!(error, ClaimsError::NotSigned(_)), "{claims}: {error}");
    }
    let error = both().verify(&token(&with("\u{1b}[31mred", json!(1)))).unwrap_err().to_string();
    assert_eq!(error, "the token's claim of another name must not be there");
}

#[test]
fn issuer_keys_are_public_and_of_two_kinds() {
    let (one, two) = (public(&ed(1), Algorithm::EdDSA, "one"), public(&es(2), Algorithm::ES256, "two"));
    let change = |from: &Value, name: &str, value: Value| {
        let mut key = from.clone();
        key[name] = value;
        key
    };
    for (key, said) in [
        (change(&one, "d", json!("AAAA")), "has a private part (d)"),
        (change(&one, "kid", json!(null)), "kid that must be a text"),
        (change(&one, "kid", json!("")), "kid that is empty"),
        (change(&one, "crv", json!("X25519")), "of another kind"),
        (change(&one, "kty", json!("RSA")), "of another kind"),
        (change(&two, "crv", json!("P-384")), "of another kind"),
        (change(&one, "x", json!("AAAA")), "x of 3 bytes, must be 32"),
        (change(&one, "x", json!("not base64!")), "not base64url"),
        (change(&two, "y", json!(URL_SAFE_NO_PAD.encode([7; 32]))), "not a point of its curve"),
        (change(&one, "alg", json!("ES256")), "another alg than EdDSA"),
        (change(&one, "use", json!("enc")), "another use than sig"),
        (change(&one, "key_ops", json!(["sign"])), "key_ops without verify"),
        (json!({ "kty": "oct", "kid": "s", "k": "AAAA" }), "has a private part (k)"),
    ] {
        let error = IssuerKeys::parse(json!({ "keys": [key] }).to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let twice = IssuerKeys::parse(json!({ "keys": [one, one] }).to_string().as_bytes()).unwrap_err();
    assert_eq!(twice.to_string(), "the issuer keys are wrong: key 2 has the kid of another key");
    for wrong in ["", "[]", "{}", r#"{"keys":[]}"#, r#"{"keys":{}}"#, r#"{"keys":[1]}"#, r#"{"keys":[],"keys":[]}"#] {
        assert!(IssuerKeys::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
    assert!(IssuerKeys::parse(&vec![b' '; IssuerKeys::MAX_BYTES + 1]).is_err());
    assert_eq!(both().ids().collect::<Vec<_>>(), ["one", "two"]);
}
