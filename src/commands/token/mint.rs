//! `stampwright token mint`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use installer::proof::hex;
use installer::{IssuerKeys, Token};
use signing::issuer::{Claims, IssuerKey};

use crate::doors;
use crate::failure::Failure;
use crate::output::{Pending, Readers};
use crate::{signer, source};

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

/// No token is good for longer than ten years.
const MOST_SECS: u64 = 10 * 366 * 86_400;

pub fn run(args: &Mint) -> Result<(), Failure> {
    let bytes = signer::secret_file(&args.key, args.allow_open_key)?;
    let key = IssuerKey::of_pem(&bytes).map_err(|error| Failure::wrong(error).about(&args.key))?;
    let id = match &args.id {
        Some(id) => id.clone(),
        None => hex(&doors::random()?),
    };
    let issued = doors::now();
    let claims = Claims {
        tenant: &args.tenant,
        product: &args.product,
        id: &id,
        issued,
        expires: issued.saturating_add(args.expires),
        serial: args.serial.as_deref(),
        least_agent: args.least_agent.as_deref(),
    };
    let token = Token::parse(key.mint(&claims).map_err(Failure::wrong)?.as_bytes())?;
    // Read by the code that will read it: what would be refused later is refused now.
    let read = IssuerKeys::parse(key.jwks().as_bytes()).and_then(|keys| keys.verify(&token))?;
    write(&args.output, &token)?;
    eprintln!("minted token {} for {}, good until {}", read.id, read.tenant, source::date(read.expires));
    Ok(())
}

fn write(path: &Path, token: &Token) -> Result<(), Failure> {
    if path == Path::new("-") {
        let mut out = std::io::stdout().lock();
        return writeln!(out, "{}", token.expose()).and_then(|()| out.flush()).map_err(Failure::io("write", path));
    }
    let mut pending = Pending::create(path)?;
    writeln!(pending.file(), "{}", token.expose()).map_err(Failure::io("write", path))?;
    pending.finish(Readers::Owner)
}

/// `30d` and the like, in seconds.
pub fn seconds(text: &str) -> Result<u64, String> {
    let must = || "must be a number and s, m, h, d or w, ten years at most, e.g. 30d".to_owned();
    let split = text.len().checked_sub(1).and_then(|at| text.split_at_checked(at)).ok_or_else(must)?;
    let unit = match split.1 {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(must()),
    };
    let plain = split.0.bytes().all(|byte| byte.is_ascii_digit());
    let secs = split.0.parse::<u64>().ok().filter(|_| plain).and_then(|number| number.checked_mul(unit));
    secs.filter(|secs| (1..=MOST_SECS).contains(secs)).ok_or_else(must)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_and_an_end() {
        assert_eq!((seconds("30d"), seconds("2h"), seconds("1s")), (Ok(2_592_000), Ok(7200), Ok(1)));
        for wrong in ["", "d", "30", "0d", "-1d", "+1d", "1.5d", "3661d", "99999999999999999999d", "1y", "1 d", "30ä"]
        {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
