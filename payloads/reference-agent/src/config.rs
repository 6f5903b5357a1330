//! `agent.json`, which lies beside the program: which product this agent stands in for.

use std::path::{Path, PathBuf};

use agent_kit::net::Roots;
use agent_kit::{Kit, Places, Product};
use serde::Deserialize;

/// The most bytes of the file.
const MAX_BYTES: u64 = 64 * 1024;

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    product: String,
    publisher_folder: String,
    folder: String,
    package: String,
    /// The manifest's `service.name`; the package's without it.
    #[serde(default)]
    service: Option<String>,
    bundle_id: String,
    version: [u32; 3],
    /// `https://HOST[:PORT]`.
    server: String,
    /// 64 hex digits.
    fingerprint_key: String,
    /// Certificates (PEM) that the server's must come from; the system's store without it.
    #[serde(default)]
    roots: Option<String>,
    /// Where the log goes; standard error without it.
    #[serde(default)]
    log: Option<PathBuf>,
    /// First requests are spread over so many seconds.
    #[serde(default)]
    first_try_secs: Option<u64>,
    /// A folder, from the program's own: everything lies below it as on a Linux. For agents that are tried out, unpacked and without root.
    #[serde(default)]
    root: Option<PathBuf>,
}

impl Config {
    pub(crate) fn beside_the_program() -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| format!("cannot find the program: {error}"))?;
        let mut config = Self::read(&program.with_file_name("agent.json"))?;
        if let Some(root) = &mut config.root {
            let folder = program.with_file_name(&*root);
            *root = folder.canonicalize().map_err(|error| format!("agent.json: root {}: {error}", folder.display()))?;
        }
        Ok(config)
    }

    fn read(path: &Path) -> Result<Self, String> {
        use std::io::Read;
        let mut text = String::new();
        let file = std::fs::File::open(path);
        let read = file.and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
        read.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    pub(crate) fn kit(&self) -> Result<Kit, String> {
        let product = Product {
            name: self.product.clone(),
            publisher_folder: self.publisher_folder.clone(),
            folder: self.folder.clone(),
            package: self.package.clone(),
            service: self.service.clone().unwrap_or_else(|| self.package.clone()),
            bundle_id: self.bundle_id.clone(),
            version: self.version,
        };
        let key = key(&self.fingerprint_key).ok_or("agent.json: fingerprint-key must have 64 hex digits")?;
        let places = self.root.as_ref().map(|root| Places::linux_below(&product, root));
        let mut builder = Kit::builder(product).server(&self.server).fingerprint_key(key);
        if let Some(pem) = &self.roots {
            builder = builder.roots(Roots::Only(pem.clone().into_bytes()));
        }
        if let Some(places) = places {
            builder = builder.places(places);
        }
        if let Some(seconds) = self.first_try_secs {
            builder = builder.first_try_within(std::time::Duration::from_secs(seconds));
        }
        builder.build().map_err(|error| error.to_string())
    }

    pub(crate) fn log(&self) -> Option<PathBuf> {
        self.log.clone()
    }
}

fn key(hex: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> =
        hex.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    bytes.try_into().ok().filter(|_| digits.len() == 64)
}
