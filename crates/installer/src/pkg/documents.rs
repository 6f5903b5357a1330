//! What the templates of `templates/pkg` are filled with.

use serde::Serialize;

use super::bundle::{Bundle, FIRST_WITHOUT_INTEL, default_of, state_folder};
use super::names::GENERATOR;
use super::scripts;
use crate::claims::IssuerKeys;
use crate::format::BuildError;
use crate::payload::{Node, Payload};
use crate::product::{ExtraFile, ExtraLink, InstallLocation, Platform, Product, Restart};
use crate::template::{Escape, render};

/// The two documents that describe the installer.
#[derive(Debug)]
pub(super) struct Documents {
    pub(super) distribution: String,
    pub(super) package_info: String,
}

/// The component's name in the system's list of receipts.
fn identifier(bundle: &Bundle) -> String {
    format!("{}.pkg", bundle.id)
}

/// The component's folder in the archive.
pub(super) fn component(product: &Product) -> String {
    format!("{}.pkg", product.file_stem())
}

#[derive(Serialize)]
struct DocumentData<'a> {
    name: &'a str,
    identifier: String,
    version: String,
    component: String,
    architectures: String,
    minimum_macos: String,
    /// The first macOS that does not take it.
    before_macos: Option<String>,
    install_location: String,
    generator: &'a str,
    files: usize,
    kbytes: u64,
    bundle_id: &'a str,
    short_version: &'a str,
    bundle_version: &'a str,
    bundle_path: String,
    bundle_in_payload: String,
}

/// Fills in `Distribution` and `PackageInfo`. `prefix` is the part of every path that the install location has.
pub(super) fn documents(
    product: &Product,
    bundle: &Bundle,
    payload: &Payload,
    prefix: &str,
) -> Result<Documents, BuildError> {
    let (major, minor) = product.minimum_macos();
    let inside = || payload.iter().filter(|(path, _)| path.len() > prefix.len());
    let path = bundle.path();
    let data = DocumentData {
        name: product.name(),
        identifier: identifier(bundle),
        version: product.macos_version().to_owned(),
        component: component(product),
        architectures: bundle.architectures.join(","),
        minimum_macos: format!("{major}.{minor}"),
        before_macos: (!bundle.architectures.contains(&"arm64")).then(|| format!("{FIRST_WITHOUT_INTEL}.0")),
        install_location: format!("/{}", prefix.trim_end_matches('/')),
        generator: GENERATOR,
        // the root counts as well
        files: inside().count() + 1,
        kbytes: kbytes(inside().map(|(_, node)| node)),
        bundle_id: &bundle.id,
        short_version: &bundle.short_version,
        bundle_version: &bundle.version,
        bundle_in_payload: path.get(prefix.len()..).unwrap_or_default().to_owned(),
        bundle_path: path.clone(),
    };
    let (d, p) = ("pkg/Distribution.hbs", "pkg/PackageInfo.hbs");
    Ok(Documents {
        distribution: render(d, include_str!("../../../../templates/pkg/Distribution.hbs"), Escape::Xml, &data)?,
        package_info: render(p, include_str!("../../../../templates/pkg/PackageInfo.hbs"), Escape::Xml, &data)?,
    })
}

/// The room that the payload takes, as `pkgbuild` counts it: in blocks of 512 bytes, one for each folder but the root.
fn kbytes<'a>(nodes: impl Iterator<Item = &'a Node>) -> u64 {
    let blocks: u64 = nodes
        .map(|node| match node {
            Node::File { source, .. } => source.len().div_ceil(512),
            Node::Folder { .. } => 1,
            Node::Link { .. } => 0,
        })
        .sum();
    blocks.div_ceil(2)
}

#[derive(Serialize)]
struct ScriptData<'a> {
    name: &'a str,
    label: &'a str,
    state_folder: String,
    token_required: bool,
    /// Whether there are issuer keys, and so a token may be beside the signature.
    issuer_keys: bool,
    /// What the scripts look for a token with.
    slot: &'static str,
    /// What the scripts talk to launchd with.
    daemon: &'static str,
    service: bool,
    version: &'a str,
    /// The application's folder, below the root, and where a version with the other install location has put it.
    application: String,
    other_application: String,
    bundle_id: &'a str,
    /// Whether the application's folder is one that the scripts look after: not the system's.
    application_support: bool,
    /// What makes a folder root's.
    own: &'static str,
    identifier: String,
    /// The daemon's property list, when it is installed.
    plist: String,
    files: Vec<InstalledFile>,
    configs: Vec<Config>,
    links: Vec<InstalledLink<'a>>,
}

/// A file outside of the application, for the script that removes everything.
#[derive(Serialize)]
struct InstalledFile {
    path: String,
    /// The folder that goes with it if it is empty: none of the system's own.
    folder: Option<String>,
}

/// A symbolic link, which `postinstall` makes: in the payload it would turn the install location into `/`, which Intune's
/// line-of-business type does not take.
#[derive(Serialize)]
struct InstalledLink<'a> {
    target: &'a str,
    path: &'a str,
    /// As [`InstalledFile::folder`].
    folder: Option<String>,
}

/// A configuration file, for the scripts; its default is in the payload.
#[derive(Serialize)]
struct Config {
    number: usize,
    path: String,
    mode: String,
}

fn configs(product: &Product) -> Vec<Config> {
    let files = product.files_for(Platform::Macos).filter(|file| file.config);
    let of = |(number, file): (usize, &ExtraFile)| Config {
        number,
        path: file.destination.clone(),
        mode: format!("{:04o}", file.mode),
    };
    files.enumerate().map(of).collect()
}

/// Folders of the system or of everybody, which a removal leaves although they are empty.
const SYSTEM_FOLDERS: [&str; 18] = [
    "Library/Application Support",
    "Library/Frameworks",
    "Library/LaunchAgents",
    "Library/LaunchDaemons",
    "Library/Logs",
    "Library/Managed Preferences",
    "Library/Preferences",
    "Library/PrivilegedHelperTools",
    "Users/Shared",
    "private/etc",
    "private/tmp",
    "private/var",
    "usr/local",
    "usr/local/bin",
    "usr/local/etc",
    "usr/local/lib",
    "usr/local/sbin",
    "usr/local/share",
];

fn installed_files(product: &Product) -> Vec<InstalledFile> {
    let mut paths = Vec::new();
    for file in product.files_for(Platform::Macos) {
        paths.push(file.destination.clone());
        if file.config {
            paths.push(default_of(&file.destination));
        }
    }
    paths.into_iter().map(|path| InstalledFile { folder: own_folder(&path), path }).collect()
}

fn installed_links(product: &Product) -> Vec<InstalledLink<'_>> {
    let links = product.links_for(Platform::Macos);
    let of = |link: &'_ ExtraLink| own_folder(&link.destination);
    links.map(|link| InstalledLink { target: &link.target, path: &link.destination, folder: of(link) }).collect()
}

/// The folder above a path, where it is none of the system's.
fn own_folder(path: &str) -> Option<String> {
    let (folder, _) = path.rsplit_once('/')?;
    (folder.contains('/') && !SYSTEM_FOLDERS.contains(&folder)).then(|| folder.to_owned())
}

#[derive(Serialize)]
struct DaemonData<'a> {
    label: &'a str,
    bundle_id: &'a str,
    program: String,
    arguments: &'a [String],
    always: bool,
    on_failure: bool,
    restart_delay_secs: u32,
}

/// The scripts and the daemon's property list: what `Scripts` has before there is a token.
pub(super) fn script_files(product: &Product, bundle: &Bundle) -> Result<Vec<scripts::ScriptFile>, BuildError> {
    let label = product.bundle_id().unwrap_or_default();
    let data = ScriptData {
        name: product.name(),
        label,
        state_folder: state_folder(product),
        token_required: product.token_required(),
        issuer_keys: product.issuer_keys().is_some(),
        slot: include_str!("../../../../templates/pkg/slot.sh"),
        daemon: include_str!("../../../../templates/pkg/daemon.sh"),
        service: product.service().is_some(),
        version: product.macos_version(),
        application: bundle.path(),
        other_application: bundle.other_path(product),
        bundle_id: &bundle.id,
        application_support: product.install_location() == InstallLocation::ApplicationSupport,
        own: include_str!("../../../../templates/pkg/own.sh"),
        identifier: identifier(bundle),
        plist: format!("/Library/LaunchDaemons/{label}.plist"),
        files: installed_files(product),
        configs: configs(product),
        links: installed_links(product),
    };
    let shell = |name, text| render(name, text, Escape::Shell, &data);
    let preinstall = shell("pkg/preinstall.hbs", include_str!("../../../../templates/pkg/preinstall.hbs"))?;
    let postinstall = shell("pkg/postinstall.hbs", include_str!("../../../../templates/pkg/postinstall.hbs"))?;
    let mut files = vec![
        scripts::ScriptFile::new("preinstall", 0o755, preinstall),
        scripts::ScriptFile::new("postinstall", 0o755, postinstall),
        scripts::ScriptFile::new(
            "uninstall",
            0o755,
            shell("pkg/uninstall.hbs", include_str!("../../../../templates/pkg/uninstall.hbs"))?,
        ),
    ];
    if product.service().is_some() {
        let restart = shell("pkg/restart.hbs", include_str!("../../../../templates/pkg/restart.hbs"))?;
        files.push(scripts::ScriptFile::new("restart", 0o755, restart));
        let text = include_str!("../../../../templates/pkg/restart.plist.hbs");
        let job = render("pkg/restart.plist.hbs", text, Escape::Xml, &data)?;
        files.push(scripts::ScriptFile::new("restart-job", 0o644, job));
    }
    if let Some(keys) = product.issuer_keys() {
        files.push(scripts::ScriptFile::new(IssuerKeys::FILE_NAME, 0o644, keys));
    }
    if let Some(service) = product.service() {
        let data = DaemonData {
            label,
            bundle_id: &bundle.id,
            program: format!("/{}", bundle.program()),
            arguments: service.arguments(Platform::Macos),
            always: service.restart == Restart::Always,
            on_failure: service.restart == Restart::OnFailure,
            restart_delay_secs: service.restart_delay_secs,
        };
        let text = include_str!("../../../../templates/pkg/daemon.plist.hbs");
        let plist = render("pkg/daemon.plist.hbs", text, Escape::Xml, &data)?;
        files.push(scripts::ScriptFile::new(&format!("{label}.plist"), 0o644, plist));
    }
    Ok(files)
}
