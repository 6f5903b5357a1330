//! Links: their secrets, their addresses, their cookies. What a link gives is a rule of the ledger (`claim_link`).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use stampwright::{Result, Token};
use zeroize::Zeroizing;

use crate::app::App;
use crate::edge::{self, SystemEntropy};
use crate::http::problem::{Problem, Type};
use crate::ledger::{Installer, NewLink, TokenRecord};
use crate::sealed::Purpose;

/// 256 random bits: the secret of a link, or of a session. It does not print; the ledger has its SHA-256.
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    /// So many characters in base64url.
    const LEN: usize = 43;

    /// A new one.
    ///
    /// # Errors
    /// The system has no randomness.
    pub(crate) fn new() -> Result<Self> {
        let random = Zeroizing::new(edge::random::<32>()?);
        Ok(Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(*random))))
    }

    /// One that came with a request.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_one = text.len() == Self::LEN && URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32);
        is_one.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The text itself, for the answer that shows it this once.
    #[must_use]
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// What the ledger knows it by.
    #[must_use]
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a link is made of.
pub(crate) struct Wanted<'a> {
    /// Its secret.
    pub(crate) secret: &'a Secret,
    /// Which installer.
    pub(crate) installer: &'a Installer,
    /// The token in it.
    pub(crate) token: &'a TokenRecord,
    /// The id of the API key.
    pub(crate) by_key: &'a str,
    /// How many times it can be used.
    pub(crate) uses: u64,
    /// When it is made.
    pub(crate) now: u64,
    /// The first second at which it is no longer valid.
    pub(crate) expires: u64,
}

/// A link that is to be written down, with its token sealed.
///
/// # Errors
/// There is no randomness.
pub(crate) fn new_link(app: &App, wanted: &Wanted<'_>, token: &Token) -> Result<NewLink, Problem> {
    let internal = |error: stampwright::Error| Problem::of(Type::Internal, &error);
    let id = URL_SAFE_NO_PAD.encode(edge::random::<12>().map_err(internal)?);
    let sealed = app.sealing.seal(Purpose::Link(&id), token.expose().as_bytes(), &SystemEntropy).map_err(internal)?;
    Ok(NewLink {
        secret_hash: wanted.secret.hash(),
        tenant: wanted.token.tenant.clone(),
        installer: wanted.installer.clone(),
        token: wanted.token.clone(),
        sealed,
        uses: wanted.uses,
        created: wanted.now,
        expires: wanted.expires,
        by_key: wanted.by_key.to_owned(),
        id,
    })
}

/// Where a link leads.
#[must_use]
pub(crate) fn url(app: &App, secret: &Secret) -> String {
    format!("{}/d/{}", app.address, &*secret.0)
}

/// The name of a session's cookie: it has the link's public id in it.
#[must_use]
pub(crate) fn cookie_name(link: &str) -> String {
    format!("stampwright-{link}")
}

/// A session's cookie (RFC 6265). `Lax`: it comes with a click on the link, and with nothing that another site posts.
#[must_use]
pub(crate) fn cookie(app: &App, link: &str, secret: &Secret, seconds: u64) -> String {
    let secure = if app.config().is_https() { "; Secure" } else { "" };
    format!("{}={}; Path=/d/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}", cookie_name(link), &*secret.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_a_form_and_does_not_print() {
        let secret = Secret::new().unwrap();
        let text = secret.0.to_string();
        assert_eq!(Secret::parse(&text).unwrap().hash(), secret.hash());
        assert_ne!(Secret::new().unwrap().hash(), secret.hash());
        assert!(!format!("{secret:?}").contains(&text));
        for wrong in ["", "short", &"!".repeat(43), &format!("{text}A"), "..%2f..%2fetc%2fpasswd"] {
            assert!(Secret::parse(wrong).is_none(), "{wrong}");
        }
    }
}
