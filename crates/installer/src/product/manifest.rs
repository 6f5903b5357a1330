//! What a person types: `stampwright.toml`, as it stands in the file.
//!
//! These types are the file's schema and nothing else: serde reads them, unknown keys are refused, and the JSON
//! Schema for editors is generated from them. What the words mean is settled in `super::check`.

use std::borrow::Cow;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use toml::Spanned;

/// A value and where in the file it stands. Its schema is the value's.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct At<T>(Spanned<T>);

impl<T> Deref for At<T> {
    type Target = Spanned<T>;

    fn deref(&self) -> &Spanned<T> {
        &self.0
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// The whole file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "stampwright.toml", description = "What Stampwright builds installers from.")]
pub struct Manifest {
    /// What is installed, and who made it.
    pub product: ProductSection,
    /// What the installers ask of the enrollment token.
    #[serde(default)]
    pub token: TokenSection,
    /// The service that the agent runs as, on every platform. Without it nothing is started.
    pub service: Option<ServiceSection>,
    /// The agents: one for each platform and architecture.
    #[serde(default)]
    pub agent: Vec<AgentSection>,
    /// Files that are installed beside the agent.
    #[serde(default)]
    pub file: Vec<FileSection>,
    /// Values that the MSI writes below HKEY_LOCAL_MACHINE, and removes with the product.
    #[serde(default)]
    pub(crate) registry: Vec<RegistrySection>,
    /// What only Windows needs.
    pub windows: Option<WindowsSection>,
    /// What only macOS needs.
    pub macos: Option<MacosSection>,
    /// What both Linux packages have in common.
    #[serde(default)]
    pub(crate) linux: LinuxSection,
    /// What only Debian packages need.
    #[serde(default)]
    pub deb: DebSection,
    /// What only RPM packages need.
    #[serde(default)]
    pub rpm: RpmSection,
}

/// What is installed, and who made it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProductSection {
    /// The name that people see, e.g. `Example Agent`.
    pub name: At<String>,
    /// The installers' file name without its ending, the same for every version, e.g. `Example-Agent`.
    pub(crate) file_stem: At<String>,
    /// Three or four numbers, e.g. `1.4.2`, `2024.11.8`, `1.4.2.2924`, and what comes before a release, e.g. `1.5.0~rc1`.
    pub version: At<String>,
    /// Who publishes it, e.g. `Example Ltd`.
    pub publisher: At<String>,
    /// One line that says what it is.
    pub summary: At<String>,
    /// Some lines that say what it is and does.
    pub(crate) description: Option<At<String>>,
    /// A web address.
    pub(crate) homepage: Option<At<String>>,
    /// An SPDX expression, e.g. `Apache-2.0`, or a short name, e.g. `Proprietary`.
    pub(crate) license: At<String>,
    /// A file with the license's text.
    pub(crate) license_file: Option<At<String>>,
    /// Name and address of who answers for the packages, e.g. `Example <packages@example.com>`.
    pub(crate) maintainer: At<String>,
    /// The installed executable's name without `.exe`; else the package name.
    pub(crate) executable: Option<At<String>>,
    /// The product's folder and registry key where the name cannot be one; else the name.
    pub folder: Option<At<String>>,
    /// The publisher's folder and registry key where the name cannot be one; else the publisher.
    pub(crate) publisher_folder: Option<At<String>>,
}

/// What the installers ask of the enrollment token.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TokenSection {
    /// Whether an installation without a token, on a device that is not enrolled, is refused. On unless said, or unless there is no
    /// place for one.
    pub(crate) required: Option<At<bool>>,
    /// Whether the installers have a place for a token. On unless said; `false` makes plain packages, which cannot be stamped: deb and
    /// rpm only.
    pub slot: Option<At<bool>>,
    /// The public keys of who mints the tokens, a JSON Web Key Set as `stampwright token keygen` writes it: installed with
    /// the agent, which checks tokens with it.
    pub issuer_keys: Option<At<String>>,
}

/// The service that the agent runs as.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServiceSection {
    /// The service's name for Windows and systemd; else the package name. launchd has the bundle id.
    pub name: Option<At<String>>,
    /// The name that people see; else the product's.
    pub(crate) display_name: Option<At<String>>,
    /// One line that says what the service does; else the product's summary.
    pub(crate) description: Option<At<String>>,
    /// The agent's arguments. They are readable by every user of the device: no secrets.
    #[serde(default)]
    pub(crate) arguments: Vec<At<String>>,
    /// When the system starts it again.
    #[serde(default)]
    pub(crate) restart: Restart,
    /// Seconds before it is started again.
    pub(crate) restart_delay_secs: Option<At<u32>>,
    /// Other arguments on Windows.
    pub(crate) windows_arguments: Option<Vec<At<String>>>,
    /// Other arguments on macOS.
    pub(crate) macos_arguments: Option<Vec<At<String>>>,
    /// Other arguments on Linux.
    pub(crate) linux_arguments: Option<Vec<At<String>>>,
}

/// When the system starts a service again that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// Whenever it ends.
    #[default]
    Always,
    /// When it fails.
    OnFailure,
    /// Not.
    Never,
}

/// An operating system that agents are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    /// Windows: an MSI.
    Windows,
    /// macOS: a flat package, and the Intune-ready archive around it.
    Macos,
    /// Linux: a deb and an rpm.
    Linux,
}

impl Platform {
    /// Its name in manifests and everywhere else.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Windows => "windows",
            Self::Macos => "macos",
            Self::Linux => "linux",
        }
    }
}

/// A processor architecture, by the name that this project uses everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Arch {
    /// x86-64 and arm64 in one Mach-O. macOS only.
    Universal,
    /// x86-64. `amd64`, as Debian calls it, means the same.
    #[serde(alias = "amd64")]
    X64,
    /// 64-bit Arm.
    Arm64,
}

/// One agent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AgentSection {
    /// Its operating system.
    pub platform: At<Platform>,
    /// Its architecture.
    pub arch: At<Arch>,
    /// The executable, or on macOS a signed `.app` folder; relative to the manifest.
    pub path: At<String>,
}

/// A file that is installed beside the agent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FileSection {
    /// The operating system that it is for.
    pub platform: At<Platform>,
    /// The architecture that it is for; else all of them.
    pub arch: Option<At<Arch>>,
    /// The file, relative to the manifest; a folder, for everything in it; or a pattern with `*`, `?` and `**`.
    /// A file whose own name has such signs is found by its name; in a pattern `[*]`, `[?]` and `[[]` stand for the signs themselves.
    pub source: Option<At<String>>,
    /// Instead of a source: the destination is a symbolic link that leads here, by a full path or one from its own folder. What it
    /// leads to need not be there. On macOS and Linux; on macOS the installer's script makes it and the uninstall script removes it.
    pub link: Option<At<String>>,
    /// Where it goes: a full path on macOS and Linux, relative to the installation folder on Windows. What is in a folder, or matches a pattern, goes
    /// below it.
    pub(crate) destination: At<String>,
    /// Its mode in octal, e.g. `0644`, which is also the default; what comes out of a folder or a pattern and can be run has `0755`. Not for
    /// Windows.
    pub mode: Option<At<String>>,
    /// Whether administrators edit it: an upgrade keeps what is there, and puts its own default beside it.
    #[serde(default)]
    pub(crate) config: bool,
    /// Whether it may be missing.
    #[serde(default)]
    pub optional: bool,
}

/// A value below HKEY_LOCAL_MACHINE, in the 64-bit half of the registry.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RegistrySection {
    /// The key below HKEY_LOCAL_MACHINE, e.g. `SOFTWARE\Example Ltd\Settings`.
    pub key: At<String>,
    /// The value's name; else it is the key's default value.
    pub name: Option<At<String>>,
    /// What it is: text, or for `dword` a number from 0 to 4294967295, in quotes as well: `"300"`, `"0x12c"`.
    pub value: At<String>,
    /// Its type; else `string`.
    #[serde(rename = "type")]
    pub kind: Option<RegistryType>,
}

/// The type of a registry value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RegistryType {
    /// REG_SZ.
    String,
    /// REG_EXPAND_SZ: Windows fills in `%VARIABLES%` when a program asks for it.
    ExpandString,
    /// REG_DWORD.
    Dword,
}

/// What only Windows needs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WindowsSection {
    /// The product's upgrade code, the same for ever: `{XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX}`.
    pub(crate) upgrade_code: At<String>,
    /// The version for Windows Installer where it cannot say the product's: three numbers, up to 255.255.65535, which grow with every
    /// release.
    pub version: Option<At<String>>,
    /// Your own signed copy of the custom actions for x64, which are part of every MSI; else the one that comes with
    /// Stampwright, unsigned.
    pub(crate) token_reader_x64: Option<At<String>>,
    /// The same for arm64.
    pub(crate) token_reader_arm64: Option<At<String>>,
    /// Whether the installation folder is added to the machine's PATH, and taken out of it with the product.
    #[serde(default)]
    pub path: bool,
    /// Who signs the MSIs that `make` makes.
    pub signing: Option<At<SigningSection>>,
}

/// What only macOS needs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MacosSection {
    /// The application's bundle id, e.g. `com.example.agent`; also the daemon's label.
    pub(crate) bundle_id: At<String>,
    /// The version for macOS where it cannot say the product's, or where an application of one's own calls it otherwise: one to four
    /// numbers, which grow with every release.
    pub version: Option<At<String>>,
    /// The oldest macOS that it runs on; else 11.0.
    pub(crate) minimum_version: Option<At<String>>,
    /// Where the application with the daemon's program goes; else `applications`.
    #[serde(default)]
    pub(crate) install_location: InstallLocation,
    /// Whether packages without code for Apple silicon are meant to be: they say that macOS 27, which runs on nothing else, does not take
    /// them. Without this such an agent is an error.
    #[serde(default)]
    pub(crate) intel_only: bool,
    /// Who signs the packages that `make` makes.
    pub signing: Option<At<SigningSection>>,
}

/// Where a package's application goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InstallLocation {
    /// `/Applications`, which Intune's line-of-business type asks for. Administrators can write there without being root.
    #[default]
    Applications,
    /// `/Library/Application Support/PUBLISHER`, where only root can write.
    ApplicationSupport,
}

/// What both Linux packages have in common. The three last keys are those of `[deb]` by the name that they once had.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct LinuxSection {
    /// The packages' name; else the file stem in lower case.
    pub package: Option<At<String>>,
    /// A command for people: a link of this name in /usr/bin that leads to the executable.
    pub command: Option<At<String>>,
    /// `deb.depends`.
    pub(crate) depends: Option<At<Vec<At<String>>>>,
    /// `deb.section`.
    pub section: Option<At<String>>,
    /// `deb.compression`.
    pub compression: Option<At<Compression>>,
}

/// What only Debian packages need.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct DebSection {
    /// Further dependencies, e.g. `ca-certificates`.
    pub(crate) depends: Option<At<Vec<At<String>>>>,
    /// The archive section; else `admin`.
    pub section: Option<At<String>>,
    /// How the payload is compressed; else `xz`, which every dpkg reads.
    pub compression: Option<At<Compression>>,
}

/// What only RPM packages need.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RpmSection {
    /// Further requirements, e.g. `ca-certificates` or `openssl-libs >= 3.0`.
    pub(crate) requires: Vec<At<String>>,
    /// How the payload is compressed; else `zstd`, which RHEL 8, SLES 15 and later read.
    pub compression: Option<Compression>,
    /// Who signs the rpms that `make` makes.
    pub signing: Option<At<SigningSection>>,
}

/// Who signs the installers of this format: what `make` uses where its command line names no signer. Files are relative to the manifest.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SigningSection {
    /// The signer's certificates, PEM or DER, the leaf first.
    pub(crate) certs: Option<At<String>>,
    /// The file with the private key.
    pub key: Option<At<String>>,
    /// The PKCS #12 file with the private key and its certificates.
    pub(crate) pkcs12: Option<At<String>>,
    /// The private key on a PKCS #11 token (RFC 7512).
    pub pkcs11: Option<At<String>>,
    /// A command that signs a digest.
    pub(crate) sign_command: Option<At<String>>,
    /// A command that signs a whole file.
    pub(crate) sign_file_command: Option<At<String>>,
    /// The file with the key's password or the token's PIN.
    pub(crate) key_password_file: Option<At<String>>,
    /// The environment variable with the key's password or the token's PIN.
    pub(crate) key_password_env: Option<At<String>>,
    /// A timestamp authority (RFC 3161), http only.
    pub timestamp: Option<At<String>>,
    /// The name that Windows shows for the installer.
    pub(crate) description: Option<At<String>>,
    /// The address that Windows shows for the installer.
    pub(crate) url: Option<At<String>>,
}

/// How the payload of a deb or rpm is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    /// Smallest. Every dpkg reads it.
    #[default]
    Xz,
    /// Every dpkg reads it.
    Gzip,
    /// Fastest. Debian 12, Ubuntu 18.04 and later read it.
    Zstd,
}

/// The JSON Schema of the manifest, for editors.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Manifest).to_value()
}
