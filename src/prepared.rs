//! Prepare manifests on the command line: where one is found, and what it is good for.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use container::ReadAt;
use container::at::{Cursor, FileAt};
use installer::format::{Format, Inspection};
use installer::preserve::{self, KeySource, Manifest};
use installer::proof::{hex, sha256};
use installer::stamp::Base;
use installer::{Report, formats};

use crate::failure::Failure;
use crate::once::Once;

#[derive(Debug, Args)]
pub struct PreparedArgs {
    /// The manifest that prepare wrote; else the one beside the installer, FILE.prepare.json, if there is one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub prepared: Option<PathBuf>,
}

/// Where the manifest of an installer is.
pub fn beside(installer: &Path) -> PathBuf {
    let mut name = installer.as_os_str().to_owned();
    name.push(".prepare.json");
    PathBuf::from(name)
}

impl PreparedArgs {
    /// The manifest that was named, or the one beside `installer`.
    fn find(&self, installer: &Path) -> Result<Option<(PathBuf, Manifest)>, Failure> {
        let path = match &self.prepared {
            Some(path) => path.clone(),
            None => beside(installer),
        };
        if self.prepared.is_none() && !path.is_file() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        let file = File::open(&path).map_err(Failure::io("open", &path))?;
        file.take(Manifest::MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(Failure::io("read", &path))?;
        let manifest = Manifest::parse(&bytes).map_err(|error| Failure::wrong(error).about(&path))?;
        Ok(Some((path, manifest)))
    }

    /// The base with the issuer keys that its manifest asserts, if its signed part does not show any. A base without a slot stays as it
    /// is; a manifest that was named for it is refused.
    pub fn pin(&self, base: Base<FileAt>, path: &Path) -> Result<Base<FileAt>, Failure> {
        let Some(found) = base.slot() else {
            return match &self.prepared {
                None => Ok(base),
                Some(_) => Err(Failure::wrong("it is not prepared, and has no manifest").about(path)),
            };
        };
        let Some((manifest_path, manifest)) = self.find(path)? else { return Ok(base) };
        manifest
            .fits(base.format().kind(), base.bytes().len(), &found.place)
            .map_err(|error| Failure::wrong(error).about(&manifest_path))?;
        match manifest.issuer_keys.source {
            KeySource::Seen => Ok(base),
            KeySource::Asserted => Ok(base.pinned(manifest.keys().map_err(Failure::wrong)?)),
        }
    }

    /// Checks a file against its manifest: with its slot emptied it must be the prepared base again, and what is in the slot must be signed
    /// with one of the manifest's keys.
    pub fn check(&self, file: &FileAt, path: &Path, report: &mut Report) -> Result<(), Failure> {
        let format = formats::recognise(file)?;
        let Some(found) = format.slot(file)? else {
            if self.prepared.is_some() {
                report.error("prepared-slot", "file", "it has no slot, and the manifest says that it has one");
            }
            return Ok(());
        };
        let Some((manifest_path, manifest)) = self.find(path)? else { return Ok(()) };
        let place = manifest_path.display().to_string();
        if let Err(error) = manifest.fits(format.kind(), file.len(), &found.place) {
            report.error("prepared-differs", place, error.to_string());
            return Ok(());
        }
        let emptied = preserve::emptied(file.len(), &found.place)?;
        let (_, digest) = sha256(&mut Cursor::new(emptied.over(file))).map_err(Failure::io("read", path))?;
        let digest = hex(&digest);
        report.check(digest == manifest.sha256, "prepared-differs", place.clone(), || {
            format!("the installer with its slot emptied has the SHA-256 {digest}, must be {}", manifest.sha256)
        });
        if let installer::seal::SlotState::Filled(token) = &found.state {
            let verified = manifest.keys().map_err(Failure::wrong)?.verify(token);
            report.check(verified.is_ok(), "slot-untrusted", place, || {
                verified.err().map_or_else(String::new, |why| why.to_string())
            });
        }
        Ok(())
    }
}

/// Says in a receipt where the keys come from that the slot's token was checked with.
pub fn note_keys(format: &dyn Format, file: &dyn ReadAt, inspection: &mut Inspection) -> Result<(), Failure> {
    if format.slot(file)?.is_some() {
        let seen = format.issuer_keys(file)?.is_some();
        let source = if seen { "seen in the signed part" } else { "asserted, not seen" };
        inspection.details.insert("issuer-keys", source.to_owned());
    }
    Ok(())
}
