//! The reference agent as a product of the demonstration: a manifest and a configuration, with the service's address and public keys inside.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use xshell::{Shell, cmd};

use crate::failure::{AtPath, Result};
use crate::payloads;
use crate::serving::Serving;

/// Whose product it is.
pub(super) const PUBLISHER: &str = "TheOneRMM";

/// What it is called.
pub(super) struct Agent {
    /// The product.
    pub(super) product: &'static str,
    /// The stem of its files.
    pub(super) stem: &'static str,
    /// Its package and its service.
    pub(super) package: &'static str,
}

const MANIFEST: &str = r#"
[product]
name = "PRODUCT"
file-stem = "STEM"
version = "1.4.2"
publisher = "PUBLISHER"
summary = "enrolls and checks in"
license = "MIT"
maintainer = "TheOneRMM <packages@theonermm.example>"

[token]
issuer-keys = "issuer-keys.json"

[service]
linux-arguments = ["run"]
windows-arguments = ["run"]
"#;

const LINUX: &str = r#"
[[agent]]
platform = "linux"
arch = "ARCH"
path = "reference-agent"

[[file]]
platform = "linux"
source = "agent.json"
destination = "FOLDER/agent.json"
"#;

const WINDOWS: &str = r#"
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

impl Agent {
    /// Builds bases in these formats, and gives them to the service. `more` is what the agent's configuration has beside the usual.
    pub(super) fn publish(
        &self,
        sh: &Shell,
        stampwright: &Path,
        service: &Serving,
        folder: &Path,
        (formats, more): (&[&str], Value),
    ) -> Result {
        fs::create_dir_all(folder).at("create", folder)?;
        eprintln!("building the reference agent");
        for format in formats {
            let agent = self.program(sh, format)?;
            fs::copy(&agent, folder.join(agent.file_name().unwrap_or_default())).at("copy from", &agent)?;
        }
        let mut config = json!({
            "product": self.product, "publisher-folder": PUBLISHER, "folder": self.product, "package": self.package,
            "bundle-id": "com.theonermm.agent", "version": [1, 4, 2], "server": service.address,
            "fingerprint-key": "07".repeat(32),
        });
        if let (Some(config), Value::Object(more)) = (config.as_object_mut(), more) {
            config.extend(more);
        }
        let keys = service.ask(sh, "GET", "/v1/jwks", None)?;
        write(folder, "agent.json", &config.to_string())?;
        write(folder, "issuer-keys.json", &keys.to_string())?;
        let (manifest, bases) = (folder.join("stampwright.toml"), folder.join("bases"));
        for format in formats {
            write(folder, "stampwright.toml", &self.manifest(format))?;
            cmd!(sh, "{stampwright} build --product {manifest} --format {format} -o {bases}")
                .quiet()
                .ignore_stdout()
                .ignore_stderr()
                .run()?;
            service.put_base(sh, &bases.join(format!("{}.{format}", self.stem)))?;
        }
        println!(
            "built      {} of the reference agent, with this service's address and public keys inside",
            formats.join(", ")
        );
        Ok(())
    }

    fn program(&self, sh: &Shell, format: &str) -> Result<PathBuf> {
        if format == "msi" { payloads::reference_agent_for_windows(sh) } else { payloads::reference_agent(sh) }
    }

    fn manifest(&self, format: &str) -> String {
        let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
        let system = match format {
            "msi" => WINDOWS.to_owned(),
            "rpm" => LINUX.replace("FOLDER", &format!("/usr/libexec/{}", self.package)),
            _ => LINUX.replace("FOLDER", &format!("/usr/lib/{}", self.package)),
        };
        let head = MANIFEST.replace("PRODUCT", self.product).replace("STEM", self.stem).replace("PUBLISHER", PUBLISHER);
        head + &system.replace("ARCH", arch)
    }
}

fn write(folder: &Path, name: &str, text: &str) -> Result {
    let path = folder.join(name);
    fs::write(&path, text).at("write", &path)
}
