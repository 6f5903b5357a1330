//! `s3://BUCKET/KEY`.

use std::fmt;
use std::str::FromStr;

use crate::error::BucketError;

/// Where an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The bucket.
    pub bucket: String,
    /// The object's key.
    pub key: String,
}

impl FromStr for Address {
    type Err = BucketError;

    fn from_str(text: &str) -> Result<Self, BucketError> {
        let rest = text.strip_prefix("s3://").ok_or(BucketError::Address)?;
        let (bucket, key) = rest.split_once('/').ok_or(BucketError::Address)?;
        check_bucket(bucket)?;
        check_key(key)?;
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

/// The rules of general purpose buckets, as far as an address needs them.
pub(crate) fn check_bucket(name: &str) -> Result<(), BucketError> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let is_end = |byte: Option<u8>| byte.is_some_and(|byte| byte != b'-' && byte != b'.');
    let ends = is_end(name.bytes().next()) && is_end(name.bytes().last());
    if (3..=63).contains(&name.len()) && name.bytes().all(is_plain) && ends && !name.contains("..") {
        Ok(())
    } else {
        Err(BucketError::Name)
    }
}

/// A key that means the same in every address: no empty part and none that an address would resolve away.
pub(crate) fn check_key(key: &str) -> Result<(), BucketError> {
    let is_part = |part: &str| !part.is_empty() && part != "." && part != "..";
    if (1..=1024).contains(&key.len()) && key.split('/').all(is_part) && !key.contains(char::is_control) {
        Ok(())
    } else {
        Err(BucketError::Key)
    }
}

/// A key as it stands in `x-amz-copy-source` (RFC 3986 §2.3, slashes kept).
pub(crate) fn escaped(key: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let one = |byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    key.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_bucket_and_a_key() {
        let address: Address = "s3://my-bases/releases/1.0/Agent.msi".parse().unwrap();
        assert_eq!((address.bucket.as_str(), address.key.as_str()), ("my-bases", "releases/1.0/Agent.msi"));
        assert_eq!(address.to_string(), "s3://my-bases/releases/1.0/Agent.msi");
        for wrong in [
            "my-bases/Agent.msi",
            "https://my-bases/Agent.msi",
            "s3://my-bases",
            "s3://my-bases/",
            "s3:///Agent.msi",
            "s3://My-Bases/Agent.msi",
            "s3://a..b/Agent.msi",
            "s3://-ab/Agent.msi",
            "s3://my-bases/a//b",
            "s3://my-bases/../b",
            "s3://my-bases/a\nb",
        ] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_escaped_for_a_header() {
        assert_eq!(escaped("a b/ü+%.msi"), "a%20b/%C3%BC%2B%25.msi");
    }
}
