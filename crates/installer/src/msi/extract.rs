//! Taking a package apart: files where the Directory table puts them, tables as text.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use container::msidb::export::archive;
use container::msidb::summary::{Value, pid};
use container::msidb::{Summary, Table};
use container::reader::{Malformed, Problem};

use crate::format::{Area, EntryKind, Extracted, ReadError, Sink};

use super::media::{Holder, embedded};
use super::read::{Installer, missing};

/// Folders inside folders, at most; a circle has no end.
const MAX_DEPTH: usize = 64;
const PLAIN_MODE: u32 = 0o644;
/// The list of what lies outside the package, or could not be opened.
const NOT_EXTRACTED: &str = "not-extracted.txt";
/// Where files of a cabinet go that no row of the table File describes.
const UNLISTED: &str = "not in the table File";
/// For the token.
const SECRET_MODE: u32 = 0o600;

pub(super) fn extract(installer: &Installer<'_>, sink: &mut dyn Sink) -> Result<(), ReadError> {
    let files = file_paths(installer)?;
    let mut left = BTreeMap::new();
    let media = installer.media()?;
    let mut unopened = BTreeMap::new();
    for (key, file) in &files {
        let why = match installer.holder(&media, file.sequence, file.attributes) {
            Some(Holder::Embedded(name)) => format!("not in the cabinet {name}"),
            Some(Holder::Outside(name)) => format!("outside the package, in the cabinet {name}"),
            Some(Holder::Loose) => "outside the package, beside it".to_owned(),
            None => "on no medium".to_owned(),
        };
        left.insert(key.as_str(), why);
    }
    folders(&files, sink)?;
    for name in embedded(&media) {
        let part = || format!("cabinet {}", name.escape_debug());
        let Some(cabinet) = installer.embedded(name).map_err(|error| error.of_part(part))? else { continue };
        if let Some(why) = cabinet.unopened() {
            unopened.insert(name, why);
            continue;
        }
        let taken = cabinet.each(|file, content| {
            let path = match files.get(&file.name) {
                Some(InstalledFile { path, .. }) => path.clone(),
                None if installer.is_ours()? => return Err(missing("the row of a file of the cabinet").into()),
                None => format!("{UNLISTED}/{}", safe(&file.name)),
            };
            left.remove(file.name.as_str());
            put(sink, Area::Payload, &path, file.size_bytes, PLAIN_MODE, content)
        });
        taken.map_err(|error: ReadError| error.of_part(part))?;
    }
    for (key, file) in files.iter().filter(|_| !unopened.is_empty()) {
        let Some(Holder::Embedded(name)) = installer.holder(&media, file.sequence, file.attributes) else { continue };
        if let Some(why) = unopened.get(name.as_str()) {
            left.insert(key, format!("in the cabinet {name}, of which nothing was taken out: {why}"));
        }
    }
    metadata(installer, sink)?;
    not_extracted(&files, &left, sink)?;
    if let Some(token) = installer.token()? {
        let bytes = token.expose().as_bytes();
        put(sink, Area::Token, "enrollment-token", bytes.len() as u64, SECRET_MODE, &mut &*bytes)?;
    }
    Ok(())
}

/// The folders of all files.
fn folders(files: &BTreeMap<String, InstalledFile>, sink: &mut dyn Sink) -> Result<(), ReadError> {
    let mut folders: BTreeSet<&str> = BTreeSet::new();
    for path in files.values().map(|file| file.path.as_str()) {
        folders.extend(path.match_indices('/').filter_map(|(at, _)| path.get(..at)));
    }
    for path in folders {
        let entry = Extracted { area: Area::Payload, path, kind: EntryKind::Folder, mode: 0o755 };
        sink.entry(&entry, &mut std::io::empty())?;
    }
    Ok(())
}

/// A list of the files that are not there, and why: `path, bytes, reason` with tabs between.
fn not_extracted(
    files: &BTreeMap<String, InstalledFile>,
    left: &BTreeMap<&str, String>,
    sink: &mut dyn Sink,
) -> Result<(), ReadError> {
    if left.is_empty() {
        return Ok(());
    }
    let mut text = String::new();
    for (key, why) in left {
        if let Some(InstalledFile { path, size, .. }) = files.get(*key) {
            text.push_str(&format!("{}\t{size}\t{}\n", path.escape_debug(), why.escape_debug()));
        }
    }
    put(sink, Area::Metadata, NOT_EXTRACTED, text.len() as u64, PLAIN_MODE, &mut text.as_bytes())
}

fn put(
    sink: &mut dyn Sink,
    area: Area,
    path: &str,
    len: u64,
    mode: u32,
    content: &mut dyn Read,
) -> Result<(), ReadError> {
    sink.entry(&Extracted { area, path, kind: EntryKind::File(len), mode }, content)
}

fn metadata(installer: &Installer<'_>, sink: &mut dyn Sink) -> Result<(), ReadError> {
    let summary = summary_text(&installer.summary);
    put(sink, Area::Metadata, "summary.txt", summary.len() as u64, PLAIN_MODE, &mut summary.as_bytes())?;
    let names: Vec<String> = installer.database.tables().map(str::to_owned).collect();
    for name in names {
        let Some(table) = installer.database.table(&name)? else { continue };
        let text = archive(&table, installer.database.pool());
        let text = if name == "Property" { without_token(&text) } else { text };
        put(
            sink,
            Area::Metadata,
            &format!("tables/{}.idt", safe(&name)),
            text.len() as u64,
            PLAIN_MODE,
            &mut text.as_bytes(),
        )?;
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
    /// Below the system's drive, with `/` between the parts. No two files have the same.
    pub(super) path: String,
    /// What the row says of its size.
    pub(super) size: i32,
    /// Its number among all files.
    pub(super) sequence: i32,
    /// `File.Attributes`.
    pub(super) attributes: i32,
}

/// Where each file is installed, by its key.
///
/// What a package of ours must have is an error when it is missing. In others a folder that no row describes has its key as its name, what
/// cannot be a part of a path is replaced, and of two files with one path, of which a condition chooses, the second has its key behind it.
pub(super) fn file_paths(installer: &Installer<'_>) -> Result<BTreeMap<String, InstalledFile>, ReadError> {
    let Some(files) = installer.database.table("File")? else { return Ok(BTreeMap::new()) };
    let directories = Directories::read(installer.database.table("Directory")?.as_ref(), installer.is_ours()?);
    let component = installer.database.table("Component")?;
    let folder_of: BTreeMap<String, String> = component
        .iter()
        .flat_map(Table::rows)
        .filter_map(|row| Some((row.text("Component")?.into_owned(), row.text("Directory_")?.into_owned())))
        .collect();
    let (mut paths, mut taken) = (BTreeMap::new(), BTreeSet::new());
    for row in files.rows() {
        let (Some(key), Some(name)) = (row.text("File"), row.text("FileName")) else {
            return Err(missing("a file's key or name").into());
        };
        let folder = row.text("Component_").and_then(|component| folder_of.get(component.as_ref()));
        let folder = match folder {
            Some(folder) => directories.path(folder)?,
            None if directories.is_strict => return Err(missing("a file's component").into()),
            None => String::new(),
        };
        let mut path = join(&folder, &directories.part(long_name(&name))?);
        while !directories.is_strict && !taken.insert(path.to_lowercase()) {
            path = format!("{path}.{}", safe(&key));
        }
        let file = InstalledFile {
            path,
            size: row.int("FileSize").ok_or_else(|| missing("a file's size"))?,
            sequence: row.int("Sequence").unwrap_or(0),
            attributes: row.int("Attributes").unwrap_or(0),
        };
        paths.insert(key.into_owned(), file);
    }
    Ok(paths)
}

/// The Directory table: key, parent, name.
struct Directories {
    rows: BTreeMap<String, (Option<String>, String)>,
    is_strict: bool,
}

impl Directories {
    fn read(table: Option<&Table<'_>>, is_strict: bool) -> Self {
        let entry = |row: container::msidb::Row<'_>| {
            let name = row.text("DefaultDir")?;
            // `target:source`, each `short|long`; only the target is of interest.
            let target = long_name(name.split(':').next().unwrap_or_default()).to_owned();
            let parent = row.text("Directory_Parent").map(Cow::into_owned);
            Some((row.text("Directory")?.into_owned(), (parent, target)))
        };
        Self { rows: table.into_iter().flat_map(Table::rows).filter_map(entry).collect(), is_strict }
    }

    /// A folder's path below the root. The root stands for the drive, and has no name.
    fn path(&self, key: &str) -> Result<String, ReadError> {
        let mut parts = Vec::new();
        let mut at = key;
        for _ in 0..MAX_DEPTH {
            let Some((parent, name)) = self.rows.get(at) else {
                if self.is_strict {
                    return Err(missing("a folder of the table Directory").into());
                }
                parts.push(safe(at));
                parts.reverse();
                return Ok(parts.join("/"));
            };
            let Some(parent) = parent.as_deref().filter(|parent| *parent != at) else {
                parts.reverse();
                return Ok(parts.join("/"));
            };
            if name != "." {
                parts.push(self.part(name)?);
            }
            at = parent;
        }
        let problem = Problem::Cycle { what: "the folders' parents" };
        Err(Malformed { structure: "table Directory", offset: Malformed::NOWHERE, problem }.into())
    }

    /// One part of a path, and no more than that.
    fn part(&self, name: &str) -> Result<String, Malformed> {
        let part = safe(name);
        if self.is_strict && part != name {
            let problem = Problem::Text { what: "a name is not one part of a path" };
            return Err(Malformed { structure: "table Directory or File", offset: Malformed::NOWHERE, problem });
        }
        Ok(part)
    }
}

fn long_name(name: &str) -> &str {
    name.rsplit('|').next().unwrap_or(name)
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// A name that can be one part of a path.
fn safe(name: &str) -> String {
    match name {
        "" | "." | ".." => "_".repeat(name.len().max(1)),
        name => name.replace(['/', '\\', '\0', ':'], "_"),
    }
}
