//! The product that an agent belongs to, and where its installer and itself put things.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::slot::Slot;

/// The product, compiled into its agent. The names are those of the manifest that its installers are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// `product.name`: what tokens say as `product`.
    pub name: String,
    /// `publisher-folder`, else the publisher: Windows and macOS.
    pub publisher_folder: String,
    /// `folder`, else the product's name: Windows and macOS.
    pub folder: String,
    /// The name of the deb and the rpm.
    pub package: String,
    /// The name of the service: `service.name`, else the package's. Windows and systemd; launchd's label is the bundle id.
    pub service: String,
    /// The bundle id: macOS.
    pub bundle_id: String,
    /// The agent's version.
    pub version: [u32; 3],
}

impl Product {
    /// Names that lead out of a folder are refused: they become parts of paths.
    pub(crate) fn check(&self) -> Result {
        let is_plain = |name: &str| {
            !name.is_empty()
                && !name.starts_with('.')
                && !name.contains(['/', '\\', ':'])
                && !name.contains(char::is_control)
        };
        match [&self.publisher_folder, &self.folder, &self.package, &self.service, &self.bundle_id]
            .iter()
            .all(|name| is_plain(name))
        {
            true if !self.name.is_empty() => Ok(()),
            _ => Err(Error::Product("a name is empty or cannot be the name of a folder")),
        }
    }

    /// The version as text.
    #[must_use]
    pub fn version_text(&self) -> String {
        let [major, minor, patch] = self.version;
        format!("{major}.{minor}.{patch}")
    }
}

/// Where things are on this system (docs/agent-contract.md, "Where things are").
#[derive(Debug, Clone)]
pub struct Places {
    /// The token that the installer left.
    pub(crate) token: Slot,
    /// The enrollment state, written for the installer.
    pub(crate) state: Slot,
    /// The folder with the agent's own state.
    pub(crate) folder: PathBuf,
    /// The issuer's public keys, where the product has some.
    pub(crate) issuer_keys: PathBuf,
    /// What an administrator has set.
    pub(crate) policy: Policy,
    /// They are the running system's own, whose service manager knows the agent.
    pub(crate) is_this_system: bool,
}

/// Where an administrator's settings are.
#[derive(Debug, Clone)]
pub(crate) enum Policy {
    /// A JSON file.
    File(PathBuf),
    /// Values of a registry key below HKEY_LOCAL_MACHINE.
    #[cfg_attr(not(windows), allow(dead_code, reason = "Windows only"))]
    Registry(String),
}

impl Places {
    /// The places of the running system.
    #[must_use]
    pub fn of(product: &Product) -> Self {
        match () {
            () if cfg!(windows) => Self::windows(product),
            () if cfg!(target_os = "macos") => Self::macos(product),
            () => Self::linux_below(product, Path::new("/")),
        }
    }

    /// The places of a Linux that lies below `root`: for tests, and for images that are prepared from outside.
    #[must_use]
    pub fn linux_below(product: &Product, root: &Path) -> Self {
        let package = &product.package;
        let folder = root.join("var/lib").join(package);
        // A deb has it in the first, an rpm in the second (docs/agent-contract.md).
        let keys = ["usr/lib", "usr/libexec"].map(|prefix| root.join(prefix).join(package).join("issuer-keys.json"));
        let [deb, rpm] = keys;
        Self {
            token: Slot::File(root.join("etc").join(package).join("enrollment-token")),
            state: Slot::File(folder.join("enrollment-state")),
            issuer_keys: if rpm.is_file() { rpm } else { deb },
            policy: Policy::File(root.join("etc").join(package).join("policy.json")),
            is_this_system: root == Path::new("/"),
            folder,
        }
    }

    fn macos(product: &Product) -> Self {
        let folder = Path::new("/Library/Application Support").join(&product.publisher_folder).join(&product.folder);
        Self {
            token: Slot::File(folder.join("enrollment-token")),
            state: Slot::File(folder.join("enrollment-state")),
            issuer_keys: folder.join("issuer-keys.json"),
            policy: Policy::File(folder.join("policy.json")),
            is_this_system: true,
            folder,
        }
    }

    fn windows(product: &Product) -> Self {
        let below = |prefix: &str| Path::new(prefix).join(&product.publisher_folder).join(&product.folder);
        let key = format!(r"SOFTWARE\{}\{}", product.publisher_folder, product.folder);
        let policies = format!(r"SOFTWARE\Policies\{}\{}", product.publisher_folder, product.folder);
        Self {
            token: Slot::Registry { key: key.clone(), value: "EnrollmentToken" },
            state: Slot::Registry { key, value: "EnrollmentState" },
            folder: below(r"C:\ProgramData"),
            issuer_keys: below(r"C:\Program Files").join("issuer-keys.json"),
            policy: Policy::Registry(policies),
            is_this_system: true,
        }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn product() -> Product {
        Product {
            name: "Probe Agent".into(),
            publisher_folder: "Example".into(),
            folder: "Probe Agent".into(),
            package: "probe-agent".into(),
            service: "probe-service".into(),
            bundle_id: "com.example.probe".into(),
            version: [1, 4, 2],
        }
    }

    #[test]
    fn names_that_lead_out_of_a_folder_are_refused() {
        product().check().unwrap();
        for name in ["", "..", "a/b", r"a\b", "C:", "a\nb"] {
            assert!(Product { package: name.into(), ..product() }.check().is_err(), "{name:?}");
            assert!(Product { folder: name.into(), ..product() }.check().is_err(), "{name:?}");
        }
    }
}
