//! A base in the catalog, and what a client is told of it.

use std::sync::Arc;

use serde::Serialize;
use stampwright::{Base, Error, Kind, Mode, Result};

use super::base_file::BaseFile;
use super::import::{Label, Origin};

/// A base in the catalog.
#[derive(Debug)]
pub(crate) struct Entry {
    base: Base,
    file: Arc<BaseFile>,
    listed: Listed,
    label: Label,
}

/// What `GET /v1/bases` says of a base.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Listed {
    /// The product's name.
    pub(crate) product: String,
    /// Its version.
    pub(crate) version: String,
    /// `windows`, `macos` or `linux`.
    pub(crate) platform: &'static str,
    /// `x64`, `arm64` or `universal`; the format's own word where it means none of these.
    pub(crate) arch: String,
    /// The format, by the file name's ending.
    pub(crate) format: Kind,
    /// How it takes a token.
    pub(crate) mode: Mode,
    /// Its SHA-256 in hex, which is its name here.
    pub(crate) sha256: String,
    /// Its length in bytes.
    pub(crate) size: u64,
    /// What its installers are called, always.
    pub(crate) file_name: String,
    /// The ids of the issuer keys in it; empty: it takes any token.
    pub(crate) issuer_keys: Vec<String>,
}

impl Entry {
    /// Opens a base in its place in the store.
    pub(super) fn open(file: Arc<BaseFile>, sha256: [u8; 32], label: Label, resign: bool) -> Result<Self> {
        let handle = file.duplicate().map_err(|error| Error::machine(format!("open the base: {error}")))?;
        let mut options = Base::options().sha256(sha256).resign(resign);
        if let Some(manifest) = label.prepared()? {
            options = options.prepared(manifest);
        }
        let base = options.open_file(handle)?;
        let described = base.describe()?;
        let issuer_keys = base.policy().pinned().map(|keys| keys.ids().map(str::to_owned).collect());
        let listed = Listed {
            product: described.product.clone(),
            version: described.version.clone(),
            platform: base.kind().platform().name(),
            arch: described.arch.clone(),
            format: base.kind(),
            mode: base.mode(),
            sha256: hex(&sha256),
            size: base.len(),
            file_name: label.file_name().to_owned(),
            issuer_keys: issuer_keys.unwrap_or_default(),
        };
        Ok(Self { base, file, listed, label })
    }

    /// The base.
    #[must_use]
    pub(crate) const fn base(&self) -> &Base {
        &self.base
    }

    /// Its file.
    #[must_use]
    pub(crate) const fn file(&self) -> &Arc<BaseFile> {
        &self.file
    }

    /// What a client is told of it.
    #[must_use]
    pub(crate) const fn listed(&self) -> &Listed {
        &self.listed
    }

    /// Where it came from.
    #[must_use]
    pub(crate) const fn origin(&self) -> Origin {
        self.label.origin()
    }

    pub(super) const fn label(&self) -> &Label {
        &self.label
    }
}

/// Lower-case hex.
#[must_use]
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
