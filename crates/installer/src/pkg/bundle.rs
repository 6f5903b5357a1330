//! The application: the vendor's own folder as it is, or a minimal one around a bare executable.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use container::macho::{Cpu, MachO};
use container::read_at::FileAt;
use serde::Serialize;

use super::names::{APPLICATION_SUPPORT, APPLICATIONS};
use crate::agent::AgentProblem;
use crate::format::BuildError;
use crate::payload::{Payload, PayloadError, Source};
use crate::product::{AgentFile, InstallLocation, Platform, Product};
use crate::template::{Escape, render};

/// The first macOS that does not run on Intel.
pub(super) const FIRST_WITHOUT_INTEL: u16 = 27;

/// What the installer says of its application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bundle {
    /// The folder above it, below the root.
    location: String,
    /// The folder's name, e.g. `TheOneRMM Agent.app`.
    pub(super) folder: String,
    pub(super) id: String,
    pub(super) short_version: String,
    pub(super) version: String,
    /// The program's file name in `Contents/MacOS`.
    pub(super) executable: String,
    /// `arm64`, `x86_64`, in this order.
    pub(super) architectures: Vec<&'static str>,
    /// The wrapper's `Info.plist`; `None` for the vendor's own application.
    wrapper: Option<String>,
}

impl Bundle {
    pub(super) fn new(product: &Product, agent: &AgentFile) -> Result<Self, BuildError> {
        let read = |source| BuildError::Read { path: agent.path.clone(), source };
        let metadata = fs::metadata(&agent.path).map_err(read)?;
        let bundle = if metadata.is_dir() { Self::vendors(product, agent)? } else { Self::wrapper(product, agent)? };
        bundle.check_architectures(product)?;
        Ok(bundle)
    }

    /// Where the application lies, below the root.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.location, self.folder)
    }

    /// Where it lies with the product's other install location: a version before this one may have put it there.
    pub(super) fn other_path(&self, product: &Product) -> String {
        let other = match product.install_location() {
            InstallLocation::Applications => InstallLocation::ApplicationSupport,
            InstallLocation::ApplicationSupport => InstallLocation::Applications,
        };
        format!("{}/{}", folder_of(other, product), self.folder)
    }

    /// macOS 27 runs on Apple silicon only: whoever means that says so, and then the package does.
    fn check_architectures(&self, product: &Product) -> Result<(), BuildError> {
        let is_for_intel = !self.architectures.contains(&"arm64");
        let wrong = |field, problem: &str, hint| BuildError::Product { field, problem: problem.to_owned(), hint };
        if is_for_intel && !product.intel_only() {
            return Err(wrong(
                "agent.path",
                "has no code for Apple silicon, and macOS 27 runs on nothing else",
                Some(
                    "build a universal agent, or set macos.intel-only = true: the package then says that it is for older macOS",
                ),
            ));
        }
        if product.intel_only() && product.minimum_macos().0 >= FIRST_WITHOUT_INTEL {
            let problem = "is set, and no macOS from macos.minimum-version on runs on Intel";
            return Err(wrong("macos.intel-only", problem, None));
        }
        Ok(())
    }

    /// Where its program lies, below the root.
    pub(super) fn program(&self) -> String {
        format!("{}/Contents/MacOS/{}", self.path(), self.executable)
    }

    /// The vendor's folder. Management systems compare its version and id with the package's, so they must be the
    /// product's.
    fn vendors(product: &Product, agent: &AgentFile) -> Result<Self, BuildError> {
        let read = |source| BuildError::Read { path: agent.path.clone(), source };
        let name = agent.path.file_name().and_then(|name| name.to_str()).filter(|name| name.ends_with(".app"));
        let wrong =
            |problem: &str| BuildError::Product { field: "agent.path", problem: problem.to_owned(), hint: None };
        let folder = name.ok_or_else(|| wrong("is a folder whose name does not end in .app"))?.to_owned();
        let info = crate::agent::read_application(&agent.path).map_err(|problem| match problem {
            AgentProblem::Read { source, .. } => read(source),
            problem => wrong(&problem.to_string()),
        })?;
        let value =
            |found: Option<String>, key: &str| found.ok_or_else(|| wrong(&format!("has no {key} in its Info.plist")));
        let executable = info.executable().map(str::to_owned);
        let id = value(info.identifier, "CFBundleIdentifier")?;
        let short_version = value(info.short_version, "CFBundleShortVersionString")?;
        if short_version != product.macos_version() {
            let problem = format!("is {}, but the application's version is {short_version}", product.macos_version());
            let hint = Some(
                "management systems compare the two: set product.version or macos.version to CFBundleShortVersionString",
            );
            return Err(BuildError::Product { field: "product.version", problem, hint });
        }
        if Some(id.as_str()) != product.bundle_id() {
            let problem = format!("is {}, but the application's is {id}", product.bundle_id().unwrap_or_default());
            let hint = Some("set macos.bundle-id to CFBundleIdentifier");
            return Err(BuildError::Product { field: "macos.bundle-id", problem, hint });
        }
        let version = value(info.version, "CFBundleVersion")?;
        let executable = executable.ok_or_else(|| wrong("has no CFBundleExecutable that is a file name"))?;
        let architectures = architectures(&agent.path.join("Contents/MacOS").join(&executable))?;
        let location = application_folder(product);
        Ok(Self { location, folder, id, short_version, version, executable, architectures, wrapper: None })
    }

    fn wrapper(product: &Product, agent: &AgentFile) -> Result<Self, BuildError> {
        let id = product.bundle_id().unwrap_or_default().to_owned();
        let version = product.macos_version().to_owned();
        let executable = product.executable().to_owned();
        let (major, minor) = product.minimum_macos();
        let data = WrapperData {
            name: product.name(),
            executable: &executable,
            bundle_id: &id,
            version: &version,
            minimum_macos: &format!("{major}.{minor}"),
        };
        let template = include_str!("../../../../templates/pkg/Info.plist.hbs");
        let wrapper = Some(render("pkg/Info.plist.hbs", template, Escape::Xml, &data)?);
        Ok(Self {
            location: application_folder(product),
            folder: format!("{}.app", product.folder()),
            id,
            short_version: version.clone(),
            version,
            executable,
            architectures: architectures(&agent.path)?,
            wrapper,
        })
    }
}

#[derive(Serialize)]
struct WrapperData<'a> {
    name: &'a str,
    executable: &'a str,
    bundle_id: &'a str,
    version: &'a str,
    minimum_macos: &'a str,
}

/// The tree that gets installed, by full paths.
pub(super) fn payload(product: &Product, agent: &AgentFile) -> Result<Payload, BuildError> {
    let bundle = Bundle::new(product, agent)?;
    if bundle.path().to_lowercase() == state_folder(product).to_lowercase() {
        let problem = format!("makes the state folder /{} the application itself", state_folder(product));
        let hint = Some("set product.folder to a name that does not end in .app");
        return Err(BuildError::Product { field: "product.folder", problem, hint });
    }
    let mut payload = Payload::new();
    match &bundle.wrapper {
        None => copy(&agent.path, &bundle.path(), &mut payload)?,
        Some(info) => {
            let info = Source::bytes(info.as_bytes());
            payload.file(&format!("{}/Contents/Info.plist", bundle.path()), 0o644, info)?;
            payload.file(&bundle.program(), 0o755, Source::disk(&agent.path)?)?;
        }
    }
    for file in product.files_for(Platform::Macos) {
        refuse_own_place(product, &file.destination)?;
        // Installer overwrites what is in the payload; postinstall keeps what was edited.
        let path = if file.config { default_of(&file.destination) } else { file.destination.clone() };
        payload.file(&path, file.mode, Source::disk(&file.source)?)?;
    }
    if product.install_location() == InstallLocation::Applications {
        // as macOS has it: administrators put applications there
        payload.folder(APPLICATIONS, 0o775)?;
    }
    check_links(product, &bundle, &payload)?;
    Ok(payload)
}

/// The links that `postinstall` makes lie where nothing else is, neither above nor below.
fn check_links(product: &Product, bundle: &Bundle, payload: &Payload) -> Result<(), BuildError> {
    let mut installed = payload.clone();
    installed.folder(&state_folder(product), 0o700)?;
    installed.folder("Library/LaunchDaemons", 0o755)?;
    let application = format!("{}/", bundle.path()).to_lowercase();
    for link in product.links_for(Platform::Macos) {
        refuse_own_place(product, &link.destination)?;
        if link.destination.to_lowercase().starts_with(&application) {
            return Err(BuildError::Product {
                field: "file.destination",
                problem: format!("\"/{}\" is in the application, whose signature a new link breaks", link.destination),
                hint: Some("put the link into the application before it is signed"),
            });
        }
        installed.link(&link.destination, &link.target)?;
    }
    Ok(())
}

/// The folder of the application, below the root.
pub(super) fn application_folder(product: &Product) -> String {
    folder_of(product.install_location(), product)
}

fn folder_of(location: InstallLocation, product: &Product) -> String {
    match location {
        InstallLocation::Applications => APPLICATIONS.to_owned(),
        InstallLocation::ApplicationSupport => format!("{APPLICATION_SUPPORT}/{}", product.publisher_folder()),
    }
}

/// Where the token and the state lie.
pub(super) fn state_folder(product: &Product) -> String {
    format!("{APPLICATION_SUPPORT}/{}/{}", product.publisher_folder(), product.folder())
}

/// Where the default of a configuration file lies.
pub(super) fn default_of(path: &str) -> String {
    format!("{path}.default")
}

/// The token, the state and what the scripts put beside them are no files of the payload. The file system does not tell cases apart.
fn refuse_own_place(product: &Product, destination: &str) -> Result<(), BuildError> {
    let state = state_folder(product);
    let daemon = format!("Library/LaunchDaemons/{}.plist", product.bundle_id().unwrap_or_default());
    let names = ["enrollment-token", "enrollment-state", "issuer-keys.json", "uninstall", "restart", "restart.plist"];
    let mut own = names.iter().map(|name| format!("{state}/{name}")).chain([daemon]);
    if own.any(|own| own.to_lowercase() == destination.to_lowercase()) {
        return Err(BuildError::own_place(destination, "the installer puts a file of its own"));
    }
    Ok(())
}

/// Copies a folder as it is: names, links, and whether a file is executable.
fn copy(from: &Path, to: &str, payload: &mut Payload) -> Result<(), BuildError> {
    let read = |path: &Path| {
        let path = path.to_path_buf();
        move |source| BuildError::from(PayloadError::Read { path, source })
    };
    payload.folder(to, 0o755)?;
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(from).map_err(read(from))? {
        let name = entry.map_err(read(from))?.file_name();
        names.insert(name.into_string().map_err(|name| unusable(from.join(name), "its name is not UTF-8"))?);
    }
    for name in names {
        let (path, target) = (from.join(&name), format!("{to}/{name}"));
        let metadata = fs::symlink_metadata(&path).map_err(read(&path))?;
        if metadata.is_dir() {
            copy(&path, &target, payload)?;
        } else if metadata.is_symlink() {
            let link = fs::read_link(&path).map_err(read(&path))?;
            let link = link.to_str().ok_or_else(|| unusable(path.clone(), "its target is not UTF-8"))?;
            payload.link(&target, link)?;
        } else {
            payload.file(&target, mode(&metadata), Source::disk(&path)?)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn mode(metadata: &fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    if metadata.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 }
}

/// A system without modes does not know which of the files are programs; all of them may be run then.
#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> u32 {
    0o755
}

/// The architectures of a Mach-O file that Installer knows.
fn architectures(path: &Path) -> Result<Vec<&'static str>, BuildError> {
    let read = |source| BuildError::Read { path: path.to_path_buf(), source };
    let file = FileAt::new(fs::File::open(path).map_err(read)?).map_err(read)?;
    let file = MachO::open(&file).map_err(|error| match error {
        container::Error::Malformed(malformed) => BuildError::Malformed(malformed),
        container::Error::Io { source, .. } => read(source),
    })?;
    let has = |cpu| file.slices().iter().any(|slice| slice.cpu() == cpu);
    let known = [(Cpu::Arm64, "arm64"), (Cpu::X64, "x86_64")];
    Ok(known.into_iter().filter(|(cpu, _)| has(*cpu)).map(|(_, name)| name).collect())
}

fn unusable(path: PathBuf, why: &'static str) -> BuildError {
    BuildError::Read { path, source: std::io::Error::other(why) }
}
