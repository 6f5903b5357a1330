//! What is in one of Intune's archives, proven on the way.

use std::io::{self, Read, Write};
use std::path::Path;

use installer::format::{Area, Extracted, ReadError, Sink};
use installer::proof::{hex, sha256};
use kit::intune::{Wrapper, intunemac, intunewin};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::input;
use crate::receipt::FileDigest;

/// One of Intune's archives.
#[derive(Debug, Serialize)]
pub struct IntuneArchive {
    /// The file.
    pub file: String,
    /// Its length and digest.
    #[serde(flatten)]
    pub digest: FileDigest,
    /// `intunewin` or `intunemac`.
    pub format: &'static str,
    /// What it says of itself.
    #[serde(flatten)]
    pub about: About,
    /// The files in it.
    pub wraps: Vec<Inside>,
}

/// What `Detection.xml` says.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum About {
    /// A Windows app (Win32).
    Intunewin {
        /// What Intune shows.
        name: String,
        /// The setup file's name among the files.
        setup_file: String,
        /// The product code, of an MSI.
        #[serde(skip_serializing_if = "Option::is_none")]
        product_code: Option<String>,
        /// Of the inner archive, decrypted.
        content: FileDigest,
    },
    /// A macOS package.
    Intunemac {
        /// The package's file name.
        name: String,
        /// The application's bundle id.
        bundle_id: String,
        /// `CFBundleShortVersionString`.
        build_number: String,
    },
}

/// One file.
#[derive(Debug, Serialize)]
pub struct Inside {
    /// Its path in the archive.
    pub path: String,
    /// Its length and digest.
    #[serde(flatten)]
    pub digest: FileDigest,
}

/// Reads and proves a file that is such an archive. `None`: it is something else.
pub fn intune_archive(path: &Path) -> Result<Option<IntuneArchive>> {
    let file = input::installer(path)?;
    let about = |error: ReadError| Error::from(error).about(path);
    let Some(wrapper) = kit::intune::wrapper(&file).map_err(about)? else { return Ok(None) };
    let (format, said, wraps) = match wrapper {
        Wrapper::Intunewin => {
            let mut files = Files(Vec::new());
            let wrapped = intunewin::read(&file, &mut files).map_err(about)?;
            let content = FileDigest { size: wrapped.unencrypted_bytes, sha256: hex(&wrapped.sha256) };
            let said = About::Intunewin {
                name: wrapped.name,
                setup_file: wrapped.setup_file,
                product_code: wrapped.product_code,
                content,
            };
            ("intunewin", said, files.0)
        }
        Wrapper::Intunemac => {
            let mut package = Hashed { size: 0, sha256: Sha256::new() };
            let wrapped = intunemac::read(&file, &mut package).map_err(|error| about(error.into()))?;
            let digest = FileDigest { size: package.size, sha256: hex(&package.sha256.finalize()) };
            let inside = Inside { path: wrapped.name.clone(), digest };
            let said = About::Intunemac {
                name: wrapped.name,
                bundle_id: wrapped.bundle_id,
                build_number: wrapped.build_number,
            };
            ("intunemac", said, vec![inside])
        }
    };
    let digest = FileDigest::read(&file, path)?;
    Ok(Some(IntuneArchive { file: path.display().to_string(), digest, format, about: said, wraps }))
}

impl IntuneArchive {
    /// The report for people, as names and values.
    #[must_use]
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("format", self.format.to_owned())];
        match &self.about {
            About::Intunewin { name, setup_file, product_code, content } => {
                lines.push(("name", name.clone()));
                lines.push(("setup file", setup_file.clone()));
                lines.extend(product_code.iter().map(|code| ("product code", code.clone())));
                lines.push(("content", format!("{} bytes, sha256 {}", content.size, content.sha256)));
                lines.push(("proven", "authentication code and digest match".to_owned()));
            }
            About::Intunemac { name, bundle_id, build_number } => {
                lines.push(("name", name.clone()));
                lines.push(("bundle id", bundle_id.clone()));
                lines.push(("build number", build_number.clone()));
                lines.push(("proven", "digests match".to_owned()));
            }
        }
        for Inside { path, digest } in &self.wraps {
            lines.push(("wraps", format!("{path}: {} bytes, sha256 {}", digest.size, digest.sha256)));
        }
        lines.push(("size", self.digest.size.to_string()));
        lines.push(("sha256", self.digest.sha256.clone()));
        lines
    }
}

/// Notes each file of an inner archive.
struct Files(Vec<Inside>);

impl Sink for Files {
    fn entry(&mut self, entry: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
        if entry.area == Area::Payload {
            let (size, digest) =
                sha256(content).map_err(|source| ReadError::Io { verb: "read the content", source })?;
            self.0.push(Inside { path: entry.path.to_owned(), digest: FileDigest { size, sha256: hex(&digest) } });
        }
        Ok(())
    }
}

/// Counts and hashes what is written to it.
struct Hashed {
    size: u64,
    sha256: Sha256,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.size += bytes.len() as u64;
        self.sha256.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
