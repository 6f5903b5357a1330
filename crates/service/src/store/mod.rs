//! The store: the bases that the service hands out, in a folder that it owns.
//!
//! ```text
//! DATA/store/sha256-<digest>.msi      a base, 0444, opened once; the name is its digest
//! DATA/store/sha256-<digest>.json     its label: file name, origin, prepare manifest
//! DATA/store/.incoming-…              a base that is not in its place yet
//! ```
//!
//! A base gets in by a copy (`import`), so what happens to its original afterwards does not matter. The catalog is what is listed and
//! stamped; a base that leaves it is still served to the downloads that run, and its file goes with the last of them (`base_file`).
//! `watch` keeps the catalog equal to a folder, `bucket_watch` to a bucket, and `select` finds the base that a request means.

mod base_file;
mod bucket_watch;
mod catalog;
mod entry;
mod import;
mod select;
mod watch;

pub(crate) use base_file::{BaseFile, is_change};
pub(crate) use bucket_watch::BucketWatch;
pub(crate) use catalog::{Store, StoreOptions};
pub(crate) use entry::{Entry, Listed, hex};
pub(crate) use import::{Label, Origin};
pub(crate) use select::{Selection, SelectionError};
pub(crate) use watch::{Noticed, Watch};

#[cfg(test)]
mod tests;
