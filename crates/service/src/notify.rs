//! What a service manager is told, and what it gives: sockets that are open already.
#![expect(clippy::disallowed_methods, reason = "a service manager speaks through the environment")]

use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;

use listenfd::ListenFd;
use stampwright::{Error, Result};

/// The listener that the service manager has opened (`LISTEN_FDS`), if it has.
///
/// # Errors
/// What it has opened is no TCP socket that listens.
pub(crate) fn inherited() -> Result<Option<TcpListener>> {
    ListenFd::from_env().take_tcp_listener(0).map_err(|error| {
        Error::usage(format!("the socket of the service manager: {error}")).hint("ListenStream must name a TCP port")
    })
}

/// Tells the service manager (sd_notify(3)): `READY=1`, `RELOADING=1`, `STOPPING=1`. Without one, nothing happens.
pub(crate) fn tell(state: &str) {
    let Some(address) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let Ok(socket) = UnixDatagram::unbound() else { return };
    let sent = match address.as_encoded_bytes().strip_prefix(b"@") {
        Some(name) => {
            use std::os::linux::net::SocketAddrExt;
            std::os::unix::net::SocketAddr::from_abstract_name(name)
                .and_then(|address| socket.send_to_addr(state.as_bytes(), &address))
        }
        None => socket.send_to(state.as_bytes(), &address),
    };
    if let Err(error) = sent {
        tracing::warn!(error = %error, "the service manager could not be told");
    }
}

#[cfg(test)]
mod tests {
    const UNIT: &str = include_str!("../../../templates/systemd/stampwright-serve.service");

    #[test]
    fn the_unit_waits_for_downloads_and_shuts_what_is_not_needed() {
        let has = |line: &str| UNIT.lines().any(|found| found == line);
        assert!(
            has("Type=notify")
                && has("DynamicUser=yes")
                && has("MemoryDenyWriteExecute=yes")
                && has("NoNewPrivileges=yes")
        );
        let drain = crate::config::Config::default().drain;
        let timeout = UNIT.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")?.strip_suffix("min")).unwrap();
        assert!(timeout.parse::<u64>().unwrap() * 60 > drain);
    }
}
