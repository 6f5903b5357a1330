//! Apple's manifest of a package: what `InstallEnterpriseApplication` and the declaration `com.apple.configuration.package`
//! point devices to. The package is hashed in pieces, so that a device can check each as it arrives.
//!
//! Source: Apple's deployment guide, "Distribute proprietary in-house apps", and the schema of `ManifestURL`.

use std::io::{self, Read};

use container::read_at::{Cursor, FileAt};
use installer::proof::hex;
use plist::{Dictionary, Value};
use sha2::{Digest, Sha256};

use crate::folder::KitError;
use crate::macos::Macos;
use crate::profiles::{dictionary, xml};

/// The usual piece.
const PIECE_BYTES: u64 = 10 << 20;
/// Where the package is, when no address was given: a name that never resolves.
const NOWHERE: &str = "https://replace-me.invalid/";

/// What a package weighs.
#[derive(Debug, Clone)]
pub struct Weighed {
    /// Its address.
    pub(crate) url: String,
    /// Its length.
    pub(crate) len_bytes: u64,
    /// The SHA-256 of the whole, in hexadecimal.
    pub sha256: String,
    /// The length of all pieces but the last.
    piece_bytes: u64,
    /// The SHA-256 of each piece.
    pieces: Vec<String>,
}

impl Weighed {
    /// Reads the package once.
    pub fn read(pkg: &Macos, file: &FileAt, url: Option<&str>) -> Result<Self, KitError> {
        let verb = |source| KitError::Read(installer::format::ReadError::Io { verb: "read the package", source });
        let (mut from, mut whole, mut pieces) = (Cursor::new(file), Sha256::new(), Vec::new());
        loop {
            let mut part = Both { whole: &mut whole, piece: Sha256::new() };
            if io::copy(&mut from.by_ref().take(PIECE_BYTES), &mut part).map_err(verb)? == 0 {
                break;
            }
            pieces.push(hex(&part.piece.finalize()));
        }
        let len_bytes = from.position();
        let url = url.map_or_else(|| format!("{NOWHERE}{}", pkg.file_name.replace(' ', "%20")), str::to_owned);
        let sha256 = hex(&whole.finalize());
        Ok(Self { url, len_bytes, sha256, piece_bytes: PIECE_BYTES.min(len_bytes), pieces })
    }

    /// Whether somebody said where the package is.
    #[must_use]
    pub(crate) fn has_url(&self) -> bool {
        !self.url.starts_with(NOWHERE)
    }
}

/// The manifest as a property list.
pub fn document(pkg: &Macos, weighed: &Weighed) -> Result<Vec<u8>, KitError> {
    let sums = weighed.pieces.iter().map(|sum| Value::from(sum.as_str())).collect();
    let asset = dictionary([
        ("kind", "software-package".into()),
        ("sha256-size", weighed.piece_bytes.into()),
        ("sha256s", Value::Array(sums)),
        ("url", weighed.url.as_str().into()),
    ]);
    let metadata = dictionary([
        ("kind", "software".into()),
        ("title", pkg.product.as_str().into()),
        ("bundle-identifier", pkg.application.id.as_str().into()),
        ("bundle-version", pkg.application.short_version.as_str().into()),
        ("sizeInBytes", weighed.len_bytes.into()),
    ]);
    let item: Dictionary = dictionary([("assets", Value::Array(vec![asset.into()])), ("metadata", metadata.into())]);
    let manifest = dictionary([("items", Value::Array(vec![item.into()]))]);
    let document = |error: plist::Error| KitError::Document { path: "manifest".to_owned(), problem: error.to_string() };
    Ok(xml(manifest).map_err(document)?.to_vec())
}

/// Hashes what is written, twice.
struct Both<'a> {
    whole: &'a mut Sha256,
    piece: Sha256,
}

impl io::Write for Both<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.whole.update(bytes);
        self.piece.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
