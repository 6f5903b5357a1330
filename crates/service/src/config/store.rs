//! `[store]`: where bases come from beside a folder.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use stampwright::s3::{self, Bucket, Credentials, Settings};
use stampwright::{Error, Result};

use super::duration::duration;
use crate::first_start;

/// Where bases come from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct StoreConfig {
    /// A bucket of bases to follow.
    pub(crate) s3: Option<S3>,
}

/// A bucket of an S3-compatible store.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct S3 {
    /// The bucket.
    pub(crate) bucket: String,
    /// What the keys of bases begin with.
    #[serde(default)]
    pub(crate) prefix: String,
    /// The store's address. Default: AWS's own of the region.
    pub(crate) endpoint: Option<String>,
    /// Where its addresses have the bucket. Default: in the host's name at AWS, in the path at an endpoint.
    pub(crate) address_style: Option<AddressStyle>,
    /// The store's region.
    #[serde(default = "region")]
    pub(crate) region: String,
    /// A file with the access key and its secret, as AWS's tools write it.
    pub(crate) credentials_file: Option<PathBuf>,
    /// Whether they are in AWS's environment variables.
    #[serde(default)]
    pub(crate) credentials_from_environment: bool,
    /// Certificates in PEM that the store's own must come from. Default: the authorities of browsers.
    pub(crate) authorities: Option<PathBuf>,
    /// How often it is looked at.
    #[serde(default = "half_a_minute", deserialize_with = "duration")]
    pub(crate) poll: u64,
    /// How long one request may take, with the base that it brings.
    #[serde(default = "ten_minutes", deserialize_with = "duration")]
    pub(crate) timeout: u64,
}

/// Where an address has the bucket.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AddressStyle {
    /// In its path.
    Path,
    /// In its host's name.
    Virtual,
}

impl From<AddressStyle> for s3::AddressStyle {
    fn from(style: AddressStyle) -> Self {
        match style {
            AddressStyle::Path => Self::Path,
            AddressStyle::Virtual => Self::Virtual,
        }
    }
}

fn region() -> String {
    "us-east-1".to_owned()
}

const fn half_a_minute() -> u64 {
    30
}

const fn ten_minutes() -> u64 {
    600
}

impl S3 {
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [&mut self.credentials_file, &mut self.authorities].into_iter().flatten()
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.credentials_file.is_some() == self.credentials_from_environment {
            let message = "[store.s3] must have either credentials-file or credentials-from-environment = true";
            return Err(Error::usage(message));
        }
        if self.poll == 0 || self.timeout == 0 {
            return Err(Error::usage("store.s3.poll and store.s3.timeout must be at least 1s"));
        }
        Ok(())
    }

    /// The bucket, with the keys as they are now. Nothing is asked yet.
    ///
    /// # Errors
    /// A setting is wrong, or there are no credentials.
    pub(crate) fn open(&self, of_environment: fn() -> Result<Credentials>, clock: fn() -> u64) -> Result<Bucket> {
        let authorities = self.authorities.as_deref();
        let authorities = authorities.map(|path| fs::read(path).map_err(Error::io("read", path))).transpose()?;
        let settings = Settings {
            bucket: self.bucket.clone(),
            region: self.region.clone(),
            endpoint: self.endpoint.clone(),
            address_style: self.address_style.map(Into::into),
            authorities,
            timeout: Duration::from_secs(self.timeout),
        };
        let credentials = match &self.credentials_file {
            Some(path) => {
                let text = first_start::secret(path)?;
                Credentials::parse(&text).map_err(|error| Error::from(error).about(path))?
            }
            None => of_environment()?,
        };
        Ok(Bucket::new(&settings, credentials, clock)?)
    }
}
