//! What an rpm is, whoever made it: for rules that judge it.

use std::collections::BTreeMap;
use std::io::Read as _;

use container::ReadAt;
use container::rpm::tag::{self, signature as signature_tag};
use container::rpm::{CONFIG, Header};

use super::names::token_path;
use super::read::{Package, unreadable};
use crate::format::ReadError;

/// A unit or preset file of more than this is not read.
const MAX_TEXT_BYTES: u64 = 64 << 10;
/// Enough for an ELF header.
const HEAD_BYTES: u64 = 20;

/// What an rpm is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its length in bytes.
    pub len_bytes: u64,
    /// The texts of the header that are one line or paragraph, by their tags' names.
    pub fields: BTreeMap<&'static str, String>,
    /// The scriptlets' texts, by the names that people know them by.
    pub scripts: BTreeMap<&'static str, String>,
    /// What it requires, without capabilities of rpm itself.
    pub(crate) requires: Vec<String>,
    /// Everything that it owns, by its path without a leading `/`.
    pub placed: BTreeMap<String, Placed>,
    /// The systemd units and presets in it, by their paths.
    pub texts: BTreeMap<String, String>,
    /// Where the token lies in it.
    pub token_path: Option<String>,
    /// Whether the header is signed.
    pub is_signed: bool,
    /// Digests and signatures that are over header and payload together.
    pub old_digests: Vec<&'static str>,
    /// Whether the signature header has the SHA-256 of the header.
    pub has_header_sha256: bool,
    /// Whether the header has the digest of the payload.
    pub has_payload_digest: bool,
}

/// Something that a package owns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placed {
    /// Its permission bits; of no meaning for a link.
    pub mode: u32,
    /// User and group.
    pub owner: (String, String),
    /// Whether it is a file, not a folder or link.
    pub is_file: bool,
    /// Whether it is a link.
    pub is_link: bool,
    /// Whether the package owns it and does not bring it.
    pub(crate) is_ghost: bool,
    /// Whether it is configuration.
    pub is_config: bool,
    /// `e_machine` of an ELF file that is executable.
    pub machine: Option<u16>,
}

const FIELDS: [(&str, u32); 12] = [
    ("NAME", tag::NAME),
    ("VERSION", tag::VERSION),
    ("RELEASE", tag::RELEASE),
    ("SUMMARY", tag::SUMMARY),
    ("DESCRIPTION", tag::DESCRIPTION),
    ("LICENSE", tag::LICENSE),
    ("ARCH", tag::ARCH),
    ("OS", tag::OS),
    ("URL", tag::URL),
    ("VENDOR", tag::VENDOR),
    ("PACKAGER", tag::PACKAGER),
    ("PAYLOADCOMPRESSOR", tag::PAYLOADCOMPRESSOR),
];

const SCRIPTS: [(&str, u32); 6] = [
    ("pretrans", tag::PRETRANS),
    ("pre", tag::PREIN),
    ("post", tag::POSTIN),
    ("preun", tag::PREUN),
    ("postun", tag::POSTUN),
    ("posttrans", tag::POSTTRANS),
];

const OLD_DIGESTS: [(&str, u32); 3] =
    [("MD5", signature_tag::MD5), ("PGP", signature_tag::PGP), ("GPG", signature_tag::GPG)];

/// Reads a whole package.
pub fn facts(file: &dyn ReadAt) -> Result<Facts, ReadError> {
    let package = Package::open(file)?;
    let (header, signature) = (&package.rpm.header, &package.rpm.signature);
    let token = token_path(&package.name()?);
    let requires = header.texts(tag::REQUIRENAME)?.unwrap_or_default();
    let mut facts = Facts {
        len_bytes: file.len(),
        fields: texts(header, &FIELDS)?,
        scripts: texts(header, &SCRIPTS)?,
        requires: requires.into_iter().filter(|name| !name.starts_with("rpmlib(")).collect(),
        is_signed: super::signature::packet(&package.rpm)?.is_some() || signature.has(signature_tag::OPENPGP),
        old_digests: OLD_DIGESTS.iter().filter(|(_, tag)| signature.has(*tag)).map(|(name, _)| *name).collect(),
        has_header_sha256: signature.has(signature_tag::SHA256),
        has_payload_digest: header.has(tag::PAYLOADDIGEST),
        ..Facts::default()
    };
    for file in header.files()? {
        let placed = Placed {
            mode: file.mode & 0o7777,
            is_file: file.is_regular(),
            is_link: file.is_symlink(),
            is_ghost: file.is_ghost(),
            is_config: file.flags & CONFIG != 0,
            owner: (file.user, file.group),
            machine: None,
        };
        facts.placed.insert(file.path, placed);
    }
    facts.token_path = facts.placed.contains_key(&token).then_some(token);
    package.rpm.walk::<ReadError>(&mut |file, content| {
        if !file.is_regular() {
            return Ok(());
        }
        let is_text =
            file.path.contains("systemd/system") && (file.path.ends_with(".service") || file.path.ends_with(".preset"));
        let wanted = if is_text { MAX_TEXT_BYTES } else { HEAD_BYTES };
        let mut head = Vec::new();
        content.take(wanted).read_to_end(&mut head).map_err(unreadable)?;
        if is_text {
            facts.texts.insert(file.path.clone(), String::from_utf8_lossy(&head).into_owned());
        } else if file.mode & 0o111 != 0 && head.starts_with(b"\x7fELF") {
            let machine = head.get(18..20).and_then(|two| two.try_into().ok()).map(u16::from_le_bytes);
            if let Some(placed) = facts.placed.get_mut(&file.path) {
                placed.machine = machine;
            }
        }
        Ok(())
    })?;
    Ok(facts)
}

fn texts(header: &Header, tags: &[(&'static str, u32)]) -> Result<BTreeMap<&'static str, String>, ReadError> {
    let mut out = BTreeMap::new();
    for (name, tag) in tags {
        out.extend(header.text(*tag)?.map(|text| (*name, text)));
    }
    Ok(out)
}
