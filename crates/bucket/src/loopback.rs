//! Names that are this machine: RFC 6761 §6.3 gives `localhost` and everything under it to the loopback interface, and says that no server of names is to
//! be asked for them. Many systems ask one all the same; without TLS a token would go wherever it says.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Whether a host's name is this machine.
pub(crate) fn is_loopback_name(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// Looks up names, but these.
#[derive(Debug, Default)]
pub(crate) struct Loopback(DefaultResolver);

impl Resolver for Loopback {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        if !uri.host().is_some_and(is_loopback_name) {
            return self.0.resolve(uri, config, timeout);
        }
        let of_scheme = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(of_scheme);
        let mut found = self.empty();
        found.push(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        found.push(SocketAddr::from((Ipv6Addr::LOCALHOST, port)));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_are_no_others() {
        for here in ["localhost", "bases.localhost", "a.b.localhost"] {
            assert!(is_loopback_name(here), "{here}");
        }
        for elsewhere in ["localhost.example.com", "mylocalhost", "example.com", ""] {
            assert!(!is_loopback_name(elsewhere), "{elsewhere}");
        }
    }
}
