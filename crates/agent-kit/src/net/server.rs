//! The server's address, compiled in.

use crate::error::{Error, Result};

/// `https://host[:port]`, without a path. Plain `http` only to this machine itself, for tests and for a server on the same device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// The address without a slash at its end.
    base: String,
    /// Host and port as `Host` and the signature have them (RFC 9421 §2.2.3): lower case, without the scheme's own port.
    authority: String,
    host: String,
    port: u16,
}

impl Server {
    pub(crate) fn parse(url: &str) -> Result<Self> {
        const WRONG: Error = Error::Product("the server must be https://HOST or https://HOST:PORT");
        let base = url.strip_suffix('/').unwrap_or(url);
        let (scheme, authority) = base.split_once("://").ok_or(WRONG)?;
        let authority = authority.to_ascii_lowercase();
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || ".-:[]".contains(letter);
        if authority.is_empty() || !authority.chars().all(is_plain) {
            return Err(WRONG);
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse::<u16>().map_err(|_| WRONG)?)),
            _ => (authority.as_str(), None),
        };
        let own_port = match scheme {
            "https" => 443,
            "http" if ["127.0.0.1", "localhost", "[::1]"].contains(&host) => 80,
            _ => return Err(WRONG),
        };
        let (host, port) = (host.to_owned(), port.unwrap_or(own_port));
        let authority = if port == own_port { host.clone() } else { format!("{host}:{port}") };
        Ok(Self { base: format!("{scheme}://{authority}"), authority, host, port })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    pub(crate) fn host(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_or_this_machine() {
        let server = Server::parse("https://API.example.com/").unwrap();
        assert_eq!((server.authority(), server.port()), ("api.example.com", 443));
        assert_eq!(Server::parse("https://api.example.com:443").unwrap().authority(), "api.example.com");
        assert_eq!(
            Server::parse("https://api.example.com:8443").unwrap().url("/v1"),
            "https://api.example.com:8443/v1"
        );
        assert_eq!(Server::parse("http://127.0.0.1:8080").unwrap().authority(), "127.0.0.1:8080");
        assert_eq!(Server::parse("http://[::1]:8080").unwrap().host(), "::1");
        for wrong in [
            "",
            "api.example.com",
            "http://api.example.com",
            "https://",
            "https://a/b",
            "https://a b",
            "ftp://a",
            "https://u@a",
        ] {
            assert!(Server::parse(wrong).is_err(), "{wrong}");
        }
    }
}
