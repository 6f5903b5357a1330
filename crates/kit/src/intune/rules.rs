//! What Intune will make of a flat package: a table of rules, each with its reason, its remedy and its source.
//!
//! The two types that take a package differ. A rule of the line-of-business type alone is a warning, because the same
//! package can be uploaded as *macOS app (PKG)*; a rule of both is an error. Limits on scripts that are typed into
//! Intune's own form are not about the package and are not here.

use container::ReadAt;
use installer::format::ReadError;
use installer::pkg::{Application, Component, Facts, facts};
use installer::{Finding, Report, Severity};

/// One rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its stable name.
    pub id: &'static str,
    /// How bad it is when a package breaks it.
    pub severity: Severity,
    /// What must hold.
    pub what: &'static str,
    /// What happens otherwise.
    pub why: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// Who says so.
    pub source: &'static str,
    /// What breaks it; `None` when it holds.
    broken: fn(&Facts) -> Option<String>,
}

const LOB: &str = "Microsoft Learn, Add macOS line-of-business apps to Intune";
const PKG: &str = "Microsoft Learn, Add an unmanaged macOS PKG app to Intune";
const NOT_DEPLOYED: &str = "Microsoft Support, macOS LOB apps are not deployed";
const DETECTION: &str = "Microsoft Support, error 0x87D13BA2 for a macOS LOB app";
const APPLE: &str = "Apple, InstallEnterpriseApplication and Distribution XML";

const LOB_MAX_BYTES: u64 = 2_000_000_000;
const PKG_MAX_BYTES: u64 = 8_000_000_000;

/// Every rule, in the order in which they are checked.
pub static RULES: [Rule; 18] = [
    Rule {
        id: "intune-product-archive",
        severity: Severity::Warning,
        what: "it is a product archive",
        why: "Apple's MDM installs no other packages",
        remedy: "build it with a Distribution",
        source: APPLE,
        broken: |facts| (!facts.is_product_archive).then(|| "it has no Distribution".to_owned()),
    },
    Rule {
        id: "intune-signed",
        severity: Severity::Warning,
        what: "it is signed with a Developer ID Installer certificate",
        why: "the line-of-business type refuses others; macOS app (PKG) takes them",
        remedy: "sign it, or upload it as macOS app (PKG)",
        source: LOB,
        broken: |facts| match &facts.signer {
            None => Some("it is not signed".to_owned()),
            Some(name) if !name.starts_with("Developer ID Installer") => Some(format!("it is signed by {name:?}")),
            Some(_) => None,
        },
    },
    Rule {
        id: "intune-payload",
        severity: Severity::Error,
        what: "it has a payload",
        why: "a package without one is installed again for as long as it is assigned",
        remedy: "install at least an application",
        source: LOB,
        broken: |facts| each(facts, |c| (c.payload_paths == 0).then(|| format!("{} has no payload", c.identifier))),
    },
    Rule {
        id: "intune-lob-size",
        severity: Severity::Warning,
        what: "it has 2 GB at most",
        why: "the line-of-business type takes no more",
        remedy: "upload it as macOS app (PKG), which takes 8 GB",
        source: LOB,
        broken: |facts| larger(facts, LOB_MAX_BYTES),
    },
    Rule {
        id: "intune-pkg-size",
        severity: Severity::Error,
        what: "it has less than 8 GB",
        why: "no type takes more",
        remedy: "make it smaller",
        source: PKG,
        broken: |facts| larger(facts, PKG_MAX_BYTES - 1),
    },
    Rule {
        id: "intune-flat",
        severity: Severity::Error,
        what: "no application and no disk image is a member of the archive",
        why: "the line-of-business type takes flat packages only",
        remedy: "put the application into the payload",
        source: LOB,
        broken: |facts| {
            let wrong = |path: &&String| path.split('/').any(|part| part.ends_with(".app") || part.ends_with(".dmg"));
            facts.members.iter().find(wrong).map(|path| format!("{path} is a member"))
        },
    },
    Rule {
        id: "intune-one-package",
        severity: Severity::Error,
        what: "it contains exactly one package",
        why: "installation as managed takes no nested packages, and detection counts each of them as an application",
        remedy: "build one component",
        source: LOB,
        broken: |facts| {
            (facts.components.len() != 1).then(|| format!("it contains {} packages", facts.components.len()))
        },
    },
    Rule {
        id: "intune-location",
        severity: Severity::Warning,
        what: "install-location is /Applications or a folder below it",
        why: "a line-of-business application elsewhere is silently not deployed",
        remedy: "install nothing outside of /Applications, or upload it as macOS app (PKG)",
        source: NOT_DEPLOYED,
        broken: |facts| {
            each(facts, |c| {
                (!in_applications(&c.install_location)).then(|| format!("install-location is {:?}", c.install_location))
            })
        },
    },
    Rule {
        id: "intune-version",
        severity: Severity::Error,
        what: "PackageInfo has a version of numbers and dots, other than 0",
        why: "without one it is silently not deployed, and 0 can never be updated",
        remedy: "set the version",
        source: NOT_DEPLOYED,
        broken: |facts| each(facts, |c| (!is_version(&c.version)).then(|| format!("version is {:?}", c.version))),
    },
    Rule {
        id: "intune-one-bundle",
        severity: Severity::Error,
        what: "PackageInfo names exactly one bundle",
        why: "the first becomes what is detected, and a helper in its place means endless installation",
        remedy: "name the application only",
        source: DETECTION,
        broken: |facts| {
            each(facts, |c| (c.bundles.len() != 1).then(|| format!("PackageInfo names {} bundles", c.bundles.len())))
        },
    },
    Rule {
        id: "intune-bundle-versions",
        severity: Severity::Error,
        what: "the bundle has an id, a CFBundleShortVersionString and a CFBundleVersion",
        why: "without CFBundleVersion it is silently not deployed; updates compare the short version",
        remedy: "set them in Info.plist and PackageInfo",
        source: NOT_DEPLOYED,
        broken: |facts| bundles(facts, |b| (!has_versions(b)).then(|| format!("the bundle {:?} lacks one", b.path))),
    },
    Rule {
        id: "intune-application",
        severity: Severity::Error,
        what: "the bundle is an application that gets installed in /Applications, with this id and version",
        why: "detection looks there; the status never becomes success (0x87D13BA2)",
        remedy: "install the application in /Applications",
        source: DETECTION,
        broken: not_installed,
    },
    Rule {
        id: "intune-one-application",
        severity: Severity::Warning,
        what: "the payload has one application",
        why: "installation as managed, with its uninstall, is for a single application",
        remedy: "put helpers into the application",
        source: LOB,
        broken: |facts| {
            let found: usize = facts.components.iter().map(|c| c.applications.len()).sum();
            (found != 1).then(|| format!("the payload has {found} applications"))
        },
    },
    Rule {
        id: "intune-versions-agree",
        severity: Severity::Error,
        what: "Distribution, PackageInfo and application have one version",
        why: "Intune compares now one, now the other, and installs again when they differ",
        remedy: "build all three from one version",
        source: LOB,
        broken: versions_differ,
    },
    Rule {
        id: "intune-not-relocatable",
        severity: Severity::Error,
        what: "Installer does not follow the application to where a user has moved it",
        why: "it is then not in /Applications, and is not detected",
        remedy: "set relocatable=\"false\" and an empty relocate element",
        source: LOB,
        broken: |facts| each(facts, |c| c.is_relocatable.then(|| format!("{} is relocatable", c.identifier))),
    },
    Rule {
        id: "intune-no-restart",
        severity: Severity::Warning,
        what: "it asks for no restart",
        why: "nobody is there to answer",
        remedy: "set postinstall-action=\"none\"",
        source: DETECTION,
        broken: |facts| {
            each(facts, |c| {
                (c.postinstall_action != "none").then(|| format!("postinstall-action is {:?}", c.postinstall_action))
            })
        },
    },
    Rule {
        id: "intune-no-questions",
        severity: Severity::Warning,
        what: "Distribution has no scripts of its own",
        why: "there is no user interface for what they ask",
        remedy: "check in preinstall",
        source: APPLE,
        broken: |facts| facts.has_distribution_scripts.then(|| "Distribution has scripts".to_owned()),
    },
    Rule {
        id: "intune-apple-silicon",
        severity: Severity::Warning,
        what: "hostArchitectures has arm64",
        why: "Apple silicon otherwise asks for Rosetta, and the installation fails where it is missing",
        remedy: "build a universal agent",
        source: APPLE,
        broken: |facts| {
            let has = facts.architectures.iter().any(|arch| arch == "arm64");
            (facts.is_product_archive && !has).then(|| format!("hostArchitectures is {:?}", facts.architectures))
        },
    },
];

/// Checks a flat package against every rule.
pub fn check(file: &dyn ReadAt, report: &mut Report) -> Result<(), ReadError> {
    let facts = facts(file)?;
    for rule in &RULES {
        rule.check(&facts, report);
    }
    Ok(())
}

impl Rule {
    /// Checks one rule.
    pub fn check(&self, facts: &Facts, report: &mut Report) {
        let broken = (self.broken)(facts);
        match broken {
            None => _ = report.check(true, self.id, "", String::new),
            Some(found) => report.add(Finding {
                id: self.id,
                severity: self.severity,
                place: "package".to_owned(),
                message: format!("{found}; must be that {}: {} ({})", self.what, self.why, self.source),
                hint: Some(self.remedy.to_owned()),
            }),
        }
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
            let installed = in_applications(&path) && component.applications.iter().any(same);
            (!installed).then(|| format!("{path} with the id {:?} is not installed", bundle.id))
        })
    })
}

fn versions_differ(facts: &Facts) -> Option<String> {
    each(facts, |component| {
        let bundle = component.bundles.first()?;
        let product = if facts.is_product_archive { &facts.product_version } else { &component.version };
        let same = *product == component.version && component.version == bundle.short_version;
        (!same).then(|| format!("they are {product:?}, {:?} and {:?}", component.version, bundle.short_version))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A package that breaks no rule.
    fn good() -> Facts {
        let application = |path: &str| Application {
            path: path.to_owned(),
            id: "com.example.agent".to_owned(),
            short_version: "1.4.2".to_owned(),
            version: "42".to_owned(),
        };
        Facts {
            len_bytes: LOB_MAX_BYTES,
            members: vec!["Distribution".to_owned(), "a.pkg".to_owned(), "a.pkg/Payload".to_owned()],
            signer: Some("Developer ID Installer: Example Ltd (ABCDE12345)".to_owned()),
            is_product_archive: true,
            has_distribution_scripts: false,
            product_version: "1.4.2".to_owned(),
            architectures: vec!["arm64".to_owned()],
            minimum_macos: "11.0".to_owned(),
            components: vec![Component {
                identifier: "com.example.agent.pkg".to_owned(),
                version: "1.4.2".to_owned(),
                install_location: "/Applications".to_owned(),
                postinstall_action: "none".to_owned(),
                is_relocatable: false,
                bundles: vec![application("A.app")],
                payload_paths: 5,
                applications: vec![application("/Applications/A.app")],
            }],
        }
    }

    fn broken(facts: &Facts) -> Vec<&'static str> {
        let mut report = Report::new();
        for rule in &RULES {
            rule.check(facts, &mut report);
        }
        report.findings().iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn a_good_package_breaks_none() {
        assert_eq!(broken(&good()), [""; 0]);
    }

    #[test]
    fn names_are_unique_and_everything_is_said() {
        let ids: std::collections::BTreeSet<_> = RULES.iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), RULES.len());
        let said = |rule: &Rule| [rule.what, rule.why, rule.remedy, rule.source].iter().all(|text| !text.is_empty());
        assert!(RULES.iter().all(|rule| rule.id.starts_with("intune-") && said(rule)));
    }

    /// One way to break a package.
    type Break = fn(&mut Facts);

    /// For each rule, a package that breaks it (and perhaps others).
    const BREAKS: [(&str, Break); 26] = [
        ("intune-product-archive", |f| f.is_product_archive = false),
        ("intune-signed", |f| f.signer = None),
        ("intune-signed", |f| f.signer = Some("Example".to_owned())),
        ("intune-payload", |f| f.components[0].payload_paths = 0),
        ("intune-lob-size", |f| f.len_bytes = LOB_MAX_BYTES + 1),
        ("intune-pkg-size", |f| f.len_bytes = PKG_MAX_BYTES),
        ("intune-flat", |f| f.members.push("A.app/Contents".to_owned())),
        ("intune-flat", |f| f.members.push("image.dmg".to_owned())),
        ("intune-one-package", |f| f.components.push(f.components[0].clone())),
        ("intune-one-package", |f| f.components.clear()),
        ("intune-location", |f| f.components[0].install_location = "/".to_owned()),
        ("intune-location", |f| f.components[0].install_location = "/Applications2".to_owned()),
        ("intune-version", |f| f.components[0].version = "0".to_owned()),
        ("intune-version", |f| f.components[0].version.clear()),
        ("intune-one-bundle", |f| f.components[0].bundles.clear()),
        ("intune-bundle-versions", |f| f.components[0].bundles[0].version.clear()),
        ("intune-bundle-versions", |f| f.components[0].bundles[0].id.clear()),
        ("intune-application", |f| f.components[0].applications.clear()),
        ("intune-application", |f| f.components[0].applications[0].id = "com.example.other".to_owned()),
        ("intune-application", |f| f.components[0].install_location = "/opt".to_owned()),
        ("intune-one-application", |f| f.components[0].applications.push(Application::default())),
        ("intune-versions-agree", |f| f.product_version = "1.4.3".to_owned()),
        ("intune-not-relocatable", |f| f.components[0].is_relocatable = true),
        ("intune-no-restart", |f| f.components[0].postinstall_action = "restart".to_owned()),
        ("intune-no-questions", |f| f.has_distribution_scripts = true),
        ("intune-apple-silicon", |f| f.architectures = vec!["x86_64".to_owned()]),
    ];

    #[test]
    fn each_rule_can_be_broken() {
        for (id, change) in BREAKS {
            let mut facts = good();
            change(&mut facts);
            assert!(broken(&facts).contains(&id), "{id} is not in {:?}", broken(&facts));
        }
        for rule in &RULES {
            assert!(BREAKS.iter().any(|(id, _)| *id == rule.id), "nothing breaks {}", rule.id);
        }
    }
}
