//! `stampwright kit`: what an admin uploads to a management system, as a folder that appears whole or not at all.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, ValueHint};
use container::at::FileAt;
use installer::format::{Format, Inspection, TokenSummary};
use installer::{Epoch, Kind, Report, Token, formats};
use kit::intune::intunewin::Keys;
use kit::windows::Windows;
use kit::{Folder, KitError};
use serde::Serialize;

use crate::doors;
use crate::failure::Failure;
use crate::output::{PendingFolder, Readers};
use crate::receipt::{self, FileDigest, TOOL};
use crate::source;

#[derive(Debug, Args)]
pub struct Kit {
    /// The installer, stamped or a base
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The management systems
    #[arg(long = "for", value_name = "SYSTEM", value_delimiter = ',', required = true)]
    pub systems: Vec<System>,
    /// The folder to write; it must not be there yet, or be empty
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// For a base: the token, which then comes in a transform or a profile; - is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "token_env")]
    pub token_file: Option<PathBuf>,
    /// For a base: the environment variable with the token
    #[arg(long, value_name = "NAME")]
    pub token_env: Option<String>,
    /// Print the kit's receipt on standard output
    #[arg(long)]
    pub json: bool,
}

/// A management system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// Microsoft Intune: an msi or a pkg
    Intune,
    /// Group Policy: an msi
    Gpo,
    /// Jamf Pro: a pkg
    Jamf,
}

impl System {
    /// Whether it takes such an installer.
    pub const fn takes(self, kind: Kind) -> bool {
        matches!((self, kind), (Self::Intune, Kind::Msi | Kind::Pkg) | (Self::Gpo, Kind::Msi) | (Self::Jamf, Kind::Pkg))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Intune => "intune",
            Self::Gpo => "gpo",
            Self::Jamf => "jamf",
        }
    }
}

pub fn run(args: &Kit) -> Result<(), Failure> {
    let token = match (&args.token_file, &args.token_env) {
        (None, None) => None,
        (Some(path), _) => Some(source::token_file(path)?),
        (None, Some(name)) => Some(source::token_env(name)?),
    };
    let pending = PendingFolder::create(&args.output, false)?;
    let receipt = write(pending, &args.file, &args.systems, token.as_ref(), doors::epoch()?)?;
    if args.json {
        return receipt::print(&receipt);
    }
    eprintln!("wrote {}: {} files; start with README.md", args.output.display(), receipt.files.len());
    Ok(())
}

/// `kit.json`.
#[derive(Debug, Serialize)]
pub struct Receipt {
    tool: &'static str,
    /// The installer that the kit was made of.
    installer: String,
    #[serde(flatten)]
    digest: FileDigest,
    #[serde(flatten)]
    inspection: Inspection,
    #[serde(rename = "for")]
    systems: Vec<System>,
    /// The token that came with the kit, where the installer has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    kit_token: Option<TokenSummary>,
    /// Whether somebody who reads the kit can enroll a device.
    secret: bool,
    files: Vec<KitFile>,
}

#[derive(Debug, Serialize)]
struct KitFile {
    path: String,
    #[serde(flatten)]
    digest: FileDigest,
}

/// Makes a kit and puts it in its place.
pub fn write(
    pending: PendingFolder,
    path: &Path,
    systems: &[System],
    token: Option<&Token>,
    epoch: Epoch,
) -> Result<Receipt, Failure> {
    let about = |failure: Failure| failure.about(path);
    let file = source::installer(path)?;
    let format = formats::recognise(&file).map_err(|error| about(error.into()))?;
    let mut systems = systems.to_vec();
    systems.sort_unstable();
    systems.dedup();
    if let Some(wrong) = systems.iter().find(|system| !system.takes(format.kind())) {
        let message = format!("{} does not take a {}", wrong.name(), format.kind().extension());
        return Err(about(Failure::usage(message)));
    }
    check(format, &file, path)?;
    let inspection = format.inspect(&file).map_err(|error| about(error.into()))?;
    let mut folder = Folder::new(pending.root().to_path_buf());
    let job = Job { path, file: &file, kind: format.kind(), token, epoch };
    for system in &systems {
        job.write(*system, &mut folder).map_err(|error| about(error.into()))?;
    }
    let secret = inspection.token.is_some() || token.is_some();
    let names: Vec<&str> = systems.iter().map(|system| system.name()).collect();
    let index = Index { product: &inspection.product, version: &inspection.version, systems: names, secret };
    folder.page("README.md", "kit/index.md.hbs", include_str!("../../templates/kit/index.md.hbs"), &index)?;
    let mut files = Vec::new();
    for name in folder.files() {
        let digest = receipt::digest(&source::installer(&pending.root().join(name))?, Path::new(name))?;
        files.push(KitFile { path: name.clone(), digest });
    }
    let receipt = Receipt {
        tool: TOOL,
        installer: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        digest: receipt::digest(&file, path)?,
        inspection,
        systems,
        kit_token: token.map(TokenSummary::from),
        secret,
        files,
    };
    folder.json("kit.json", &serde_json::to_value(&receipt).map_err(Failure::wrong)?)?;
    pending.finish(if secret { Readers::Owner } else { Readers::All })?;
    Ok(receipt)
}

#[derive(Serialize)]
struct Index<'a> {
    product: &'a str,
    version: &'a str,
    systems: Vec<&'static str>,
    secret: bool,
}

/// Everything that the format knows by itself must hold: a kit is checked before the upload.
fn check(format: &dyn Format, file: &FileAt, path: &Path) -> Result<(), Failure> {
    let mut report = Report::new();
    format.verify(file, &mut report).map_err(|error| Failure::from(error).about(path))?;
    if report.is_ok() {
        return Ok(());
    }
    super::verify::print(&report, path);
    Err(Failure::wrong("the installer does not verify; no kit was made").about(path))
}

struct Job<'a> {
    path: &'a Path,
    file: &'a FileAt,
    kind: Kind,
    token: Option<&'a Token>,
    epoch: Epoch,
}

impl Job<'_> {
    fn write(&self, system: System, folder: &mut Folder) -> Result<(), KitError> {
        let name = self.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        match (system, self.kind) {
            (System::Gpo, Kind::Msi) => {
                kit::gpo::write(folder, &Windows::read(self.file, &name)?, self.file, self.token)
            }
            (System::Intune, Kind::Msi) => {
                let keys = keys()?;
                let msi = Windows::read(self.file, &name)?;
                kit::intune::windows::write(folder, &msi, self.file, self.token, &keys, self.epoch)
            }
            _ => Ok(()),
        }
    }
}

fn keys() -> Result<Keys, KitError> {
    let mut random = zeroize::Zeroizing::new([0; Keys::BYTES]);
    doors::fill(&mut *random)
        .map_err(|problem| KitError::Document { path: "keys".to_owned(), problem: problem.to_string() })?;
    Ok(Keys::new(&random))
}
