//! Taking a package apart: files where the Directory table puts them, tables as text.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use container::bytes::{Malformed, Problem};
use container::msidb::export::archive;
use container::msidb::summary::{Value, pid};
use container::msidb::{Summary, Table};

use crate::format::{Area, Extracted, ReadError, Sink, What};

use super::read::{Installer, missing};

/// Folders inside folders, at most; a circle has no end.
const MAX_DEPTH: usize = 64;
const PLAIN_MODE: u32 = 0o644;
/// For the token.
const SECRET_MODE: u32 = 0o600;

pub(super) fn extract(installer: &Installer<'_>, sink: &mut dyn Sink) -> Result<(), ReadError> {
    let paths = file_paths(installer)?;
    let mut folders: BTreeSet<&str> = BTreeSet::new();
    for path in paths.values().map(|file| file.path.as_str()) {
        folders.extend(path.match_indices('/').filter_map(|(at, _)| path.get(..at)));
    }
    for path in folders {
        let entry = Extracted { area: Area::Payload, path, what: What::Folder, mode: 0o755 };
        sink.entry(&entry, &mut std::io::empty())?;
    }
    installer.cabinet()?.each(|file, content| {
        let Some(InstalledFile { path, .. }) = paths.get(&file.name) else {
            return Err(missing("the row of a file of the cabinet").into());
        };
        put(sink, Area::Payload, path, file.size_bytes, PLAIN_MODE, content)
    })?;
    metadata(installer, sink)?;
    if let Some(token) = installer.token()? {
        let bytes = token.expose().as_bytes();
        put(sink, Area::Token, "enrollment-token", bytes.len() as u64, SECRET_MODE, &mut &*bytes)?;
    }
    Ok(())
}

fn put(
    sink: &mut dyn Sink,
    area: Area,
    path: &str,
    len: u64,
    mode: u32,
    content: &mut dyn Read,
) -> Result<(), ReadError> {
    sink.entry(&Extracted { area, path, what: What::File(len), mode }, content)
}

fn metadata(installer: &Installer<'_>, sink: &mut dyn Sink) -> Result<(), ReadError> {
    let summary = summary_text(&installer.summary);
    put(sink, Area::Metadata, "summary.txt", summary.len() as u64, PLAIN_MODE, &mut summary.as_bytes())?;
    let names: Vec<String> = installer.database.tables().map(str::to_owned).collect();
    for name in names {
        if !is_identifier(&name) {
            let problem = Problem::Text { what: "a table's name is not an identifier" };
            return Err(Malformed { structure: "catalog", offset: 0, problem }.into());
        }
        let Some(table) = installer.database.table(&name)? else { continue };
        let text = archive(&table, installer.database.pool());
        let text = if name == "Property" { without_token(&text) } else { text };
        put(sink, Area::Metadata, &format!("tables/{name}.idt"), text.len() as u64, PLAIN_MODE, &mut text.as_bytes())?;
    }
    Ok(())
}

/// The token has a file of its own.
fn without_token(table: &str) -> String {
    let line = |line: &str| match line.split_once('\t') {
        Some(("ENROLLMENTTOKEN", _)) => "ENROLLMENTTOKEN\t(see enrollment-token)\r\n".to_owned(),
        _ => line.to_owned(),
    };
    table.split_inclusive('\n').map(line).collect()
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// One line for each property, by the name that Windows Installer gives it.
pub(super) fn summary_text(summary: &Summary) -> String {
    const NAMES: [(u32, &str); 15] = [
        (pid::CODEPAGE, "Codepage"),
        (pid::TITLE, "Title"),
        (pid::SUBJECT, "Subject"),
        (pid::AUTHOR, "Author"),
        (pid::KEYWORDS, "Keywords"),
        (pid::COMMENTS, "Comments"),
        (pid::TEMPLATE, "Template"),
        (pid::LAST_SAVED_BY, "Last Saved By"),
        (pid::REVISION, "Revision Number"),
        (pid::CREATED, "Create Time/Date"),
        (pid::SAVED, "Last Save Time/Date"),
        (pid::PAGE_COUNT, "Page Count"),
        (pid::WORD_COUNT, "Word Count"),
        (pid::APPLICATION, "Creating Application"),
        (pid::SECURITY, "Security"),
    ];
    let mut out = String::new();
    for (id, value) in summary.values() {
        let name = NAMES.iter().find(|(known, _)| *known == id).map_or("Other", |(_, name)| *name);
        let value: Cow<'_, str> = match value {
            Value::Short(n) => n.to_string().into(),
            Value::Long(n) => n.to_string().into(),
            Value::Text(text) => text.escape_default().to_string().into(),
            Value::Time(t) => format!("{t} (100 ns since 1601)").into(),
        };
        out.push_str(&format!("{id}\t{name}\t{value}\n"));
    }
    out
}

/// A row of the File table, and where it is installed.
#[derive(Debug)]
pub(super) struct InstalledFile {
    /// Below the system's drive, with `/` between the parts.
    pub(super) path: String,
    /// What the row says of its size.
    pub(super) size: i32,
}

/// Where each file is installed, by its key.
pub(super) fn file_paths(installer: &Installer<'_>) -> Result<BTreeMap<String, InstalledFile>, ReadError> {
    let directories = Directories::read(&installer.required("Directory")?);
    let component = installer.required("Component")?;
    let folder_of: BTreeMap<String, String> = component
        .rows()
        .filter_map(|row| Some((row.text("Component")?.into_owned(), row.text("Directory_")?.into_owned())))
        .collect();
    let mut paths = BTreeMap::new();
    for row in installer.required("File")?.rows() {
        let (Some(key), Some(name)) = (row.text("File"), row.text("FileName")) else {
            return Err(missing("a file's key or name").into());
        };
        let folder = row.text("Component_").and_then(|component| folder_of.get(component.as_ref()));
        let folder = directories.path(folder.ok_or_else(|| missing("a file's component"))?)?;
        let path = join(&folder, &checked(long_name(&name))?);
        let size = row.int("FileSize").ok_or_else(|| missing("a file's size"))?;
        paths.insert(key.into_owned(), InstalledFile { path, size });
    }
    Ok(paths)
}

/// The Directory table: key, parent, name.
struct Directories(BTreeMap<String, (Option<String>, String)>);

impl Directories {
    fn read(table: &Table<'_>) -> Self {
        let entry = |row: container::msidb::Row<'_>| {
            let name = row.text("DefaultDir")?;
            // `target:source`, each `short|long`; only the target is of interest.
            let target = long_name(name.split(':').next().unwrap_or_default()).to_owned();
            let parent = row.text("Directory_Parent").map(Cow::into_owned);
            Some((row.text("Directory")?.into_owned(), (parent, target)))
        };
        Self(table.rows().filter_map(entry).collect())
    }

    /// A folder's path below the root. The root stands for the drive, and has no name.
    fn path(&self, key: &str) -> Result<String, ReadError> {
        let mut parts = Vec::new();
        let mut at = key;
        for _ in 0..MAX_DEPTH {
            let (parent, name) = self.0.get(at).ok_or_else(|| missing("a folder of the table Directory"))?;
            let Some(parent) = parent.as_deref().filter(|parent| *parent != at) else {
                parts.reverse();
                return Ok(parts.join("/"));
            };
            if name != "." {
                parts.push(checked(name)?);
            }
            at = parent;
        }
        let problem = Problem::Cycle { what: "the folders' parents" };
        Err(Malformed { structure: "table Directory", offset: 0, problem }.into())
    }
}

fn long_name(name: &str) -> &str {
    name.rsplit('|').next().unwrap_or(name)
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// One part of a path, and no more than that.
fn checked(part: &str) -> Result<String, Malformed> {
    if matches!(part, "" | "." | "..") || part.contains(['/', '\\', '\0', ':']) {
        let problem = Problem::Text { what: "a name is not one part of a path" };
        return Err(Malformed { structure: "table Directory or File", offset: 0, problem });
    }
    Ok(part.to_owned())
}
