//! Folders, components, files.
//!
//! The payload's paths start with the name of a folder of Windows, which is also the property that knows where it really
//! is: `Program Files/<publisher>/<product>/agent.exe`. Each file is the key path of a component of its own, so
//! that a repair sees each; components have the same code in every version (rule of components: one code, one path).

use std::collections::BTreeMap;
use std::io;

use container::ReadAt;
use container::read_at::FileAt;
use container::{pe, stream};
use md5::Md5;
use sha2::{Digest, Sha256};

use crate::format::{BuildError, Job};
use crate::guid::derive;
use crate::payload::{Node, Payload, Source};
use crate::product::{AgentFile, Arch, Product};

use super::config;
use super::ids::{
    AGENT_COMPONENT, AGENT_FILE, FEATURE, INSTALL_FOLDER, PUBLISHER_STATE_FOLDER, STATE_COMPONENT, STATE_FOLDER,
};
use super::tables::{NULL, Tables, row};

pub(super) const PROGRAM_FILES: &str = "Program Files";
pub(super) const PROGRAM_DATA: &str = "ProgramData";

/// A publisher's folders have no component of their own, and go when nothing of the publisher's is left in them.
const ABOVE: [(&str, &str, &str); 2] = [
    ("ProgramFiles64Folder", "EmptyPublisherFolder", AGENT_COMPONENT),
    ("CommonAppDataFolder", "EmptyStatePublisherFolder", STATE_COMPONENT),
];
/// `RemoveFile.InstallMode`: when the component is removed; without a file name it is the folder that goes, if it is empty.
const IF_EMPTY_ON_REMOVAL: i32 = 2;

/// Windows Installer's own limit of files in one sequence column of a cabinet of ours.
const MAX_FILES: usize = 32_767;
/// `Component.Attributes`: 64-bit.
const BITS_64: i32 = 0x100;
/// `File.Attributes`: the installation fails without it.
const VITAL: i32 = 0x200;

/// Gives component codes: the same in every version of one product for one architecture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Code<'a> {
    pub(super) upgrade_code: &'a str,
    pub(super) arch: Arch,
}

impl Code<'_> {
    /// The code of a component that is known by this path or name.
    pub(super) fn component(&self, path: &str) -> String {
        let arch = self.arch.to_string();
        derive(&[b"component", self.upgrade_code.as_bytes(), arch.as_bytes(), path.to_lowercase().as_bytes()])
    }
}

/// A file on its way into the cabinet.
#[derive(Debug)]
pub(super) struct CabinetFile<'a> {
    /// Its key in the File table, and its name in the cabinet.
    pub(super) key: String,
    pub(super) source: &'a Source,
    /// Over its content, for the product's codes.
    pub(super) sha256: [u8; 32],
}

/// The tree of an agent: the executable and the product's extra files in the product's folder.
pub(super) fn payload(product: &Product, agent: &AgentFile) -> Result<Payload, BuildError> {
    let folder = install_folder(product);
    let mut payload = Payload::new();
    payload.file(&format!("{folder}/{}", executable(product)), 0o755, Source::disk(&agent.path)?)?;
    if let Some(keys) = product.issuer_keys() {
        payload.file(&super::token_reader::keys_path(&folder), 0o644, Source::bytes(keys))?;
    }
    for file in product.files_for(agent.platform) {
        let path = format!("{folder}/{}", file.destination);
        payload.file(&path, 0o644, Source::disk(&file.source)?)?;
        if file.config {
            payload.file(&config::default_of(&path), 0o644, Source::disk(&file.source)?)?;
        }
    }
    Ok(payload)
}

pub(super) fn install_folder(product: &Product) -> String {
    format!("{PROGRAM_FILES}/{}/{}", product.publisher_folder(), product.folder())
}

pub(super) fn executable(product: &Product) -> String {
    format!("{}.exe", product.executable())
}

/// Adds folders, files and their components, and the one medium; gives the files in the cabinet's order.
pub(super) fn add<'a>(tables: &mut Tables, job: &Job<'a>, code: &Code<'_>) -> Result<Vec<CabinetFile<'a>>, BuildError> {
    let folders = add_folders(tables, job)?;
    let install = install_folder(job.product);
    let agent_path = format!("{install}/{}", executable(job.product));
    let mut files = Vec::new();
    for (path, _, source) in job.payload.files() {
        let is_agent = path == agent_path;
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(directory) = folders.get(folder) else { continue };
        let key = if is_agent { AGENT_FILE.to_owned() } else { format!("f{}", short_hash(path)) };
        let component = if is_agent { AGENT_COMPONENT.to_owned() } else { format!("c{}", short_hash(path)) };
        let guid = code.component(path);
        let attributes = BITS_64 | config::attributes(job.product, &install, path);
        tables.add("Component", row![component.as_str(), guid, directory.as_str(), attributes, NULL, key.as_str()]);
        if !is_agent {
            tables.add("FeatureComponents", row![FEATURE, component.as_str()]);
        }
        let size = size_of(source)?;
        let facts = Facts::read(path, source)?;
        let sequence = i32::try_from(files.len() + 1).unwrap_or(i32::MAX);
        let (version, language) = facts.version.map_or((None, None), |(v, l)| (Some(v), Some(l)));
        let file_name = short_and_long(path, name);
        let row = row![key.as_str(), component, file_name, size, version, language, VITAL, sequence];
        tables.add("File", row);
        if let Some([a, b, c, d]) = facts.hash {
            tables.add("MsiFileHash", row![key.as_str(), 0, a, b, c, d]);
        }
        files.push(CabinetFile { key, source, sha256: facts.sha256 });
    }
    if files.len() > MAX_FILES {
        return Err(BuildError::TooLarge {
            what: "the list of files",
            found: files.len() as u64,
            limit: MAX_FILES as u64,
        });
    }
    let last = i32::try_from(files.len()).unwrap_or(i32::MAX);
    tables.add("Media", row![1, last, NULL, format!("#{}", super::ids::CABINET), NULL, NULL]);
    Ok(files)
}

/// Adds the Directory table; gives the key of each folder of the payload.
fn add_folders(tables: &mut Tables, job: &Job<'_>) -> Result<BTreeMap<String, String>, BuildError> {
    let install = install_folder(job.product);
    let state = install.replacen(PROGRAM_FILES, PROGRAM_DATA, 1);
    let mut folders = BTreeMap::from([
        (PROGRAM_FILES.to_owned(), "ProgramFiles64Folder".to_owned()),
        (PROGRAM_DATA.to_owned(), "CommonAppDataFolder".to_owned()),
    ]);
    tables.add("Directory", row!["TARGETDIR", NULL, "SourceDir"]);
    tables.add("Directory", row!["ProgramFiles64Folder", "TARGETDIR", format!("PFiles|{PROGRAM_FILES}")]);
    tables.add("Directory", row!["CommonAppDataFolder", "TARGETDIR", format!("PData|{PROGRAM_DATA}")]);
    let mut paths: Vec<&str> = job.payload.iter().filter_map(folder_path).collect();
    let publisher = format!("{PROGRAM_DATA}/{}", job.product.publisher_folder());
    paths.extend([publisher.as_str(), state.as_str()]);
    paths.sort_unstable();
    for path in paths {
        let Some((parent, name)) = path.rsplit_once('/') else { continue };
        let Some(above) = folders.get(parent).cloned() else { return Err(nowhere(path)) };
        let key = match path {
            path if path == install => INSTALL_FOLDER.to_owned(),
            path if path == state => STATE_FOLDER.to_owned(),
            path if path == publisher => PUBLISHER_STATE_FOLDER.to_owned(),
            path => format!("d{}", short_hash(path)),
        };
        tables.add("Directory", row![key.as_str(), above.as_str(), short_and_long(path, name)]);
        if let Some((id, component)) =
            ABOVE.iter().find(|(above_key, ..)| *above_key == above).map(|(_, id, c)| (*id, *c))
        {
            tables.add("RemoveFile", row![id, component, NULL, key.as_str(), IF_EMPTY_ON_REMOVAL]);
        }
        folders.insert(path.to_owned(), key);
    }
    Ok(folders)
}

fn folder_path<'p>((path, node): (&'p str, &Node)) -> Option<&'p str> {
    matches!(node, Node::Folder { .. }).then_some(path)
}

fn nowhere(path: &str) -> BuildError {
    let problem = format!("{path} is below no folder that an MSI knows");
    BuildError::Product { field: "file.destination", problem, hint: None }
}

fn size_of(source: &Source) -> Result<i32, BuildError> {
    let limit = i32::MAX as u64;
    i32::try_from(source.len()).map_err(|_| BuildError::TooLarge { what: "a file", found: source.len(), limit })
}

/// What Windows Installer compares a file by.
struct Facts {
    sha256: [u8; 32],
    /// The file version and the languages of a versioned file.
    version: Option<(String, String)>,
    /// The MD5 of an unversioned one, as four numbers; never both ("MsiFileHash Table").
    hash: Option<[i32; 4]>,
}

impl Facts {
    fn read(path: &str, source: &Source) -> Result<Self, BuildError> {
        let version = match source {
            Source::Disk { path, .. } => {
                let file = std::fs::File::open(path).and_then(FileAt::new);
                let file = file.map_err(|source| BuildError::Read { path: path.clone(), source })?;
                version_of(&file)
            }
            Source::Bytes(bytes) => version_of(&**bytes),
        };
        let with_md5 = version.is_none();
        let (sha256, md5) =
            digests(source, with_md5).map_err(|source| BuildError::Read { path: path.into(), source })?;
        let hash = with_md5.then(|| parts(md5));
        Ok(Self { sha256, version, hash })
    }
}

/// The version of an executable; `None` for what is none, or has none. An executable with a damaged resource counts as
/// unversioned, which is what Windows makes of it.
fn version_of(file: &(impl ReadAt + ?Sized)) -> Option<(String, String)> {
    let file: &dyn ReadAt = &file;
    let image = pe::Image::open(file).ok()?;
    let version = image.version(file).ok()??;
    let [a, b, c, d] = version.file;
    let mut languages = version.languages;
    languages.dedup();
    // The column has 20 characters: three languages at least.
    let languages: Vec<String> = languages.iter().take(3).map(u16::to_string).collect();
    Some((format!("{a}.{b}.{c}.{d}"), languages.join(",")))
}

fn digests(source: &Source, with_md5: bool) -> io::Result<([u8; 32], [u8; 16])> {
    let mut reader = source.open()?;
    let (mut sha256, mut md5) = (Sha256::new(), Md5::new());
    stream::pieces(
        &mut *reader,
        |error| error,
        |piece| {
            sha256.update(piece);
            if with_md5 {
                md5.update(piece);
            }
            Ok(())
        },
    )?;
    Ok((sha256.finalize().into(), md5.finalize().into()))
}

/// An MD5 as the four columns of MsiFileHash: little-endian words.
fn parts(md5: [u8; 16]) -> [i32; 4] {
    let mut out = [0; 4];
    for (part, bytes) in out.iter_mut().zip(md5.chunks_exact(4)) {
        *part = bytes.iter().rev().fold(0, |word: i32, byte| word << 8 | i32::from(*byte));
    }
    out
}

/// `short|long`, or the name alone where it is short already. Short names are made from the path, so they are the same in every
/// version and differ where paths differ.
fn short_and_long(path: &str, name: &str) -> String {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if (1..=8).contains(&stem.len()) && extension.len() <= 3 && plain(stem) && plain(extension) && !name.ends_with('.')
    {
        return name.to_owned();
    }
    let mut short: String = short_hash(path).chars().take(8).collect();
    let extension: String = extension.chars().filter(char::is_ascii_alphanumeric).take(3).collect();
    if !extension.is_empty() {
        short.push('.');
        short.push_str(&extension);
    }
    format!("{short}|{name}")
}

/// The key of a folder of the payload in the table Directory.
pub(super) fn folder_key(product: &Product, path: &str) -> String {
    if path == install_folder(product) { INSTALL_FOLDER.to_owned() } else { format!("d{}", short_hash(path)) }
}

/// 16 hexadecimal digits that stand for a path; Windows does not tell cases apart.
fn short_hash(path: &str) -> String {
    let digest = Sha256::digest(path.to_lowercase().as_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_made_only_where_they_are_needed() {
        assert_eq!(short_and_long("x/agent.exe", "agent.exe"), "agent.exe");
        let made = short_and_long("x/TheOneRMM Agent.exe", "TheOneRMM Agent.exe");
        assert_eq!(made.split('|').next().map(str::len), Some(12));
        assert!(made.ends_with(".exe|TheOneRMM Agent.exe"));
        assert_eq!(made, short_and_long("X/theonermm agent.EXE", "TheOneRMM Agent.exe"));
    }

    #[test]
    fn hash_parts_are_little_endian_words() {
        let md5: [u8; 16] = Md5::digest(b"").into();
        assert_eq!(parts(md5).map(i32::to_le_bytes).concat(), md5);
    }
}
