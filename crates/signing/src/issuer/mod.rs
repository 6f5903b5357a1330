//! Who mints enrollment tokens: a private key, its public half as a JSON Web Key Set, and tokens signed with it.
//!
//! A token is a JSON Web Signature in its compact form (RFC 7515 §3.1) with EdDSA (RFC 8037) or ES256 (RFC 7518 §3.4). A key's id is its
//! thumbprint (RFC 7638), so two keys never have one id, and no id has to be chosen. Time and randomness are arguments.
//!
//! A key lies in a file ([`IssuerKey`]), or on a card or behind a command ([`RemoteIssuerKey`]); the public half is made by the same code (`public`).

mod claims;
mod public;
mod remote;
#[cfg(test)]
mod remote_tests;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes};
use jsonwebtoken::{EncodingKey, Header};
use zeroize::Zeroizing;

use crate::pem;

pub use claims::{Claims, IssuerError};
pub use public::Algorithm;
use public::PublicHalf;
pub use remote::{RemoteIssuerError, RemoteIssuerKey};

/// The private key of an issuer. It does not print, and it is wiped when it is dropped.
pub struct IssuerKey {
    /// PKCS #8.
    der: Zeroizing<Vec<u8>>,
    public: PublicHalf,
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
        let public = if let Ok(key) = SigningKey::from_pkcs8_der(der) {
            PublicHalf::ed25519(key.verifying_key().as_bytes())
        } else {
            let key = p256::SecretKey::from_pkcs8_der(der).map_err(|_| IssuerError::NotAKey)?;
            PublicHalf::p256(&key.public_key()).ok_or(IssuerError::NotAKey)?
        };
        Ok(Self { der: Zeroizing::new(der.to_vec()), public })
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
        self.public.jwks()
    }

    /// The key's id: its thumbprint.
    #[must_use]
    pub fn id(&self) -> &str {
        self.public.id()
    }

    /// What it signs with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.public.algorithm()
    }

    /// A token that says this.
    pub fn mint(&self, claims: &Claims<'_>) -> Result<Zeroizing<String>, IssuerError> {
        let (algorithm, key) = match self.algorithm() {
            Algorithm::EdDsa => (jsonwebtoken::Algorithm::EdDSA, EncodingKey::from_ed_der(&self.der)),
            Algorithm::Es256 => (jsonwebtoken::Algorithm::ES256, EncodingKey::from_ec_der(&self.der)),
        };
        claims.check()?;
        let mut header = Header::new(algorithm);
        header.kid = Some(self.id().to_owned());
        jsonwebtoken::encode(&header, claims, &key).map(Zeroizing::new).map_err(|_| IssuerError::Sign)
    }
}

impl fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "issuer key {} ({:?}, not shown)", self.id(), self.algorithm())
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

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
        assert!(key.jwks().contains("\"x\": \"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""), "{}", key.jwks());
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
