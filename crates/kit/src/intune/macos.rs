//! The kit for Intune, macOS.

use container::read_at::FileAt;
use installer::{Epoch, Token};
use serde::Serialize;
use serde_json::{Value, json};

use super::graph::{App, content_file};
use super::intunemac::{self, WrapError};
use crate::folder::{Folder, KitError, failed};
use crate::macos::Macos;
use crate::manifest::{self, Weighed};
use crate::profiles;

#[derive(Serialize)]
struct Page<'a> {
    product: &'a str,
    version: &'a str,
    file: &'a str,
    minimum: &'a str,
    bundle_id: &'a str,
    bundle_version: &'a str,
    has_token: bool,
    /// Whether it can be uploaded as a line-of-business app as well.
    is_for_lob: bool,
    is_signed: bool,
    /// What the bodies say of the publisher, and whether it is the signer's name.
    publisher: &'a str,
    signer: bool,
    /// Whether version 1.0 of Graph lacks the oldest macOS.
    needs_beta: bool,
    has_profiles: bool,
    profiles: &'a profiles::Written,
}

/// Writes the kit of a package. `token` is for one without.
pub fn write(
    folder: &mut Folder,
    pkg: &Macos,
    file: &FileAt,
    token: Option<&Token>,
    tenant: &str,
    epoch: Epoch,
) -> Result<(), KitError> {
    pkg.check_token(token.is_some())?;
    folder.copy(&format!("intune/{}", pkg.file_name), file)?;
    let mut apps = vec![("macOSPkgApp", pkg_app(pkg))];
    // The line-of-business type, and the archive that is of that type, are for applications in /Applications alone.
    if pkg.is_in_applications {
        wrap(folder, pkg, file, epoch)?;
        apps.push(("macOSLobApp", lob_app(pkg)));
    }
    let size = file.file().metadata().map_err(failed(&pkg.file_name))?.len();
    for (kind, app) in apps {
        folder.json(&format!("intune/graph/{kind}.json"), &app)?;
        folder
            .json(&format!("intune/graph/{kind}.contentFile.json"), &content_file(&pkg.file_name, size, None, None))?;
    }
    let weighed = Weighed::read(pkg, file, None)?;
    folder.write("intune/manifest.plist", &manifest::document(pkg, &weighed)?)?;
    let profiles = profiles::write(folder, "intune", pkg, tenant, token)?;
    let page = Page {
        product: &pkg.product,
        version: &pkg.version,
        file: &pkg.file_name,
        minimum: &pkg.facts.minimum_macos,
        bundle_id: &pkg.application.id,
        bundle_version: &pkg.application.short_version,
        has_token: pkg.token.is_some(),
        is_for_lob: pkg.is_in_applications,
        is_signed: pkg.facts.signer.is_some(),
        publisher: publisher(pkg),
        signer: signer(pkg).is_some(),
        needs_beta: oldest(&pkg.facts.minimum_macos).0 >= 14,
        has_profiles: profiles.is_any(),
        profiles: &profiles,
    };
    let template = include_str!("../../../../templates/kit/intune-macos.md.hbs");
    folder.page("intune/README.md", "kit/intune-macos.md.hbs", template, &page)
}

fn wrap(folder: &mut Folder, pkg: &Macos, file: &FileAt, epoch: Epoch) -> Result<(), KitError> {
    let path = format!("intune/{}.intunemac", pkg.stem());
    let mut out = folder.create(&path)?;
    intunemac::write(file, &pkg.facts, &pkg.file_name, epoch, &mut out).map_err(|error| match error {
        WrapError::Template(error) => error.into(),
        WrapError::Read(source) | WrapError::Write(source) => failed(&path)(source),
        WrapError::Bundles { .. } => KitError::Unfit(error.to_string()),
    })?;
    let written = FileAt::new(out).map_err(failed(&path))?;
    intunemac::read(&written, &mut std::io::sink())?;
    Ok(())
}

/// The app of one type, with what both types have.
fn app(pkg: &Macos, kind: &str, own: Value) -> Value {
    let mut both = json!({
        "ignoreVersionDetection": true,
        "minimumSupportedOperatingSystem": minimum(&pkg.facts.minimum_macos),
    });
    if let (Some(both), Value::Object(own)) = (both.as_object_mut(), own) {
        both.extend(own);
    }
    let (product, version, file_name) = (&pkg.product, &pkg.version, &pkg.file_name);
    App { kind, product, version, publisher: publisher(pkg), file_name }.body(both)
}

/// A package has no field for its publisher, and the console does not take an empty one: the signer's name, else the product's.
fn publisher(pkg: &Macos) -> &str {
    signer(pkg).unwrap_or(&pkg.product)
}

/// The company in `Developer ID Installer: Example Ltd (TEAMID1234)`.
fn signer(pkg: &Macos) -> Option<&str> {
    let name = pkg.facts.signer.as_deref()?.strip_prefix("Developer ID Installer: ")?;
    let company = name.rsplit_once(" (").map_or(name, |(company, _)| company).trim();
    (!company.is_empty()).then_some(company)
}

fn lob_app(pkg: &Macos) -> Value {
    let bundle = &pkg.application;
    let own = json!({
        "bundleId": bundle.id,
        "buildNumber": bundle.short_version,
        "versionNumber": bundle.version,
        "childApps": [{
            "@odata.type": "#microsoft.graph.macOSLobChildApp",
            "bundleId": bundle.id,
            "buildNumber": bundle.short_version,
            "versionNumber": bundle.version,
        }],
        "installAsManaged": false,
        "md5HashChunkSize": 0,
        "md5Hash": [],
    });
    app(pkg, "macOSLobApp", own)
}

fn pkg_app(pkg: &Macos) -> Value {
    let bundle = &pkg.application;
    let own = json!({
        "primaryBundleId": bundle.id,
        "primaryBundleVersion": bundle.short_version,
        "includedApps": [{
            "@odata.type": "microsoft.graph.macOSIncludedApp",
            "bundleId": bundle.id,
            "bundleVersion": bundle.short_version,
        }],
    });
    app(pkg, "macOSPkgApp", own)
}

/// Exactly one flag is true: that of the oldest macOS. There are flags for 10.7 to 10.15 and then for each major version; what lies
/// in between is left to the package, which refuses by itself.
fn minimum(version: &str) -> Value {
    let (major, minor) = oldest(version);
    let flag = match (major, minor) {
        (10, 7..=15) => format!("v10_{minor}"),
        (11..=15, _) => format!("v{major}_0"),
        // There is no macOS 16 to 25.
        (16..=26, _) => "v26_0".to_owned(),
        (27.., _) => "v27_0".to_owned(),
        _ => "v10_13".to_owned(),
    };
    json!({ "@odata.type": "#microsoft.graph.macOSMinimumOperatingSystem", flag: true })
}

fn oldest(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_flag_says_the_oldest_macos() {
        for (version, flag) in [
            ("11.0", "v11_0"),
            ("10.15.4", "v10_15"),
            ("13.3", "v13_0"),
            ("", "v10_13"),
            ("26.1", "v26_0"),
            ("27.0", "v27_0"),
        ] {
            let found = minimum(version);
            assert_eq!(found.as_object().unwrap().len(), 2, "{version}");
            assert_eq!(found[flag], true, "{version}");
        }
    }
}
