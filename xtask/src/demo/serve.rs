//! The download service on the bases of the demonstration: mint, link, download, resume, verify, revoke, refused.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use xshell::{Shell, cmd};

use super::report::findings;
use super::setup::FOLDER;
use crate::debian::{self, program};
use crate::failure::{AtPath, Result};
use crate::serving::{Serving, field, said, text};

/// Starts the service, and plays an administrator and a browser. The service goes on.
pub(super) fn run(sh: &Shell, stampwright: &Path) -> Result<Serving> {
    debian::ensure(sh, &[program("curl", "curl")])?;
    eprintln!("serving the bases");
    let service = Serving::start_with(
        sh,
        stampwright,
        &format!("{FOLDER}/serve"),
        &format!("{FOLDER}/bases"),
        "[enrollment]\nenabled = true\n",
    )?;
    println!("\nstampwright serve --bases {FOLDER}/bases --data {FOLDER}/serve: {}", service.address);
    let bases = service.ask(sh, "GET", "/v1/bases", None)?;
    let base = bases.as_array().and_then(|all| all.iter().find(|base| field(base, "format") == "msi"));
    let base = base.ok_or_else(|| said("the service lists no msi".to_owned()))?;
    let product = field(base, "product").clone();

    let minted = service.ask(sh, "POST", "/v1/tokens", Some(&json!({ "tenant": "acme", "product": product })))?;
    let id = text(&minted, "id")?;
    println!("minted     token {id} for acme, good until {}", text(&minted, "expires")?);
    let wish = json!({ "product": product, "platform": "windows", "token_id": id });
    let link = service.ask(sh, "POST", "/v1/links", Some(&wish))?;
    let url = text(&link, "url")?;
    println!("linked     {} for one use, {} bytes", text(&link, "file_name")?, field(&link, "size"));

    // The connection breaks, and what is there is gone on with: the cookie says whose download it is.
    let (folder, file) = (&service.folder, format!("{}/{}", service.folder, text(&link, "file_name")?));
    let broken = cmd!(sh, "curl -sS -c {folder}/jar --limit-rate 12M --max-time 1 -o {file} {url}");
    broken.quiet().ignore_status().ignore_stderr().run()?;
    let part = fs::metadata(sh.current_dir().join(&file)).at("measure", Path::new(&file))?.len();
    cmd!(sh, "curl -sS -b {folder}/jar -C - -o {file} {url}").quiet().ignore_stderr().run()?;
    println!("downloaded {part} bytes, then the rest: {file}");
    let base = format!("{FOLDER}/bases/{}", text(&link, "file_name")?);
    let report = cmd!(sh, "{stampwright} verify {file} --base {base} --json").quiet().read()?;
    println!("verified   {}", findings(&report)?);

    let status = |status: &str| println!("           the token is {status}");
    service.ask(sh, "POST", &format!("/v1/tokens/{id}/revoke"), Some(&json!({})))?;
    println!("revoked    token {id}");
    status(&text(&service.ask(sh, "GET", &format!("/v1/tokens/{id}/status"), None)?, "status")?);
    let refused = service.ask(sh, "POST", "/v1/links", Some(&wish))?;
    println!("refused    {}: {}", field(&refused, "status"), text(&refused, "detail")?);
    let rows = service.ask(sh, "GET", "/v1/installers", None)?;
    println!(
        "ledger     {} installer(s) of that token, outcome {}",
        rows.as_array().map_or(0, Vec::len),
        rows.as_array().and_then(|rows| rows.first()).map_or(&Value::Null, |row| field(row, "outcome"))
    );
    if field(&refused, "status") != 422 {
        return Err(said("the revoked token was not refused".to_owned()));
    }
    Ok(service)
}
