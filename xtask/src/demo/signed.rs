//! Signatures that stay: a base is signed once with a key that is thrown away, prepared, and stamped with a token that an issuer has
//! signed; and beside it, a stamp that is signed anew. Both are judged up to the root that was made for them.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use xshell::{Cmd, Shell, cmd};

use super::report::findings;
use super::setup::{FOLDER, MANIFEST};
use crate::debian::{self, program};
use crate::failure::{AtPath, Result};
use crate::sign::{CODE_SIGNING, INSTALLER, Throwaway};

/// The formats that carry a signature, and what their signer's certificate is for.
const SIGNED: [(&str, &str); 2] = [("msi", CODE_SIGNING), ("pkg", INSTALLER)];

/// Signs, prepares and stamps the sample product, and prints a table.
pub(super) fn run(sh: &Shell, stampwright: &Path) -> Result {
    debian::ensure(sh, &[program("openssl", "openssl")])?;
    let folder = format!("{FOLDER}/signed");
    let full = sh.current_dir().join(&folder);
    if full.exists() {
        fs::remove_dir_all(&full).at("remove", &full)?;
    }
    fs::create_dir_all(&full).at("create", &full)?;
    eprintln!("signing, and stamping what is signed");
    quietly(cmd!(sh, "{stampwright} token keygen -o {folder}/issuer"))?;
    let token = format!("{folder}/token");
    let mint = cmd!(sh, "{stampwright} token mint --key {folder}/issuer.key --tenant acme -o {token}");
    quietly(mint.args(["--product", "TheOneRMM Agent"]))?;
    println!("\n{:<11}{:<46}{:>12}{:>10}  findings", "signed", "file", "what", "time");
    for (format, usage) in SIGNED {
        let Throwaway { key, certificate } = Throwaway::with_usage(sh, &full.join(format), usage)?;
        let name = format!("TheOneRMM-Agent.{format}");
        let [base, signed, prepared] = ["bases", "signed", "prepared"].map(|what| format!("{folder}/{what}/{name}"));
        for file in [&signed, &prepared] {
            let parent = sh.current_dir().join(Path::new(file).parent().unwrap_or(Path::new(".")));
            fs::create_dir_all(&parent).at("create", &parent)?;
        }
        let build = cmd!(sh, "{stampwright} build --product {MANIFEST} --format {format} -o {folder}/bases");
        quietly(build.args(["--issuer-keys", &format!("{folder}/issuer.jwks.json")]))?;
        let signer = || ["--certs".as_ref(), certificate.as_os_str(), "--key".as_ref(), key.as_os_str()];
        let time = quietly(cmd!(sh, "{stampwright} sign {base} -o {signed}").args(signer()))?;
        row(format, &signed, "sign", time, "");
        let time = quietly(cmd!(sh, "{stampwright} prepare {signed} -o {prepared}"))?;
        row(format, &prepared, "prepare", time, "");
        let [kept, anew] = ["kept", "anew"].map(|what| format!("{folder}/{what}-{name}"));
        let time = quietly(cmd!(sh, "{stampwright} stamp {prepared} --token-file {token} -o {kept}"))?;
        row(format, &kept, "stamp", time, &judged(sh, stampwright, &kept, &token, &certificate)?);
        let resign = cmd!(sh, "{stampwright} stamp {signed} --token-file {token} -o {anew} --resign").args(signer());
        let time = quietly(resign)?;
        row(format, &anew, "resign", time, &judged(sh, stampwright, &anew, &token, &certificate)?);
    }
    Ok(())
}

/// Runs it and says how long that took.
fn quietly(command: Cmd<'_>) -> Result<Duration> {
    let begin = Instant::now();
    command.quiet().ignore_stdout().ignore_stderr().run()?;
    Ok(begin.elapsed())
}

fn judged(sh: &Shell, stampwright: &Path, file: &str, token: &str, root: &Path) -> Result<String> {
    let report = cmd!(sh, "{stampwright} verify {file} --token-file {token} --root {root} --json").quiet();
    findings(&report.read()?)
}

fn row(format: &str, file: &str, what: &str, time: Duration, findings: &str) {
    let millis = format!("{:.0} ms", time.as_secs_f64() * 1000.0);
    println!("{format:<11}{file:<46}{what:>12}{millis:>10}  {findings}");
}
