//! Why a request got no answer of ours.

use std::io::ErrorKind;

/// Why a request got no answer of ours. Each has one next step, which `doctor` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Cause {
    /// The name of the server is not found.
    Dns,
    /// The port is closed.
    Refused,
    /// Nothing comes back: a firewall drops it.
    Timeout,
    /// The connection is cut.
    Reset,
    /// The certificate's issuer is not trusted: TLS is inspected, or a root is missing.
    TlsUntrusted,
    /// The same behind a proxy: it takes TLS apart, and its root is not trusted.
    TlsInspected,
    /// The certificate has expired, by this device's clock.
    TlsExpired,
    /// The certificate is not yet valid, by this device's clock.
    TlsNotYetValid,
    /// The certificate is another server's.
    TlsName,
    /// The handshake fails otherwise.
    Tls,
    /// The proxy asks for a name and password that the agent does not have.
    ProxyAuth,
    /// The proxy does not connect.
    Proxy,
    /// Somebody else answers: a captive portal, a block page.
    CaptivePortal,
    /// A server answers that does not know the paths of enrollment (404).
    NotEnrollment,
    /// The server says that it is not available now.
    Unavailable,
    /// The answer is the server's and cannot be understood.
    Protocol,
    /// The system gives another error.
    System,
}

impl Cause {
    /// Its id, as `doctor` and logs have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Refused => "port-refused",
            Self::Timeout => "port-blocked",
            Self::Reset => "connection-reset",
            Self::TlsUntrusted => "tls-untrusted",
            Self::TlsInspected => "tls-inspected",
            Self::TlsExpired => "tls-expired",
            Self::TlsNotYetValid => "clock-or-tls-not-yet-valid",
            Self::TlsName => "tls-other-name",
            Self::Tls => "tls",
            Self::ProxyAuth => "proxy-auth",
            Self::Proxy => "proxy",
            Self::CaptivePortal => "captive-portal",
            Self::NotEnrollment => "no-enrollment-server",
            Self::Unavailable => "server-unavailable",
            Self::Protocol => "server-protocol",
            Self::System => "network-error",
        }
    }

    /// What stands behind the id in the agent's log, where the id alone says too little.
    #[must_use]
    pub const fn remark(self) -> &'static str {
        match self {
            Self::TlsInspected => " (the proxy takes TLS apart, and this device does not trust its root)",
            Self::TlsUntrusted => " (TLS is taken apart on the way, or a root is missing)",
            _ => "",
        }
    }

    /// The cause, where the way goes through a proxy.
    pub(super) const fn behind_a_proxy(self) -> Self {
        match self {
            Self::TlsUntrusted => Self::TlsInspected,
            other => other,
        }
    }

    pub(super) fn of(error: &ureq::Error) -> Self {
        match error {
            ureq::Error::HostNotFound => Self::Dns,
            ureq::Error::Timeout(_) => Self::Timeout,
            ureq::Error::Rustls(error) => Self::of_rustls(error),
            ureq::Error::Tls(_) => Self::Tls,
            ureq::Error::ConnectProxyFailed(text) if text.contains("407") => Self::ProxyAuth,
            ureq::Error::ConnectProxyFailed(_) | ureq::Error::InvalidProxyUrl => Self::Proxy,
            ureq::Error::ConnectionFailed => Self::Refused,
            ureq::Error::Io(error) => Self::of_io(error),
            _ => Self::Protocol,
        }
    }

    fn of_io(error: &std::io::Error) -> Self {
        // TLS errors travel inside I/O errors.
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match (inner, error.kind()) {
            (Some(inner), _) => Self::of_rustls(inner),
            (None, ErrorKind::ConnectionRefused) => Self::Refused,
            (None, ErrorKind::TimedOut | ErrorKind::WouldBlock) => Self::Timeout,
            (None, ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NotConnected) => {
                Self::Timeout
            }
            (
                None,
                ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::UnexpectedEof,
            ) => Self::Reset,
            (None, _) if is_lookup(error) => Self::Dns,
            (None, _) => Self::System,
        }
    }

    fn of_rustls(error: &rustls::Error) -> Self {
        use rustls::CertificateError as Certificate;
        match error {
            rustls::Error::InvalidCertificate(certificate) => match certificate {
                Certificate::Expired | Certificate::ExpiredContext { .. } => Self::TlsExpired,
                Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => Self::TlsNotYetValid,
                Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => Self::TlsName,
                // What the verifier of the platform says in its own words: an unknown issuer above all.
                _ => Self::TlsUntrusted,
            },
            _ => Self::Tls,
        }
    }
}

/// A name that was not found. The standard library has no kind for it: on Windows it is an error of Winsock (11001 to 11004), elsewhere
/// its own sentence, with what `getaddrinfo` says behind it.
fn is_lookup(error: &std::io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| cfg!(windows) && (11_001..=11_004).contains(&code))
        || error.to_string().starts_with("failed to lookup address information")
}
