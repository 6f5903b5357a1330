//! `stampwright token inspect` and `stampwright token verify`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde::Serialize;
use stampwright::{Claims, Error, Result, Token, input};

use super::date::date;
use crate::args::token_file;
use crate::{env, print};

#[derive(Debug, Args)]
pub struct Inspect {
    /// The file with the token; - is standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Print one JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Verify {
    /// The file with the token; - is standard input
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The issuers' public keys (JWKS)
    #[arg(long, value_name = "JWKS", value_hint = ValueHint::FilePath)]
    pub issuer_keys: PathBuf,
    /// It must be for this product, by its name in the manifest
    #[arg(long, value_name = "PRODUCT")]
    pub product: Option<String>,
    /// Print one JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

/// What may be said of a token.
#[derive(Debug, Serialize)]
struct Document<'a> {
    len: usize,
    fingerprint: String,
    /// Whether a listed issuer's signature verifies; `false`: no keys were given, so it was not checked.
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<Said<'a>>,
}

#[derive(Debug, Serialize)]
struct Said<'a> {
    tenant: &'a str,
    product: &'a str,
    id: &'a str,
    issued: String,
    expires: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    least_agent: Option<&'a str>,
    key_id: &'a str,
}

pub fn inspect(args: &Inspect) -> Result<()> {
    let token = token_file(&args.file)?;
    let claims = Claims::from_token(&token).map_err(|error| Error::from(error).about(&args.file))?;
    say(&token, claims.as_ref(), false, args.json)
}

pub fn verify(args: &Verify) -> Result<()> {
    let keys = input::issuer_keys(&args.issuer_keys)?;
    let token = token_file(&args.file)?;
    let claims = keys.verify(&token).and_then(|claims| {
        let product = args.product.as_deref().unwrap_or(&claims.product);
        claims.check(env::now(), product)?;
        Ok(claims)
    });
    let claims = claims.map_err(|error| Error::from(error).about(&args.file))?;
    say(&token, Some(&claims), true, args.json)
}

fn say(token: &Token, claims: Option<&Claims>, verified: bool, json: bool) -> Result<()> {
    let said = claims.map(|claims| Said {
        tenant: &claims.tenant,
        product: &claims.product,
        id: &claims.id,
        issued: date(claims.issued),
        expires: date(claims.expires),
        serial: claims.serial.as_deref(),
        least_agent: claims.least_agent.as_deref(),
        key_id: &claims.key_id,
    });
    let document = Document { len: token.len(), fingerprint: token.fingerprint(), verified, claims: said };
    if json {
        return print::json(&document);
    }
    print::text(&text(&document));
    Ok(())
}

fn text(document: &Document<'_>) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{name:<22} {value}");
    };
    line("token", &format!("{} bytes, fingerprint {}", document.len, document.fingerprint));
    match &document.claims {
        None => line("kind", "opaque: only its server knows what it is"),
        Some(said) => {
            line("tenant", said.tenant);
            line("product", said.product);
            line("id", said.id);
            line("issued", &said.issued);
            line("expires", &said.expires);
            if let Some(serial) = said.serial {
                line("serial", serial);
            }
            if let Some(version) = said.least_agent {
                line("least agent", version);
            }
            line("issuer key", said.key_id);
            line("signature", if document.verified { "right" } else { "not checked: stampwright token verify" });
        }
    }
    out
}
