//! Signed bases that take tokens without a key: making the slot, and the record that says whose keys count.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use container::ReadAt;
use container::read_at::{Cursor, FileAt};
use installer::format::Installer;
use installer::prepare::{self, KeySource, PrepareRecord};
use installer::proof::{hex, sha256};
use installer::slot::{Slot, SlotState};
use installer::{Finding, IssuerKeys, Kind, Report, formats};

use crate::error::{Error, Result};
use crate::input;
use crate::output::{self, Files, Pending, Readers};

/// A prepare record, and where it came from.
#[derive(Debug, Clone)]
pub struct Prepared {
    record: PrepareRecord,
    path: Option<PathBuf>,
}

/// Where the record of an installer is: `FILE.prepare.json`.
#[must_use]
pub fn beside(installer: &Path) -> PathBuf {
    let mut name = installer.as_os_str().to_owned();
    name.push(".prepare.json");
    PathBuf::from(name)
}

impl Prepared {
    /// Reads a record from its bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Ok(Self { record: PrepareRecord::parse(bytes)?, path: None })
    }

    /// Reads a record from a file.
    pub fn read(path: &Path) -> Result<Self> {
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(Error::io("open", path))?;
        file.take(PrepareRecord::MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
        let record = PrepareRecord::parse(&bytes).map_err(|error| Error::from(error).about(path))?;
        Ok(Self { record, path: Some(path.to_path_buf()) })
    }

    /// The document.
    #[must_use]
    pub const fn record(&self) -> &PrepareRecord {
        &self.record
    }

    /// The record that was given, else the one beside the installer.
    fn find(given: Option<&Self>, installer: Option<&Path>) -> Result<Option<Self>> {
        if let Some(given) = given {
            return Ok(Some(given.clone()));
        }
        let Some(path) = installer.map(beside) else { return Ok(None) };
        if path.is_file() { Self::read(&path).map(Some) } else { Ok(None) }
    }

    /// The keys that the record of an installer with this slot asserts. `None`: there is no record, or its keys were seen in the
    /// signed part.
    pub(crate) fn asserted(
        given: Option<&Self>,
        installer: Option<&Path>,
        (kind, len, place): (Kind, u64, &Slot),
    ) -> Result<Option<IssuerKeys>> {
        let Some(prepared) = Self::find(given, installer)? else { return Ok(None) };
        prepared.record.fits(kind, len, place).map_err(|error| match &prepared.path {
            Some(path) => Error::from(error).about(path),
            None => error.into(),
        })?;
        match prepared.record.issuer_keys.source {
            KeySource::Seen => Ok(None),
            KeySource::Asserted => Ok(Some(prepared.record.keys()?)),
        }
    }

    /// Checks a file against its record: with its slot emptied it must be the prepared base again, and what is in the slot must be
    /// signed with one of the record's keys.
    pub(crate) fn check(given: Option<&Self>, file: &FileAt, path: &Path, report: &mut Report) -> Result<()> {
        let opened = formats::open(file)?;
        let Some(found) = opened.signable().map(|file| file.slot()).transpose()?.flatten() else {
            if given.is_some() {
                report.error("prepared-slot", "file", "it has no slot, and the record says that it has one");
            }
            return Ok(());
        };
        let Some(Self { record, path: record_path }) = Self::find(given, Some(path))? else { return Ok(()) };
        let place = record_path.map_or_else(|| "prepare record".to_owned(), |path| path.display().to_string());
        if let Err(error) = record.fits(opened.format().kind(), file.len(), &found.slot) {
            report.error("prepared-differs", place, error.to_string());
            return Ok(());
        }
        let emptied = prepare::emptied(file.len(), &found.slot)?;
        let (_, digest) = sha256(&mut Cursor::new(emptied.over(file))).map_err(Error::io("read", path))?;
        let digest = hex(&digest);
        report.check(digest == record.sha256, "prepared-differs", place.clone(), || {
            format!("the installer with its slot emptied has the SHA-256 {digest}, must be {}", record.sha256)
        });
        if let SlotState::Filled(token) = &found.state {
            let verified = record.keys()?.verify(token);
            report.check(verified.is_ok(), "slot-untrusted", place, || {
                verified.err().map_or_else(String::new, |why| why.to_string())
            });
        }
        Ok(())
    }
}

/// What [`prepare()`] did.
#[derive(Debug)]
pub struct Preparation {
    /// The record, which lies beside the prepared base.
    pub record: PrepareRecord,
    /// How many bytes longer than the signed base it is.
    pub growth_bytes: u64,
    /// What its maker should know.
    pub warnings: Vec<Finding>,
}

/// Gives a signed base its place for tokens, once, without a key, and reads it back. `asserted` is a JWKS that its maker says the agent
/// inside has, for an installer whose signed part shows none. Writes `output` and, beside it, its record.
///
/// # Errors
/// The base is not signed, is stamped or prepared already, or has no issuer keys and none were given.
pub fn prepare(base_path: &Path, asserted: Option<&[u8]>, output: &Path) -> Result<Preparation> {
    let manifest_path = beside(output);
    if output::is_stream(output) {
        return Err(Error::usage(format!(
            "{} is a stream, and the manifest lies beside the prepared base",
            output.display()
        ))
        .hint("give -o FILE"));
    }
    Files::new().reads(base_path).writes(output).writes(&manifest_path).check()?;
    let base = input::installer(base_path)?;
    let about = |error: Error| error.about(base_path);
    let opened = formats::open(&base).map_err(|error| about(error.into()))?;
    let format = opened.format();
    let mut pending = Pending::create(output)?;
    let mut out = BufWriter::with_capacity(1 << 16, pending.file());
    let (place, keys) = prepare::prepare(&*opened, asserted, &mut out).map_err(|error| about(error.into()))?;
    out.flush().map_err(Error::io("write", output))?;
    drop(out);

    let prepared = FileAt::new(pending.reopen()?).map_err(Error::io("read back", output))?;
    let reopened = format.open(&prepared).map_err(|error| about(error.into()))?;
    prepare::read_back(&*opened, &*reopened, &place).map_err(|error| about(error.into()))?;
    let (size, digest) = sha256(&mut Cursor::new(&prepared)).map_err(Error::io("read back", output))?;
    let warnings = match keys.source {
        KeySource::Seen => Vec::new(),
        KeySource::Asserted => unread(&*reopened).map_err(|error| error.about(output))?,
    };
    let record = PrepareRecord::new(format.kind(), digest, size, &place, &keys)?;

    let mut manifest_file = Pending::text(&manifest_path)?;
    manifest_file.json(&record)?;
    pending.finish(Readers::All)?;
    manifest_file.finish(Readers::All)?;
    Ok(Preparation { record, growth_bytes: prepared.len().saturating_sub(base.len()), warnings })
}

/// An installer of ours that was built without issuer keys does not read its slot, whatever its agent does.
fn unread(prepared: &dyn Installer) -> Result<Vec<Finding>> {
    let mut report = Report::new();
    prepared.verify(&mut report)?;
    Ok(report.findings().iter().filter(|finding| finding.id == "slot-unread").cloned().collect())
}
