//! The URL of a PostgreSQL database, and whether the connection is encrypted.
//!
//! | `sslmode` | without `authorities` | with them |
//! |---|---|---|
//! | none, `prefer` | not encrypted | encrypted and verified |
//! | `disable` | not encrypted | refused |
//! | `require`, `verify-ca`, `verify-full` | refused: whom to trust is not said | encrypted and verified |
//!
//! Verified means what libpq calls `verify-full`: the server's certificate comes from one of the authorities, and is for the host of the URL. There is no half of it: an
//! encrypted connection to whoever answers keeps no secret.

use std::borrow::Cow;

use postgres::Config;
use postgres::config::SslMode;
use rustls::ClientConfig;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{LedgerError, Result};

/// How connections are made.
#[derive(Clone)]
pub(super) struct Server {
    /// Host, user and everything else.
    pub(super) config: Config,
    /// TLS, if the connection is encrypted.
    pub(super) tls: Option<MakeRustlsConnect>,
}

impl Server {
    /// Reads the URL, which may have a password: it is never part of an error.
    pub(super) fn new(url: &str, tls: Option<ClientConfig>) -> Result<Self> {
        let url = with_known_mode(url);
        let mut config: Config = url.parse().map_err(|_| LedgerError::Url("is not a PostgreSQL connection URL"))?;
        match (config.get_ssl_mode(), &tls) {
            (SslMode::Disable | SslMode::Prefer, None) => {}
            (SslMode::Disable, Some(_)) => {
                return Err(LedgerError::Url("has sslmode=disable, and [ledger] authorities are set"));
            }
            (_, None) => {
                return Err(LedgerError::Url("asks for TLS, and [ledger] authorities does not say whom to trust"));
            }
            (_, Some(_)) => {
                config.ssl_mode(SslMode::Require);
            }
        }
        Ok(Self { config, tls: tls.map(MakeRustlsConnect::new) })
    }
}

/// The library knows no modes that verify. With authorities every connection does, so those are what `require` is.
fn with_known_mode(url: &str) -> Cow<'_, str> {
    let known = |pair: &str| match pair {
        "sslmode=verify-full" | "sslmode=verify-ca" => "sslmode=require".to_owned(),
        other => other.to_owned(),
    };
    if !url.contains("sslmode=verify-") {
        return Cow::Borrowed(url);
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return match url.rsplit_once('?') {
            Some((before, query)) => {
                let query: Vec<String> = query.split('&').map(known).collect();
                Cow::Owned(format!("{before}?{}", query.join("&")))
            }
            None => Cow::Borrowed(url),
        };
    }
    let words: Vec<String> = url.split(' ').map(known).collect();
    Cow::Owned(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_that_verify_are_known_and_nothing_else_is_touched() {
        for (given, expected) in [
            ("postgres://a@h/d?sslmode=verify-full", "postgres://a@h/d?sslmode=require"),
            ("postgres://a@h/d?x=1&sslmode=verify-ca&y=2", "postgres://a@h/d?x=1&sslmode=require&y=2"),
            ("host=h sslmode=verify-full user=a", "host=h sslmode=require user=a"),
            ("postgres://a:sslmode=verify-full@h/d", "postgres://a:sslmode=verify-full@h/d"),
            ("postgres://a@h/d?sslmode=verify-nothing", "postgres://a@h/d?sslmode=verify-nothing"),
        ] {
            assert_eq!(with_known_mode(given), expected);
        }
    }

    #[test]
    fn tls_is_verified_or_refused() {
        let with = || Some(crate::trust::tests::trusting_none());
        let mode = |query: &str, tls| {
            Server::new(&format!("postgres://a@h/d{query}"), tls)
                .map(|server| (server.config.get_ssl_mode(), server.tls.is_some()))
        };
        for query in ["?sslmode=require", "?sslmode=verify-ca", "?sslmode=verify-full"] {
            assert!(matches!(mode(query, None), Err(LedgerError::Url(_))), "{query}");
            assert_eq!(mode(query, with()).unwrap(), (SslMode::Require, true), "{query}");
        }
        for query in ["", "?sslmode=prefer"] {
            assert!(!mode(query, None).unwrap().1, "{query}");
            assert_eq!(mode(query, with()).unwrap(), (SslMode::Require, true), "{query}");
        }
        assert!(!mode("?sslmode=disable", None).unwrap().1);
        assert!(matches!(mode("?sslmode=disable", with()), Err(LedgerError::Url(_))));
    }
}
