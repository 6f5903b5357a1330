//! Who asks: an access key and its secret, perhaps for a time.

use std::fmt;

use crate::error::BucketError;

/// An access key and its secret. They do not print.
#[derive(Clone)]
pub struct Credentials(rusty_s3::Credentials);

/// The profile that is taken where there are several.
const DEFAULT: &str = "default";

impl Credentials {
    /// From their parts; `session` belongs to a key that lives for a time.
    ///
    /// # Errors
    /// One of them is empty, or has a character that no key has.
    pub fn new(key: &str, secret: &str, session: Option<&str>) -> Result<Self, BucketError> {
        let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_plain(key) || !is_plain(secret) || session.is_some_and(|session| !is_plain(session)) {
            return Err(BucketError::Credentials("a key or secret is empty, or has other than printable characters"));
        }
        Ok(Self(match session {
            None => rusty_s3::Credentials::new(key, secret),
            Some(session) => rusty_s3::Credentials::new_with_token(key, secret, session),
        }))
    }

    /// Reads a file as AWS's tools write it: `[default]`, `aws_access_key_id = …`, `aws_secret_access_key = …`, perhaps
    /// `aws_session_token = …`. Of several profiles the one called `default` is taken.
    ///
    /// # Errors
    /// The profile or one of its values is not there. Nothing of the text is part of the error.
    pub fn parse(text: &str) -> Result<Self, BucketError> {
        let mut profiles: Vec<(&str, Vec<(&str, &str)>)> = vec![(DEFAULT, Vec::new())];
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';'])) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                profiles.push((name.trim(), Vec::new()));
            } else if let (Some((name, value)), Some((_, values))) = (line.split_once('='), profiles.last_mut()) {
                values.push((name.trim(), value.trim()));
            }
        }
        profiles.retain(|(_, values)| !values.is_empty());
        let (_, values) = match profiles.as_slice() {
            [one] => one,
            several => several
                .iter()
                .find(|(name, _)| *name == DEFAULT)
                .ok_or(BucketError::Credentials("the file has no profile [default]"))?,
        };
        let value = |wanted: &str| values.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
        let key = value("aws_access_key_id");
        let secret = value("aws_secret_access_key");
        let key = key.ok_or(BucketError::Credentials("the file has no aws_access_key_id"))?;
        let secret = secret.ok_or(BucketError::Credentials("the file has no aws_secret_access_key"))?;
        Self::new(key, secret, value("aws_session_token"))
    }

    pub(crate) const fn get(&self) -> &rusty_s3::Credentials {
        &self.0
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("credentials of a store (not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_the_aws_tools_is_read() {
        let one = Credentials::parse("[ci]\naws_access_key_id = AKIA\naws_secret_access_key=se/cr+et=\n").unwrap();
        assert_eq!((one.get().key(), one.get().secret(), one.get().token()), ("AKIA", "se/cr+et=", None));
        let several = "# two\n[ci]\naws_access_key_id=A\naws_secret_access_key=B\n\n[default]\naws_access_key_id=C\n\
                       aws_secret_access_key=D\naws_session_token=E\nregion=eu-central-1\n";
        let several = Credentials::parse(several).unwrap();
        assert_eq!((several.get().key(), several.get().secret(), several.get().token()), ("C", "D", Some("E")));
    }

    #[test]
    fn what_is_missing_is_said_and_nothing_is_quoted() {
        for text in [
            "",
            "hunter2",
            "[default]\naws_access_key_id = hunter2\n",
            "[default]\naws_secret_access_key = hunter2\n",
            "[default]\naws_access_key_id = hunter2\naws_secret_access_key = \n",
            "[a]\naws_access_key_id=hunter2\n[b]\naws_access_key_id=hunter2\n",
        ] {
            let error = Credentials::parse(text).unwrap_err();
            assert!(!format!("{error}{error:?}").contains("hunter2"), "{error}");
        }
        let good = Credentials::new("hunter2", "hunter2", Some("hunter2")).unwrap();
        assert!(!format!("{good:?}").contains("hunter2"));
    }
}
