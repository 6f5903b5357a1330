//! Time and randomness come into the service here. Everything behind it is a function of its arguments.
#![expect(clippy::disallowed_methods, reason = "this is where they come in")]

use stampwright::s3::Credentials;
use stampwright::{Entropy, Error, Result};
use zeroize::Zeroizing;

/// Seconds since 1970-01-01 UTC. Before that year it is 0, and every token has expired.
#[must_use]
pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<()> {
        getrandom::fill(bytes).map_err(|error| Error::machine(format!("no randomness: {error}")))
    }
}

/// Random bytes, for keys, secrets and identifiers.
///
/// # Errors
/// The operating system gives none.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemEntropy.fill(&mut bytes)?;
    Ok(bytes)
}

/// Milliseconds since 1970-01-01 UTC, for limits of a rate.
#[must_use]
pub(crate) fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The access key of an object store and its secret, in the variables that AWS's tools know.
///
/// # Errors
/// They are not set, or no text.
pub(crate) fn store_credentials() -> Result<Credentials> {
    let value = |name: &str| std::env::var(name).map(Zeroizing::new);
    let needed = |name: &str| value(name).map_err(|_| Error::usage(format!("the environment has no variable {name}")));
    let (key, secret) = (needed("AWS_ACCESS_KEY_ID")?, needed("AWS_SECRET_ACCESS_KEY")?);
    let session = value("AWS_SESSION_TOKEN").ok();
    Ok(Credentials::new(&key, &secret, session.as_deref().map(String::as_str))?)
}
