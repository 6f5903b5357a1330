//! What a flat package is, whoever made it: for the rules of management systems, which judge other people's packages
//! as well.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use container::ReadAt;
use der::Decode;
use x509_cert::Certificate;

use super::package_info::{BundleReference, PackageInfo};
use super::payload_tree::PayloadTree;
use super::reader::PackageReader;
use crate::format::ReadError;

/// What a flat package is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its length in bytes.
    pub len_bytes: u64,
    /// The paths of its members.
    pub members: Vec<String>,
    /// The common name of the signer's certificate; `None` when it is not signed, empty when it has no name.
    pub signer: Option<String>,
    /// Whether it is a product archive: whether it has a `Distribution`.
    pub is_product_archive: bool,
    /// Whether `Distribution` has scripts of its own.
    pub has_distribution_scripts: bool,
    /// The product's version in `Distribution`.
    pub product_version: String,
    /// Whether `Distribution` says that it is not for macOS 27, which runs on Apple silicon only.
    pub ends_with_intel: bool,
    /// `hostArchitectures` of `Distribution`.
    pub architectures: Vec<String>,
    /// The oldest macOS that `Distribution` allows.
    pub minimum_macos: String,
    /// The packages in it; a package that is no product archive is its own.
    pub components: Vec<Component>,
}

/// One package of a product archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Component {
    /// Its identifier.
    pub identifier: String,
    /// Its version.
    pub version: String,
    /// Where its payload is unpacked.
    pub install_location: String,
    /// What Installer does afterwards: `none`, `restart`, …
    pub postinstall_action: String,
    /// Whether Installer follows applications to where a user has moved them.
    pub is_relocatable: bool,
    /// The bundles that `PackageInfo` names.
    pub bundles: Vec<Application>,
    /// How many files and folders the payload has, without its root.
    pub payload_paths: usize,
    /// The applications in the payload.
    pub applications: Vec<Application>,
}

/// An application: as a document names it, or as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Application {
    /// Its folder: relative to the install location in a document, the full path where it is installed.
    pub path: String,
    /// `CFBundleIdentifier`.
    pub id: String,
    /// `CFBundleShortVersionString`.
    pub short_version: String,
    /// `CFBundleVersion`.
    pub version: String,
}

/// Reads a whole package.
pub fn facts(file: &dyn ReadAt) -> Result<Facts, ReadError> {
    let opened = PackageReader::open(file)?;
    let mut facts = Facts {
        len_bytes: file.len(),
        members: opened.archive.members.iter().map(|member| member.path.clone()).collect(),
        signer: opened
            .archive
            .signatures
            .first()
            .map(|s| s.certificates.first().and_then(|certificate| name(certificate)).unwrap_or_default()),
        is_product_archive: opened.has("Distribution"),
        ..Facts::default()
    };
    if facts.is_product_archive {
        let distribution = opened.distribution()?;
        facts.has_distribution_scripts = distribution.scripts;
        facts.ends_with_intel = distribution.ends_with_intel();
        facts.product_version = distribution.product_version;
        facts.architectures = distribution.architectures;
        facts.minimum_macos = distribution.minimum_macos;
    }
    for folder in &opened.components {
        let (info, tree) = (opened.package_info(folder)?, PayloadTree::read(&opened, folder)?);
        facts.components.push(component(&info, &tree));
    }
    Ok(facts)
}

fn component(info: &PackageInfo, tree: &PayloadTree) -> Component {
    let location = info.install_location.trim_end_matches('/');
    let applications = tree.applications.iter().map(|(path, application)| Application {
        path: format!("{location}/{path}"),
        id: application.id.clone(),
        short_version: application.short_version.clone(),
        version: application.version.clone(),
    });
    Component {
        identifier: info.identifier.clone(),
        version: info.version.clone(),
        install_location: info.install_location.clone(),
        postinstall_action: info.postinstall_action.clone(),
        is_relocatable: info.relocatable || info.relocated > 0,
        bundles: info.bundles.iter().map(Application::from).collect(),
        payload_paths: tree.paths.keys().filter(|path| *path != ".").count(),
        applications: applications.collect(),
    }
}

impl From<&BundleReference> for Application {
    fn from(said: &BundleReference) -> Self {
        let BundleReference { path, id, short_version, version } = said.clone();
        Self { path, id, short_version, version }
    }
}

/// The common name of a certificate in base64.
fn name(certificate: &str) -> Option<String> {
    let text: String = certificate.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let certificate = Certificate::from_der(&STANDARD.decode(text).ok()?).ok()?;
    let parts = certificate.tbs_certificate.subject.0.iter().flat_map(|set| set.0.iter());
    let common_name = parts.into_iter().find(|part| part.oid == const_oid::db::rfc4519::CN)?;
    std::str::from_utf8(common_name.value.value()).ok().map(str::to_owned)
}
