//! `stampwright token mint`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use installer::proof::hex;
use stampwright::input::{self, OpenKey};
use stampwright::issuer::{Issuer, NewClaims};
use stampwright::output::{self, Files, Pending, Readers};
use stampwright::{Error, Result, Token};

use super::date::date;
use crate::args::seconds;
use crate::env;
use crate::print::{self, Results};

#[derive(Debug, Args)]
pub struct Mint {
    /// The issuer's private key, as token keygen writes it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub key: PathBuf,
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
    /// Take a private key that others can read
    #[arg(long)]
    pub allow_open_key: bool,
    /// The file to write; - is standard output
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
}

pub fn run(args: &Mint) -> Result<()> {
    Files::new().reads(&args.key).writes(&args.output).check()?;
    let open = if args.allow_open_key { OpenKey::Allow } else { OpenKey::Refuse };
    let bytes = input::private_key(&args.key, open)?;
    let issuer = Issuer::from_pem(&bytes).map_err(|error| error.about(&args.key))?;
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

fn write(path: &Path, token: &Token) -> Result<()> {
    let mut pending = Pending::text(path)?;
    writeln!(pending.file(), "{}", token.expose()).map_err(Error::io("write", path))?;
    pending.finish(Readers::Owner)
}
