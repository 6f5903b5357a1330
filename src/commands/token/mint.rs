//! `stampwright token mint`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, ValueHint};
use installer::proof::hex;
use stampwright::input::{self, OpenKey};
use stampwright::issuer::{Issuer, NewClaims};
use stampwright::output::{self, Files, Pending, Readers};
use stampwright::{Error, KeyPlace, Passphrase, Result, Token};

use super::date::date;
use crate::args::seconds;
use crate::env;
use crate::print::{self, Results};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("minting_key").required(true))]
pub struct Mint {
    /// The issuer's private key, as token keygen writes it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, group = "minting_key")]
    pub key: Option<PathBuf>,
    /// The private key on a PKCS #11 token (RFC 7512): pkcs11:token=T;object=O?module-path=LIBRARY
    #[arg(long, value_name = "URI", group = "minting_key", requires = "public_key")]
    pub pkcs11: Option<String>,
    /// A command that gets a SHA-256 digest (32 bytes) on standard input and answers its ECDSA signature; run without a shell
    #[arg(long, value_name = "COMMAND", group = "minting_key", requires = "public_key")]
    pub sign_command: Option<String>,
    /// The public half of a key on a token or behind a command: PEM, P-256
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "key")]
    pub public_key: Option<PathBuf>,
    /// The file with the token's PIN
    #[arg(
        long,
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        conflicts_with_all = ["key", "key_password_env"]
    )]
    pub key_password_file: Option<PathBuf>,
    /// The environment variable with the token's PIN
    #[arg(long, value_name = "NAME", conflicts_with = "key")]
    pub key_password_env: Option<String>,
    /// Whose devices enroll with it
    #[arg(long, value_name = "TENANT")]
    pub tenant: String,
    /// The product that it is for, by its name in the manifest
    #[arg(long, value_name = "PRODUCT")]
    pub product: String,
    /// How long it can be used: a number and s, m, h, d or w
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = seconds)]
    pub expires: u64,
    /// The serial number of the one device that may use it
    #[arg(long, value_name = "SERIAL")]
    pub serial: Option<String>,
    /// The oldest agent that may use it, e.g. 1.4.2
    #[arg(long, value_name = "VERSION")]
    pub least_agent: Option<String>,
    /// The token's own id; else a random one
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Take a private key or a PIN file that others can read
    #[arg(long)]
    pub allow_open_key: bool,
    /// The file to write; - is standard output
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
}

pub fn run(args: &Mint) -> Result<()> {
    let read = [&args.key, &args.public_key, &args.key_password_file].into_iter().flatten();
    read.fold(Files::new(), |files, path| files.reads(path)).writes(&args.output).check()?;
    let issuer = args.issuer()?;
    let id = match &args.id {
        Some(id) => id.clone(),
        None => hex(&env::random()?),
    };
    let issued = env::now();
    let claims = NewClaims {
        tenant: &args.tenant,
        product: &args.product,
        id: &id,
        issued,
        expires: issued.saturating_add(args.expires),
        serial: args.serial.as_deref(),
        least_agent: args.least_agent.as_deref(),
    };
    let (token, read) = issuer.mint(&claims)?;
    write(&args.output, &token)?;
    let line = format!("minted token {} for {}, good until {}", read.id, read.tenant, date(read.expires));
    print::result(line, Results::beside(output::is_stdout(&args.output)));
    Ok(())
}

impl Mint {
    fn issuer(&self) -> Result<Issuer> {
        let (place, public) = match (&self.key, &self.pkcs11, &self.sign_command, &self.public_key) {
            (Some(path), ..) => {
                let bytes = input::private_key(path, self.open_key())?;
                return Issuer::from_pem(&bytes).map_err(|error| error.about(path));
            }
            (None, Some(uri), _, Some(public)) => (KeyPlace::Pkcs11(uri), public),
            (None, None, Some(command), Some(public)) => (KeyPlace::Command(command), public),
            _ => return Err(Error::usage("a key is needed: --key, or --pkcs11 or --sign-command with --public-key")),
        };
        let hidden: Vec<&str> = self.key_password_env.as_deref().into_iter().collect();
        Issuer::elsewhere(place, public, self.pin()?, &hidden)
    }

    const fn open_key(&self) -> OpenKey {
        if self.allow_open_key { OpenKey::Allow } else { OpenKey::Refuse }
    }

    fn pin(&self) -> Result<Option<Passphrase>> {
        match (&self.key_password_file, &self.key_password_env) {
            (Some(path), _) => input::passphrase(path, self.open_key()).map(Some),
            (None, Some(name)) => env::passphrase(name).map(Some),
            (None, None) => Ok(None),
        }
    }
}

fn write(path: &Path, token: &Token) -> Result<()> {
    let mut pending = Pending::text(path)?;
    writeln!(pending.file(), "{}", token.expose()).map_err(Error::io("write", path))?;
    pending.finish(Readers::Owner)
}
