//! What happens to an installed product: any other one of the family with the same or an older version goes, a newer
//! one stays and this one is refused.

use crate::format::BuildError;
use crate::product::Product;
use crate::template::{Escape, render};

use super::tables::{NULL, Tables, row};
use super::text::formatted;

/// Holds the product codes of older products; public, or they would not reach the service.
pub(super) const OLDER: &str = "OLDERPRODUCTS";
/// Holds the product codes of newer products.
pub(super) const NEWER: &str = "NEWERPRODUCTS";
/// Says that a newer version is there.
pub(super) const DOWNGRADE_ACTION: &str = "RefuseDowngrade";
/// When it does.
pub(super) const DOWNGRADE_CONDITION: &str = "NEWERPRODUCTS AND NOT Installed";
/// "Custom Action Type 19": show the target and end the installation with an error.
pub(super) const SHOW_ERROR: i32 = 19;

// Upgrade.Attributes
const MIGRATE_FEATURES: i32 = 0x1;
const ONLY_DETECT: i32 = 0x2;
const MIN_INCLUSIVE: i32 = 0x100;
const MAX_INCLUSIVE: i32 = 0x200;

/// Adds the upgrade rules.
///
/// The same version counts as older: the same version with another token has another product code and replaces it.
/// ICE61 warns about that, and Windows Installer never removes the very product that it installs.
pub(super) fn add(tables: &mut Tables, product: &Product, upgrade_code: &str) -> Result<(), BuildError> {
    let version = product.windows_version();
    let replace = MIGRATE_FEATURES | MIN_INCLUSIVE | MAX_INCLUSIVE;
    tables.add("Upgrade", row![upgrade_code, "0.0.0", version, NULL, replace, NULL, OLDER]);
    tables.add("Upgrade", row![upgrade_code, version, NULL, NULL, ONLY_DETECT, NULL, NEWER]);
    let values = serde_json::json!({ "product": formatted(product.name()), "version": version });
    let message =
        render("msi/downgrade.txt", include_str!("../../../../templates/msi/downgrade.txt"), Escape::Plain, &values)?;
    tables.add("CustomAction", row![DOWNGRADE_ACTION, SHOW_ERROR, NULL, message.trim_end(), NULL]);
    Ok(())
}
