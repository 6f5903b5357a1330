//! Who mints tokens: making a key, and minting tokens that the reader's own code has read back.

use std::fs;
use std::path::Path;

use installer::claims::ClaimsError;
use installer::{Claims, IssuerKeys, Token};
use signing::Passphrase;
use signing::issuer::{self, RemoteIssuerKey};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::input::OpenKey;
use crate::observer::Entropy;
use crate::signer::{self, KeyPlace};

pub use signing::issuer::{Algorithm, Claims as NewClaims, IssuerError, IssuerKey};

/// Makes a key.
pub fn generate(algorithm: Algorithm, entropy: &dyn Entropy) -> Result<IssuerKey> {
    loop {
        let mut random = Zeroizing::new([0; 32]);
        entropy.fill(&mut *random)?;
        match IssuerKey::generate(algorithm, &random) {
            Err(IssuerError::OtherBytes) => {}
            other => return Ok(other?),
        }
    }
}

/// A key that mints, with its public half.
pub struct Issuer {
    key: Key,
    public: IssuerKeys,
}

enum Key {
    Here(IssuerKey),
    Elsewhere(RemoteIssuerKey),
}

impl Issuer {
    /// Reads a private key from its PEM text.
    pub fn from_pem(pem: &[u8]) -> Result<Self> {
        Self::of(Key::Here(IssuerKey::from_pem(pem)?))
    }

    /// A key that is elsewhere: on a PKCS #11 token, or behind a command. `public_key` is the file with its public half (PEM, P-256), and `passphrase` the
    /// token's PIN. A command gets none of the variables `hidden_env`. To mint with it takes as long as it takes to answer.
    ///
    /// # Errors
    /// There is no such key, or the file is no public key.
    pub fn elsewhere(
        place: KeyPlace<'_>,
        public_key: &Path,
        passphrase: Option<Passphrase>,
        hidden_env: &[&str],
    ) -> Result<Self> {
        if !matches!(place, KeyPlace::Pkcs11(_) | KeyPlace::Command(_)) {
            return Err(Error::usage("an issuer key in a file is PEM, as `stampwright token keygen` writes it"));
        }
        let text = fs::read_to_string(public_key).map_err(Error::io("read", public_key))?;
        let key = signer::private_key(place, passphrase, OpenKey::Refuse, hidden_env)?;
        let key = RemoteIssuerKey::new(key, &text).map_err(|error| Error::from(error).about(public_key))?;
        Self::of(Key::Elsewhere(key))
    }

    fn of(key: Key) -> Result<Self> {
        let jwks = match &key {
            Key::Here(key) => key.jwks(),
            Key::Elsewhere(key) => key.jwks(),
        };
        Ok(Self { public: IssuerKeys::parse(jwks.as_bytes())?, key })
    }

    /// Whether the key is elsewhere, so that minting may take its time.
    #[must_use]
    pub const fn is_elsewhere(&self) -> bool {
        matches!(self.key, Key::Elsewhere(_))
    }

    /// The key's id, which is its thumbprint.
    #[must_use]
    pub fn key_id(&self) -> &str {
        match &self.key {
            Key::Here(key) => key.id(),
            Key::Elsewhere(key) => key.id(),
        }
    }

    /// The public half, as a JSON Web Key Set of one key.
    #[must_use]
    pub fn jwks(&self) -> String {
        match &self.key {
            Key::Here(key) => key.jwks(),
            Key::Elsewhere(key) => key.jwks(),
        }
    }

    /// Mints a token. What a reader would refuse later is refused now.
    pub fn mint(&self, claims: &issuer::Claims<'_>) -> Result<(Token, Claims)> {
        let text = match &self.key {
            Key::Here(key) => key.mint(claims)?,
            Key::Elsewhere(key) => key.mint(claims)?,
        };
        let token = Token::parse(text.as_bytes())?;
        let read = self.public.verify(&token)?;
        Ok((token, read))
    }

    /// What a token of this issuer says.
    pub fn verify(&self, token: &Token) -> Result<Claims, ClaimsError> {
        self.public.verify(token)
    }
}
