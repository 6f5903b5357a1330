//! `agent.json`, which lies beside the program: which product this agent stands in for.

use std::path::{Path, PathBuf};

use agent_kit::net::Roots;
use agent_kit::{Kit, Places, Product};
use serde_json::{Map, Value};

/// The most bytes of the file.
const MAX_BYTES: u64 = 64 * 1024;

/// The file.
pub(crate) struct Config {
    product: Product,
    /// `https://HOST[:PORT]`.
    server: String,
    /// 64 hex digits.
    fingerprint_key: String,
    /// Certificates (PEM) that the server's must come from; the system's store without it.
    roots: Option<String>,
    /// Where the log goes; standard error without it.
    log: Option<PathBuf>,
    /// First requests are spread over so many seconds.
    first_try_secs: Option<u64>,
    /// A folder, from the program's own: everything lies below it as on a Linux. For agents that are tried out, unpacked and without root.
    root: Option<PathBuf>,
}

/// The file's members, each taken once.
struct Members(Map<String, Value>);

impl Members {
    fn optional(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("{name} is not text")),
        }
    }

    fn text(&mut self, name: &str) -> Result<String, String> {
        self.optional(name)?.ok_or_else(|| format!("{name} is missing"))
    }

    fn path(&mut self, name: &str) -> Result<Option<PathBuf>, String> {
        Ok(self.optional(name)?.map(PathBuf::from))
    }

    fn seconds(&mut self, name: &str) -> Result<Option<u64>, String> {
        let value = self.0.remove(name).filter(|value| !value.is_null());
        value.map(|value| value.as_u64().ok_or_else(|| format!("{name} is not a number of seconds"))).transpose()
    }

    fn version(&mut self) -> Result<[u32; 3], String> {
        let value = self.0.remove("version");
        let numbers = value.as_ref().and_then(Value::as_array).into_iter().flatten();
        let numbers: Vec<u32> = numbers.filter_map(|number| number.as_u64()?.try_into().ok()).collect();
        let three = numbers.try_into().map_err(|_| "version is not a list of three numbers".to_owned())?;
        Ok(three)
    }

    /// Nothing else may be in the file: a member with a wrong name would be silently without effect.
    fn end(self) -> Result<(), String> {
        self.0.keys().next().map_or(Ok(()), |name| Err(format!("{name} is none of this file's members")))
    }
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
        let document: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::understand(document).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn understand(document: Value) -> Result<Self, String> {
        let Value::Object(members) = document else { return Err("it is not an object".to_owned()) };
        let mut members = Members(members);
        let package = members.text("package")?;
        let config = Self {
            product: Product {
                name: members.text("product")?,
                publisher_folder: members.text("publisher-folder")?,
                folder: members.text("folder")?,
                // The manifest's `service.name`; the package's without it.
                service: members.optional("service")?.unwrap_or_else(|| package.clone()),
                package,
                bundle_id: members.text("bundle-id")?,
                version: members.version()?,
            },
            server: members.text("server")?,
            fingerprint_key: members.text("fingerprint-key")?,
            roots: members.optional("roots")?,
            log: members.path("log")?,
            first_try_secs: members.seconds("first-try-secs")?,
            root: members.path("root")?,
        };
        members.end()?;
        Ok(config)
    }

    pub(crate) fn kit(&self) -> Result<Kit, String> {
        let product = self.product.clone();
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
