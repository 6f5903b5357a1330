//! The doors through which time, environment and randomness come in. Everything behind them is a function of its
//! arguments.
#![expect(clippy::disallowed_methods, reason = "this is the door")]

use std::ffi::OsString;

use installer::Epoch;

use crate::failure::Failure;

/// The date of everything that is built: `SOURCE_DATE_EPOCH`, else a constant.
pub fn epoch() -> Result<Epoch, Failure> {
    let Some(value) = std::env::var_os("SOURCE_DATE_EPOCH") else { return Ok(Epoch::DEFAULT) };
    value.to_str().and_then(|text| text.parse().ok()).and_then(Epoch::new).ok_or_else(|| {
        Failure::usage("SOURCE_DATE_EPOCH must be seconds since 1970, between 1980-01-01 and 2106-02-07")
    })
}

/// A variable of the environment, for `--token-env`.
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Seconds since 1970, to hold the expiry of tokens and certificates against; never for what is built.
pub fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Sixteen random bytes, for a new product's upgrade code.
pub fn random() -> Result<[u8; 16], Failure> {
    let mut bytes = [0; 16];
    fill(&mut bytes).map_err(|error| Failure::wrong(format!("no randomness: {error}")))?;
    Ok(bytes)
}

/// Random bytes, for keys.
pub fn fill(bytes: &mut [u8]) -> Result<(), getrandom::Error> {
    getrandom::fill(bytes)
}
