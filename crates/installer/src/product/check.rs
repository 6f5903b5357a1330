//! From what was typed to what it means: every rule of the manifest, each problem with its line and key.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::DeTable;

use super::definition::{AgentFile, Product, Service};
use super::errors::{ManifestError, Problems};
use super::manifest::{Arch, At, Manifest, Platform, ProductSection, ServiceSection};
use super::names::{folder_problem, guid, is_bundle_id, is_file_name, line_problem};
use super::overrides::{self, Overrides};
use super::shape::Shape;
use crate::claims::IssuerKeys;
use crate::version::Version;

/// The oldest macOS that runs on Apple silicon, and the default.
const OLDEST_MACOS: (u16, u16) = (11, 0);
const RESTART_DELAY_SECS: u32 = 10;

impl Product {
    /// Reads a manifest and checks it; `path` is where it came from and what its paths are relative to.
    pub fn load(path: &Path, text: &str) -> Result<Self, ManifestError> {
        product(path, text, &Overrides::NONE)
    }

    /// The same with what a call sets, and with its variables.
    pub fn load_with(path: &Path, text: &str, overrides: &Overrides<'_>) -> Result<Self, ManifestError> {
        product(path, text, overrides)
    }
}

fn product(path: &Path, text: &str, overrides: &Overrides<'_>) -> Result<Product, ManifestError> {
    let mut problems = Problems::new(text);
    let read = DeTable::parse(text).and_then(|mut root| {
        let shape = Shape::new();
        overrides::apply(root.get_mut(), overrides, &shape, &mut problems);
        let are_set = problems.is_empty();
        let is_whole = shape.check(root.get_mut(), &mut problems);
        // What follows from a variable that is not set, or from a key that is not there, is no second problem.
        if !are_set || !is_whole {
            return Ok(None);
        }
        Manifest::deserialize(toml::Deserializer::from(root)).map(Some)
    });
    let manifest = match read {
        Ok(Some(manifest)) => manifest,
        Ok(None) => return problems.finish(path, None),
        Err(error) => {
            problems.add(error.span().unwrap_or(0..0), "", error.message());
            return problems.finish(path, None);
        }
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let product = Checker { folder, problems: &mut problems, notes: Vec::new() }.product(&manifest);
    problems.finish(path, product)
}

pub(super) struct Checker<'a, 'p> {
    pub(super) folder: &'a Path,
    pub(super) problems: &'a mut Problems<'p>,
    /// What is not wrong and not as it was typed.
    pub(super) notes: Vec<String>,
}

impl Checker<'_, '_> {
    fn product(&mut self, manifest: &Manifest) -> Option<Product> {
        let p = &manifest.product;
        let name = self.line("product.name", &p.name);
        let publisher = self.line("product.publisher", &p.publisher);
        let file_stem = self.matching("product.file-stem", &p.file_stem, is_file_name, FILE_NAME);
        let package = self.package(manifest);
        let packages = self.packages(manifest);
        let (token_slot, token_required) = self.token(manifest);
        let executable = match &p.executable {
            Some(executable) => self.matching("product.executable", executable, is_file_name, FILE_NAME),
            None => package.clone(),
        };
        let version = Version::parse(p.version.get_ref());
        if version.is_none() {
            let must =
                "must be three or four numbers, e.g. 1.4.2, and may say what release it comes before, e.g. 1.5.0~rc1";
            self.wrong("product.version", &p.version, must, None);
        }
        let windows_version = self.windows_version(manifest, version.as_ref());
        let macos_version = self.macos_version(manifest, version.as_ref());
        let (folder, publisher_folder) = self.folders(manifest);
        let agents = self.agents(manifest);
        let below = format!("{}\\{}", publisher_folder.as_ref()?, folder.as_ref()?);
        let (files, links) = self.files(manifest, &below);
        let registry = self.registry(manifest, &format!("SOFTWARE\\{below}"));
        let service =
            manifest.service.as_ref().map(|section| self.service(section, p, package.as_deref().unwrap_or_default()));
        Some(Product {
            summary: self.line("product.summary", &p.summary)?,
            license: self.line("product.license", &p.license)?,
            license_text: self.license_text(p.license_file.as_ref()),
            maintainer: self.maintainer(&p.maintainer)?,
            homepage: p.homepage.as_ref().and_then(|at| self.homepage(at)),
            description: p.description.as_ref().and_then(|at| self.description(at)),
            files,
            links,
            registry,
            on_path: manifest.windows.as_ref().is_some_and(|section| section.path),
            folder: folder?,
            publisher_folder: publisher_folder?,
            upgrade_code: self.upgrade_code(manifest),
            bundle_id: self.bundle_id(manifest),
            minimum_macos: self.minimum_macos(manifest),
            install_location: manifest.macos.as_ref().map_or_else(Default::default, |section| section.install_location),
            intel_only: manifest.macos.as_ref().is_some_and(|section| section.intel_only),
            packages: packages?,
            token_slot,
            token_required,
            issuer_keys: manifest.token.issuer_keys.as_ref().and_then(|at| self.issuer_keys(at)),
            token_readers: self.token_readers(manifest),
            own_programs: Vec::new(),
            signing: self.signing(manifest),
            name: name?,
            publisher: publisher?,
            file_stem: file_stem?,
            version: version?,
            windows_version: windows_version?,
            macos_version: macos_version?,
            executable: executable?,
            package: package?,
            service,
            agents,
            notes: std::mem::take(&mut self.notes),
        })
    }

    pub(super) fn wrong(&mut self, key: &str, at: &At<String>, must: &str, hint: Option<&'static str>) {
        // A control character in a message would garble a terminal; `escape_debug` shows it instead.
        let found: String = at.get_ref().chars().take(80).flat_map(char::escape_debug).collect();
        self.problems.hinted(at.span(), key, format!("\"{found}\" {must}"), hint);
    }

    fn line(&mut self, key: &str, at: &At<String>) -> Option<String> {
        if let Some(problem) = line_problem(at.get_ref()) {
            self.wrong(key, at, problem, None);
            return None;
        }
        Some(at.get_ref().clone())
    }

    pub(super) fn matching(&mut self, key: &str, at: &At<String>, is: fn(&str) -> bool, must: &str) -> Option<String> {
        if !is(at.get_ref()) {
            self.wrong(key, at, must, None);
            return None;
        }
        Some(at.get_ref().clone())
    }

    /// Whether a version that a format cannot say is replaced by one that it can; a format without an agent asks for nothing.
    fn windows_version(&mut self, manifest: &Manifest, version: Option<&Version>) -> Option<String> {
        let must = "must be three numbers up to 255.255.65535, and not 0.0.0, for Windows";
        let own = manifest.windows.as_ref().and_then(|section| section.version.as_ref());
        if let Some(at) = own {
            let found = Version::parse(at.get_ref()).and_then(|version| version.windows());
            if found.is_none() {
                self.wrong("windows.version", at, must, None);
            }
            return found;
        }
        let version = version?;
        if version.windows().is_none() && has_agent(manifest, Platform::Windows) {
            let hint =
                Some("set windows.version to three numbers that grow with every release, e.g. 24.11.8 for 2024.11.8");
            self.wrong("product.version", &manifest.product.version, must, hint);
            return None;
        }
        Some(version.windows().unwrap_or_else(|| version.to_string()))
    }

    fn macos_version(&mut self, manifest: &Manifest, version: Option<&Version>) -> Option<String> {
        let must = "must be three or four numbers for macOS";
        let own = manifest.macos.as_ref().and_then(|section| section.version.as_ref());
        if let Some(at) = own {
            let found = Version::of_application(at.get_ref());
            if found.is_none() {
                self.wrong("macos.version", at, "must be one to four numbers, e.g. 1.4", None);
            }
            return found;
        }
        let version = version?;
        if version.macos().is_none() && has_agent(manifest, Platform::Macos) {
            let hint = Some("set macos.version to numbers that grow with every release, e.g. 1.4.99 for 1.5.0~rc1");
            self.wrong("product.version", &manifest.product.version, must, hint);
            return None;
        }
        Some(version.macos().unwrap_or_else(|| version.to_string()))
    }

    /// The product's folder and the publisher's. A deb has neither.
    fn folders(&mut self, manifest: &Manifest) -> (Option<String>, Option<String>) {
        let p = &manifest.product;
        if !has_agent(manifest, Platform::Windows) && !has_agent(manifest, Platform::Macos) {
            let or = |own: &Option<At<String>>, other: &At<String>| own.as_ref().unwrap_or(other).get_ref().clone();
            return (Some(or(&p.folder, &p.name)), Some(or(&p.publisher_folder, &p.publisher)));
        }
        let folder = self.folder_name("product.folder", p.folder.as_ref(), "product.name", &p.name);
        let own = p.publisher_folder.as_ref();
        (folder, self.folder_name("product.publisher-folder", own, "product.publisher", &p.publisher))
    }

    fn folder_name(&mut self, key: &str, own: Option<&At<String>>, from: &str, name: &At<String>) -> Option<String> {
        let (key, at, hint) = match own {
            Some(own) => (key, own, None),
            None => (
                from,
                name,
                Some("it is also a folder and a registry key; set product.folder or product.publisher-folder"),
            ),
        };
        match folder_problem(at.get_ref()) {
            None => Some(at.get_ref().clone()),
            Some(problem) => {
                // What is no line at all has been said already.
                if own.is_some() || line_problem(at.get_ref()).is_none() {
                    self.wrong(key, at, problem, hint);
                }
                None
            }
        }
    }

    fn description(&mut self, at: &At<String>) -> Option<String> {
        let text = at.get_ref().trim();
        if text.chars().any(|c| c.is_control() && c != '\n') {
            self.wrong("product.description", at, "must not have control characters but line endings", None);
            return None;
        }
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn homepage(&mut self, at: &At<String>) -> Option<String> {
        let text = at.get_ref();
        let web = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let plain = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
        if !web.is_some_and(plain) {
            self.wrong("product.homepage", at, "must be a web address that starts with https://", None);
            return None;
        }
        Some(text.clone())
    }

    fn maintainer(&mut self, at: &At<String>) -> Option<String> {
        let text = self.line("product.maintainer", at)?;
        let address = text.split_once(" <").and_then(|(_, rest)| rest.strip_suffix('>'));
        if !address.is_some_and(|address| address.contains('@') && !address.contains([' ', '<', '>', ','])) {
            self.wrong(
                "product.maintainer",
                at,
                "must be a name and an address, e.g. Example <packages@example.com>",
                None,
            );
            return None;
        }
        Some(text)
    }

    fn license_text(&mut self, at: Option<&At<String>>) -> Option<String> {
        let at = at?;
        let path = self.folder.join(at.get_ref());
        match std::fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) => {
                self.wrong("product.license-file", at, &format!("cannot be read: {}", plain(&error)), None);
                None
            }
        }
    }

    fn issuer_keys(&mut self, at: &At<String>) -> Option<Vec<u8>> {
        let hint = Some("stampwright token keygen writes one");
        let mut jwks = Vec::new();
        let limit = IssuerKeys::MAX_BYTES as u64 + 1;
        let read = File::open(self.folder.join(at.get_ref())).and_then(|file| file.take(limit).read_to_end(&mut jwks));
        let problem = match read {
            Err(error) => format!("cannot be read: {}", plain(&error)),
            Ok(_) => match IssuerKeys::parse(&jwks) {
                Ok(_) => return Some(jwks),
                Err(error) => format!("cannot be used: {error}"),
            },
        };
        self.wrong("token.issuer-keys", at, &problem, hint);
        None
    }

    fn token_readers(&mut self, manifest: &Manifest) -> Vec<(Arch, PathBuf)> {
        let Some(section) = &manifest.windows else { return Vec::new() };
        let own = [
            (Arch::X64, "windows.token-reader-x64", &section.token_reader_x64),
            (Arch::Arm64, "windows.token-reader-arm64", &section.token_reader_arm64),
        ];
        own.into_iter().filter_map(|(arch, key, at)| Some((arch, self.existing(key, at.as_ref()?)?))).collect()
    }

    fn agents(&mut self, manifest: &Manifest) -> Vec<AgentFile> {
        let mut agents: Vec<AgentFile> = Vec::new();
        for (n, section) in manifest.agent.iter().enumerate() {
            let key = format!("agent[{n}]");
            let (platform, arch) = (*section.platform.get_ref(), *section.arch.get_ref());
            if arch == Arch::Universal && platform != Platform::Macos {
                let message = format!("\"universal\" is for macOS, not for {platform}");
                self.problems.add(section.arch.span(), format!("{key}.arch"), message);
            }
            if agents.iter().any(|other| (other.platform, other.arch) == (platform, arch)) {
                let message = format!("there is already an agent for {platform} {arch}");
                self.problems.add(section.platform.span(), key.clone(), message);
            }
            if let Some(path) = self.existing(&format!("{key}.path"), &section.path) {
                agents.push(AgentFile { platform, arch, path });
            }
        }
        if manifest.agent.is_empty() {
            self.problems.hinted(0..0, "agent", "there is no agent", Some("add an [[agent]] table"));
        }
        agents.sort_by_key(|agent| (agent.platform, agent.arch));
        agents
    }

    /// A path of the manifest that must lead to something.
    pub(super) fn existing(&mut self, key: &str, at: &At<String>) -> Option<PathBuf> {
        let path = self.folder.join(at.get_ref());
        if let Err(error) = std::fs::metadata(&path) {
            self.wrong(key, at, &format!("cannot be opened: {}", plain(&error)), None);
            return None;
        }
        Some(path)
    }

    fn service(&mut self, section: &ServiceSection, p: &ProductSection, package: &str) -> Service {
        let name = match &section.name {
            Some(at) => self.matching("service.name", at, is_file_name, FILE_NAME).unwrap_or_default(),
            None => package.to_owned(),
        };
        let or = |this: &mut Self, key: &str, at: &Option<At<String>>, other: &At<String>| match at {
            Some(at) => this.line(key, at).unwrap_or_default(),
            None => other.get_ref().clone(),
        };
        let arguments = self.arguments("service.arguments", &section.arguments);
        let mut own = |key: &str, list: &Option<Vec<At<String>>>| match list {
            Some(list) => self.arguments(key, list),
            None => arguments.clone(),
        };
        let windows_arguments = own("service.windows-arguments", &section.windows_arguments);
        let macos_arguments = own("service.macos-arguments", &section.macos_arguments);
        let linux_arguments = own("service.linux-arguments", &section.linux_arguments);
        let delay = section.restart_delay_secs.as_ref();
        if let Some(delay) = delay.filter(|delay| !(1..=86_400).contains(delay.get_ref())) {
            let message = format!("{} must be 1 to 86400 seconds", delay.get_ref());
            self.problems.add(delay.span(), "service.restart-delay-secs", message);
        }
        Service {
            name,
            display_name: or(self, "service.display-name", &section.display_name, &p.name),
            description: or(self, "service.description", &section.description, &p.summary),
            restart: section.restart,
            restart_delay_secs: delay.map_or(RESTART_DELAY_SECS, |delay| *delay.get_ref()),
            windows_arguments,
            macos_arguments,
            linux_arguments,
        }
    }

    fn arguments(&mut self, key: &str, list: &[At<String>]) -> Vec<String> {
        for at in list.iter().filter(|at| at.get_ref().chars().any(char::is_control)) {
            self.wrong(key, at, "must not have a line ending, tab or other control character", None);
        }
        list.iter().map(|at| at.get_ref().clone()).collect()
    }

    fn upgrade_code(&mut self, manifest: &Manifest) -> Option<String> {
        let Some(section) = &manifest.windows else {
            self.needed_by(manifest, Platform::Windows, "windows.upgrade-code");
            return None;
        };
        let code = guid(section.upgrade_code.get_ref());
        if code.is_none() {
            let must = "must be a GUID, e.g. {6F1D2C3B-0000-4000-8000-0123456789AB}";
            self.wrong("windows.upgrade-code", &section.upgrade_code, must, None);
        }
        code
    }

    fn bundle_id(&mut self, manifest: &Manifest) -> Option<String> {
        let Some(section) = &manifest.macos else {
            self.needed_by(manifest, Platform::Macos, "macos.bundle-id");
            return None;
        };
        let must = "must be a bundle id, e.g. com.example.agent";
        self.matching("macos.bundle-id", &section.bundle_id, is_bundle_id, must)
    }

    fn needed_by(&mut self, manifest: &Manifest, platform: Platform, key: &str) {
        if let Some(agent) = manifest.agent.iter().find(|agent| *agent.platform.get_ref() == platform) {
            self.problems.add(agent.platform.span(), key, format!("is missing, and there is an agent for {platform}"));
        }
    }

    fn minimum_macos(&mut self, manifest: &Manifest) -> (u16, u16) {
        let Some(at) = manifest.macos.as_ref().and_then(|section| section.minimum_version.as_ref()) else {
            return OLDEST_MACOS;
        };
        let (major, minor) = at.get_ref().split_once('.').unwrap_or((at.get_ref(), "0"));
        match (major.parse(), minor.parse()) {
            (Ok(major), Ok(minor)) if (major, minor) >= (10, 13) => (major, minor),
            _ => {
                self.wrong("macos.minimum-version", at, "must be a macOS version from 10.13 on, e.g. 11.0", None);
                OLDEST_MACOS
            }
        }
    }
}

/// The system's sentence without its number.
pub(super) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

pub(super) fn has_agent(manifest: &Manifest, platform: Platform) -> bool {
    manifest.agent.iter().any(|agent| *agent.platform.get_ref() == platform)
}

pub(super) const FILE_NAME: &str =
    "must be letters, digits, dots, hyphens and underscores, 64 at most, and start with a letter or digit";
