//! What an installer's two documents say.

use container::reader::{Malformed, Problem};
use container::xml::Element;

/// The first macOS that does not run on Intel (Apple, 2025: macOS 26 is the last one that does).
const FIRST_WITHOUT_INTEL: u16 = 27;

/// `Distribution`, the product archive's description.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Distribution {
    pub(super) title: String,
    pub(super) product_id: String,
    pub(super) product_version: String,
    pub(super) architectures: Vec<String>,
    pub(super) minimum_macos: String,
    /// The first macOS that it is not for; empty: none.
    pub(super) before_macos: String,
    pub(super) root_volume_only: bool,
    /// Whether there are scripts of its own, which a management system cannot answer for.
    pub(super) scripts: bool,
    /// The references that name a component, by `#name`.
    pub(super) references: Vec<Reference>,
    pub(super) bundles: Vec<BundleReference>,
}

/// A `<pkg-ref>` with a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) id: String,
    pub(super) version: String,
    pub(super) kbytes: String,
    /// The component's folder, unescaped, without `#`.
    pub(super) component: String,
}

/// A `<bundle>` with versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BundleReference {
    pub(super) path: String,
    pub(super) id: String,
    pub(super) short_version: String,
    pub(super) version: String,
}

/// `PackageInfo`, a component's description.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PackageInfo {
    pub(super) identifier: String,
    pub(super) version: String,
    pub(super) install_location: String,
    pub(super) auth: String,
    pub(super) generator: String,
    pub(super) postinstall_action: String,
    pub(super) relocatable: bool,
    /// How many bundles Installer may follow to where a user has moved them.
    pub(super) relocated: usize,
    pub(super) files: String,
    pub(super) kbytes: String,
    pub(super) bundles: Vec<BundleReference>,
    /// The scripts that are run, without `./`.
    pub(super) scripts: Vec<String>,
}

impl Distribution {
    /// Whether it says that it is not for a macOS that runs on Apple silicon only.
    pub(super) fn ends_with_intel(&self) -> bool {
        let major = self.before_macos.split('.').next().unwrap_or_default();
        major.parse::<u16>().is_ok_and(|major| major <= FIRST_WITHOUT_INTEL)
    }

    pub(super) fn read(root: &Element) -> Result<Self, Malformed> {
        if !matches!(root.name.as_str(), "installer-gui-script" | "installer-script") {
            return Err(wrong("Distribution", "installer-gui-script, its root"));
        }
        let options = root.child("options");
        let option = |name| options.and_then(|options| options.attribute(name)).unwrap_or_default();
        let product = root.child("product");
        let os = root.child("volume-check").and_then(|check| check.child("allowed-os-versions"));
        let os = os.and_then(|versions| versions.child("os-version"));
        let own_scripts = ["script", "installation-check"].iter().any(|name| root.child(name).is_some());
        Ok(Self {
            title: root.text_of("title").unwrap_or_default().to_owned(),
            product_id: product.map(|p| text(p, "id")).unwrap_or_default(),
            product_version: product.map(|p| text(p, "version")).unwrap_or_default(),
            architectures: option("hostArchitectures")
                .split(',')
                .filter(|a| !a.is_empty())
                .map(str::to_owned)
                .collect(),
            minimum_macos: os.map(|os| text(os, "min")).unwrap_or_default(),
            before_macos: os.map(|os| text(os, "before")).unwrap_or_default(),
            root_volume_only: yes(option("rootVolumeOnly")),
            scripts: own_scripts || yes(option("require-scripts")) || yes(option("allow-external-scripts")),
            references: root.all("pkg-ref").filter_map(Reference::read).collect(),
            bundles: root.all("pkg-ref").filter_map(|r| r.child("bundle-version")).flat_map(bundles).collect(),
        })
    }
}

impl Reference {
    fn read(element: &Element) -> Option<Self> {
        let component = percent_decoded(element.text.strip_prefix('#')?);
        let (id, version, kbytes) = (text(element, "id"), text(element, "version"), text(element, "installKBytes"));
        Some(Self { id, version, kbytes, component })
    }
}

impl PackageInfo {
    /// Whether this tool has built the component, any version of it.
    pub(super) fn is_ours(&self) -> bool {
        self.generator.starts_with("Stampwright-")
    }

    pub(super) fn read(root: &Element) -> Result<Self, Malformed> {
        if root.name != "pkg-info" {
            return Err(wrong("PackageInfo", "pkg-info, its root"));
        }
        let payload = root.child("payload");
        let scripts = root.child("scripts").map(|scripts| scripts.children.as_slice()).unwrap_or_default();
        Ok(Self {
            identifier: text(root, "identifier"),
            version: text(root, "version"),
            install_location: root.attribute("install-location").unwrap_or("/").to_owned(),
            auth: text(root, "auth"),
            generator: text(root, "generator-version"),
            postinstall_action: root.attribute("postinstall-action").unwrap_or("none").to_owned(),
            relocatable: root.attribute("relocatable").is_some_and(yes),
            relocated: root.child("relocate").map_or(0, |relocate| relocate.children.len()),
            files: payload.map(|p| text(p, "numberOfFiles")).unwrap_or_default(),
            kbytes: payload.map(|p| text(p, "installKBytes")).unwrap_or_default(),
            bundles: bundles(root).collect(),
            scripts: scripts.iter().map(|s| text(s, "file").trim_start_matches("./").to_owned()).collect(),
        })
    }
}

fn bundles(parent: &Element) -> impl Iterator<Item = BundleReference> {
    parent.all("bundle").map(|bundle| BundleReference {
        path: text(bundle, "path").trim_start_matches("./").to_owned(),
        id: text(bundle, "id"),
        short_version: text(bundle, "CFBundleShortVersionString"),
        version: text(bundle, "CFBundleVersion"),
    })
}

fn text(element: &Element, attribute: &str) -> String {
    element.attribute(attribute).unwrap_or_default().to_owned()
}

fn yes(text: &str) -> bool {
    matches!(text, "true" | "yes" | "1")
}

/// A `%20` becomes a space; what is no such sequence stays.
fn percent_decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let byte = part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (byte, part.get(2..)) {
            (Some(byte), Some(rest)) => {
                out.push(byte);
                out.extend(rest.bytes());
            }
            _ => {
                out.push(b'%');
                out.extend(part.bytes());
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

const fn wrong(structure: &'static str, what: &'static str) -> Malformed {
    Malformed { structure, offset: Malformed::NOWHERE, problem: Problem::Missing { what } }
}
