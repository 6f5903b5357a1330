//! What happens in which order.
//!
//! The numbers are those of the SDK's suggested sequences but for three. `RemoveExistingProducts` is at 1501: inside
//! the transaction, before anything is installed, so that a failed upgrade rolls back to the old product and file
//! versions never decide. `InstallServices` is at 4900, before `WriteRegistryValues`, because what starts a service
//! again after a failure is written below the service's own key (see `service.rs`). The actions of ours are immediate and touch
//! nothing but properties and the error message, but for the one that removes the state folder at the end of a removal.

use super::ids::{PURGE_CONDITION, REMOVE_STATE_ACTION};
use super::tables::{NULL, Tables, row};
use super::{token, token_reader, upgrade};

const VERSION_NT: Option<&str> = Some("VersionNT");

const EXECUTE: &[(&str, Option<&str>, i32)] = &[
    ("FindRelatedProducts", NULL, 25),
    (upgrade::DOWNGRADE_ACTION, Some(upgrade::DOWNGRADE_CONDITION), 30),
    ("AppSearch", NULL, 50),
    (token::KEEP_ACTION, Some(token::KEEP_CONDITION), 58),
    ("ValidateProductID", NULL, 700),
    ("CostInitialize", NULL, 800),
    ("FileCost", NULL, 900),
    ("CostFinalize", NULL, 1000),
    (token_reader::CHECK_STATE_ACTION, Some(token_reader::CHECK_STATE_CONDITION), 1005),
    (token::PURGE_KEY_ACTION, Some(PURGE_CONDITION), 1010),
    (token::PURGE_FOLDER_ACTION, Some(PURGE_CONDITION), 1020),
    (token::PURGE_STATE_ACTION, Some(PURGE_CONDITION), 1030),
    ("MigrateFeatureStates", NULL, 1200),
    ("InstallValidate", NULL, 1400),
    ("InstallInitialize", NULL, 1500),
    ("RemoveExistingProducts", NULL, 1501),
    ("ProcessComponents", NULL, 1600),
    ("UnpublishFeatures", NULL, 1800),
    ("StopServices", VERSION_NT, 1900),
    ("DeleteServices", VERSION_NT, 2000),
    ("RemoveRegistryValues", NULL, 2600),
    ("RemoveFiles", NULL, 3500),
    ("RemoveFolders", NULL, 3600),
    (REMOVE_STATE_ACTION, Some(PURGE_CONDITION), 3650),
    ("CreateFolders", NULL, 3700),
    ("InstallFiles", NULL, 4000),
    ("InstallServices", VERSION_NT, 4900),
    ("WriteRegistryValues", NULL, 5000),
    ("StartServices", VERSION_NT, 5900),
    ("RegisterUser", NULL, 6000),
    ("RegisterProduct", NULL, 6100),
    ("PublishFeatures", NULL, 6300),
    ("PublishProduct", NULL, 6400),
    ("InstallFinalize", NULL, 6600),
];

/// Group Policy advertises a package before it installs it.
const ADVERTISE: &[(&str, i32)] = &[
    ("CostInitialize", 800),
    ("CostFinalize", 1000),
    ("InstallValidate", 1400),
    ("InstallInitialize", 1500),
    ("PublishFeatures", 6300),
    ("PublishProduct", 6400),
    ("InstallFinalize", 6600),
];

const ADMIN: &[(&str, i32)] = &[
    ("CostInitialize", 800),
    ("FileCost", 900),
    ("CostFinalize", 1000),
    ("InstallValidate", 1400),
    ("InstallInitialize", 1500),
    ("InstallAdminPackage", 3900),
    ("InstallFiles", 4000),
    ("InstallFinalize", 6600),
];

/// There are no dialogs; a double click shows the progress of the execute sequence. Searches are not repeated here, since
/// an action that ran in this sequence is skipped in the other, and private properties do not cross over.
const UI: &[(&str, i32)] =
    &[("CostInitialize", 800), ("FileCost", 900), ("CostFinalize", 1000), ("ExecuteAction", 1300)];

/// Fills the five sequence tables.
pub(super) fn add(tables: &mut Tables, token_required: bool, has_reader: bool) {
    for (action, condition, number) in EXECUTE {
        tables.add("InstallExecuteSequence", row![*action, *condition, *number]);
    }
    if has_reader {
        // After AppSearch as well, and before anything asks for the token: what waits, the refusal, the costs of components.
        tables.add("InstallExecuteSequence", row![token_reader::ACTION, token_reader::CONDITION, 55]);
    }
    if token_required {
        // After AppSearch, which finds out whether the device is enrolled.
        let refusal = row![token::MISSING_ACTION, token::MISSING_CONDITION, 60];
        tables.add("InstallExecuteSequence", refusal);
    }
    for (table, sequence) in [
        ("AdvtExecuteSequence", ADVERTISE),
        ("AdminExecuteSequence", ADMIN),
        ("InstallUISequence", UI),
        ("AdminUISequence", UI),
    ] {
        for (action, number) in sequence {
            tables.add(table, row![*action, NULL, *number]);
        }
    }
}
