//! Why a store does not give, or take, an object.

/// Why a store does not give, or take, an object. No key of the caller and no signed address is part of it.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// It is no address.
    #[error("an object's address must be s3://BUCKET/KEY")]
    Address,
    /// It is no bucket's name.
    #[error("the bucket's name must have 3 to 63 of a-z 0-9 . - and begin and end with a letter or a digit")]
    Name,
    /// It is no key that every store takes.
    #[error("the object's key must have 1 to 1024 bytes, no control character, and no part that is empty, . or ..")]
    Key,
    /// The endpoint or region is wrong.
    #[error("the store's {0}")]
    Setting(&'static str),
    /// The credentials are not what they must be.
    #[error("the store's credentials: {0}")]
    Credentials(&'static str),
    /// The certificates cannot be read.
    #[error("the store's authorities are not certificates in PEM")]
    Authorities,
    /// The store has answered with a refusal.
    #[error("{what}: the store answered {status}{}", code.as_ref().map(|code| format!(" {code}")).unwrap_or_default())]
    Refused {
        /// What was asked: a verb and the object.
        what: String,
        /// The status of HTTP.
        status: u16,
        /// The word of S3, e.g. `AccessDenied`.
        code: Option<String>,
    },
    /// The store does not answer, or not to the end.
    #[error("{what}: {problem}")]
    Unreachable {
        /// What was asked.
        what: String,
        /// What happened.
        problem: String,
    },
    /// What answers is not the store, by its certificate.
    #[error("{what}: {problem}")]
    Untrusted {
        /// What was asked.
        what: String,
        /// What is wrong with the certificate.
        problem: &'static str,
    },
    /// The answer is none of S3's.
    #[error("{what}: the store's answer has {problem}")]
    Answer {
        /// What was asked.
        what: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The object has another length than it should have.
    #[error("{what}: {found} bytes came, expected {expected}")]
    Length {
        /// What was asked.
        what: String,
        /// So many came.
        found: u64,
        /// So many should.
        expected: u64,
    },
    /// The object was replaced meanwhile.
    #[error("{what}: the object was replaced meanwhile")]
    Replaced {
        /// What was asked.
        what: String,
    },
    /// What is kept of the base cannot be read here.
    #[error("read the base: {0}")]
    Base(std::io::Error),
    /// What came cannot be written here.
    #[error("write what was read from the store: {0}")]
    Write(std::io::Error),
    /// The upload failed and could not be aborted either.
    #[error("{failure}; its unfinished upload could not be aborted: {abort}")]
    Unfinished {
        /// Why it failed.
        failure: Box<BucketError>,
        /// Why it was not aborted.
        abort: Box<BucketError>,
    },
}

impl BucketError {
    /// Whether the store or the network has failed, so that the same call may succeed later; else what was asked is wrong.
    #[must_use]
    pub const fn is_machine(&self) -> bool {
        match self {
            Self::Refused { status, .. } => *status >= 500 || *status == 429 || *status == 408,
            Self::Unreachable { .. }
            | Self::Answer { .. }
            | Self::Length { .. }
            | Self::Replaced { .. }
            | Self::Base(_)
            | Self::Write(_)
            | Self::Unfinished { .. } => true,
            Self::Address
            | Self::Name
            | Self::Key
            | Self::Setting(_)
            | Self::Credentials(_)
            | Self::Authorities
            | Self::Untrusted { .. } => false,
        }
    }

    /// The next step, when there is one.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Refused { status: 301 | 307 | 400, .. } => Some("see whether region and endpoint are the bucket's"),
            Self::Refused { status: 401 | 403, .. } => Some("see what the credentials may do with this bucket"),
            Self::Untrusted { .. } => {
                Some("see whether the endpoint is the store's and the authorities are those of its certificate")
            }
            Self::Unfinished { .. } => {
                Some("a lifecycle rule (AbortIncompleteMultipartUpload) of the bucket removes what such uploads leave")
            }
            _ => None,
        }
    }
}
