//! What Intune will make of a flat package, and what holds for every management system of macOS.
//!
//! The two types that take a package differ. A rule of the line-of-business type alone is a warning, because the same
//! package can be uploaded as *macOS app (PKG)*; a rule of both is an error. Limits on scripts that are typed into
//! Intune's own form are not about the package and are not here.

use installer::Severity;
use installer::pkg::{Application, Component, Facts};

use super::profile::{MACOS, Profile};
use super::rule::{Broken, Rule};
use super::subject::{FormatFacts, Subject};

const INTUNE: &[Profile] = &[Profile::IntuneMacos];

const LOB: &str = "Microsoft Learn, Add macOS line-of-business apps to Intune";
const PKG: &str = "Microsoft Learn, Add an unmanaged macOS PKG app to Intune";
const NOT_DEPLOYED: &str = "Microsoft Support, macOS LOB apps are not deployed";
const DETECTION: &str = "Microsoft Support, error 0x87D13BA2 for a macOS LOB app";
const APPLE: &str = "Apple, InstallEnterpriseApplication and Distribution XML";

const MAX_LOB_BYTES: u64 = 2_000_000_000;
const MAX_PKG_BYTES: u64 = 8_000_000_000;

pub(super) static RULES: [Rule; 18] = [
    Rule {
        id: "macos-product-archive",
        severity: Severity::Warning,
        profiles: MACOS,
        what: "it is a product archive",
        why: "Apple's MDM installs no other packages",
        remedy: "build it with a Distribution",
        source: APPLE,
        broken: |s| pkg(s, |facts| (!facts.is_product_archive).then(|| "it has no Distribution".to_owned())),
    },
    Rule {
        id: "macos-signed",
        severity: Severity::Warning,
        profiles: MACOS,
        what: "it is signed with a Developer ID Installer certificate",
        why: "Apple's MDM, Jamf's PreStage and Intune's line-of-business type refuse others",
        remedy: "sign it: stampwright sign; or upload it as macOS app (PKG)",
        source: LOB,
        broken: |s| {
            pkg(s, |facts| match &facts.signer {
                None => Some("it is not signed".to_owned()),
                Some(name) if !name.starts_with("Developer ID Installer") => Some(format!("it is signed by {name:?}")),
                Some(_) => None,
            })
        },
    },
    Rule {
        id: "intune-payload",
        severity: Severity::Error,
        profiles: INTUNE,
        what: "it has a payload",
        why: "a package without one is installed again for as long as it is assigned",
        remedy: "install at least an application",
        source: LOB,
        broken: |s| {
            pkg(s, |facts| each(facts, |c| (c.payload_paths == 0).then(|| format!("{} has no payload", c.identifier))))
        },
    },
    Rule {
        id: "intune-lob-size",
        severity: Severity::Warning,
        profiles: INTUNE,
        what: "it has 2 GB at most",
        why: "the line-of-business type takes no more",
        remedy: "upload it as macOS app (PKG), which takes 8 GB",
        source: LOB,
        broken: |s| pkg(s, |facts| larger(facts, MAX_LOB_BYTES).filter(|_| larger(facts, MAX_PKG_BYTES - 1).is_none())),
    },
    Rule {
        id: "intune-pkg-size",
        severity: Severity::Error,
        profiles: INTUNE,
        what: "it has less than 8 GB",
        why: "no type takes more",
        remedy: "make it smaller",
        source: PKG,
        broken: |s| pkg(s, |facts| larger(facts, MAX_PKG_BYTES - 1)),
    },
    Rule {
        id: "intune-flat",
        severity: Severity::Error,
        profiles: INTUNE,
        what: "no application and no disk image is a member of the archive",
        why: "the line-of-business type takes flat packages only",
        remedy: "put the application into the payload",
        source: LOB,
        broken: |s| {
            pkg(s, |facts| {
                let wrong =
                    |path: &&String| path.split('/').any(|part| part.ends_with(".app") || part.ends_with(".dmg"));
                facts.members.iter().find(wrong).map(|path| format!("{path} is a member"))
            })
        },
    },
    Rule {
        id: "intune-one-package",
        severity: Severity::Error,
        profiles: INTUNE,
        what: "it contains exactly one package",
        why: "installation as managed takes no nested packages, and detection counts each of them as an application",
        remedy: "build one component",
        source: LOB,
        broken: |s| {
            pkg(s, |facts| {
                (facts.components.len() != 1).then(|| format!("it contains {} packages", facts.components.len()))
            })
        },
    },
    Rule {
        id: "intune-location",
        severity: Severity::Warning,
        profiles: INTUNE,
        what: "install-location is /Applications or a folder below it",
        why: "a line-of-business application elsewhere is silently not deployed",
        remedy: "install nothing outside of /Applications, or upload it as macOS app (PKG)",
        source: NOT_DEPLOYED,
        broken: |s| {
            pkg(s, |facts| {
                each(facts, |c| {
                    (!in_applications(&c.install_location))
                        .then(|| format!("install-location is {:?}", c.install_location))
                })
            })
        },
    },
    Rule {
        id: "macos-version",
        severity: Severity::Error,
        profiles: MACOS,
        what: "PackageInfo has a version of numbers and dots, other than 0",
        why: "without one it is silently not deployed, and 0 can never be updated",
        remedy: "set the version",
        source: NOT_DEPLOYED,
        broken: |s| {
            pkg(s, |facts| each(facts, |c| (!is_version(&c.version)).then(|| format!("version is {:?}", c.version))))
        },
    },
    Rule {
        id: "intune-one-bundle",
        severity: Severity::Error,
        profiles: INTUNE,
        what: "PackageInfo names exactly one bundle",
        why: "the first becomes what is detected, and a helper in its place means endless installation",
        remedy: "name the application only",
        source: DETECTION,
        broken: |s| {
            pkg(s, |facts| {
                let named: usize = facts.components.iter().map(|c| c.bundles.len()).sum();
                (named != 1).then(|| format!("PackageInfo names {named} bundles"))
            })
        },
    },
    Rule {
        id: "intune-bundle-versions",
        severity: Severity::Error,
        profiles: INTUNE,
        what: "the bundle has an id, a CFBundleShortVersionString and a CFBundleVersion",
        why: "without CFBundleVersion it is silently not deployed; updates compare the short version",
        remedy: "set them in Info.plist and PackageInfo",
        source: NOT_DEPLOYED,
        broken: |s| {
            pkg(s, |facts| bundles(facts, |b| (!has_versions(b)).then(|| format!("the bundle {:?} lacks one", b.path))))
        },
    },
    Rule {
        id: "intune-application",
        severity: Severity::Error,
        profiles: INTUNE,
        what: "the bundle is an application that gets installed, with this id and version",
        why: "detection looks for it; the status never becomes success (0x87D13BA2)",
        remedy: "name the application that is in the payload",
        source: DETECTION,
        broken: |s| pkg(s, not_installed),
    },
    Rule {
        id: "intune-one-application",
        severity: Severity::Warning,
        profiles: INTUNE,
        what: "the payload has one application",
        why: "installation as managed, with its uninstall, is for a single application",
        remedy: "put helpers into the application",
        source: LOB,
        broken: |s| {
            pkg(s, |facts| {
                let found: usize = facts.components.iter().map(|c| c.applications.len()).sum();
                (found != 1).then(|| format!("the payload has {found} applications"))
            })
        },
    },
    Rule {
        id: "macos-versions-agree",
        severity: Severity::Error,
        profiles: MACOS,
        what: "Distribution, PackageInfo and application have one version",
        why: "Intune compares now one, now the other, and installs again when they differ",
        remedy: "build all three from one version",
        source: LOB,
        broken: |s| pkg(s, versions_differ),
    },
    Rule {
        id: "macos-not-relocatable",
        severity: Severity::Error,
        profiles: MACOS,
        what: "Installer does not follow the application to where a user has moved it",
        why: "it is then not in /Applications, and is not detected",
        remedy: "set relocatable=\"false\" and an empty relocate element",
        source: LOB,
        broken: |s| {
            pkg(s, |facts| each(facts, |c| c.is_relocatable.then(|| format!("{} is relocatable", c.identifier))))
        },
    },
    Rule {
        id: "macos-no-restart",
        severity: Severity::Warning,
        profiles: MACOS,
        what: "it asks for no restart",
        why: "no user is there to answer",
        remedy: "set postinstall-action=\"none\"",
        source: DETECTION,
        broken: |s| {
            pkg(s, |facts| {
                each(facts, |c| {
                    (c.postinstall_action != "none")
                        .then(|| format!("postinstall-action is {:?}", c.postinstall_action))
                })
            })
        },
    },
    Rule {
        id: "macos-no-questions",
        severity: Severity::Warning,
        profiles: MACOS,
        what: "Distribution has no scripts of its own",
        why: "there is no user interface for what they ask",
        remedy: "check in preinstall",
        source: APPLE,
        broken: |s| pkg(s, |facts| facts.has_distribution_scripts.then(|| "Distribution has scripts".to_owned())),
    },
    Rule {
        id: "macos-apple-silicon",
        severity: Severity::Error,
        profiles: MACOS,
        what: "hostArchitectures has arm64, or Distribution says that macOS 27 does not take it",
        why: "macOS 27 runs on Apple silicon only; before it Apple silicon asks for Rosetta, and the installation fails where that is missing",
        remedy: "build a universal agent, or set macos.intel-only",
        source: APPLE,
        broken: |s| {
            pkg(s, |facts| {
                let has = facts.architectures.iter().any(|arch| arch == "arm64");
                (facts.is_product_archive && !has && !facts.ends_with_intel)
                    .then(|| format!("hostArchitectures is {:?}", facts.architectures))
            })
        },
    },
];

fn pkg(subject: &Subject, rule: impl FnOnce(&Facts) -> Option<String>) -> Option<Broken> {
    match &subject.facts {
        FormatFacts::Pkg(facts, _) => rule(facts).map(|found| Broken { place: "package".to_owned(), found }),
        _ => None,
    }
}

/// The first component that breaks a rule.
fn each(facts: &Facts, broken: impl Fn(&Component) -> Option<String>) -> Option<String> {
    facts.components.iter().find_map(broken)
}

fn bundles(facts: &Facts, broken: impl Fn(&Application) -> Option<String>) -> Option<String> {
    facts.components.iter().flat_map(|component| &component.bundles).find_map(broken)
}

fn larger(facts: &Facts, limit: u64) -> Option<String> {
    (facts.len_bytes > limit).then(|| format!("it has {} bytes", facts.len_bytes))
}

fn in_applications(location: &str) -> bool {
    let plain = location.trim_end_matches('/');
    plain == "/Applications" || plain.starts_with("/Applications/")
}

fn is_version(text: &str) -> bool {
    text != "0" && !text.is_empty() && text.split('.').all(|part| part.parse::<u64>().is_ok())
}

fn has_versions(bundle: &Application) -> bool {
    !bundle.id.is_empty() && is_version(&bundle.short_version) && !bundle.version.is_empty()
}

fn not_installed(facts: &Facts) -> Option<String> {
    each(facts, |component| {
        component.bundles.iter().find_map(|bundle| {
            let path = format!("{}/{}", component.install_location.trim_end_matches('/'), bundle.path);
            let same = |real: &Application| real.path == path && real.id == bundle.id && real.version == bundle.version;
            (!component.applications.iter().any(same))
                .then(|| format!("{path} with the id {:?} is not installed", bundle.id))
        })
    })
}

fn versions_differ(facts: &Facts) -> Option<String> {
    each(facts, |component| {
        let bundle = component.bundles.first()?;
        // What is no version at all is another rule's.
        if !is_version(&component.version) {
            return None;
        }
        let product = if facts.is_product_archive { &facts.product_version } else { &component.version };
        let same = *product == component.version && component.version == bundle.short_version;
        (!same).then(|| format!("they are {product:?}, {:?} and {:?}", component.version, bundle.short_version))
    })
}
