//! Who the product is: codes, properties, the feature, the summary information.
//!
//! | code | derived from | same for |
//! |---|---|---|
//! | UpgradeCode | the manifest | every version of the product |
//! | component codes | upgrade code, architecture, path | every version |
//! | ProductCode, PackageCode | all tables, all files, the date, this tool's version | one base; a stamp derives new ones |
//!
//! Windows Installer knows a package by its PackageCode alone: with the same code and other bytes it runs the cached old
//! package, so the code must follow the bytes. GUIDs are in upper case, or nothing matches them.

use std::collections::BTreeMap;

use container::msidb::summary::{self, Value, filetime, pid};
use sha2::{Digest, Sha256};

use crate::epoch::Epoch;
use crate::format::{BuildError, Job};
use crate::guid::derive;
use crate::product::{Arch, Product};

use super::files::CabinetFile;
use super::ids::FEATURE;
use super::tables::{NULL, Tables, row};
use super::text::Codepages;
use super::token::{PURGE_KEY, TOKEN_PROPERTY, WAITING_PROPERTY, harmless_purge_key};
use super::upgrade::{NEWER, OLDER};

/// Private properties by which a stamp, and a stamp of a stamp, knows its base.
pub(super) const BASE_PRODUCT_CODE: &str = "StampwrightBaseProductCode";
pub(super) const BASE_PACKAGE_CODE: &str = "StampwrightBasePackageCode";
pub(super) const TOOL_VERSION: &str = "StampwrightVersion";
/// Private property: the number of the layout, which is what a stamp depends on.
pub(super) const LAYOUT_PROPERTY: &str = "StampwrightLayout";
/// The layout that this version writes and stamps. Other tables do not change it; another order of streams or another way to a stamp's codes does.
pub(super) const LAYOUT: &str = "1";
/// The private property that says which one carries the token.
const TOKEN_PROPERTY_NAME: &str = "StampwrightTokenProperty";

/// This tool's version.
pub(super) const TOOL: &str = env!("CARGO_PKG_VERSION");
/// US English; the only language there is text in.
const LANGUAGE: &str = "1033";

/// The two codes of a base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Codes {
    pub(super) product: String,
    pub(super) package: String,
}

impl Codes {
    /// The codes that follow from everything in the package but themselves.
    pub(super) fn derive(tables: &Tables, files: &[CabinetFile<'_>], epoch: Epoch) -> Self {
        let mut content = Sha256::new();
        content.update(tables.digest());
        for file in files {
            content.update((file.key.len() as u64).to_le_bytes());
            content.update(file.key.as_bytes());
            content.update(file.sha256);
        }
        content.update(epoch.secs().to_le_bytes());
        content.update(TOOL.as_bytes());
        let content: [u8; 32] = content.finalize().into();
        Self { product: derive(&[b"product code", &content]), package: derive(&[b"package code", &content]) }
    }
}

/// Adds the properties but the codes, and the feature.
pub(super) fn add(tables: &mut Tables, product: &Product, upgrade_code: &str) {
    let version = product.windows_version();
    let homepage = product.homepage();
    // Not the token: what is listed here a standard user may set in an elevated repair or installation ("Restricted Public Properties").
    let secure = format!("{NEWER};{OLDER}");
    let hidden = format!("{TOKEN_PROPERTY};{WAITING_PROPERTY}");
    let purge_key = harmless_purge_key(product);
    let rows = [
        ("ALLUSERS", Some("1")), // per machine, always
        ("ARPCOMMENTS", Some(product.summary())),
        ("ARPCONTACT", Some(product.maintainer())),
        ("ARPHELPLINK", homepage),
        ("ARPNOMODIFY", Some("1")), // one feature: nothing to modify
        ("ARPURLINFOABOUT", homepage),
        ("MSIDEPLOYMENTCOMPLIANT", Some("1")), // installs without dialogs and with elevation
        ("MSIRESTARTMANAGERCONTROL", Some("Disable")), // the service is stopped by its own table
        ("Manufacturer", Some(product.publisher())),
        ("MsiHiddenProperties", Some(hidden.as_str())),
        ("ProductLanguage", Some(LANGUAGE)),
        ("ProductName", Some(product.name())),
        ("ProductVersion", Some(version)),
        (PURGE_KEY, Some(purge_key.as_str())),
        ("REBOOT", Some("ReallySuppress")), // an agent never restarts a computer
        ("SecureCustomProperties", Some(secure.as_str())),
        (TOOL_VERSION, Some(TOOL)),
        (LAYOUT_PROPERTY, Some(LAYOUT)),
        ("UpgradeCode", Some(upgrade_code)),
    ];
    for (key, value) in rows {
        if let Some(value) = value {
            tables.add("Property", row![key, value]);
        }
    }
    // Windows Installer advertises by the feature; it has nothing to choose, so no dialog would show it.
    let feature = row![FEATURE, NULL, product.file_stem(), NULL, 0, 1, NULL, 0];
    tables.add("Feature", feature);
}

/// Adds the properties that the digest of everything else decides, and the last one.
pub(super) fn add_codes(tables: &mut Tables, codes: &Codes) {
    tables.add("Property", row!["ProductCode", codes.product.as_str()]);
    tables.add("Property", row![BASE_PRODUCT_CODE, codes.product.as_str()]);
    tables.add("Property", row![BASE_PACKAGE_CODE, codes.package.as_str()]);
    // The value is the token's own key. A stamp adds a row with that key, which must be the last by its number in the pool; so the
    // string enters the pool after every other key.
    tables.add("Property", row![TOKEN_PROPERTY_NAME, TOKEN_PROPERTY]);
}

/// The architecture as the template spells it.
pub(super) const fn template_arch(arch: Arch) -> &'static str {
    match arch {
        Arch::Arm64 => "Arm64",
        Arch::X64 | Arch::Universal => "x64",
    }
}

/// What the summary information says in the product's own words.
pub(super) fn summary_texts(product: &Product) -> [(u32, &str); 3] {
    [(pid::SUBJECT, product.name()), (pid::AUTHOR, product.publisher()), (pid::COMMENTS, product.summary())]
}

/// The summary information. A text that its codepage lacks is left out: all three are for people, and stand in the tables as well.
pub(super) fn summary(job: &Job<'_>, codes: &Codes, codepages: Codepages) -> Result<Vec<u8>, BuildError> {
    let text = |text: &str| Value::Text(text.to_owned());
    let time = Value::Time(filetime(job.epoch.secs()));
    let mut values = BTreeMap::from([
        (pid::TITLE, text("Installation Database")),
        (pid::KEYWORDS, text("Installer")),
        (pid::TEMPLATE, text(&format!("{};{LANGUAGE}", template_arch(job.agent.arch)))),
        (pid::REVISION, text(&codes.package)),
        (pid::CREATED, time.clone()),
        (pid::SAVED, time),
        (pid::PAGE_COUNT, Value::Long(super::ids::SCHEMA)),
        (pid::WORD_COUNT, Value::Long(super::ids::WORD_COUNT)),
        (pid::APPLICATION, text(&format!("Stampwright {TOOL}"))),
        (pid::SECURITY, Value::Long(super::ids::READ_ONLY_RECOMMENDED)),
    ]);
    for (id, own) in summary_texts(job.product) {
        if codepages.summary.encode(own).is_ok() {
            values.insert(id, text(own));
        }
    }
    summary::write(codepages.summary, &values).map_err(|error| BuildError::Product {
        field: "product",
        problem: format!("cannot be in an MSI: {error}"),
        hint: None,
    })
}
