//! What a product is once it has been checked.

use std::path::{Path, PathBuf};

use super::manifest::{Arch, Compression, InstallLocation, Platform, Restart};
use crate::claims::{ClaimsError, IssuerKeys};
use crate::version::Version;

/// A validated product.
#[derive(Debug, Clone)]
pub struct Product {
    pub(super) name: String,
    pub(super) file_stem: String,
    pub(super) version: Version,
    pub(super) windows_version: String,
    pub(super) macos_version: String,
    pub(super) notes: Vec<String>,
    pub(super) publisher: String,
    pub(super) summary: String,
    pub(super) description: Option<String>,
    pub(super) homepage: Option<String>,
    pub(super) license: String,
    pub(super) license_text: Option<String>,
    pub(super) maintainer: String,
    pub(super) executable: String,
    pub(super) folder: String,
    pub(super) publisher_folder: String,
    pub(super) token_slot: bool,
    pub(super) token_required: bool,
    pub(super) issuer_keys: Option<Vec<u8>>,
    pub(super) token_readers: Vec<(Arch, PathBuf)>,
    /// What installers bring of their own, signed.
    pub(super) own_programs: Vec<(Arch, Vec<u8>)>,
    pub(super) signing: Signing,
    pub(super) service: Option<Service>,
    pub(super) agents: Vec<AgentFile>,
    pub(super) files: Vec<ExtraFile>,
    pub(super) links: Vec<ExtraLink>,
    pub(super) registry: Vec<RegistryValue>,
    pub(super) on_path: bool,
    pub(super) upgrade_code: Option<String>,
    pub(super) bundle_id: Option<String>,
    pub(super) minimum_macos: (u16, u16),
    pub(super) install_location: InstallLocation,
    pub(super) intel_only: bool,
    pub(super) package: String,
    pub(super) packages: Packages,
}

/// What the two Linux packages have of their own.
#[derive(Debug, Clone)]
pub(super) struct Packages {
    pub(super) command: Option<String>,
    pub(super) depends: Vec<String>,
    pub(super) section: String,
    pub(super) compression: Compression,
    pub(super) rpm_requires: Vec<(String, Option<(RpmCompare, String)>)>,
    pub(super) rpm_compression: Compression,
}

/// How the version of a required package compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum RpmCompare {
    Less,
    AtMost,
    Equal,
    AtLeast,
    More,
}

/// The service that the agent runs as.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it; the manifest's schema has the details")]
pub struct Service {
    pub name: String,
    pub(crate) display_name: String,
    pub(crate) description: String,
    pub(crate) restart: Restart,
    pub(crate) restart_delay_secs: u32,
    pub(super) windows_arguments: Vec<String>,
    pub(super) macos_arguments: Vec<String>,
    pub(super) linux_arguments: Vec<String>,
}

impl Service {
    /// The agent's arguments on a platform, each as the agent will see it.
    #[must_use]
    pub(crate) fn arguments(&self, platform: Platform) -> &[String] {
        match platform {
            Platform::Windows => &self.windows_arguments,
            Platform::Macos => &self.macos_arguments,
            Platform::Linux => &self.linux_arguments,
        }
    }
}

/// Who signs the installers of one format.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it; the manifest's schema has the details")]
pub struct SigningReferences {
    pub certs: Option<PathBuf>,
    pub key: Option<PathBuf>,
    pub pkcs12: Option<PathBuf>,
    pub pkcs11: Option<String>,
    pub sign_command: Option<String>,
    pub sign_file_command: Option<String>,
    pub key_password_file: Option<PathBuf>,
    pub key_password_env: Option<String>,
    pub timestamp: Option<String>,
    pub description: Option<String>,
    pub url: Option<String>,
}

/// Who signs what, by the form of the signature.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signing {
    /// MSIs, with Authenticode.
    pub windows: Option<SigningReferences>,
    /// Flat packages.
    pub macos: Option<SigningReferences>,
    /// RPMs, with OpenPGP.
    pub rpm: Option<SigningReferences>,
}

/// One agent of a product: where its file is, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AgentFile {
    pub platform: Platform,
    pub arch: Arch,
    /// The executable or the `.app` folder.
    pub path: PathBuf,
}

/// A symbolic link that is installed beside the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraLink {
    /// The operating system that it is for.
    pub platform: Platform,
    /// The architecture that it is for; `None`: all.
    pub arch: Option<Arch>,
    /// Where it is, as a file's destination.
    pub(crate) destination: String,
    /// Where it leads.
    pub target: String,
}

/// A value below HKEY_LOCAL_MACHINE, in the 64-bit half of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryValue {
    /// The key, with `\` between its parts.
    pub key: String,
    /// The value's name; `None`: the key's default value.
    pub name: Option<String>,
    /// What it is.
    pub data: RegistryData,
}

/// What a registry value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryData {
    /// REG_SZ.
    String(String),
    /// REG_EXPAND_SZ.
    Expand(String),
    /// REG_DWORD.
    Dword(u32),
}

/// A file that is installed beside the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraFile {
    /// The operating system that it is for.
    pub platform: Platform,
    /// The architecture that it is for; `None`: all.
    pub arch: Option<Arch>,
    /// Where it is.
    pub source: PathBuf,
    /// Where it goes, with `/` between the parts and none at the start: below the root on macOS and Linux, below
    /// the installation folder on Windows.
    pub(crate) destination: String,
    /// Its mode.
    pub mode: u32,
    /// Whether an upgrade keeps what is there, and puts its own default beside it.
    pub(crate) config: bool,
}

impl Product {
    /// The agents, each of which becomes one installer: sorted by platform, then by architecture.
    #[cfg(test)]
    pub(crate) fn agents(&self) -> &[AgentFile] {
        &self.agents
    }

    /// The agents of one platform.
    pub fn agents_for(&self, platform: Platform) -> impl Iterator<Item = &AgentFile> {
        self.agents.iter().filter(move |agent| agent.platform == platform)
    }

    /// The same product with the extra files of one agent's architecture: what its installer is built of.
    #[must_use]
    pub fn for_agent(&self, agent: &AgentFile) -> Self {
        let mut product = self.clone();
        product.files.retain(|file| file.arch.is_none_or(|arch| arch == agent.arch));
        product.links.retain(|link| link.arch.is_none_or(|arch| arch == agent.arch));
        product
    }

    /// The extra files of one platform.
    pub(crate) fn files_for(&self, platform: Platform) -> impl Iterator<Item = &ExtraFile> {
        self.files.iter().filter(move |file| file.platform == platform)
    }

    /// The registry values of the MSI.
    #[must_use]
    pub(crate) fn registry(&self) -> &[RegistryValue] {
        &self.registry
    }

    /// Whether the MSI adds the installation folder to the machine's PATH.
    #[must_use]
    pub(crate) const fn is_on_path(&self) -> bool {
        self.on_path
    }

    /// The symbolic links of one platform.
    pub(crate) fn links_for(&self, platform: Platform) -> impl Iterator<Item = &ExtraLink> {
        self.links.iter().filter(move |link| link.platform == platform)
    }

    /// Where the files and links of one platform go.
    pub(crate) fn destinations_for(&self, platform: Platform) -> impl Iterator<Item = &str> {
        let files = self.files_for(platform).map(|file| file.destination.as_str());
        files.chain(self.links_for(platform).map(|link| link.destination.as_str()))
    }

    /// The installer's file name for an agent: the stem and the ending, constant over versions because Group Policy
    /// and Windows Installer depend on it. Where a platform has several agents, all but the first (universal before
    /// x64 before arm64) get the architecture's name.
    #[must_use]
    pub fn file_name(&self, agent: &AgentFile, extension: &str) -> String {
        let first = self.agents_for(agent.platform).next();
        if first.is_none_or(|first| first.arch == agent.arch) {
            format!("{}.{extension}", self.file_stem)
        } else {
            format!("{}-{}.{extension}", self.file_stem, agent.arch)
        }
    }
}

macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident: $type:ty = |$p:ident| $value:expr;)*) => {
        impl Product {
            $($(#[$doc])* #[must_use] pub fn $name(&self) -> $type { let $p = self; $value })*
        }
    };
}

getters! {
    /// The name that people see.
    name: &str = |p| &p.name;
    /// The installers' file name without ending.
    file_stem: &str = |p| &p.file_stem;
    /// The version.
    version: &Version = |p| &p.version;
    /// The version for Windows Installer: the manifest's own for it, else the product's.
    windows_version: &str = |p| &p.windows_version;
    /// The version for macOS.
    macos_version: &str = |p| &p.macos_version;
    /// What is not as it was typed, and what follows from it, each with its key: nothing is wrong.
    notes: &[String] = |p| &p.notes;
    /// Who publishes it.
    publisher: &str = |p| &p.publisher;
    /// One line that says what it is.
    summary: &str = |p| &p.summary;
    /// Some lines that say what it is.
    description: Option<&str> = |p| p.description.as_deref();
    /// A web address.
    homepage: Option<&str> = |p| p.homepage.as_deref();
    /// The license's name.
    license: &str = |p| &p.license;
    /// The license's text.
    license_text: Option<&str> = |p| p.license_text.as_deref();
    /// Name and address of who answers for the packages.
    maintainer: &str = |p| &p.maintainer;
    /// The installed executable's name, without `.exe`.
    executable: &str = |p| &p.executable;
    /// The product's folder and registry key.
    folder: &str = |p| &p.folder;
    /// The publisher's folder and registry key.
    publisher_folder: &str = |p| &p.publisher_folder;
    /// Whether its installers have a place for a token.
    token_slot: bool = |p| p.token_slot;
    /// Whether an installation without a token is refused on a device that is not enrolled.
    token_required: bool = |p| p.token_required;
    /// The issuer's public keys, a JSON Web Key Set that has been checked, as it was given.
    issuer_keys: Option<&[u8]> = |p| p.issuer_keys.as_deref();
    /// Who signs the installers, where the manifest says it.
    signing: &Signing = |p| &p.signing;
    /// The service, if the agent runs as one.
    service: Option<&Service> = |p| p.service.as_ref();
    /// Windows' upgrade code, in braces and upper case; there whenever there is a Windows agent.
    upgrade_code: Option<&str> = |p| p.upgrade_code.as_deref();
    /// The macOS bundle id; there whenever there is a macOS agent.
    bundle_id: Option<&str> = |p| p.bundle_id.as_deref();
    /// The oldest macOS, major and minor.
    minimum_macos: (u16, u16) = |p| p.minimum_macos;
    /// Where the application goes on macOS.
    install_location: InstallLocation = |p| p.install_location;
    /// Whether macOS packages without code for Apple silicon are meant to be.
    intel_only: bool = |p| p.intel_only;
    /// The Linux packages' name.
    package: &str = |p| &p.package;
    /// A command's name in /usr/bin that leads to the executable.
    command: Option<&str> = |p| p.packages.command.as_deref();
    /// Further Debian dependencies.
    depends: &[String] = |p| &p.packages.depends;
    /// The Debian archive section.
    section: &str = |p| &p.packages.section;
    /// How a deb's payload is compressed.
    compression: Compression = |p| p.packages.compression;
    /// What an rpm requires besides what is found: names, and where one is asked for, a version and how it compares.
    rpm_requires: &[(String, Option<(RpmCompare, String)>)] = |p| &p.packages.rpm_requires;
    /// How an rpm's payload is compressed.
    rpm_compression: Compression = |p| p.packages.rpm_compression;
}

impl Product {
    /// The same product with these issuer keys in its installers, instead of the manifest's.
    pub fn with_issuer_keys(mut self, jwks: Vec<u8>) -> Result<Self, ClaimsError> {
        IssuerKeys::parse(&jwks)?;
        self.issuer_keys = Some(jwks);
        Ok(self)
    }

    /// The vendor's own copy of the token reader for an architecture.
    #[must_use]
    pub fn token_reader(&self, arch: Arch) -> Option<&Path> {
        self.token_readers.iter().find(|(found, _)| *found == arch).map(|(_, path)| path.as_path())
    }

    /// The same product with another program of the installer's own for an architecture: one that was signed.
    #[must_use]
    pub fn with_own_program(mut self, arch: Arch, program: Vec<u8>) -> Self {
        self.own_programs.retain(|(found, _)| *found != arch);
        self.own_programs.push((arch, program));
        self
    }

    pub(crate) fn own_program(&self, arch: Arch) -> Option<&[u8]> {
        self.own_programs.iter().find(|(found, _)| *found == arch).map(|(_, program)| program.as_slice())
    }

    /// The same product with the payloads of its deb and rpm compressed another way.
    #[must_use]
    pub const fn with_compression(mut self, compression: Compression) -> Self {
        self.packages.compression = compression;
        self.packages.rpm_compression = compression;
        self
    }
}

impl std::fmt::Display for Arch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Universal => "universal",
            Self::X64 => "x64",
            Self::Arm64 => "arm64",
        })
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Windows => "Windows",
            Self::Macos => "macOS",
            Self::Linux => "Linux",
        })
    }
}
