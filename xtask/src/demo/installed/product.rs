//! The product that is installed: the reference agent in an MSI, a deb and an rpm, each in the service's store.

use std::path::Path;

use serde_json::{Value, json};
use xshell::{Shell, cmd};

use crate::demo::agent::Agent;
use crate::failure::Result;
use crate::serving::{Serving, text};

/// What is installed.
pub(super) const AGENT: Agent = Agent { product: "Fleet Agent", stem: "Fleet-Agent", package: "fleet-agent" };

/// An installer that was downloaded, and the token in it.
pub(super) struct Download {
    /// The file's name in the folder.
    pub(super) name: String,
    /// The token's id.
    pub(super) token: String,
}

/// An MSI, a deb and an rpm of it.
pub(super) fn publish(sh: &Shell, stampwright: &Path, service: &Serving, folder: &Path) -> Result {
    AGENT.publish(sh, stampwright, service, folder, (&["msi", "deb", "rpm"], json!({ "first-try-secs": 1 })))
}

/// Mints a token and follows a link to the installer with it.
pub(super) fn download(sh: &Shell, service: &Serving, folder: &Path, platform: &str, format: &str) -> Result<Download> {
    let token = service.ask(sh, "POST", "/v1/tokens", Some(&json!({ "tenant": "acme", "product": AGENT.product })))?;
    let token = text(&token, "id")?;
    let wish = json!({ "product": AGENT.product, "platform": platform, "format": format, "token_id": token });
    let link: Value = service.ask(sh, "POST", "/v1/links", Some(&wish))?;
    let (url, name) = (text(&link, "url")?, text(&link, "file_name")?);
    let file = folder.join(&name);
    cmd!(sh, "curl -sS --fail -o {file} {url}").quiet().run()?;
    println!("downloaded {name}, with the token {token} inside");
    Ok(Download { name, token })
}
