//! Looking at the way to the server step by step, for `doctor`: the name, the port, then an answer.

use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::cause::Cause;
use super::server::Server;

/// What a step found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// What was tried.
    pub(crate) what: String,
    /// How it ended.
    pub(crate) found: std::result::Result<String, Cause>,
}

/// Resolves the server's name and connects to each of its addresses, without any proxy.
pub(crate) fn directly(server: &Server) -> Vec<Step> {
    let (host, port) = (server.host(), server.port());
    let addresses: Vec<_> = match (host, port).to_socket_addrs() {
        Ok(addresses) => addresses.take(4).collect(),
        Err(_) => return vec![Step { what: format!("resolve {host}"), found: Err(Cause::Dns) }],
    };
    let mut steps = vec![Step { what: format!("resolve {host}"), found: Ok(format!("{} addresses", addresses.len())) }];
    for address in addresses {
        let begin = Instant::now();
        let found = match TcpStream::connect_timeout(&address, Duration::from_secs(5)) {
            Ok(_) => Ok(format!("in {} ms", begin.elapsed().as_millis())),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Err(Cause::Refused),
            Err(_) => Err(Cause::Timeout),
        };
        steps.push(Step { what: format!("connect to {address}"), found });
    }
    steps
}
