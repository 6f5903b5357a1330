//! Entries of manifests that no source needs: they cost a build each, and say something about a crate that is not so.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use toml::{Table, Value};

use super::paths::names_crate;
use super::tree::{Complaint, Source, is_rust};

/// Packages whose library is called otherwise than the package.
const LIBRARIES: [(&str, &str); 1] = [("md-5", "md5")];

/// The tables of a manifest that list dependencies.
const TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// Dependencies that a crate lists and its sources do not name, and versions of the workspace that no crate takes.
pub(super) fn unused(tree: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut listed = BTreeSet::new();
    for manifest in tree.iter().filter(|source| is_manifest(&source.path)) {
        let Ok(table) = toml::from_str::<Table>(&manifest.text) else {
            complaints.push(Complaint::new(manifest, 0, "is not TOML"));
            continue;
        };
        let sources = sources_of(folder(&manifest.path), tree);
        for name in entries(&table) {
            let library =
                LIBRARIES.iter().find(|(package, _)| *package == name).map(|(_, library)| (*library).to_owned());
            let library = library.unwrap_or_else(|| name.replace('-', "_"));
            if !sources.iter().any(|source| names_crate(&source.text, &library)) {
                complaints.push(Complaint::new(manifest, 0, format!("no source names the dependency `{name}`")));
            }
            listed.insert(name);
        }
    }
    for manifest in tree.iter().filter(|source| source.path == "Cargo.toml") {
        let table: Table = toml::from_str(&manifest.text).unwrap_or_default();
        let shared =
            table.get("workspace").and_then(|workspace| workspace.get("dependencies")).and_then(Value::as_table);
        let spare = shared.into_iter().flat_map(Table::keys).filter(|name| !listed.contains(*name));
        complaints
            .extend(spare.map(|name| Complaint::new(manifest, 0, format!("no crate takes the dependency `{name}`"))));
    }
    complaints
}

/// What is not there on Windows: the service, and what only Unix has.
const UNIX_ONLY: [&str; 3] = ["service", "rustix", "listenfd"];
/// The crates that are for Unix as a whole.
const CRATES_OF_UNIX: [&str; 1] = ["crates/service/Cargo.toml"];

/// Dependencies that keep the program from being built for Windows, outside of a target's table.
pub(super) fn of_unix(tree: &[Source]) -> Vec<Complaint> {
    let is_portable = |path: &str| {
        let is_payload = ["payloads/", "fuzz/", "xtask/"].iter().any(|folder| path.starts_with(folder));
        is_manifest(path) && !is_payload && !CRATES_OF_UNIX.contains(&path)
    };
    let mut complaints = Vec::new();
    for manifest in tree.iter().filter(|source| is_portable(&source.path)) {
        let table: Table = toml::from_str(&manifest.text).unwrap_or_default();
        let lists = ["dependencies", "build-dependencies"].iter().filter_map(|name| table.get(*name)?.as_table());
        for name in lists.flat_map(Table::keys).filter(|name| UNIX_ONLY.contains(&name.as_str())) {
            let message =
                format!("`{name}` is not there on Windows: it belongs to a table [target.'cfg(unix)'.dependencies]");
            complaints.push(Complaint::new(manifest, 0, message));
        }
    }
    complaints
}

fn is_manifest(path: &str) -> bool {
    path == "Cargo.toml" || path.ends_with("/Cargo.toml")
}

/// The folder of a file, with a slash behind it where it is not the top.
fn folder(path: &str) -> &str {
    path.rfind('/').map_or("", |at| path.split_at(at + 1).0)
}

/// The names under `dependencies` and the like, those for single targets included.
fn entries(table: &Table) -> Vec<String> {
    let targets = table.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let tables = [table].into_iter().chain(targets.filter_map(Value::as_table));
    let lists = tables.flat_map(|table| TABLES.iter().filter_map(|name| table.get(*name)?.as_table()));
    lists.flat_map(Table::keys).cloned().collect()
}

/// The sources of the crate in `folder`, and what they take from elsewhere by `#[path]`.
fn sources_of<'a>(folder: &str, tree: &'a [Source]) -> Vec<&'a Source> {
    let inner: Vec<&str> = tree
        .iter()
        .filter(|source| is_manifest(&source.path))
        .map(|source| self::folder(&source.path))
        .filter(|inner| inner.len() > folder.len() && inner.starts_with(folder))
        .collect();
    let is_ours = |path: &str| path.starts_with(folder) && !inner.iter().any(|inner| path.starts_with(inner));
    let rust = || tree.iter().filter(|source| is_rust(source));
    let mut sources: Vec<&Source> = rust().filter(|source| is_ours(&source.path)).collect();
    let taken: BTreeSet<String> = sources.iter().flat_map(|source| folders_taken(source)).collect();
    sources.extend(rust().filter(|source| taken.iter().any(|folder| source.path.starts_with(folder))));
    sources
}

/// The folders of files that a source takes by `#[path = "…"]`.
fn folders_taken(source: &Source) -> Vec<String> {
    let paths = source.text.lines().filter_map(|line| line.trim().strip_prefix("#[path = \"")?.strip_suffix("\"]"));
    let mut folders = Vec::new();
    for path in paths {
        let mut whole = PathBuf::new();
        for part in Path::new(folder(&source.path)).join(folder(path)).components() {
            match part {
                Component::ParentDir => drop(whole.pop()),
                part => whole.push(part),
            }
        }
        folders.push(format!("{}/", whole.display()));
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::super::tree::tree_of;
    use super::*;

    #[test]
    fn an_entry_that_nothing_needs_is_named() {
        let tree = tree_of(&[
            ("Cargo.toml", "[workspace.dependencies]\ntar = \"1\"\nold = \"1\"\n[dependencies]\ntar.workspace = true"),
            ("src/main.rs", "mod tar;"),
            ("crates/a/Cargo.toml", "[dependencies]\nmd-5 = \"1\"\n[target.'cfg(unix)'.dependencies]\nrustix = \"1\""),
            ("crates/a/src/lib.rs", "use md5::Md5;\nuse crate::tar::rustix;"),
        ]);
        let found: Vec<String> = unused(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "Cargo.toml: no source names the dependency `tar`",
                "crates/a/Cargo.toml: no source names the dependency `rustix`",
                "Cargo.toml: no crate takes the dependency `old`",
            ]
        );
    }

    #[test]
    fn what_windows_lacks_stands_behind_a_target() {
        let tree = tree_of(&[
            ("Cargo.toml", "[dependencies]\nservice.workspace = true\ntar = \"1\""),
            ("crates/a/Cargo.toml", "[target.'cfg(unix)'.dependencies]\nrustix = \"1\""),
            ("crates/b/Cargo.toml", "[build-dependencies]\nrustix = \"1\""),
            ("crates/service/Cargo.toml", "[dependencies]\nrustix = \"1\""),
        ]);
        let found: Vec<String> = of_unix(&tree).iter().map(|complaint| complaint.path.clone()).collect();
        assert_eq!(found, ["Cargo.toml", "crates/b/Cargo.toml"]);
    }

    #[test]
    fn sources_taken_by_path_count() {
        let tree = tree_of(&[
            ("crates/a/Cargo.toml", "[dev-dependencies]\np256 = \"1\""),
            ("crates/a/tests/x.rs", "#[path = \"../../../tests/support/agents/mod.rs\"]\nmod agents;"),
            ("tests/support/agents/cms.rs", "use p256::ecdsa::Signature;"),
        ]);
        assert!(unused(&tree).is_empty());
    }
}
