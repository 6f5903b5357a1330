//! Who mints enrollment tokens: a private key, its public half as a JSON Web Key Set, and tokens signed with it.
//!
//! A token is a JSON Web Signature in its compact form (RFC 7515 §3.1) with EdDSA (RFC 8037) or ES256 (RFC 7518 §3.4). A key's id is its
//! thumbprint (RFC 7638), so two keys never have one id, and no id has to be chosen. Time and randomness are arguments.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes};
use jsonwebtoken::{EncodingKey, Header};
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use serde::Serialize;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::pem;

/// What an issuer signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA over P-256 with SHA-256: what hardware and older libraries have.
    Es256,
}

/// The private key of an issuer. It does not print, and it is wiped when it is dropped.
pub struct IssuerKey {
    algorithm: Algorithm,
    /// PKCS #8.
    der: Zeroizing<Vec<u8>>,
    /// The public key's coordinates in base64url: `x` alone, or `x` and `y`.
    x: String,
    y: Option<String>,
    id: String,
}

/// What a token is to say. Times are seconds since 1970-01-01 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claims<'a> {
    /// Whose devices enroll with it.
    pub tenant: &'a str,
    /// The product's name that it is for.
    pub product: &'a str,
    /// The token's own id.
    #[serde(rename = "jti")]
    pub id: &'a str,
    /// When it is minted.
    #[serde(rename = "iat")]
    pub issued: u64,
    /// The first second at which it is no longer valid.
    #[serde(rename = "exp")]
    pub expires: u64,
    /// The one device that may use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<&'a str>,
    /// The oldest agent that may use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least_agent: Option<&'a str>,
}

/// Why there is no key, or no token. Nothing of the key is part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// The file is not what `keygen` writes.
    #[error("is not a private key in PEM (PKCS #8, Ed25519 or P-256)")]
    NotAKey,
    /// The key is encrypted.
    #[error("is encrypted, which an issuer key cannot be")]
    Encrypted,
    /// These random bytes are no private key of P-256, which happens once in 2^32 times.
    #[error("the random bytes are no key of P-256; draw others")]
    OtherBytes,
    /// A claim has a mark that cannot be seen: two tenants that look the same would be two.
    #[error("{0} has a control character or a mark that cannot be seen")]
    Invisible(&'static str),
    /// The library refused.
    #[error("the token cannot be signed")]
    Sign,
}

impl IssuerKey {
    /// A key from 32 random bytes, which are the key: wipe them.
    pub fn generate(algorithm: Algorithm, random: &[u8; 32]) -> Result<Self, IssuerError> {
        let der = match algorithm {
            // Without the public key (PKCS #8 version 1): every reader takes that.
            Algorithm::EdDsa => KeypairBytes { secret_key: *random, public_key: None }.to_pkcs8_der(),
            Algorithm::Es256 => {
                p256::SecretKey::from_slice(random).map_err(|_| IssuerError::OtherBytes)?.to_pkcs8_der()
            }
        };
        Self::from_der(der.map_err(|_| IssuerError::NotAKey)?.as_bytes())
    }

    /// Reads what [`IssuerKey::to_pem`] wrote, or OpenSSL's `genpkey`.
    pub fn from_pem(bytes: &[u8]) -> Result<Self, IssuerError> {
        let blocks = pem::blocks(bytes);
        if blocks.iter().any(|block| block.label == "ENCRYPTED PRIVATE KEY" || block.headers) {
            return Err(IssuerError::Encrypted);
        }
        match blocks.as_slice() {
            [block] if block.label == "PRIVATE KEY" => Self::from_der(&block.der),
            _ => Err(IssuerError::NotAKey),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self, IssuerError> {
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (algorithm, x, y) = if let Ok(key) = SigningKey::from_pkcs8_der(der) {
            (Algorithm::EdDsa, encoded(key.verifying_key().as_bytes()), None)
        } else {
            let key = p256::SecretKey::from_pkcs8_der(der).map_err(|_| IssuerError::NotAKey)?;
            let point = key.public_key().to_encoded_point(false);
            let (Some(x), Some(y)) = (point.x(), point.y()) else { return Err(IssuerError::NotAKey) };
            (Algorithm::Es256, encoded(x), Some(encoded(y)))
        };
        // RFC 7638 §3: the required members alone, in the order of their names, without spaces.
        let members = match &y {
            None => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
            Some(y) => format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#),
        };
        let id = encoded(&Sha256::digest(members));
        Ok(Self { algorithm, der: Zeroizing::new(der.to_vec()), x, y, id })
    }

    /// The private key as PEM: for a file that only its owner can read.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        let body = Zeroizing::new(STANDARD.encode(self.der.as_slice()));
        let mut text = Zeroizing::new(String::with_capacity(body.len() + body.len() / 64 + 64));
        text.push_str("-----BEGIN PRIVATE KEY-----\n");
        for (n, letter) in body.chars().enumerate() {
            if n > 0 && n % 64 == 0 {
                text.push('\n');
            }
            text.push(letter);
        }
        text.push_str("\n-----END PRIVATE KEY-----\n");
        text
    }

    /// The public half as a JSON Web Key Set (RFC 7517 §5) of one key.
    #[must_use]
    pub fn jwks(&self) -> String {
        let own = match &self.y {
            None => format!(r#""kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": "{}""#, self.x),
            Some(y) => format!(r#""kty": "EC", "crv": "P-256", "alg": "ES256", "x": "{}", "y": "{y}""#, self.x),
        };
        format!("{{\"keys\": [\n  {{\"kid\": \"{}\", \"use\": \"sig\", {own}}}\n]}}\n", self.id)
    }

    /// The key's id: its thumbprint.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it signs with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// A token that says this.
    pub fn mint(&self, claims: &Claims<'_>) -> Result<Zeroizing<String>, IssuerError> {
        let (algorithm, key) = match self.algorithm {
            Algorithm::EdDsa => (jsonwebtoken::Algorithm::EdDSA, EncodingKey::from_ed_der(&self.der)),
            Algorithm::Es256 => (jsonwebtoken::Algorithm::ES256, EncodingKey::from_ec_der(&self.der)),
        };
        let texts = [("the tenant", claims.tenant), ("the product", claims.product), ("the id", claims.id)];
        if let Some((what, _)) = texts.into_iter().find(|(_, text)| text.chars().any(is_invisible)) {
            return Err(IssuerError::Invisible(what));
        }
        let mut header = Header::new(algorithm);
        header.kid = Some(self.id.clone());
        jsonwebtoken::encode(&header, claims, &key).map(Zeroizing::new).map_err(|_| IssuerError::Sign)
    }
}

/// Control characters, marks of direction, joiners: the general categories Cc and Cf.
fn is_invisible(c: char) -> bool {
    let is_format = matches!(
        c,
        '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}' | '\u{E0001}'..='\u{E007F}'
    );
    c.is_control() || is_format
}

impl fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "issuer key {} ({:?}, not shown)", self.id, self.algorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIMS: Claims<'_> = Claims {
        tenant: "acme",
        product: "The \"One\"",
        id: "t-1",
        issued: 1_800_000_000,
        expires: 1_800_007_200,
        serial: None,
        least_agent: Some("1.4.2"),
    };

    #[test]
    fn what_cannot_be_seen_is_in_no_claim() {
        let key = IssuerKey::generate(Algorithm::EdDsa, &[7; 32]).unwrap();
        for tenant in ["ac\u{202E}me", "acme\n", "acme\u{200B}", "a\u{0}b"] {
            let refused = key.mint(&Claims { tenant, ..CLAIMS });
            assert_eq!(refused.err(), Some(IssuerError::Invisible("the tenant")), "{tenant:?}");
        }
        assert!(key.mint(&Claims { tenant: "Åcme 株式会社", ..CLAIMS }).is_ok());
    }

    #[test]
    fn the_thumbprint_is_that_of_the_standard() {
        // RFC 8037, appendix A.1 and A.3.
        let secret = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let key = IssuerKey::generate(Algorithm::EdDsa, secret.as_slice().try_into().unwrap()).unwrap();
        assert_eq!(key.x, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_key_comes_back_from_its_file_and_does_not_print() {
        for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
            let key = IssuerKey::generate(algorithm, &[7; 32]).unwrap();
            let again = IssuerKey::from_pem(key.to_pem().as_bytes()).unwrap();
            assert_eq!((again.id(), again.algorithm(), again.jwks()), (key.id(), algorithm, key.jwks()));
            assert!(!format!("{key:?}").contains("BwcHBw") && !key.jwks().contains("\"d\""));
            let body = key.to_pem().lines().nth(1).unwrap().to_owned();
            assert!(!format!("{key:?}{}", key.jwks()).contains(&body));
        }
        assert_eq!(IssuerKey::generate(Algorithm::Es256, &[0xFF; 32]).unwrap_err(), IssuerError::OtherBytes);
    }

    #[test]
    fn what_is_no_key_of_ours_is_refused() {
        let pem = |label: &str, body: &str| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
        let wrong = |text: &str| IssuerKey::from_pem(text.as_bytes()).unwrap_err();
        assert_eq!(wrong(""), IssuerError::NotAKey);
        assert_eq!(wrong(&pem("PRIVATE KEY", "AAAA")), IssuerError::NotAKey);
        assert_eq!(wrong(&pem("CERTIFICATE", "AAAA")), IssuerError::NotAKey);
        assert_eq!(wrong(&pem("ENCRYPTED PRIVATE KEY", "AAAA")), IssuerError::Encrypted);
        let good = IssuerKey::generate(Algorithm::EdDsa, &[1; 32]).unwrap().to_pem();
        assert_eq!(wrong(&format!("{}{}", *good, *good)), IssuerError::NotAKey);
    }

    #[test]
    fn a_minted_token_says_what_was_asked_for() {
        for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
            let key = IssuerKey::generate(algorithm, &[9; 32]).unwrap();
            let token = key.mint(&CLAIMS).unwrap();
            assert_eq!(*token, *key.mint(&CLAIMS).unwrap(), "the signature depends on nothing but its input");
            let part = |n: usize| String::from_utf8(URL_SAFE_NO_PAD.decode(token.split('.').nth(n).unwrap()).unwrap());
            let name = if algorithm == Algorithm::EdDsa { "EdDSA" } else { "ES256" };
            assert_eq!(part(0).unwrap(), format!(r#"{{"typ":"JWT","alg":"{name}","kid":"{}"}}"#, key.id()));
            assert_eq!(
                part(1).unwrap(),
                r#"{"tenant":"acme","product":"The \"One\"","jti":"t-1","iat":1800000000,"exp":1800007200,"least_agent":"1.4.2"}"#
            );
        }
    }
}
