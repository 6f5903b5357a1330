//! The version resource (`VS_VERSIONINFO` in Microsoft's reference).
//!
//! A tree of blocks, each `wLength, wValueLength, wType, key in UTF-16 with a zero, value, children`, where value
//! and children start at multiples of 4 from the start of the resource. The root's value is `VS_FIXEDFILEINFO`;
//! the languages are in `VarFileInfo` / `Translation`. Seen in real files: a child's length that forgets the
//! padding before the next child (hence the padding is skipped between children, not counted in them).

use crate::reader::{Malformed, Problem, Reader};

const ROOT: &str = "version resource";
const ROOT_KEY: &str = "VS_VERSION_INFO";
/// `VS_FIXEDFILEINFO.dwSignature`.
const FIXED_SIGNATURE: u32 = 0xfeef_04bd;
const MAX_KEY_UNITS: usize = 256;
/// Windows Installer keeps the languages in a column of 20 characters; more than a few make no sense.
const MAX_LANGUAGES: usize = 64;

/// What a version resource says, as far as Windows Installer compares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The four parts of the file version, `20.20.2.0`.
    pub file: [u16; 4],
    /// Windows language identifiers, in the order of the file; 0 is neutral, 1033 US English.
    pub languages: Vec<u16>,
}

struct Block<'a> {
    key: String,
    value: Reader<'a>,
    children: Reader<'a>,
}

/// Reads the version resource in `bytes`, which start at `offset` in the file. `language` is the resource tree's
/// own; it counts where there is no translation table.
pub(super) fn parse(bytes: &[u8], offset: u64, language: u16) -> Result<Version, Malformed> {
    let mut r = Reader::new(ROOT, offset, bytes);
    let root = block(&mut r, offset)?;
    if root.key != ROOT_KEY {
        let problem = Problem::Text { what: "the key is not VS_VERSION_INFO" };
        return Err(Malformed { structure: ROOT, offset, problem });
    }
    let file = fixed_file_version(root.value)?;
    let mut languages = Vec::new();
    let mut children = root.children;
    while let Some(child) = next(&mut children, offset)? {
        if child.key == "VarFileInfo" {
            translations(child.children, offset, &mut languages)?;
        }
    }
    if languages.is_empty() {
        languages.push(language);
    }
    Ok(Version { file, languages })
}

fn fixed_file_version(mut value: Reader<'_>) -> Result<[u16; 4], Malformed> {
    let signature = value.u32_le()?;
    if signature != FIXED_SIGNATURE {
        let expected = "0xfeef04bd";
        return Err(value.wrong(Problem::Value { field: "dwSignature", found: signature.into(), expected }));
    }
    value.skip(4)?; // dwStrucVersion
    let (minor, major, revision, build) = (value.u16_le()?, value.u16_le()?, value.u16_le()?, value.u16_le()?);
    Ok([major, minor, build, revision])
}

fn translations(mut vars: Reader<'_>, base: u64, languages: &mut Vec<u16>) -> Result<(), Malformed> {
    while let Some(mut var) = next(&mut vars, base)? {
        if var.key != "Translation" {
            continue;
        }
        while var.value.len() >= 4 && languages.len() < MAX_LANGUAGES {
            let language = var.value.u16_le()?;
            var.value.skip(2)?; // the code page
            if !languages.contains(&language) {
                languages.push(language);
            }
        }
    }
    Ok(())
}

/// The next child, if there is one; what is left at the end of a block may be padding.
fn next<'a>(r: &mut Reader<'a>, base: u64) -> Result<Option<Block<'a>>, Malformed> {
    align(r, base)?;
    if r.len() < 6 || r.clone().u16_le()? == 0 {
        return Ok(None);
    }
    block(r, base).map(Some)
}

fn block<'a>(r: &mut Reader<'a>, base: u64) -> Result<Block<'a>, Malformed> {
    let length = usize::from(r.clone().u16_le()?);
    let mut body = r.sub(ROOT, length)?;
    body.skip(2)?;
    let value_length = usize::from(body.u16_le()?);
    let unit_bytes = if body.u16_le()? == 1 { 2 } else { 1 };
    let key = key(&mut body)?;
    align(&mut body, base)?;
    let value_bytes = (value_length * unit_bytes).min(body.len());
    let value = body.sub(ROOT, value_bytes)?;
    align(&mut body, base)?;
    Ok(Block { key, value, children: body })
}

fn key(r: &mut Reader<'_>) -> Result<String, Malformed> {
    let mut units = Vec::new();
    loop {
        match r.u16_le()? {
            0 => return Ok(String::from_utf16_lossy(&units)),
            _ if units.len() >= MAX_KEY_UNITS => return Err(r.wrong(Problem::Text { what: "a key does not end" })),
            unit => units.push(unit),
        }
    }
}

/// Skips to the next multiple of 4 from `base`, or to the end.
fn align(r: &mut Reader<'_>, base: u64) -> Result<(), Malformed> {
    let odd = (r.offset() - base) % 4;
    let padding = if odd == 0 { 0 } else { 4 - odd };
    r.skip(r.len().min(usize::try_from(padding).unwrap_or(0)))
}
