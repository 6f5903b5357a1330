//! `stampwright sign`: an installer gets its signature, and the signature is read back before the file appears.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use clap::{Args, ValueHint};
use container::at::FileAt;
use installer::format::Format;
use installer::formats;
use installer::seal::Existing;
use serde::Serialize;
use signing::key::command::Words;
use signing::verify::Trust;

use crate::doors;
use crate::failure::Failure;
use crate::once::Once;
use crate::output::{Pending, Readers};
use crate::receipt::{self, FileDigest, TOOL};
use crate::signatures::{self, Judged};
use crate::signer::Way;
use crate::source;

/// Who signs, and with what: the same for every command that signs.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Signing")]
pub struct SigningArgs {
    /// The signer's certificates, PEM or DER, the leaf first
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub certs: Option<PathBuf>,
    /// The private key: PEM or DER, PKCS #8 (also encrypted), PKCS #1 or SEC 1
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, group = "signer", requires = "certs")]
    pub key: Option<PathBuf>,
    /// The private key and its certificates in one PKCS #12 file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, group = "signer")]
    pub pkcs12: Option<PathBuf>,
    /// The private key on a PKCS #11 token (RFC 7512): pkcs11:token=T;object=O?module-path=LIBRARY
    #[arg(long, value_name = "URI", group = "signer", requires = "certs")]
    pub pkcs11: Option<String>,
    /// A command that gets a SHA-256 digest (32 bytes) on standard input and answers its signature; run without a shell
    #[arg(long, value_name = "COMMAND", group = "signer", requires = "certs")]
    pub sign_command: Option<String>,
    /// A command that signs a whole file: reads {in} and writes {out}, or signs {out} in place; run without a shell
    #[arg(long, value_name = "COMMAND", group = "signer")]
    pub sign_file_command: Option<String>,
    /// The file with the key's password or the token's PIN
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "key_password_env")]
    pub key_password_file: Option<PathBuf>,
    /// The environment variable with the key's password or the token's PIN
    #[arg(long, value_name = "NAME")]
    pub key_password_env: Option<String>,
    /// Take a private key that others can read
    #[arg(long)]
    pub allow_open_key: bool,
    /// A timestamp authority (RFC 3161), http only
    #[arg(long, value_name = "URL", requires = "signer")]
    pub timestamp: Option<String>,
    /// The name that Windows shows for the installer (msi)
    #[arg(long, value_name = "TEXT", requires = "signer")]
    pub description: Option<String>,
    /// The address that Windows shows for the installer (msi)
    #[arg(long, value_name = "URL", requires = "signer")]
    pub url: Option<String>,
}

impl SigningArgs {
    /// Whether a signature is asked for.
    pub const fn is_asked(&self) -> bool {
        self.key.is_some()
            || self.pkcs12.is_some()
            || self.pkcs11.is_some()
            || self.sign_command.is_some()
            || self.sign_file_command.is_some()
            || self.certs.is_some()
    }
}

#[derive(Debug, Args)]
pub struct Sign {
    /// The installer: a base or a stamped one, ours or somebody else's
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The signed installer to write; it may be the same file
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// Replace the signatures that are there, all of them
    #[arg(long)]
    pub replace: bool,
    /// Print what was signed as one JSON document on standard output
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub signing: SigningArgs,
}

#[derive(Debug, Serialize)]
struct Document {
    tool: &'static str,
    file: String,
    #[serde(flatten)]
    digest: FileDigest,
    signature: Judged,
}

pub fn run(args: &Sign) -> Result<(), Failure> {
    let way = Way::of(&args.signing)?.ok_or_else(|| {
        Failure::usage("a key is needed: --key, --pkcs12, --pkcs11, --sign-command or --sign-file-command")
    })?;
    let file = source::installer(&args.file)?;
    let about = |failure: Failure| failure.about(&args.file);
    let format = formats::recognise(&file).map_err(|error| about(error.into()))?;
    let readers = match format.token(&file) {
        Ok(None) => Readers::All,
        // There is one, or what is there is not understood.
        Ok(Some(_)) | Err(_) => Readers::Owner,
    };
    let mut pending = Pending::create(&args.output)?;
    match &way {
        Way::Seal(signer) => {
            signer.check(format.kind()).map_err(about)?;
            let existing = if args.replace { Existing::Replace } else { Existing::Refuse };
            format.seal(&file, &**signer, existing, pending.file()).map_err(|error| about(error.into()))?;
        }
        Way::Command(words) => {
            if !args.replace && format.sealed(&file).map_err(|error| about(error.into()))?.is_some() {
                return Err(about(installer::format::SealFileError::Signed.into()));
            }
            by_command(words, &args.file, format, &mut pending)?;
        }
    }
    let written = FileAt::new(pending.reopen()?).map_err(Failure::io("read back", &args.output))?;
    let signature = read_back(format, &written, &args.output)?;
    if format.token(&written).ok() != format.token(&file).ok() {
        return Err(Failure::wrong("the signed file has another token; it was not written").about(&args.output));
    }
    let digest = receipt::digest(&written, &args.output)?;
    pending.finish(readers)?;
    eprintln!("signed {}", args.output.display());
    if args.json {
        receipt::print(&Document { tool: TOOL, file: args.output.display().to_string(), digest, signature })?;
    }
    Ok(())
}

/// The signature in a file that was just signed. One that does not verify is not handed out.
pub fn read_back(format: &dyn Format, written: &FileAt, path: &Path) -> Result<Judged, Failure> {
    let judged = signatures::judge(format, written, Trust { roots: &[], now: doors::now() })?
        .ok_or_else(|| Failure::wrong("there is no signature in it after signing; it was not written").about(path))?;
    match judged.first_error() {
        None => Ok(judged),
        Some(problem) => Err(Failure::wrong(format!("{problem}; it was not written")).about(path)),
    }
}

/// Lets a command sign `file` and puts what it wrote into `pending`.
pub fn by_command(words: &Words, file: &Path, format: &dyn Format, pending: &mut Pending) -> Result<(), Failure> {
    let failed = |problem: String| Failure::wrong(format!("the signing command {}: {problem}", words.program()));
    // A folder of its own, readable by its owner alone: what is signed may have a token in it.
    let folder = tempfile::tempdir().map_err(Failure::io("write to", Path::new("the temporary folder")))?;
    let ending = format.kind().extension();
    let out = folder.path().join(format!("signed.{ending}"));
    // Signing tools know a file by its ending.
    let input = match file.extension().is_some_and(|found| found == ending) {
        true => std::path::absolute(file).map_err(Failure::io("find", file))?,
        false => folder.path().join(format!("unsigned.{ending}")),
    };
    let copy = if words.has("{in}") { &input } else { &out };
    if copy != file && !copy.is_file() {
        fs::copy(file, copy).map_err(Failure::io("copy", file))?;
    }
    let mut command = words.command(&[("{in}", input.as_os_str()), ("{out}", out.as_os_str())]);
    // Its words are for people; our standard output may be a document.
    let status = command.stdin(Stdio::null()).stdout(std::io::stderr()).status();
    let status = status.map_err(|error| failed(error.to_string()))?;
    if !status.success() {
        return Err(failed(format!("ended with {status}")));
    }
    let mut signed = File::open(&out).map_err(|_| failed("wrote no {out}".to_owned()))?;
    std::io::copy(&mut signed, pending.file()).map_err(Failure::io("copy", &out))?;
    Ok(())
}
