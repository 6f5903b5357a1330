//! Time, environment and randomness come in here. Everything behind it is a function of its arguments.
#![expect(clippy::disallowed_methods, reason = "this is where they come in")]

use std::io::IsTerminal;
use std::path::Path;

use stampwright::s3::Credentials;
use stampwright::{Epoch, Error, Passphrase, Result, Token, input};
use zeroize::Zeroizing;

/// The date of everything that is built: `SOURCE_DATE_EPOCH`, else a constant.
pub fn epoch() -> Result<Epoch> {
    let Some(value) = std::env::var_os("SOURCE_DATE_EPOCH") else { return Ok(Epoch::DEFAULT) };
    value
        .to_str()
        .and_then(|text| text.parse().ok())
        .and_then(Epoch::new)
        .ok_or_else(|| Error::usage("SOURCE_DATE_EPOCH must be seconds since 1970, between 1980-01-01 and 2106-02-07"))
}

/// The variable that sets the product's version.
pub const VERSION: &str = "STAMPWRIGHT_VERSION";

/// The text of a variable; `None` where it is not set. One that is empty counts as not set: pipelines make such variables.
pub fn text(name: &str) -> Result<Option<String>> {
    let Some(value) = std::env::var_os(name) else { return Ok(None) };
    value
        .into_string()
        .map(|text| (!text.is_empty()).then_some(text))
        .map_err(|_| Error::wrong(format!("the variable {name} is not UTF-8")))
}

/// The token in a variable.
pub fn token(name: &str) -> Result<Token> {
    Ok(Token::parse(&variable(name, "--token-env")?)?)
}

/// The password in a variable.
pub fn passphrase(name: &str) -> Result<Passphrase> {
    const FLAG: &str = "--key-password-env";
    input::parse_passphrase(&variable(name, FLAG)?, Path::new(FLAG))
}

/// The access key of an object store and its secret, in the variables that AWS's tools know.
pub fn store_credentials() -> Result<Credentials> {
    const FLAG: &str = "--s3-credentials-env";
    let value = |name: &str| {
        let text = std::env::var_os(name).map(|value| value.into_string().map(Zeroizing::new));
        text.transpose().map_err(|_| Error::wrong(format!("{FLAG}: the variable {name} is not UTF-8")))
    };
    let needed = |name: &str| {
        let missing = || Error::wrong(format!("{FLAG}: the environment has no variable {name}"));
        value(name)?.ok_or_else(|| missing().hint("export it, or give a file with --s3-credentials"))
    };
    let (key, secret) = (needed("AWS_ACCESS_KEY_ID")?, needed("AWS_SECRET_ACCESS_KEY")?);
    let session = value("AWS_SESSION_TOKEN")?;
    Ok(Credentials::new(&key, &secret, session.as_deref().map(String::as_str))?)
}

/// The value of a variable that has a secret in it. No message repeats the name: somebody may have given the secret in its place.
fn variable(name: &str, flag: &str) -> Result<Zeroizing<Vec<u8>>> {
    let value = std::env::var_os(name);
    let value = value.ok_or_else(|| {
        Error::wrong(format!("{flag}: the environment has no variable of this name"))
            .hint("give the variable's name, not its value, and export the value")
    })?;
    Ok(Zeroizing::new(value.into_encoded_bytes()))
}

/// What a person types at a terminal, which does not show it. `None`: standard input is no terminal.
pub fn typed_secret(prompt: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
    if !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let typed = rpassword::prompt_password(prompt).map_err(Error::io("read from", Path::new("the terminal")))?;
    Ok(Some(Zeroizing::new(typed.into_bytes())))
}

/// Seconds since 1970, to hold the expiry of tokens and certificates against; never for what is built.
pub fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Random bytes, for identifiers and keys.
pub fn entropy(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| Error::wrong(format!("no randomness: {error}")))
}

/// Sixteen random bytes.
pub fn random() -> Result<[u8; 16]> {
    let mut bytes = [0; 16];
    entropy(&mut bytes)?;
    Ok(bytes)
}
