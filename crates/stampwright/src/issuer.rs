//! Who mints tokens: making a key, and minting tokens that the reader's own code has read back.

use installer::claims::ClaimsError;
use installer::{Claims, IssuerKeys, Token};
use signing::issuer::{self, IssuerError};
use zeroize::Zeroizing;

use crate::error::Result;
use crate::observer::Entropy;

pub use signing::issuer::{Algorithm, Claims as NewClaims, IssuerKey};

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
    key: IssuerKey,
    public: IssuerKeys,
}

impl Issuer {
    /// Reads a private key from its PEM text.
    pub fn from_pem(pem: &[u8]) -> Result<Self> {
        let key = IssuerKey::from_pem(pem)?;
        let public = IssuerKeys::parse(key.jwks().as_bytes())?;
        Ok(Self { key, public })
    }

    /// The key's id, which is its thumbprint.
    #[must_use]
    pub fn key_id(&self) -> &str {
        self.key.id()
    }

    /// The public half, as a JSON Web Key Set of one key.
    #[must_use]
    pub fn jwks(&self) -> String {
        self.key.jwks()
    }

    /// Mints a token. What a reader would refuse later is refused now.
    pub fn mint(&self, claims: &issuer::Claims<'_>) -> Result<(Token, Claims)> {
        let token = Token::parse(self.key.mint(claims)?.as_bytes())?;
        let read = self.public.verify(&token)?;
        Ok((token, read))
    }

    /// What a token of this issuer says.
    pub fn verify(&self, token: &Token) -> Result<Claims, ClaimsError> {
        self.public.verify(token)
    }
}
