//! `serve.toml`: what was typed, and what it means. Unknown keys are refused, every default is one that is safe.

mod duration;
mod facade;
mod issuer;
mod store;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use stampwright::{Error, Result};

use crate::enrollment::Settings;
use crate::limits::Limits;
use duration::duration;
pub(crate) use facade::Facade;
use issuer::Issuer;
pub(crate) use store::S3;
use store::StoreConfig;

/// How the service runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Whether bases are served from sealed memory: nothing can change them then, and they count as memory.
    pub(crate) memory: bool,
    /// Where it listens.
    pub listen: SocketAddr,
    /// What links start with, e.g. behind a proxy. Default: the address that it listens on.
    pub(crate) public_url: Option<String>,
    /// A folder of bases to follow.
    pub bases: Option<PathBuf>,
    /// What the service owns: store, ledger, keys.
    pub data: PathBuf,
    /// Whether it may listen on another address than loopback without TLS: a proxy in front of it has TLS.
    pub(crate) allow_plain_http: bool,
    /// How long downloads may go on after a signal to stop.
    #[serde(deserialize_with = "duration")]
    pub(crate) drain: u64,
    /// Threads that serve connections. A cold file blocks one, so more than processors is right.
    pub(crate) worker_threads: usize,
    /// Certificates, for HTTPS.
    pub(crate) tls: Option<Tls>,
    /// Where bases come from beside the folder.
    pub(crate) store: StoreConfig,
    /// Where the ledger is.
    pub(crate) ledger: LedgerConfig,
    /// Who mints tokens.
    pub(crate) issuer: Issuer,
    /// Links.
    pub(crate) links: Links,
    /// Limits.
    pub(crate) limits: LimitsConfig,
    /// Paths for clients of another service.
    pub(crate) facade: Facade,
    /// Devices that enroll.
    pub(crate) enrollment: Settings,
    /// Who signs the stamps of bases that need a new signature.
    pub(crate) signing: Option<Signing>,
}

/// Certificates of the service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Tls {
    /// PEM, the leaf first.
    pub(crate) certificates: PathBuf,
    /// PEM, the private key of the leaf.
    pub(crate) key: PathBuf,
    /// PEM, authorities of client certificates: with it, who has none cannot connect.
    pub(crate) client_authorities: Option<PathBuf>,
}

/// The ledger.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct LedgerConfig {
    /// A file with the URL of a PostgreSQL database in one line. Default: SQLite in the data folder.
    pub(crate) url_file: Option<PathBuf>,
    /// PEM, authorities that the database's certificate must come from: with it, connections are encrypted and the server is verified.
    pub(crate) authorities: Option<PathBuf>,
    /// `wal`, or `delete` for a file system without shared memory.
    pub(crate) journal: Journal,
}

impl std::fmt::Debug for LedgerConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LedgerConfig({:?}, {:?}, {:?})", self.url_file, self.authorities, self.journal)
    }
}

/// How SQLite keeps its journal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Journal {
    /// A write-ahead log.
    #[default]
    Wal,
    /// A rollback journal.
    Delete,
}

/// Links.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Links {
    /// How long a link can be used, where the request does not say it.
    #[serde(deserialize_with = "duration")]
    pub(crate) expires: u64,
    /// How long after a use was taken its download can be resumed.
    #[serde(deserialize_with = "duration")]
    pub(crate) session: u64,
}

/// Limits.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct LimitsConfig {
    /// Requests of one key for a second.
    pub(crate) requests_per_second: u32,
    /// Requests of one key at once, after a pause.
    pub(crate) burst: u32,
    /// Downloads of one key at once.
    pub(crate) downloads: u32,
    /// Connections at once.
    pub(crate) connections: usize,
    /// The longest base that can be put.
    pub(crate) base_bytes: u64,
    /// How long the head of a request may take.
    #[serde(deserialize_with = "duration")]
    pub(crate) head_timeout: u64,
    /// How long a download may stand still.
    #[serde(deserialize_with = "duration")]
    pub(crate) idle_timeout: u64,
}

/// Who signs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Signing {
    /// A private key in a file.
    pub(crate) key: Option<PathBuf>,
    /// A key and its certificates in a PKCS #12 file.
    pub(crate) pkcs12: Option<PathBuf>,
    /// A key on a token, as an RFC 7512 URI.
    pub(crate) pkcs11: Option<String>,
    /// A command that gets a digest and answers its signature.
    pub(crate) command: Option<String>,
    /// The certificates, the leaf first.
    pub(crate) certificates: Option<PathBuf>,
    /// A file with the key's password or the PIN.
    pub(crate) passphrase_file: Option<PathBuf>,
    /// A timestamp authority, http only.
    pub(crate) timestamp: Option<String>,
    /// How many signatures are made at once.
    #[serde(default = "one")]
    pub(crate) at_once: usize,
    /// How long one may take before the client is told to come back.
    #[serde(default = "twenty", deserialize_with = "duration")]
    pub(crate) timeout: u64,
}

const fn one() -> usize {
    1
}

const fn twenty() -> u64 {
    20
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            bases: None,
            data: PathBuf::from("stampwright-data"),
            memory: false,
            allow_plain_http: false,
            drain: 600,
            worker_threads: 4,
            tls: None,
            store: StoreConfig::default(),
            ledger: LedgerConfig::default(),
            issuer: Issuer::default(),
            links: Links::default(),
            limits: LimitsConfig::default(),
            facade: Facade::default(),
            enrollment: Settings::default(),
            signing: None,
        }
    }
}

impl Default for Links {
    fn default() -> Self {
        Self { expires: 7 * 86_400, session: 1800 }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            requests_per_second: 1000,
            burst: 5000,
            downloads: 2000,
            connections: 4096,
            base_bytes: 4 << 30,
            head_timeout: 30,
            idle_timeout: 120,
        }
    }
}

impl LimitsConfig {
    /// Those of each key.
    #[must_use]
    pub(crate) const fn of_a_key(&self) -> Limits {
        Limits { requests_per_second: self.requests_per_second, burst: self.burst, downloads: self.downloads }
    }
}

impl Config {
    /// Reads a file. Its paths are relative to its folder.
    ///
    /// # Errors
    /// It cannot be read, or says something that is not known.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
        let mut config: Self = toml::from_str(&text).map_err(|error| {
            // Without the line itself, which the library would show.
            let before = error.span().and_then(|span| text.get(..span.start)).filter(|before| !before.is_empty());
            let line = before.map(|before| format!("line {}: ", before.matches('\n').count() + 1)).unwrap_or_default();
            Error::wrong(format!("{line}{}", error.message())).about(path)
        })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        for path in config.paths() {
            *path = folder.join(&*path);
        }
        Ok(config)
    }

    fn paths(&mut self) -> Vec<&mut PathBuf> {
        let mut paths = vec![&mut self.data];
        paths.extend(&mut self.bases);
        paths.extend(&mut self.ledger.url_file);
        paths.extend(&mut self.ledger.authorities);
        paths.extend(self.issuer.paths());
        paths.extend(&mut self.facade.key_file);
        paths.extend(&mut self.enrollment.fingerprint_key_file);
        paths.extend(self.store.s3.iter_mut().flat_map(S3::paths));
        if let Some(tls) = &mut self.tls {
            paths.extend([&mut tls.certificates, &mut tls.key]);
            paths.extend(&mut tls.client_authorities);
        }
        if let Some(signing) = &mut self.signing {
            let files =
                [&mut signing.key, &mut signing.pkcs12, &mut signing.certificates, &mut signing.passphrase_file];
            paths.extend(files.into_iter().flatten());
        }
        paths
    }

    /// Checks what one key alone does not say.
    ///
    /// # Errors
    /// Keys and tokens would go over a network in the clear, or a number is of no use.
    pub(crate) fn check(&self) -> Result<()> {
        self.check_address(self.listen)?;
        if self.public_url.as_deref().is_some_and(|url| !is_origin(url)) {
            let message =
                "public-url must be https:// or http://, a host and perhaps a port: the service lies at its root";
            return Err(Error::usage(message));
        }
        let limits = &self.limits;
        if self.worker_threads == 0 || limits.requests_per_second == 0 || limits.burst == 0 || limits.downloads == 0 {
            return Err(Error::usage("worker-threads and the limits of a key must be at least 1"));
        }
        if limits.connections == 0 {
            return Err(Error::usage("limits.connections must be at least 1"));
        }
        if self.signing.as_ref().is_some_and(|signing| signing.at_once == 0) {
            return Err(Error::usage("signing.at-once must be at least 1"));
        }
        self.issuer.check()?;
        self.facade.check()?;
        self.store.s3.as_ref().map_or(Ok(()), S3::check)
    }

    /// Checks an address that it listens on: its own, or that of a socket which the service manager has opened.
    ///
    /// # Errors
    /// Keys and tokens would go over a network in the clear.
    pub(crate) fn check_address(&self, address: SocketAddr) -> Result<()> {
        // `::ffff:127.0.0.1` is loopback as well.
        if address.ip().to_canonical().is_loopback() || self.tls.is_some() || self.allow_plain_http {
            return Ok(());
        }
        let message =
            format!("{address} can be reached from outside, and there is no TLS: tokens would go in the clear");
        Err(Error::usage(message).hint("set [tls], or allow-plain-http = true behind a proxy that has TLS"))
    }

    /// Whether browsers reach the service by HTTPS, so that cookies may be marked for it.
    #[must_use]
    pub(crate) fn is_https(&self) -> bool {
        self.tls.is_some() || self.public_url.as_ref().is_some_and(|url| url.starts_with("https://"))
    }
}

/// Scheme, host and port (RFC 6454 §4); a slash after them says nothing.
fn is_origin(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    host.is_some_and(|host| {
        !host.is_empty()
            && !host.contains(['/', '?', '#', '@', '\\', ' ', '"', ';'])
            && !host.contains(char::is_control)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("serve.toml");
        fs::write(&path, text).unwrap();
        Config::read(&path)
    }

    #[test]
    fn an_empty_file_is_the_default_and_the_default_is_safe() {
        let config = read("").unwrap();
        config.check().unwrap();
        assert!(config.listen.ip().is_loopback() && !config.allow_plain_http);
    }

    #[test]
    fn the_configuration_that_is_shipped_is_the_default() {
        let shipped = include_str!("../../../templates/serve.toml");
        let all: String = shipped
            .lines()
            .map(|line| line.strip_prefix("#= ").unwrap_or(line))
            .fold(String::new(), |all, line| all + line + "\n");
        let shipped = read(&all).unwrap();
        shipped.check().unwrap();
        assert!(shipped.data.ends_with(Config::default().data));
        // Every key, and whatever is added to it later.
        let default = Config { data: shipped.data.clone(), ..Config::default() };
        assert_eq!(format!("{shipped:#?}"), format!("{default:#?}"));
    }

    #[test]
    fn the_public_url_is_an_origin() {
        let check = |url: &str| read(&format!("public-url = \"{url}\"")).unwrap().check();
        for good in ["https://install.example", "https://install.example/", "http://[::1]:8080"] {
            check(good).unwrap();
        }
        for wrong in
            ["install.example", "https://", "https://install.example/agents", "https://a@b", "ftp://a", "https://a?b"]
        {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn limits_that_let_nothing_through_are_refused() {
        for wrong in ["connections = 0", "downloads = 0", "burst = 0", "requests-per-second = 0"] {
            assert!(read(&format!("[limits]\n{wrong}")).unwrap().check().is_err(), "{wrong}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let error = read("listen = \"127.0.0.1:1\"\nlisten-on = 5\n").unwrap_err().to_string();
        assert!(error.contains("listen-on"), "{error}");
        let error = read("listen = \"127.0.0.1:1\"\ndrain = \"soon\"").unwrap_err().to_string();
        assert!(error.contains("line 2: must be a duration"), "{error}");
    }

    #[test]
    fn an_open_address_without_tls_must_be_asked_for() {
        let open = read("listen = \"0.0.0.0:80\"").unwrap();
        assert!(open.check().unwrap_err().next_step().unwrap().contains("allow-plain-http"));
        read("listen = \"0.0.0.0:80\"\nallow-plain-http = true").unwrap().check().unwrap();
        read("listen = \"0.0.0.0:443\"\n[tls]\ncertificates = \"a\"\nkey = \"b\"").unwrap().check().unwrap();
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let config = read("data = \"data\"\n[tls]\ncertificates = \"/etc/a\"\nkey = \"b\"").unwrap();
        let tls = config.tls.unwrap();
        assert!(config.data.is_absolute() && tls.key.is_absolute() && tls.certificates == Path::new("/etc/a"));
    }
}
