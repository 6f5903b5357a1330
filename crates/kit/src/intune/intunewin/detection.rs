//! `Detection.xml`: writing it from a template, reading it back by itself.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use container::reader::{Malformed, Problem};
use container::xml;
use installer::msi::Context;
use installer::template::{Escape, TemplateError, render};
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use super::package::{BLOCK_BYTES, CONTENT_NAME, KEY_BYTES, MAC_BYTES};
use crate::windows::Windows;

/// The tool whose layout this is; the service compares it with nothing, consoles show it.
const TOOL_VERSION: &str = "1.8.6.0";

/// What Graph calls `fileEncryptionInfo`: both keys, and what they were used for. In base64.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EncryptionInfo {
    #[serde(serialize_with = "secret")]
    pub(super) encryption_key: Zeroizing<String>,
    #[serde(serialize_with = "secret")]
    pub(super) mac_key: Zeroizing<String>,
    pub(super) initialization_vector: String,
    pub(super) mac: String,
    pub(super) profile_identifier: &'static str,
    pub(super) file_digest: String,
    pub(super) file_digest_algorithm: &'static str,
}

fn secret<S: Serializer>(text: &Zeroizing<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl std::fmt::Debug for EncryptionInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EncryptionInfo").field("file_digest", &self.file_digest).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Data<'a> {
    tool_version: &'static str,
    name: &'a str,
    unencrypted_bytes: u64,
    file_name: &'static str,
    setup_file: &'a str,
    encryption: &'a EncryptionInfo,
    product_code: &'a str,
    product_version: &'a str,
    package_code: &'a str,
    upgrade_code: &'a str,
    execution_context: &'static str,
    requires_reboot: bool,
    is_machine_install: bool,
    is_user_install: bool,
    includes_services: bool,
    includes_data_source: bool,
    contains_machine_registry: bool,
    contains_system_folders: bool,
    publisher: &'a str,
}

/// The document of an MSI.
pub(super) fn document(
    msi: &Windows,
    encryption: &EncryptionInfo,
    unencrypted_bytes: u64,
) -> Result<Zeroizing<String>, TemplateError> {
    let facts = &msi.facts;
    let data = Data {
        tool_version: TOOL_VERSION,
        name: &msi.product,
        unencrypted_bytes,
        file_name: CONTENT_NAME,
        setup_file: &msi.file_name,
        encryption,
        product_code: &facts.product_code,
        product_version: &facts.product_version,
        package_code: &facts.package_code,
        upgrade_code: facts.upgrade_code.as_deref().unwrap_or_default(),
        execution_context: match facts.context {
            Context::Machine => "System",
            Context::User => "User",
            Context::Either => "Any",
        },
        requires_reboot: facts.asks_for_restart,
        is_machine_install: facts.context != Context::User,
        is_user_install: facts.context != Context::Machine,
        includes_services: facts.has_services,
        includes_data_source: facts.has_data_sources,
        contains_machine_registry: facts.writes_machine_registry,
        contains_system_folders: facts.has_system_folders,
        publisher: &msi.publisher,
    };
    let template = include_str!("../../../../../templates/intune/intunewin.xml.hbs");
    render("intune/intunewin.xml.hbs", template, Escape::Xml, &data).map(Zeroizing::new)
}

/// What a document says, as far as it can be proven.
pub(super) struct Detection {
    pub(super) name: String,
    pub(super) setup_file: String,
    pub(super) unencrypted_bytes: u64,
    pub(super) encryption_key: Zeroizing<[u8; KEY_BYTES]>,
    pub(super) mac_key: Zeroizing<[u8; KEY_BYTES]>,
    pub(super) initialization_vector: [u8; BLOCK_BYTES],
    pub(super) mac: [u8; MAC_BYTES],
    pub(super) file_digest: [u8; 32],
    pub(super) product_code: Option<String>,
}

impl Detection {
    pub(super) fn read(document: &[u8]) -> Result<Self, Malformed> {
        let root = xml::parse("Detection.xml", document)?;
        if root.name != "ApplicationInfo" {
            return Err(wrong("its root is not ApplicationInfo"));
        }
        let text = |parent: &xml::Element, name: &str| parent.text_of(name).map(str::to_owned);
        if root.text_of("FileName") != Some(CONTENT_NAME) {
            return Err(wrong("FileName is not IntunePackage.intunewin"));
        }
        let info = root.child("EncryptionInfo").ok_or_else(|| wrong("it has no EncryptionInfo"))?;
        if info.text_of("ProfileIdentifier") != Some("ProfileVersion1")
            || info.text_of("FileDigestAlgorithm") != Some("SHA256")
        {
            return Err(wrong("its encryption is not ProfileVersion1 with SHA256"));
        }
        let size = root.text_of("UnencryptedContentSize").and_then(|text| text.parse().ok());
        Ok(Self {
            name: text(&root, "Name").unwrap_or_default(),
            setup_file: text(&root, "SetupFile").ok_or_else(|| wrong("it has no SetupFile"))?,
            unencrypted_bytes: size.ok_or_else(|| wrong("UnencryptedContentSize is not a number"))?,
            encryption_key: Zeroizing::new(bytes(info, "EncryptionKey")?),
            mac_key: Zeroizing::new(bytes(info, "MacKey")?),
            initialization_vector: bytes(info, "InitializationVector")?,
            mac: bytes(info, "Mac")?,
            file_digest: bytes(info, "FileDigest")?,
            product_code: root.child("MsiInfo").and_then(|msi| text(msi, "MsiProductCode")),
        })
    }
}

fn bytes<const N: usize>(info: &xml::Element, name: &str) -> Result<[u8; N], Malformed> {
    let decoded = Zeroizing::new(STANDARD.decode(info.text_of(name).unwrap_or_default()).unwrap_or_default());
    decoded.as_slice().try_into().map_err(|_| wrong("a key, digest or vector is not base64 of its length"))
}

pub(super) const fn wrong(what: &'static str) -> Malformed {
    Malformed { structure: "Detection.xml", offset: Malformed::NOWHERE, problem: Problem::Text { what } }
}
