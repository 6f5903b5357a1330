//! The bodies that Microsoft Graph takes for an app.
//!
//! ```text
//! POST  /deviceAppManagement/mobileApps                                   the app          TYPE.json
//! POST  …/mobileApps/{id}/microsoft.graph.TYPE/contentVersions            {}
//! POST  …/contentVersions/{version}/files                                 its file         TYPE.contentFile.json
//! PUT   the file, encrypted, in blocks to the storage that the answer names
//! POST  …/files/{file}/commit                                             the keys         TYPE.commit.json
//! PATCH …/mobileApps/{id}                                                 {"@odata.type": …, "committedContentVersion": "1"}
//! ```
//!
//! Each object has its `@odata.type` first, or the service does not know which type it binds: a JSON object's keys are sorted
//! here, and `@` comes before every letter.
//!
//! Sources: Graph's resource pages win32LobApp, windowsMobileMSI, macOSLobApp, macOSPkgApp, mobileAppContentFile,
//! fileEncryptionInfo; Microsoft's PowerShell samples for the sequence and the manifest.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use installer::msi::Context;
use serde_json::{Value, json};

use super::intunewin::{CONTENT_NAME, EncryptionInfo};
use crate::windows::Windows;

/// Upper bound of what the encryption adds: code, IV and 1 to 16 bytes of padding.
const fn encrypted_bytes(plain: u64) -> u64 {
    48 + 16 * (plain / 16 + 1)
}

/// What every app says of itself, whatever its type.
pub(crate) struct App<'a> {
    /// The resource type, e.g. `win32LobApp`.
    pub kind: &'a str,
    /// The product's name, `displayName`.
    pub product: &'a str,
    /// Its version, for the description.
    pub version: &'a str,
    /// Who publishes it; not empty.
    pub publisher: &'a str,
    /// The file that is uploaded, by its name.
    pub(crate) file_name: &'a str,
}

impl App<'_> {
    /// The app, with what only its type has: an object.
    #[must_use]
    pub(crate) fn body(&self, own: Value) -> Value {
        let mut body = json!({
            "@odata.type": format!("#microsoft.graph.{}", self.kind),
            "displayName": self.product,
            "description": format!("{} {}", self.product, self.version),
            "publisher": self.publisher,
            "developer": "",
            "owner": "",
            "notes": "",
            "isFeatured": false,
            "informationUrl": null,
            "privacyInformationUrl": null,
            "fileName": self.file_name,
        });
        if let (Some(body), Value::Object(own)) = (body.as_object_mut(), own) {
            body.extend(own);
        }
        body
    }
}

/// Windows app (Win32). `transform` is the name of the token's transform beside the installer.
#[must_use]
pub(crate) fn win32_lob_app(msi: &Windows, transform: Option<&str>) -> Value {
    let (facts, file) = (&msi.facts, &msi.file_name);
    let transforms = transform.map(|name| format!(" TRANSFORMS=\"{name}\"")).unwrap_or_default();
    let is_arm = msi.arch() == "Arm64";
    let mut own = json!({
        "setupFilePath": file,
        "installCommandLine": format!("msiexec /i \"{file}\"{transforms} /qn"),
        "uninstallCommandLine": format!("msiexec /x \"{}\" /qn", facts.product_code),
        "applicableArchitectures": if is_arm { "none" } else { "x64" },
        "minimumSupportedWindowsRelease": if is_arm { "1709" } else { "1607" },
        "installExperience": { "runAsAccount": "system", "deviceRestartBehavior": "basedOnReturnCode" },
        "returnCodes": [
            { "returnCode": 0, "type": "success" },
            { "returnCode": 1707, "type": "success" },
            { "returnCode": 3010, "type": "softReboot" },
            { "returnCode": 1641, "type": "hardReboot" },
            { "returnCode": 1618, "type": "retry" },
        ],
        "msiInformation": {
            "@odata.type": "#microsoft.graph.win32LobAppMsiInformation",
            "productCode": facts.product_code,
            "productVersion": facts.product_version,
            "upgradeCode": facts.upgrade_code,
            "requiresReboot": facts.asks_for_restart,
            "packageType": match facts.context {
                Context::Machine => "perMachine",
                Context::User => "perUser",
                Context::Either => "dualPurpose",
            },
            "productName": msi.product,
            "publisher": msi.publisher,
        },
        "rules": [detection(msi)],
    });
    if let Some(own) = own.as_object_mut().filter(|_| is_arm) {
        // Only beta's newer property knows arm64; the older one must then say "none".
        own.insert("allowedArchitectures".to_owned(), "arm64".into());
    }
    windows_app(msi, "win32LobApp", CONTENT_NAME).body(own)
}

/// How Intune finds out that the app is there: by the version in the registry, which says the same after an update or with another
/// token. The product code is another one for each of them, so Intune would install the older MSI again, which refuses, for ever.
fn detection(msi: &Windows) -> Value {
    let facts = &msi.facts;
    match &facts.version_value {
        Some((key, value)) => json!({
            "@odata.type": "#microsoft.graph.win32LobAppRegistryRule",
            "ruleType": "detection",
            "check32BitOn64System": false,
            "keyPath": format!(r"HKEY_LOCAL_MACHINE\{key}"),
            "valueName": value,
            "operationType": "version",
            "operator": "greaterThanOrEqual",
            "comparisonValue": facts.product_version,
        }),
        None => json!({
            "@odata.type": "#microsoft.graph.win32LobAppProductCodeRule",
            "ruleType": "detection",
            "productCode": facts.product_code,
            "productVersionOperator": "greaterThanOrEqual",
            "productVersion": facts.product_version,
        }),
    }
}

/// A line-of-business MSI. Its type knows no detection but the product code's; the version does not count, so that an agent which has
/// updated itself is not installed again.
#[must_use]
pub(crate) fn windows_mobile_msi(msi: &Windows) -> Value {
    let facts = &msi.facts;
    windows_app(msi, "windowsMobileMSI", &msi.file_name).body(json!({
        "productCode": facts.product_code,
        "productVersion": facts.product_version,
        "commandLine": "",
        "ignoreVersionDetection": true,
    }))
}

fn windows_app<'a>(msi: &'a Windows, kind: &'a str, file_name: &'a str) -> App<'a> {
    App { kind, product: &msi.product, version: &msi.facts.product_version, publisher: &msi.publisher, file_name }
}

/// What a line-of-business MSI has to bring along about itself, in base64. Every value is a GUID or a word.
#[must_use]
pub(crate) fn mobile_msi_manifest(msi: &Windows) -> String {
    let facts = &msi.facts;
    let is_machine = facts.context != Context::User;
    let text = format!(
        "<MobileMsiData MsiExecutionContext=\"{}\" MsiRequiresReboot=\"{}\" MsiUpgradeCode=\"{}\" \
         MsiIsMachineInstall=\"{}\" MsiIsUserInstall=\"{}\" MsiIncludesServices=\"{}\" \
         MsiContainsSystemRegistryKeys=\"{}\" MsiContainsSystemFolders=\"{}\"></MobileMsiData>",
        if is_machine { "System" } else { "User" },
        facts.asks_for_restart,
        facts.upgrade_code.as_deref().unwrap_or_default(),
        is_machine,
        !is_machine,
        facts.has_services,
        facts.writes_machine_registry,
        facts.has_system_folders,
    );
    STANDARD.encode(text)
}

/// A file of an app; `encrypted` is its length if it has been encrypted already.
#[must_use]
pub(crate) fn content_file(name: &str, plain: u64, encrypted: Option<u64>, manifest: Option<&str>) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.mobileAppContentFile",
        "name": name,
        "size": plain,
        "sizeEncrypted": encrypted.unwrap_or_else(|| encrypted_bytes(plain)),
        "manifest": manifest,
        "isDependency": false,
    })
}

/// What ends an upload: the keys. As secret as the file.
pub fn commit(encryption: &EncryptionInfo) -> Result<Value, serde_json::Error> {
    Ok(json!({ "fileEncryptionInfo": serde_json::to_value(encryption)? }))
}
