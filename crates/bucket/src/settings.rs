//! Where the store is.

use std::time::Duration;

use rusty_s3::UrlStyle;
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use url::{Host, Url};

use crate::address::check_bucket;
use crate::error::BucketError;

/// Where a store is, and how long it is waited for.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The bucket.
    pub bucket: String,
    /// Its region; a store that has none takes any word.
    pub region: String,
    /// `https://HOST[:PORT][/PATH]`; the bucket is then the first part of the path. Default: AWS's own of the region.
    pub endpoint: Option<String>,
    /// Certificates in PEM that the store's own must come from. Default: the authorities of browsers.
    pub authorities: Option<Vec<u8>>,
    /// How long one request may take, with what it sends or brings.
    pub timeout: Duration,
}

/// A store that is silent for so long is gone.
const SILENCE: Duration = Duration::from_secs(60);
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

impl Settings {
    pub(crate) fn open(&self) -> Result<(rusty_s3::Bucket, Agent), BucketError> {
        check_bucket(&self.bucket)?;
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=40).contains(&self.region.len()) || !self.region.bytes().all(is_word) {
            return Err(BucketError::Setting("region must be 1 to 40 of a-z 0-9 -"));
        }
        let (endpoint, style) = match &self.endpoint {
            Some(endpoint) => (endpoint_url(endpoint)?, UrlStyle::Path),
            // A name with dots is under no certificate of theirs.
            None if self.bucket.contains('.') => (self.of_aws()?, UrlStyle::Path),
            None => (self.of_aws()?, UrlStyle::VirtualHost),
        };
        let bucket = rusty_s3::Bucket::new(endpoint, style, self.bucket.clone(), self.region.clone());
        Ok((bucket.map_err(|_| BucketError::Setting("endpoint is no address"))?, self.agent()?))
    }

    fn of_aws(&self) -> Result<Url, BucketError> {
        endpoint_url(&format!("https://s3.{}.amazonaws.com/", self.region))
    }

    /// Neither redirects nor proxies: an object goes to the store that was named, and to no other.
    fn agent(&self) -> Result<Agent, BucketError> {
        let mut tls = TlsConfig::builder();
        if let Some(pem) = &self.authorities {
            let mut roots = Vec::new();
            for item in parse_pem(pem) {
                match item.map_err(|_| BucketError::Authorities)? {
                    PemItem::Certificate(certificate) => roots.push(certificate),
                    _ => return Err(BucketError::Authorities),
                }
            }
            if roots.is_empty() {
                return Err(BucketError::Authorities);
            }
            tls = tls.root_certs(RootCerts::from(roots));
        }
        let config = Agent::config_builder()
            .tls_config(tls.build())
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent("stampwright")
            .timeout_global(Some(self.timeout))
            .timeout_connect(Some(CONNECT.min(self.timeout)))
            .timeout_per_read(Some(SILENCE.min(self.timeout)));
        Ok(Agent::new_with_config(config.build()))
    }
}

/// A token goes to the store, so it goes through TLS, or to this machine.
fn endpoint_url(text: &str) -> Result<Url, BucketError> {
    let mut url: Url = text.parse().map_err(|_| BucketError::Setting("endpoint is no address"))?;
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(BucketError::Setting("endpoint has no host")),
    };
    match url.scheme() {
        "https" => {}
        "http" if is_here => {}
        "http" => return Err(BucketError::Setting("endpoint must be https://: what goes there has tokens in it")),
        _ => return Err(BucketError::Setting("endpoint must be https://HOST")),
    }
    let has_more = url.query().is_some() || url.fragment().is_some();
    if has_more || !url.username().is_empty() || url.password().is_some() {
        return Err(BucketError::Setting("endpoint must have a host, perhaps a port and a path, and nothing else"));
    }
    // The bucket comes behind it.
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(endpoint: Option<&str>) -> Settings {
        Settings {
            bucket: "bases".to_owned(),
            region: "eu-central-1".to_owned(),
            endpoint: endpoint.map(str::to_owned),
            authorities: None,
            timeout: Duration::from_secs(5),
        }
    }

    #[test]
    fn the_endpoint_is_awss_or_the_one_that_is_named() {
        let url = |settings: &Settings| settings.open().unwrap().0.object_url("a/b c.msi").unwrap().to_string();
        assert_eq!(url(&settings(None)), "https://bases.s3.eu-central-1.amazonaws.com/a/b%20c.msi");
        let dotted = Settings { bucket: "my.bases".to_owned(), ..settings(None) };
        assert_eq!(url(&dotted), "https://s3.eu-central-1.amazonaws.com/my.bases/a/b%20c.msi");
        assert_eq!(url(&settings(Some("https://s3.example.com"))), "https://s3.example.com/bases/a/b%20c.msi");
        assert_eq!(url(&settings(Some("https://example.com/s3"))), "https://example.com/s3/bases/a/b%20c.msi");
        assert_eq!(url(&settings(Some("http://127.0.0.1:9000"))), "http://127.0.0.1:9000/bases/a/b%20c.msi");
    }

    #[test]
    fn what_would_send_a_token_in_the_clear_or_elsewhere_is_refused() {
        for wrong in [
            "http://s3.example.com",
            "ftp://localhost",
            "s3.example.com",
            "https://user:hunter2@s3.example.com",
            "https://s3.example.com/?x=1",
            "https://s3.example.com/#x",
        ] {
            let error = settings(Some(wrong)).open().err().unwrap();
            assert!(!format!("{error}{error:?}").contains("hunter2"), "{wrong}: {error}");
        }
        for region in ["", "eu central", "EU"] {
            assert!(Settings { region: region.to_owned(), ..settings(None) }.open().is_err(), "{region}");
        }
        for authorities in ["", "hunter2", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            let settings = Settings { authorities: Some(authorities.as_bytes().to_vec()), ..settings(None) };
            assert!(matches!(settings.open(), Err(BucketError::Authorities)), "{authorities}");
        }
    }
}
