//! Tokens signed here, right and wrong, by keys that are made here.
#![allow(clippy::arithmetic_side_effects, reason = "tests")]

use p256::ecdsa::signature::Signer;

use super::*;

const PRODUCT: &str = "Example Agent";
const CLAIMS: &str = r#"{"tenant":"acme","product":"Example Agent","jti":"t-1","iat":1,"exp":2}"#;

enum Issuer {
    Ed25519(ed25519_dalek::SigningKey),
    P256(p256::ecdsa::SigningKey),
}

impl Issuer {
    fn both(seed: u8) -> [Self; 2] {
        let (ed, p256) =
            (ed25519_dalek::SigningKey::from_bytes(&[seed; 32]), p256::ecdsa::SigningKey::from_slice(&[seed; 32]));
        [Self::Ed25519(ed), Self::P256(p256.unwrap())]
    }

    fn alg(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "EdDSA",
            Self::P256(_) => "ES256",
        }
    }

    fn jwk(&self, id: &str) -> String {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Ed25519(key) => {
                let x = text(key.verifying_key().as_bytes());
                format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"{id}","alg":"EdDSA","use":"sig","x":"{x}"}}"#)
            }
            Self::P256(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                let (x, y) = (text(&point.as_bytes()[1..33]), text(&point.as_bytes()[33..]));
                format!(r#"{{"kty":"EC","crv":"P-256","kid":"{id}","x":"{x}","y":"{y}"}}"#)
            }
        }
    }

    fn signature(&self, message: &str) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => key.sign(message.as_bytes()).to_bytes().to_vec(),
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message.as_bytes());
                signature.to_bytes().to_vec()
            }
        }
    }

    fn token_of(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.signature(&signed));
        format!("{signed}.{signature}")
    }

    fn token(&self, id: &str, claims: &str) -> String {
        self.token_of(&format!(r#"{{"alg":"{}","kid":"{id}","typ":"JWT"}}"#, self.alg()), claims)
    }
}

fn set(keys: &[String]) -> Vec<u8> {
    format!(r#"{{"keys":[{}]}}"#, keys.join(",")).into_bytes()
}

#[track_caller]
fn refused(token: &str, keys: &[u8], why: &str) {
    match verify(token, keys, PRODUCT) {
        Err(Refusal::Wrong(found)) => assert!(found.contains(why), "{found}"),
        other => panic!("{other:?}, not {why}"),
    }
}

#[test]
fn what_a_listed_issuer_signed_for_this_product_is_taken_even_when_it_is_over() {
    let [ed, p256] = Issuer::both(1);
    let keys = set(&[Issuer::both(9)[0].jwk("z"), ed.jwk("a"), p256.jwk("b"), r#"{"kty":"RSA","kid":"r"}"#.to_owned()]);
    assert_eq!(verify(&ed.token("a", CLAIMS), &keys, PRODUCT), Ok(()));
    assert_eq!(verify(&p256.token("b", CLAIMS), &keys, PRODUCT), Ok(()));
    let other = CLAIMS.replace(PRODUCT, "Ägent \\\"Zwei\\\"");
    assert_eq!(verify(&p256.token("b", &other), &keys, "Ägent \"Zwei\""), Ok(()));
}

/// The vector of RFC 8037 appendix A.4, signed by somebody else: its claims are no object, which is all that is wrong with it.
#[test]
fn a_signature_of_somebody_else_verifies() {
    let key = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    let message = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let key = Key::find(key.as_bytes(), "k").unwrap();
    assert!(key.has_signed(message.as_bytes(), &fixed::<64>(signature).unwrap()));
    assert!(!key.has_signed(b"another message", &fixed::<64>(signature).unwrap()));
}

#[test]
fn every_changed_byte_and_every_truncation_is_refused() {
    for issuer in Issuer::both(2) {
        let (token, keys) = (issuer.token("k", CLAIMS), set(&[issuer.jwk("k")]));
        assert_eq!(verify(&token, &keys, PRODUCT), Ok(()));
        for at in 0..token.len() {
            let was = token.as_bytes()[at];
            for byte in [if was == b'A' { b'B' } else { b'A' }, was ^ 1] {
                let mut changed = token.clone().into_bytes();
                changed[at] = byte;
                let changed = String::from_utf8(changed).unwrap();
                assert!(verify(&changed, &keys, PRODUCT).is_err(), "byte {at} of {}", issuer.alg());
            }
            assert!(verify(&token[..at], &keys, PRODUCT).is_err(), "{at} bytes of {}", issuer.alg());
        }
        assert!(verify(&format!("{token}A"), &keys, PRODUCT).is_err());
    }
}

#[test]
fn forged_and_swapped_are_told_apart() {
    for (issuer, other) in Issuer::both(3).into_iter().zip(Issuer::both(4)) {
        let keys = set(&[issuer.jwk("k")]);
        refused(&other.token("k", CLAIMS), &keys, "signature does not verify");
        refused(&other.token("o", CLAIMS), &keys, "not one of the issuer's");
        refused(&issuer.token("k", &CLAIMS.replace(PRODUCT, "Another Agent")), &keys, "for another product");
        refused(&issuer.token("k", &CLAIMS.replace(PRODUCT, "example agent")), &keys, "for another product");
        refused(&issuer.token("k", r#"{"tenant":"acme"}"#), &keys, "which product it is for");
        refused(&issuer.token("k", r#"["acme"]"#), &keys, "not a JSON object");
        let twice = r#"{"product":"Another Agent","product":"Example Agent"}"#;
        refused(&issuer.token("k", twice), &keys, "not a JSON object");
    }
}

#[test]
fn the_key_decides_the_algorithm() {
    let [ed, p256] = Issuer::both(5);
    let keys = set(&[ed.jwk("e"), p256.jwk("p")]);
    for alg in ["ES256", "none", "HS256", "", "eddsa"] {
        let header = format!(r#"{{"alg":"{alg}","kid":"e"}}"#);
        refused(&ed.token_of(&header, CLAIMS), &keys, "algorithm is not that");
    }
    refused(&ed.token("p", CLAIMS), &keys, "algorithm is not that");
    refused(&p256.token_of(r#"{"kid":"p"}"#, CLAIMS), &keys, "algorithm is not that");
    // No signature, and one of zeros, which libraries have taken before.
    for signature in [String::new(), URL_SAFE_NO_PAD.encode([0; 64]), URL_SAFE_NO_PAD.encode([0; 63])] {
        for (issuer, id) in [(&ed, "e"), (&p256, "p")] {
            let token = issuer.token(id, CLAIMS);
            let (signed, _) = token.rsplit_once('.').unwrap();
            refused(&format!("{signed}.{signature}"), &keys, "signature does not verify");
        }
    }
}

#[test]
fn headers_with_more_are_refused() {
    let [issuer, _] = Issuer::both(6);
    let keys = set(&[issuer.jwk("k")]);
    for header in [
        r#"{"alg":"EdDSA","kid":"k","crit":["exp"]}"#,
        r#"{"alg":"EdDSA","kid":"k","jwk":{}}"#,
        r#"{"alg":"EdDSA","kid":"k","typ":"JOSE"}"#,
    ] {
        refused(&issuer.token_of(header, CLAIMS), &keys, "not known");
    }
    refused(&issuer.token_of(r#"{"alg":"EdDSA"}"#, CLAIMS), &keys, "does not name the key");
    refused(&issuer.token_of(r#"{"alg":"EdDSA","kid":"o","kid":"k"}"#, CLAIMS), &keys, "header is not a JSON object");
    assert_eq!(verify(&issuer.token_of(r#"{"alg":"EdDSA","kid":"k"}"#, CLAIMS), &keys, PRODUCT), Ok(()));
}

#[test]
fn keys_that_are_none_take_no_token() {
    let [issuer, _] = Issuer::both(7);
    let (token, key) = (issuer.token("k", CLAIMS), issuer.jwk("k"));
    for keys in [&b""[..], b"{}", b"[]", br#"{"keys":{}}"#, &set(std::slice::from_ref(&key))[1..]] {
        refused(&token, keys, "not a JSON Web Key Set");
    }
    let long = [set(std::slice::from_ref(&key)), vec![b' '; KEYS_MOST_BYTES]].concat();
    refused(&token, &long, "not a JSON Web Key Set");
    refused(&token, &set(&[]), "not one of the issuer's");
    refused(&token, &set(&[key.clone(), key]), "two of the package's issuer keys");
    for bad in [
        r#"{"kid":"k"}"#,
        r#"{"kid":"k","kty":"OKP","crv":"Ed25519","x":"AAAA"}"#,
        r#"{"kid":"k","kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        r#"{"kid":"k","kty":"EC","crv":"P-256","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
    ] {
        refused(&token, &set(&[bad.to_owned()]), "cannot be used");
    }
    // The point of order one, with which this signature fits every message where the check is not strict.
    let weak = format!("AQ{}", "A".repeat(41));
    let weak_key = format!(r#"{{"kid":"k","kty":"OKP","crv":"Ed25519","x":"{weak}"}}"#);
    let (signed, _) = token.rsplit_once('.').unwrap();
    let fits_all = URL_SAFE_NO_PAD.encode([&[1_u8][..], &[0; 63]].concat());
    refused(&format!("{signed}.{fits_all}"), &set(&[weak_key]), "signature does not verify");
}
