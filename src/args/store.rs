//! An S3-compatible store: where it is, and who asks. Its keys never stand in an argument.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueHint};
use stampwright::input::OpenKey;
use stampwright::s3::{self, Address, Bucket, Credentials, Settings};
use stampwright::{Error, Result};

use super::{AddressStyleName, seconds};
use crate::env;

#[derive(Debug, Args)]
#[command(next_help_heading = "Object storage")]
pub struct StoreArgs {
    /// Put the installer together inside an S3-compatible store, at this address, instead of writing it here: what is kept of the base is copied there
    #[arg(
        long,
        value_name = "s3://BUCKET/KEY",
        requires_all = ["base_object", "s3_keys"],
        conflicts_with_all = ["output", "plan", "batch"]
    )]
    pub to: Option<Address>,
    /// Where that store has the base
    #[arg(long, value_name = "s3://BUCKET/KEY", requires = "to")]
    pub base_object: Option<Address>,
    /// The store's address; else AWS's own of the region
    #[arg(long, value_name = "URL", requires = "to")]
    pub s3_endpoint: Option<String>,
    /// Where the store's addresses have the bucket; else in the host's name at AWS and in the path at an endpoint
    #[arg(long, value_name = "STYLE", requires = "to")]
    pub s3_address_style: Option<AddressStyleName>,
    /// The store's region
    #[arg(long, value_name = "REGION", default_value = "us-east-1", requires = "to")]
    pub s3_region: String,
    /// Certificates (PEM) that the store's own must come from; else the authorities of browsers
    #[arg(long, value_name = "FILE", requires = "to", value_hint = ValueHint::FilePath)]
    pub s3_authorities: Option<PathBuf>,
    /// The file with the access key and its secret, as AWS's tools write it: aws_access_key_id = …, aws_secret_access_key = …
    #[arg(long, value_name = "FILE", requires = "to", group = "s3_keys", value_hint = ValueHint::FilePath)]
    pub s3_credentials: Option<PathBuf>,
    /// Take the access key and its secret from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, where it is set, AWS_SESSION_TOKEN
    #[arg(long, requires = "to", group = "s3_keys")]
    pub s3_credentials_env: bool,
    /// How long one request to the store may take: a number and s, m, h, d or w
    #[arg(long, value_name = "TIME", default_value = "10m", requires = "to", value_parser = seconds)]
    pub s3_timeout: u64,
}

impl StoreArgs {
    /// The files that are read.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        [&self.s3_authorities, &self.s3_credentials].into_iter().filter_map(Option::as_deref)
    }

    /// A bucket of the store.
    pub fn bucket(&self, name: &str, open_key: OpenKey) -> Result<Bucket> {
        let authorities = self.s3_authorities.as_deref();
        let authorities = authorities.map(|path| fs::read(path).map_err(Error::io("read", path))).transpose()?;
        let settings = Settings {
            bucket: name.to_owned(),
            region: self.s3_region.clone(),
            endpoint: self.s3_endpoint.clone(),
            address_style: self.s3_address_style.map(Into::into),
            authorities,
            timeout: Duration::from_secs(self.s3_timeout),
        };
        Ok(Bucket::new(&settings, self.credentials(open_key)?, env::now)?)
    }

    fn credentials(&self, open_key: OpenKey) -> Result<Credentials> {
        match &self.s3_credentials {
            Some(path) => s3::credentials(path, open_key),
            None => env::store_credentials(),
        }
    }
}
