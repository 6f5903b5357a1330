//! Objects of an S3-compatible store: listed, read, and composed from ranges of others.
//!
//! ```text
//!                 list, head, read                       compose
//!  bucket ──────────────────────────▶ us    base ──UploadPartCopy──▶ ┐
//!                                           new bytes ──UploadPart─▶ ├─ one multipart upload ──▶ installer
//!                                                                    ┘  (aborted at any failure)
//! ```
//!
//! | module | what |
//! |---|---|
//! | `settings`, `credentials`, `address` | where the store is, who asks, `s3://BUCKET/KEY` |
//! | `loopback` | which names are this machine |
//! | `request` | one signed request, asked again where the store is busy; what an error says |
//! | `objects` | list, head, read, delete |
//! | `layout` | which parts a multipart upload has: S3 takes none under 5 MiB but the last |
//! | `compose` | the multipart upload |
//!
//! Requests are signed by `rusty-s3` (AWS Signature Version 4, in the query) and sent by `ureq`; what `rusty-s3` lacks is UploadPartCopy, which is its
//! UploadPart with the headers `x-amz-copy-source…` signed. A signed address is a secret for ten minutes: it is in no error and no log.
//! Nothing here knows installers, a clock or an environment.

mod address;
mod compose;
mod credentials;
mod error;
mod layout;
mod loopback;
mod objects;
mod request;
mod settings;

pub use address::Address;
pub use compose::{Composed, NewObject, Source};
pub use credentials::Credentials;
pub use error::BucketError;
pub use layout::{Piece, ReadBase};
pub use objects::{Facts, Object};
pub use request::Bucket;
pub use settings::{AddressStyle, Settings};
