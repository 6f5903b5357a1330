//! Jamf Pro: the package, bodies for its API, profiles.
//!
//! `POST /api/v1/packages` makes a package's record, to which the file is then uploaded; a policy installs it. `POST
//! /api/v1/deploy-package` lets Apple's MDM install it from an address. Jamf takes profiles of others as they are: Computers,
//! Configuration Profiles, Upload.
//!
//! Sources: Jamf Pro's API schema (11.6.1); Jamf's page on packages for PreStage enrollments, which must be signed product archives.

use container::read_at::FileAt;
use installer::Token;
use serde::Serialize;
use serde_json::{Value, json};

use crate::folder::{Folder, KitError};
use crate::macos::Macos;
use crate::manifest::{self, Weighed};
use crate::profiles;

#[derive(Serialize)]
struct Page<'a> {
    product: &'a str,
    version: &'a str,
    file: &'a str,
    has_token: bool,
    is_signed: bool,
    has_url: bool,
    has_profiles: bool,
    profiles: &'a profiles::Written,
    bundle_id: &'a str,
    /// The command that removes the product again.
    uninstall: Option<&'a str>,
}

/// Writes the kit of a package. `token` is for one without.
pub fn write(
    folder: &mut Folder,
    pkg: &Macos,
    file: &FileAt,
    token: Option<&Token>,
    tenant: &str,
    url: Option<&str>,
) -> Result<(), KitError> {
    pkg.check_token(token.is_some())?;
    folder.copy(&format!("jamf/{}", pkg.file_name), file)?;
    let weighed = Weighed::read(pkg, file, url)?;
    folder.json("jamf/api/packages.json", &packages(pkg))?;
    folder.json("jamf/api/deploy-package.json", &deploy_package(pkg, &weighed))?;
    folder.write("jamf/manifest.plist", &manifest::document(pkg, &weighed)?)?;
    let profiles = profiles::write(folder, "jamf", pkg, tenant, token)?;
    let page = Page {
        product: &pkg.product,
        version: &pkg.version,
        file: &pkg.file_name,
        has_token: pkg.token.is_some(),
        is_signed: pkg.facts.signer.is_some(),
        has_url: weighed.has_url(),
        has_profiles: profiles.is_any(),
        profiles: &profiles,
        bundle_id: &pkg.application.id,
        uninstall: pkg.uninstall.as_deref(),
    };
    folder.page("jamf/README.md", "kit/jamf.md.hbs", include_str!("../../../templates/kit/jamf.md.hbs"), &page)
}

fn packages(pkg: &Macos) -> Value {
    json!({
        "packageName": format!("{} {}", pkg.product, pkg.version),
        "fileName": pkg.file_name,
        "categoryId": "-1",
        "info": "",
        "notes": "",
        "priority": 10,
        "fillUserTemplate": false,
        "rebootRequired": false,
        "osInstall": false,
        "suppressUpdates": false,
        "suppressFromDock": false,
        "suppressEula": false,
        "suppressRegistration": false,
    })
}

fn deploy_package(pkg: &Macos, weighed: &Weighed) -> Value {
    json!({
        "manifest": {
            "url": weighed.url,
            "hash": weighed.sha256,
            "hashType": "SHA256",
            "bundleId": pkg.application.id,
            "bundleVersion": pkg.application.short_version,
            "title": pkg.product,
            "subtitle": pkg.version,
            "sizeInBytes": weighed.len_bytes,
        },
        "installAsManaged": false,
        "devices": [],
    })
}
