use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use installer::Epoch;
use installer::format::{Area, Extracted, ReadError, Sink};
use installer::msi::{Context, Facts};

use super::package::{CONTENTS, DETECTION};
use super::*;
use crate::windows::Windows;

pub(crate) fn windows() -> Windows {
    Windows {
        file_name: "Example-Agent.msi".to_owned(),
        product: "M & \"S\" <é> [x]".to_owned(),
        publisher: "Example 'Ltd'".to_owned(),
        facts: Facts {
            len_bytes: 0,
            product_name: String::new(),
            product_version: "1.4.2".to_owned(),
            publisher: String::new(),
            product_code: "{6F1D2C3B-0000-4000-8000-0123456789AB}".to_owned(),
            upgrade_code: Some("{6F1D2C3B-0000-4000-8000-0123456789AC}".to_owned()),
            package_code: "{6F1D2C3B-0000-4000-8000-0123456789AD}".to_owned(),
            template: "x64;1033".to_owned(),
            page_count: 500,
            context: Context::Machine,
            asks_for_restart: false,
            has_services: true,
            has_data_sources: false,
            writes_machine_registry: true,
            version_value: None,
            has_system_folders: false,
            is_signed: false,
            token: None,
            takes_token: true,
        },
    }
}

#[derive(Default)]
struct Collect(BTreeMap<String, Vec<u8>>);

impl Sink for Collect {
    fn entry(&mut self, entry: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(|source| ReadError::Io { verb: "read", source })?;
        assert_eq!(entry.mode, 0o600);
        let area = if entry.area == Area::Payload { "payload" } else { "metadata" };
        self.0.insert(format!("{area}/{}", entry.path), bytes);
        Ok(())
    }
}

fn wrap(content: &Vec<u8>, seed: u8) -> (Vec<u8>, Written) {
    let random = std::array::from_fn(|n| (n as u8).wrapping_mul(7) ^ seed);
    let mut out = Cursor::new(Vec::new());
    let beside = b"beside".to_vec();
    let sources = [Source { name: "Example-Agent.msi", content }, Source { name: "token.mst", content: &beside }];
    let mut scratch = Cursor::new(Vec::new());
    let written = write(&windows(), &sources, &Keys::new(&random), Epoch::DEFAULT, &mut scratch, &mut out).unwrap();
    (out.into_inner(), written)
}

fn noise(len: usize) -> Vec<u8> {
    let step = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(1_u32), step).map(|state| (state >> 24) as u8).take(len).collect()
}

#[test]
fn what_is_wrapped_comes_out() {
    for len in [0, 1, 15, 16, 70_000, 600_000] {
        let content = noise(len);
        let (wrapped, written) = wrap(&content, 1);
        let mut found = Collect::default();
        let what = read(&wrapped, &mut found).unwrap();
        assert!(found.0["payload/Example-Agent.msi"] == content, "{len}");
        assert_eq!(found.0["payload/token.mst"], b"beside");
        assert_eq!((what.setup_file.as_str(), what.files), ("Example-Agent.msi", 2));
        assert_eq!(what.name, "M & \"S\" <é> [x]");
        assert_eq!(what.unencrypted_bytes, written.unencrypted_bytes);
        assert_eq!(written.encrypted_bytes, 48 + 16 * (written.unencrypted_bytes / 16 + 1));
    }
}

#[test]
fn keys_decide_every_byte_of_the_content() {
    let content = noise(5000);
    assert!(wrap(&content, 1).0 == wrap(&content, 1).0);
    assert!(wrap(&content, 1).0 != wrap(&content, 2).0);
}

#[test]
fn every_changed_byte_of_content_and_keys_is_found() {
    let (good, written) = wrap(&noise(300), 1);
    let end = 30 + CONTENTS.len() + written.encrypted_bytes as usize;
    let keys = good.windows(15).position(|part| part == b"<EncryptionKey>").unwrap();
    for at in (30 + CONTENTS.len()..end).chain(keys..keys + 420) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let mut found = Collect::default();
        assert!(read(&bad, &mut found).is_err(), "a change at {at} goes unseen");
        assert!(found.0.is_empty(), "something was handed out before it was proven");
    }
}

/// The layout of a file of Microsoft's tool: order, versions, flags, method, attributes; elements in its order.
#[test]
fn the_layout_is_microsofts() {
    let (bytes, written) = wrap(&noise(1000), 1);
    let (word, long) = (
        |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]),
        |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize,
    );
    let end = bytes.len() - 22;
    assert_eq!((long(end), word(end + 8), word(end + 10)), (0x0605_4b50, 2, 2));
    let mut at = long(end + 16);
    let mut names = Vec::new();
    for _ in 0..2 {
        assert_eq!((long(at), word(at + 4), word(at + 6)), (0x0201_4b50, 45, 10), "made by, needed");
        assert_eq!((word(at + 8), word(at + 10)), (0, 0), "flags, method");
        assert_eq!((word(at + 30), word(at + 32), long(at + 38)), (0, 0, 0), "extra, comment, attributes");
        assert_eq!(long(at + 20), long(at + 24));
        let local = long(at + 42);
        assert_eq!(bytes[local + 4..local + 30], bytes[at + 6..at + 32]);
        names.push(String::from_utf8(bytes[at + 46..at + 46 + word(at + 28) as usize].to_vec()).unwrap());
        at += 46 + word(at + 28) as usize;
    }
    assert_eq!((at, names), (end, vec![CONTENTS.to_owned(), DETECTION.to_owned()]));
    let text = String::from_utf8_lossy(&bytes);
    let mut rest = &text[text.find("<ApplicationInfo xmlns:xsd=").unwrap()..];
    for element in [
        "Name",
        "UnencryptedContentSize",
        "FileName",
        "SetupFile",
        "EncryptionInfo",
        "EncryptionKey",
        "MacKey",
        "InitializationVector",
        "Mac",
        "ProfileIdentifier",
        "FileDigest",
        "FileDigestAlgorithm",
        "MsiInfo",
        "MsiProductCode",
        "MsiProductVersion",
        "MsiPackageCode",
        "MsiUpgradeCode",
        "MsiExecutionContext",
        "MsiRequiresLogon",
        "MsiRequiresReboot",
        "MsiIsMachineInstall",
        "MsiIsUserInstall",
        "MsiIncludesServices",
        "MsiIncludesODBCDataSource",
        "MsiContainsSystemRegistryKeys",
        "MsiContainsSystemFolders",
        "MsiPublisher",
    ] {
        let tag = format!("<{element}>");
        rest = &rest[rest.find(&tag).unwrap_or_else(|| panic!("{element} is not in its place")) + tag.len()..];
    }
    assert!(text.contains("<Name>M &amp; &quot;S&quot; &lt;é&gt; [x]</Name>"));
    assert!(text.contains(&format!("<UnencryptedContentSize>{}<", written.unencrypted_bytes)));
}

#[test]
fn lies_are_refused() {
    let (good, _) = wrap(&noise(300), 1);
    for (from, to) in [
        ("IntunePackage.intunewin</FileName>", "IntunePackage.intuneWIN</FileName>"),
        ("<SetupFile>Example-Agent.msi", "<SetupFile>Example-Agent.exe"),
        ("ProfileVersion1", "ProfileVersion2"),
        ("SHA256", "SHA255"),
    ] {
        let at = good.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
        let mut bad = good.clone();
        bad[at..at + to.len()].copy_from_slice(to.as_bytes());
        assert!(read(&bad, &mut Collect::default()).is_err(), "{to}");
    }
    for name in ["../a", "/a", "a//b", "C:a", "a\\b", ""] {
        assert!(!super::read::is_relative(name), "{name}");
    }
}
