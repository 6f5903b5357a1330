//! What a flat package leaves running, and who may change it: daemons, scripts, owners and modes, whoever made it.

use container::ReadAt;
use container::xml::{self, Element};

use super::names::TOKEN_NAME;
use super::payload_tree::PayloadTree;
use super::reader::PackageReader;
use crate::format::ReadError;

/// What a package leaves running.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Daemons {
    /// Property lists of launchd that travel with the scripts or lie in the payload.
    pub daemons: Vec<Daemon>,
    /// The files of `Scripts`.
    pub scripts: Vec<FileEntry>,
    /// What `PackageInfo` has Installer run.
    pub named_scripts: Vec<String>,
    /// Everything that gets installed, by full path.
    pub placed: Vec<FileEntry>,
}

/// A property list of launchd.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Daemon {
    /// Where it lies in the package.
    pub path: String,
    /// Its permission bits.
    pub mode: u32,
    /// `Label`.
    pub(crate) label: String,
    /// `ProgramArguments`, or `Program`.
    pub arguments: Vec<String>,
    /// `UserName`; empty for root.
    pub user: String,
    /// Whether launchd starts it by itself (`RunAtLoad`).
    pub runs_at_load: bool,
    /// Whether launchd starts it again (`KeepAlive`, other than false).
    pub is_kept_alive: bool,
}

/// A file, folder or link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileEntry {
    /// Its path.
    pub path: String,
    /// Its permission bits.
    pub mode: u32,
    /// User and group.
    pub owner: (u32, u32),
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Whether it is a symbolic link.
    pub is_link: bool,
}

impl Daemons {
    /// The token's own file.
    #[must_use]
    pub fn token(&self) -> Option<&FileEntry> {
        self.scripts.iter().find(|script| script.path == TOKEN_NAME)
    }
}

/// Reads a whole package.
pub fn daemons(file: &dyn ReadAt) -> Result<Daemons, ReadError> {
    let opened = PackageReader::open(file)?;
    let mut background = Daemons::default();
    for component in &opened.components {
        let info = opened.package_info(component)?;
        let tree = PayloadTree::read(&opened, component)?;
        background.named_scripts.extend(info.scripts);
        for script in opened.scripts_of(component)? {
            let entry = &script.entry;
            background.scripts.push(held(entry, entry.path.clone()));
            if entry.path.ends_with(".plist")
                && let Some(daemon) = daemon(&entry.path, entry.mode, &script.content)
            {
                background.daemons.push(daemon);
            }
        }
        let location = info.install_location.trim_end_matches('/');
        for (path, installed) in &tree.paths {
            let full = if path == "." { format!("{location}/") } else { format!("{location}/{path}") };
            background.placed.push(held(&installed.entry, full));
        }
    }
    Ok(background)
}

fn held(entry: &container::cpio::Entry, path: String) -> FileEntry {
    FileEntry {
        path,
        mode: entry.mode & 0o7777,
        owner: (entry.uid, entry.gid),
        is_folder: entry.is_directory(),
        is_link: entry.is_symlink(),
    }
}

/// A property list that has a label; anything else is none of launchd's.
fn daemon(path: &str, mode: u32, content: &[u8]) -> Option<Daemon> {
    let root = xml::parse("launchd property list", content).ok()?;
    let text = |key: &str| value(&root, key).map(|value| value.text.clone()).unwrap_or_default();
    let is_true = |key: &str| value(&root, key).is_some_and(|value| value.name == "true");
    let label = value(&root, "Label")?.text.clone();
    let mut arguments: Vec<String> = value(&root, "ProgramArguments")
        .map(|list| list.children.iter().map(|c| c.text.clone()).collect())
        .unwrap_or_default();
    if let Some(program) = value(&root, "Program") {
        arguments.insert(0, program.text.clone());
    }
    Some(Daemon {
        path: path.to_owned(),
        mode: mode & 0o7777,
        label,
        arguments,
        user: text("UserName"),
        runs_at_load: is_true("RunAtLoad"),
        is_kept_alive: value(&root, "KeepAlive").is_some_and(|value| value.name != "false"),
    })
}

/// The value of a key of a property list's outermost dictionary.
fn value<'a>(root: &'a Element, key: &str) -> Option<&'a Element> {
    let entries = root.child("dict")?.children.as_slice();
    entries.windows(2).find_map(|pair| match pair {
        [name, value] if name.name == "key" && name.text == key => Some(value),
        _ => None,
    })
}
