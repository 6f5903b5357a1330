//! The product that is installed: the reference agent in an MSI, a deb and an rpm, each in the service's store.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use xshell::{Shell, cmd};

use crate::failure::{AtPath, Result};
use crate::payloads;
use crate::serving::{Serving, text};

/// Its name.
pub(super) const PRODUCT: &str = "Fleet Agent";
/// What its package and its service are called.
pub(super) const PACKAGE: &str = "fleet-agent";

const MANIFEST: &str = r#"
[product]
name = "Fleet Agent"
file-stem = "Fleet-Agent"
version = "1.4.2"
publisher = "TheOneRMM"
summary = "enrolls and checks in"
license = "MIT"
maintainer = "TheOneRMM <packages@theonermm.example>"

[token]
issuer-keys = "issuer-keys.json"

[service]
linux-arguments = ["run"]
windows-arguments = ["run"]

[[agent]]
platform = "linux"
arch = "ARCH"
path = "reference-agent"

[[file]]
platform = "linux"
source = "agent.json"
destination = "AGENT-FOLDER/agent.json"

[[agent]]
platform = "windows"
arch = "x64"
path = "reference-agent.exe"

[[file]]
platform = "windows"
source = "agent.json"
destination = "agent.json"

[windows]
upgrade-code = "{7A4E8C1D-53B0-4E0B-8A77-5D0C0F9B2E13}"
"#;

/// An installer that was downloaded, and the token in it.
pub(super) struct Download {
    /// The file's name in the folder.
    pub(super) name: String,
    /// The token's id.
    pub(super) token: String,
}

/// Builds the bases, which have the service's address and public keys inside, and gives them to the service.
pub(super) fn publish(sh: &Shell, stampwright: &Path, service: &Serving, folder: &Path) -> Result {
    eprintln!("building the reference agent for Linux and Windows");
    let agents = [payloads::reference_agent(sh)?, payloads::reference_agent_for_windows(sh)?];
    fs::create_dir_all(folder).at("create", folder)?;
    for agent in agents {
        let name = agent.file_name().unwrap_or_default();
        fs::copy(&agent, folder.join(name)).at("copy from", &agent)?;
    }
    let config = json!({
        "product": PRODUCT, "publisher-folder": "TheOneRMM", "folder": PRODUCT, "package": PACKAGE,
        "bundle-id": "com.theonermm.fleet", "version": [1, 4, 2], "server": service.address,
        "fingerprint-key": "07".repeat(32), "first-try-secs": 1,
    });
    let keys = service.ask(sh, "GET", "/v1/jwks", None)?;
    write(folder, "agent.json", &config.to_string())?;
    write(folder, "issuer-keys.json", &keys.to_string())?;
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    let (manifest, bases) = (folder.join("stampwright.toml"), folder.join("bases"));
    for (format, agent_folder) in [("msi", "/usr/lib"), ("deb", "/usr/lib"), ("rpm", "/usr/libexec")] {
        let text = MANIFEST.replace("ARCH", arch).replace("AGENT-FOLDER", &format!("{agent_folder}/{PACKAGE}"));
        write(folder, "stampwright.toml", &text)?;
        cmd!(sh, "{stampwright} build --product {manifest} --format {format} -o {bases}")
            .quiet()
            .ignore_stdout()
            .ignore_stderr()
            .run()?;
        service.put_base(sh, &bases.join(format!("Fleet-Agent.{format}")))?;
    }
    println!(
        "built      an MSI, a deb and an rpm of the reference agent, with this service's address and public keys inside"
    );
    Ok(())
}

/// Mints a token and follows a link to the installer with it.
pub(super) fn download(sh: &Shell, service: &Serving, folder: &Path, platform: &str, format: &str) -> Result<Download> {
    let token = service.ask(sh, "POST", "/v1/tokens", Some(&json!({ "tenant": "acme", "product": PRODUCT })))?;
    let token = text(&token, "id")?;
    let wish = json!({ "product": PRODUCT, "platform": platform, "format": format, "token_id": token });
    let link: Value = service.ask(sh, "POST", "/v1/links", Some(&wish))?;
    let (url, name) = (text(&link, "url")?, text(&link, "file_name")?);
    let file = folder.join(&name);
    cmd!(sh, "curl -sS --fail -o {file} {url}").quiet().run()?;
    println!("downloaded {name}, with the token {token} inside");
    Ok(Download { name, token })
}

fn write(folder: &Path, name: &str, text: &str) -> Result {
    let path = folder.join(name);
    fs::write(&path, text).at("write", &path)
}
