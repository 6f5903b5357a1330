//! Where the store is.

use std::time::Duration;

use rusty_s3::UrlStyle;
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::transport::DefaultConnector;
use url::{Host, Url};

use crate::address::check_bucket;
use crate::error::BucketError;
use crate::loopback::{Loopback, is_loopback_name};

/// Where a store is, and how long it is waited for.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The bucket.
    pub bucket: String,
    /// Its region; a store that has none takes any word.
    pub region: String,
    /// `https://HOST[:PORT][/PATH]`. Default: AWS's own of the region.
    pub endpoint: Option<String>,
    /// Where an address has the bucket. Default: as AWS's own tools have it, in the host's name at AWS and in the path at an endpoint.
    pub address_style: Option<AddressStyle>,
    /// Certificates in PEM that the store's own must come from. Default: the authorities of browsers.
    pub authorities: Option<Vec<u8>>,
    /// How long one request may take, with what it sends or brings.
    pub timeout: Duration,
}

/// Where an address has the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressStyle {
    /// `https://HOST/BUCKET/KEY`.
    Path,
    /// `https://BUCKET.HOST/KEY`, which AWS wants of buckets since 2020.
    Virtual,
}

/// AWS's domains beside `amazonaws.com`, by what the names of their regions begin with ("AWS partitions", `dnsSuffix` in botocore's `partitions.json`).
const AWS_DOMAINS: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("us-isof-", "csp.hci.ic.gov"),
];

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
        let endpoint = match &self.endpoint {
            Some(endpoint) => endpoint_url(endpoint)?,
            None => self.of_aws()?,
        };
        let style = match self.style(&endpoint)? {
            AddressStyle::Path => UrlStyle::Path,
            AddressStyle::Virtual => UrlStyle::VirtualHost,
        };
        let bucket = rusty_s3::Bucket::new(endpoint, style, self.bucket.clone(), self.region.clone());
        Ok((bucket.map_err(|_| BucketError::Setting("endpoint is no address"))?, self.agent()?))
    }

    fn style(&self, endpoint: &Url) -> Result<AddressStyle, BucketError> {
        // A wildcard in a certificate stands for one label (RFC 6125 §6.4.3), so it covers no bucket with a dot in its name.
        let is_uncovered = endpoint.scheme() == "https" && self.bucket.contains('.');
        match self.address_style {
            Some(AddressStyle::Virtual) if !matches!(endpoint.host(), Some(Host::Domain(_))) => {
                Err(BucketError::Setting(
                    "address style must be path: the endpoint is an IP address, and no bucket can stand before one",
                ))
            }
            Some(AddressStyle::Virtual) if is_uncovered => Err(BucketError::Setting(
                "address style must be path: a certificate covers no bucket with a dot in its name",
            )),
            Some(style) => Ok(style),
            None if self.endpoint.is_some() || is_uncovered => Ok(AddressStyle::Path),
            None => Ok(AddressStyle::Virtual),
        }
    }

    fn of_aws(&self) -> Result<Url, BucketError> {
        let domain = AWS_DOMAINS.iter().find(|(prefix, _)| self.region.starts_with(prefix));
        let domain = domain.map_or("amazonaws.com", |(_, domain)| domain);
        endpoint_url(&format!("https://s3.{}.{domain}/", self.region))
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
        Ok(Agent::with_parts(config.build(), DefaultConnector::default(), Loopback::default()))
    }
}

/// A token goes to the store, so it goes through TLS, or to this machine.
fn endpoint_url(text: &str) -> Result<Url, BucketError> {
    let mut url: Url = text.parse().map_err(|_| BucketError::Setting("endpoint is no address"))?;
    let is_here = match url.host() {
        Some(Host::Domain(name)) => is_loopback_name(name),
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
mod tests;
