//! Signing whole files: with a key, or by somebody's command. The signature is read back before the file appears.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

use container::read_at::FileAt;
use installer::format::{Format, Installer, SignFileError};
use installer::formats;
use installer::signature::Existing;
use installer::{AcceptedToken, Finding, Report, Severity};
use serde::Serialize;
use signing::key::command::Words;
use signing::openpgp::Keyring;
use signing::verify::Trust;

use crate::base::Base;
use crate::error::{Error, Result};
use crate::input;
use crate::observer::{Event, Observer};
use crate::output::{Files, Pending, Readers};
use crate::receipt::{FileDigest, Receipt, TOOL};
use crate::signature::{self, Judged};
use crate::signer::Signer;

/// How a file gets its signature.
#[derive(Debug)]
pub enum SigningMethod {
    /// We make it.
    Key(Box<Signer>),
    /// A command makes it, of the whole file.
    Command(FileCommand),
}

impl SigningMethod {
    /// The key, unless it is a command for whole files.
    #[must_use]
    pub fn signer(method: Option<&Self>) -> Option<&Signer> {
        match method {
            Some(Self::Key(signer)) => Some(signer),
            Some(Self::Command(_)) | None => None,
        }
    }
}

/// A command that signs a whole file: it reads `{in}` and writes `{out}`, or signs `{out}` in place. It is run without a shell.
#[derive(Debug)]
pub struct FileCommand(Words);

impl FileCommand {
    /// Reads a command line. The command does not get these environment variables.
    pub fn parse(command: &str, hidden_env: &[&str]) -> Result<Self> {
        let words = Words::parse(command).map_err(Error::usage)?.without_env(hidden_env);
        if words.has("{out}") {
            return Ok(Self(words));
        }
        Err(Error::usage("--sign-file-command needs {out}, the file that it signs")
            .hint("with {in} it reads that and writes {out}; without, {out} is there and is signed in place"))
    }

    /// Lets the command sign `file` and puts what it wrote into `pending`.
    fn sign(&self, file: &Path, format: &dyn Format, pending: &mut Pending) -> Result<()> {
        self.sign_file(file, format.kind().extension(), pending.file())
    }

    /// The same for a file of any kind: signing tools know a file by its ending.
    pub(crate) fn sign_file(&self, file: &Path, ending: &str, to: &mut File) -> Result<()> {
        let Self(words) = self;
        let failed = |problem: String| Error::machine(format!("the signing command {}: {problem}", words.program()));
        // A folder of its own, readable by its owner alone: what is signed may have a token in it.
        let folder = tempfile::tempdir().map_err(Error::io("write to", Path::new("the temporary folder")))?;
        let out = folder.path().join(format!("signed.{ending}"));
        let input = match file.extension().is_some_and(|found| found == ending) {
            true => std::path::absolute(file).map_err(Error::io("find", file))?,
            false => folder.path().join(format!("unsigned.{ending}")),
        };
        let copy = if words.has("{in}") { &input } else { &out };
        if copy != file && !copy.is_file() {
            fs::copy(file, copy).map_err(Error::io("copy", file))?;
        }
        let mut command = words.command(&[("{in}", input.as_os_str()), ("{out}", out.as_os_str())]);
        // Its words are for people; our standard output may be a document.
        let status = command.stdin(Stdio::null()).stdout(std::io::stderr()).status();
        let status = status.map_err(|error| failed(error.to_string()))?;
        if !status.success() {
            return Err(failed(format!("ended with {status}")));
        }
        let mut signed = File::open(&out).map_err(|_| failed("wrote no {out}".to_owned()))?;
        std::io::copy(&mut signed, to).map_err(Error::io("copy", &out))?;
        Ok(())
    }
}

/// What was signed.
#[derive(Debug, Serialize)]
pub struct Signed {
    tool: &'static str,
    file: String,
    #[serde(flatten)]
    digest: FileDigest,
    signature: Judged,
}

impl Signed {
    /// Whether the signature ends soon: with its certificate, because it has no timestamp.
    #[must_use]
    pub fn ending(&self) -> Option<Finding> {
        self.signature.ending()
    }
}

/// Signs an installer, ours or another tool's, and writes it to `output`.
///
/// # Errors
/// The output is the installer itself, or cannot be written. /// It is signed already and `existing` does not replace that; the signer may not sign it; what was signed does not verify.
pub fn sign(path: &Path, method: &SigningMethod, existing: Existing, output: &Path, now: u64) -> Result<Signed> {
    Files::new().reads(path).writes(output).check()?;
    let file = input::installer(path)?;
    let about = |error: Error| error.about(path);
    let opened = formats::open(&file).map_err(|error| about(error.into()))?;
    let format = opened.format();
    let readers = match opened.token() {
        Ok(None) => Readers::All,
        // There is one, or what is there is not understood.
        Ok(Some(_)) | Err(_) => Readers::Owner,
    };
    let mut pending = Pending::create(output)?;
    match method {
        SigningMethod::Key(signer) => {
            signer.check(format).map_err(about)?;
            let file = opened.signable().ok_or_else(|| about(SignFileError::NoSignature.into()))?;
            file.sign(&**signer, existing, pending.file()).map_err(|error| about(error.into()))?;
        }
        SigningMethod::Command(command) => {
            let stored = opened.signable().map(|file| file.stored()).transpose();
            let is_signed = stored.map_err(|error| about(error.into()))?.flatten().is_some();
            if existing == Existing::Refuse && is_signed {
                return Err(about(SignFileError::Signed.into()));
            }
            command.sign(path, format, &mut pending)?;
        }
    }
    let written = FileAt::new(pending.reopen()?).map_err(Error::io("read back", output))?;
    let reopened = format.open(&written)?;
    let signature = read_back(&*reopened, output, now)?;
    no_new_errors(&*opened, &*reopened, output)?;
    if reopened.token().ok() != opened.token().ok() {
        return Err(Error::wrong("the signed file has another token; it was not written").about(output));
    }
    let digest = FileDigest::read(&written, output)?;
    pending.finish(readers)?;
    Ok(Signed { tool: TOOL, file: output.display().to_string(), digest, signature })
}

/// Stamps a base and lets a command sign the stamp; what it wrote must have the token and a signature that verifies.
pub fn stamp_by_command(
    base: &Base,
    token: &AcceptedToken,
    command: &FileCommand,
    output: &Path,
    now: u64,
    observer: &dyn Observer,
) -> Result<(Pending, Receipt)> {
    let stamp = base.stamp(token)?;
    let mut stamped = Pending::create(output)?;
    stamp.write_to_file(stamped.file()).map_err(Error::io("write", output))?;
    let (pending, written, judged) = sign_pending(command, &stamped, base.format(), output, now)?;
    if let Some(finding) = judged.ending() {
        observer.notice(&Event::Warned { path: output, finding: &finding });
    }
    if base.format().open(&written)?.token()?.as_ref() != Some(token.token()) {
        return Err(Error::wrong("the signed file has another token; it was not written").about(output));
    }
    Ok((pending, Receipt::from_stamp(base, &written)?.named(output)))
}

/// Lets a command sign a file that is on its way to `output`; gives the signed one, read back, and its signature.
pub(crate) fn sign_pending(
    command: &FileCommand,
    unsigned: &Pending,
    format: &dyn Format,
    output: &Path,
    now: u64,
) -> Result<(Pending, FileAt, Judged)> {
    let mut pending = Pending::create(output)?;
    command.sign(unsigned.path(), format, &mut pending)?;
    let written = FileAt::new(pending.reopen()?).map_err(Error::io("read back", output))?;
    let before = FileAt::new(unsigned.reopen()?).map_err(Error::io("read", output))?;
    let judged = {
        let signed = format.open(&written)?;
        no_new_errors(&*format.open(&before)?, &*signed, output)?;
        read_back(&*signed, output, now)?
    };
    Ok((pending, written, judged))
}

/// Whether `verify` finds nothing wrong in a signed file that was not wrong before: signing tools lay a file out anew.
fn no_new_errors(before: &dyn Installer, written: &dyn Installer, path: &Path) -> Result<()> {
    let errors = |file: &dyn Installer| -> Result<Vec<String>> {
        let mut report = Report::new();
        file.verify(&mut report)?;
        let errors = report.findings().iter().filter(|finding| finding.severity == Severity::Error);
        Ok(errors.map(|finding| format!("{}: {}", finding.place, finding.message)).collect())
    };
    let found = errors(written)?;
    if found.is_empty() {
        return Ok(());
    }
    let known = errors(before)?;
    match found.into_iter().find(|error| !known.contains(error)) {
        Some(error) => Err(Error::wrong(format!("after signing, {error}; it was not written")).about(path)),
        None => Ok(()),
    }
}

/// The signature in a file that was just signed. One that does not verify is not handed out.
pub(crate) fn read_back(written: &dyn Installer, path: &Path, now: u64) -> Result<Judged> {
    let judged = signature::judge(written, Trust { roots: &[], keys: &Keyring::default(), now })?
        .ok_or_else(|| Error::wrong("there is no signature in it after signing; it was not written").about(path))?;
    match judged.first_error() {
        None => Ok(judged),
        Some(problem) => Err(Error::wrong(format!("{problem}; it was not written")).about(path)),
    }
}
