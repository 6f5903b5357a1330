//! What a Debian package is, whoever made it: for rules that judge it.

use std::collections::BTreeMap;
use std::io::Read;

use container::ReadAt;

use super::names::token_path;
use super::read::{Package, TarEntryKind, unreadable};
use crate::format::ReadError;

/// A unit file of more than this is not read.
const MAX_UNIT_BYTES: u64 = 64 << 10;
/// Enough for an ELF header.
const HEAD_BYTES: u64 = 20;

/// What a Debian package is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its length in bytes.
    pub len_bytes: u64,
    /// The fields of the control file.
    pub fields: BTreeMap<String, String>,
    /// The files of the control archive that are run.
    pub scripts: BTreeMap<String, Script>,
    /// What `conffiles` lists.
    pub conffiles: Vec<String>,
    /// Everything that gets installed, by its path without a leading `/`.
    pub placed: BTreeMap<String, Placed>,
    /// The systemd units in it, by their paths.
    pub units: BTreeMap<String, String>,
    /// Where the token lies in it.
    pub token_path: Option<String>,
    /// The names of the outer archive's members.
    pub members: Vec<String>,
}

/// A maintainer script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// Its permission bits.
    pub mode: u32,
    /// Its text.
    pub text: String,
}

/// Something that gets installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placed {
    /// Its permission bits; of no meaning for a link.
    pub mode: u32,
    /// User and group.
    pub owner: (u64, u64),
    /// Whether it is a file, not a folder or link.
    pub is_file: bool,
    /// Whether it is a link.
    pub is_link: bool,
    /// `e_machine` of an ELF file that is executable.
    pub machine: Option<u16>,
}

/// Reads a whole package.
pub fn facts(file: &dyn ReadAt) -> Result<Facts, ReadError> {
    let package = Package::open(file)?;
    let fields = package.control()?;
    let mut facts = Facts { len_bytes: file.len(), fields: fields.all(), ..Facts::default() };
    facts.members = [&package.control.member, &package.data.member].map(|member| member.name.clone()).to_vec();
    facts.members.extend(package.extra.iter().map(|member| member.name.clone()));
    package.walk_control(&mut |entry, content| {
        let text = || String::from_utf8_lossy(content).into_owned();
        match entry.path.as_str() {
            "preinst" | "postinst" | "prerm" | "postrm" => {
                facts.scripts.insert(entry.path.clone(), Script { mode: entry.mode, text: text() });
            }
            "conffiles" => facts.conffiles = super::read::conffiles(content),
            _ => {}
        }
        Ok(())
    })?;
    let token = token_path(fields.get("Package").unwrap_or_default());
    package.walk_data(&mut |entry, content| {
        let is_unit = entry.path.contains("systemd/system/") && entry.path.ends_with(".service");
        let mut placed = Placed { mode: entry.mode, owner: entry.owner, ..Placed::default() };
        let mut head = Vec::new();
        match entry.kind {
            TarEntryKind::Folder => {}
            TarEntryKind::Link(_) => placed.is_link = true,
            TarEntryKind::HardLink(ref target) => {
                let file = facts.placed.get(target).cloned().unwrap_or_default();
                placed = Placed { is_file: true, machine: file.machine, ..placed };
            }
            TarEntryKind::File(len) => {
                placed.is_file = true;
                let wanted = if is_unit { len.min(MAX_UNIT_BYTES) } else { len.min(HEAD_BYTES) };
                content.take(wanted).read_to_end(&mut head).map_err(|error| unreadable(error, "data.tar"))?;
            }
        }
        if placed.is_file && entry.mode & 0o111 != 0 && head.starts_with(b"\x7fELF") {
            placed.machine = head.get(18..20).and_then(|two| two.try_into().ok()).map(u16::from_le_bytes);
        }
        if is_unit && placed.is_file {
            facts.units.insert(entry.path.clone(), String::from_utf8_lossy(&head).into_owned());
        }
        if entry.path == token {
            facts.token_path = Some(token.clone());
        }
        facts.placed.insert(entry.path.clone(), placed);
        Ok(())
    })?;
    Ok(facts)
}
