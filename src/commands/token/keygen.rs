//! `stampwright token keygen`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, ValueHint};
use stampwright::issuer::{self, Algorithm};
use stampwright::output::{Pending, Readers};
use stampwright::{Error, Result};

use crate::env;
use crate::print::{self, Results};

#[derive(Debug, Args)]
pub struct Keygen {
    /// The files' name without ending; neither file may be there yet
    #[arg(short, long, value_name = "NAME", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// What the key signs with
    #[arg(long, value_name = "ALGORITHM", default_value = "eddsa")]
    pub alg: AlgorithmName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AlgorithmName {
    /// Ed25519
    Eddsa,
    /// ECDSA over P-256, which hardware and older libraries have
    Es256,
}

pub fn run(args: &Keygen) -> Result<()> {
    let algorithm = match args.alg {
        AlgorithmName::Eddsa => Algorithm::EdDsa,
        AlgorithmName::Es256 => Algorithm::Es256,
    };
    let (private, public) = (with_ending(&args.output, "key"), with_ending(&args.output, "jwks.json"));
    for path in [&private, &public] {
        if path.symlink_metadata().is_ok() {
            return Err(there_already(path));
        }
    }
    let key = issuer::generate(algorithm, &env::entropy)?;
    write(&private, key.to_pem().as_bytes(), Readers::Owner)?;
    if let Err(error) = write(&public, key.jwks().as_bytes(), Readers::All) {
        // Both or neither.
        let _ = fs::remove_file(&private);
        return Err(error);
    }
    let (private, public) = (private.display(), public.display());
    print::result(format_args!("wrote {private} (keep it secret) and {public}"), Results::Stdout);
    print::result(format_args!("  key id {}", key.id()), Results::Stdout);
    Ok(())
}

fn with_ending(name: &Path, ending: &str) -> PathBuf {
    let mut name = name.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

fn write(path: &Path, content: &[u8], readers: Readers) -> Result<()> {
    let mut pending = Pending::text(path)?;
    pending.file().write_all(content).map_err(Error::io("write", path))?;
    pending.finish_new(readers)
}

fn there_already(path: &Path) -> Error {
    Error::wrong(format!("{} is there already", path.display())).hint("a key that is lost is lost: choose another name")
}
