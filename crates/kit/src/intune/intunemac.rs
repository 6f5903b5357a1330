//! `.intunemac`: the wrapper that Intune asked for until August 2022.
//!
//! ```text
//! zip, every entry stored, no folder entries
//! ├─ IntuneMacPackage/Contents/TheOneRMM-Agent.pkg     the package as it is
//! └─ IntuneMacPackage/Metadata/Detection.xml           what it is called, its application, its MD5 in chunks of 10 MiB
//! ```
//!
//! The package comes first, so that it is read once: its digests stand in the document behind it. Nothing is
//! encrypted in here; whoever uploads it does that. So a wrapped, stamped package carries its token in clear, as the
//! package does.
//!
//! Sources: two `Detection.xml` of Microsoft's own in its support articles (macos-lob-apps-not-deployed,
//! error-0x87d13ba2), whose repack command is `zip -q --symlinks -0 -r`. In Microsoft's words `BuildNumber` is
//! `CFBundleShortVersionString` and `VersionNumber` is `CFBundleVersion`. The folder `Contents` is by analogy with
//! `.intunewin`; no source for it was found.

use std::io::{self, Read, Seek, Write};

use container::read_at::{self, Cursor};
use container::reader::{Malformed, Problem};
use container::{ReadAt, xml};
use installer::Epoch;
use installer::pkg::Facts;
use installer::proof::hex;
use installer::template::{Escape, TemplateError, render};
use md5::{Digest, Md5};
use serde::Serialize;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

const DETECTION: &str = "IntuneMacPackage/Metadata/Detection.xml";
const CONTENTS: &str = "IntuneMacPackage/Contents/";
/// The package is hashed in pieces of this length.
const CHUNK_BYTES: usize = 10 << 20;
/// A detection document of 8 GB has 27 KB of digests.
const MAX_DETECTION_BYTES: u64 = 1 << 20;

/// Why a package could not be wrapped.
#[derive(Debug, thiserror::Error)]
pub enum WrapError {
    /// There is no single application to detect it by.
    #[error("the package has {found} bundles, must have 1: Intune detects it by its application")]
    Bundles {
        /// How many there are.
        found: usize,
    },
    /// The template does not fit its values.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The package could not be read.
    #[error("read the package: {0}")]
    Read(io::Error),
    /// The archive could not be written.
    #[error("write the archive: {0}")]
    Write(io::Error),
}

#[derive(Serialize)]
struct DetectionData<'a> {
    timestamp: String,
    minimum_macos: &'a str,
    package_name: &'a str,
    bundle_id: &'a str,
    build_number: &'a str,
    version_number: &'a str,
    chunk_bytes: usize,
    md5: String,
}

/// Wraps a package, which is called `name`, e.g. `TheOneRMM-Agent.pkg`. Memory does not depend on its size.
pub fn write(
    package: &dyn ReadAt,
    facts: &Facts,
    name: &str,
    epoch: Epoch,
    out: impl Write + Seek,
) -> Result<(), WrapError> {
    let bundles: Vec<_> = facts.components.iter().flat_map(|component| &component.bundles).collect();
    let [bundle] = bundles.as_slice() else { return Err(WrapError::Bundles { found: bundles.len() }) };
    let failed = |error: zip::result::ZipError| WrapError::Write(error.into());
    let mut archive = ZipWriter::new(out);
    let options = options(epoch, package.len());
    archive.start_file(format!("{CONTENTS}{name}"), options).map_err(failed)?;
    let md5 = copy(package, &mut archive)?;
    let civil = epoch.civil();
    let timestamp = format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02} +0000",
        civil.year, civil.month, civil.day, civil.hour, civil.minute, civil.second
    );
    let data = DetectionData {
        timestamp,
        minimum_macos: &facts.minimum_macos,
        package_name: name,
        bundle_id: &bundle.id,
        build_number: &bundle.short_version,
        version_number: &bundle.version,
        chunk_bytes: CHUNK_BYTES,
        md5,
    };
    let template = include_str!("../../../../templates/intune/Detection.xml.hbs");
    let detection = render("intune/Detection.xml.hbs", template, Escape::Xml, &data)?;
    archive.start_file(DETECTION, options.large_file(false)).map_err(failed)?;
    archive.write_all(detection.as_bytes()).map_err(WrapError::Write)?;
    archive.finish().map_err(failed)?.flush().map_err(WrapError::Write)
}

/// Stored, one date, plain files.
fn options(epoch: Epoch, len: u64) -> SimpleFileOptions {
    let civil = epoch.civil();
    let date = DateTime::from_date_and_time(civil.year, civil.month, civil.day, civil.hour, civil.minute, civil.second);
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(date.unwrap_or_default())
        .unix_permissions(0o644)
        .large_file(len > u64::from(u32::MAX))
}

/// Copies the package and gives the MD5 of each chunk, as the document lists them.
fn copy(package: &dyn ReadAt, out: &mut impl Write) -> Result<String, WrapError> {
    let mut sums = Vec::new();
    let mut start = 0;
    while start < package.len() {
        let end = package.len().min(start + CHUNK_BYTES as u64);
        let mut md5 = Md5::new();
        read_at::pieces(package, start..end, WrapError::Read, |piece| {
            md5.update(piece);
            out.write_all(piece).map_err(WrapError::Write)
        })?;
        sums.push(hex(&md5.finalize()));
        start = end;
    }
    Ok(sums.join(","))
}

/// A wrapped package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// The package's file name.
    pub name: String,
    /// The application's bundle id.
    pub bundle_id: String,
    /// `CFBundleShortVersionString`.
    pub build_number: String,
}

/// Unwraps an archive: the package goes to `out`, checked against the archive's CRC, the document's digests and its
/// name.
pub fn read(file: &dyn ReadAt, out: &mut impl Write) -> Result<Wrapped, container::Error> {
    let mut archive = ZipArchive::new(Cursor::new(file)).map_err(|_| wrong("it is not a zip archive"))?;
    let names = archive.file_names().map(|name| name.map(std::borrow::Cow::into_owned));
    let mut names: Vec<String> = names.collect::<Result<_, _>>().map_err(|_| wrong("a name is not UTF-8"))?;
    names.sort_unstable();
    let [package, DETECTION] = names.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        return Err(wrong("its entries are not a package and a Detection.xml"));
    };
    let plain = package.strip_prefix(CONTENTS).filter(|name| !name.is_empty() && !name.contains(['/', '\\']));
    let name = plain.ok_or_else(|| wrong("the package does not lie in Contents"))?.to_owned();
    let package = package.to_owned();

    let mut text = Vec::new();
    let entry = archive.by_name(DETECTION).map_err(|_| wrong("Detection.xml cannot be read"))?;
    let read = entry.take(MAX_DETECTION_BYTES).read_to_end(&mut text);
    read.map_err(|_| wrong("Detection.xml is damaged"))?;
    let detection = Detection::read(&xml::parse("Detection.xml", &text)?)?;
    if detection.name != name {
        return Err(wrong("Detection.xml names another package"));
    }

    let mut entry = archive.by_name(&package).map_err(|_| wrong("the package cannot be read"))?;
    if entry.compression() != CompressionMethod::Stored {
        return Err(wrong("the package is compressed, must be stored"));
    }
    let mut sums = Vec::new();
    loop {
        let mut part = entry.by_ref().take(detection.chunk_bytes);
        let mut sink = Hashing { out: &mut *out, md5: Md5::new(), failed: None };
        let n = io::copy(&mut part, &mut sink);
        if let Some(source) = sink.failed {
            return Err(container::Error::Io { verb: "write the package", source });
        }
        if n.map_err(|_| wrong("the package is damaged"))? == 0 {
            break;
        }
        sums.push(hex(&sink.md5.finalize()));
    }
    if sums != detection.md5 {
        return Err(wrong("the package's digests are not those of Detection.xml"));
    }
    Ok(Wrapped { name, bundle_id: detection.bundle_id, build_number: detection.build_number })
}

/// What a `Detection.xml` says.
struct Detection {
    name: String,
    bundle_id: String,
    build_number: String,
    chunk_bytes: u64,
    md5: Vec<String>,
}

impl Detection {
    fn read(root: &xml::Element) -> Result<Self, container::Error> {
        let app = root.child("MacOSLobApp").ok_or_else(|| wrong("Detection.xml has no MacOSLobApp"))?;
        let attribute = |name: &str, missing| app.attribute(name).map(str::to_owned).ok_or_else(|| wrong(missing));
        let chunk = app.child("MD5HashChunkSize").and_then(|size| size.attribute("Size")?.parse().ok());
        let sums = app.text_of("MD5Hash").ok_or_else(|| wrong("Detection.xml has no MD5Hash"))?;
        Ok(Self {
            name: attribute("PackageName", "Detection.xml has no PackageName")?,
            bundle_id: attribute("BundleId", "Detection.xml has no BundleId")?,
            build_number: attribute("BuildNumber", "Detection.xml has no BuildNumber")?,
            chunk_bytes: chunk.filter(|n| *n > 0).ok_or_else(|| wrong("Detection.xml has no chunk size"))?,
            md5: sums.split(',').map(|sum| sum.trim().to_ascii_lowercase()).collect(),
        })
    }
}

/// Hashes what goes through, and keeps the sink's own errors apart from the source's.
struct Hashing<W> {
    out: W,
    md5: Md5,
    failed: Option<io::Error>,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self.out.write_all(buf) {
            Ok(()) => {
                self.md5.update(buf);
                Ok(buf.len())
            }
            Err(error) => {
                self.failed = Some(error);
                Err(io::ErrorKind::Other.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

const fn wrong(what: &'static str) -> container::Error {
    container::Error::Malformed(Malformed {
        structure: "intunemac",
        offset: Malformed::NOWHERE,
        problem: Problem::Text { what },
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use installer::pkg::{Application, Component};

    use super::*;

    fn facts() -> Facts {
        let bundle = Application {
            path: "A.app".to_owned(),
            id: "com.example.agent".to_owned(),
            short_version: "1.4.2".to_owned(),
            version: "42".to_owned(),
        };
        let component = Component { bundles: vec![bundle], ..Component::default() };
        Facts { components: vec![component], minimum_macos: "11.0".to_owned(), ..Facts::default() }
    }

    fn wrap(package: &[u8]) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        write(&package, &facts(), "A & B.pkg", Epoch::DEFAULT, &mut out).unwrap();
        out.into_inner()
    }

    #[test]
    fn what_is_wrapped_comes_out() {
        // one short chunk, one whole, one and a bit
        for len in [1, 100, CHUNK_BYTES, CHUNK_BYTES + 1] {
            let package: Vec<u8> = (0..len).map(|n| (n * 7 % 251) as u8).collect();
            let wrapped = wrap(&package);
            assert!(wrapped == wrap(&package), "two archives differ");
            let mut out = Vec::new();
            let found = read(&wrapped, &mut out).unwrap();
            assert!(out == package, "{len}");
            assert_eq!((found.name.as_str(), found.build_number.as_str()), ("A & B.pkg", "1.4.2"));
        }
    }

    #[test]
    fn the_document_is_microsofts() {
        let wrapped = wrap(b"abc");
        let mut archive = ZipArchive::new(Cursor::new(&wrapped)).unwrap();
        let mut text = String::new();
        archive.by_name(DETECTION).unwrap().read_to_string(&mut text).unwrap();
        for part in [
            "TimeStamp=\"2024-01-01 00:00:00 +0000\" MacOSX=\"11.0\"",
            "xmlns=\"http://schemas.microsoft.com/Intune/2018/01/01/MACLOBAPP\"",
            "PackageName=\"A &amp; B.pkg\" BundleId=\"com.example.agent\" BuildNumber=\"1.4.2\" VersionNumber=\"42\"",
            "<MD5HashChunkSize Size=\"10485760\"/>",
            "<MD5Hash>900150983cd24fb0d6963f7d28e17f72</MD5Hash>",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        let names: Vec<_> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
        assert_eq!(names, ["IntuneMacPackage/Contents/A & B.pkg", DETECTION]);
        assert!((0..2).all(|n| archive.by_index(n).unwrap().compression() == CompressionMethod::Stored));
    }

    #[test]
    fn damage_is_found() {
        let good = wrap(&[5; 1000]);
        for at in (0..good.len()).step_by(3) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            let mut out = Vec::new();
            if read(&bad, &mut out).is_ok() {
                assert!(out == [5; 1000], "a changed package comes out, byte {at}");
            }
            assert!(read(&good[..at].to_vec(), &mut Vec::new()).is_err(), "{at}");
        }
    }

    #[test]
    fn a_package_without_one_application_is_not_wrapped() {
        let facts = Facts::default();
        let error = write(&b"x".as_slice(), &facts, "a.pkg", Epoch::DEFAULT, Cursor::new(Vec::new())).unwrap_err();
        assert!(error.to_string().starts_with("the package has 0 bundles"));
    }
}
