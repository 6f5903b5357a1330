//! Who may import whom. Between crates, by their manifests; inside the installer crate, by the paths that start with `crate::`.
//!
//! ```text
//! program → service → stampwright → kit, signing, installer → container
//! stampwright → bucket
//! service → enrollment; signing → container; agent-kit stands alone
//!
//! installer:  everything else ← format ← proof, prepare ← deb | msi | pkg ← formats ← stamp
//! ```

use toml::Table;

use super::tree::{Complaint, Source, is_rust};

/// A crate's manifest and which of our crates it may name. A crate that stands higher may use all that stands below.
const CRATES: [(&str, &[&str]); 11] = [
    ("Cargo.toml", &["service", "stampwright", "kit", "installer", "signing", "container"]),
    ("crates/service/Cargo.toml", &["stampwright", "enrollment"]),
    ("crates/stampwright/Cargo.toml", &["bucket", "kit", "installer", "signing", "container"]),
    ("crates/bucket/Cargo.toml", &[]),
    ("crates/kit/Cargo.toml", &["installer", "container"]),
    ("crates/signing/Cargo.toml", &["container"]),
    ("crates/installer/Cargo.toml", &["container"]),
    ("crates/container/Cargo.toml", &[]),
    ("crates/enrollment/Cargo.toml", &[]),
    ("crates/agent-kit/Cargo.toml", &[]),
    ("xtask/Cargo.toml", &[]),
];
const OURS: [&str; 9] =
    ["agent_kit", "bucket", "container", "enrollment", "installer", "kit", "service", "signing", "stampwright"];

/// Formats know nothing of each other: what two of them need belongs below.
const FORMATS: [&str; 4] = ["deb", "msi", "pkg", "rpm"];

/// Dependencies between our crates that the house does not allow, and crates that it does not know.
pub(super) fn between_crates(tree: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in tree.iter().filter(|source| is_member(&source.path)) {
        let Some((_, may)) = CRATES.iter().find(|(path, _)| *path == source.path) else {
            complaints.push(Complaint::new(source, 0, "this crate has no place among the import rules"));
            continue;
        };
        let manifest: Table = toml::from_str(&source.text).unwrap_or_default();
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let names = manifest.get(table).and_then(|table| table.as_table()).into_iter().flat_map(Table::keys);
            let wrong = names.filter(|name| OURS.contains(&name.as_str()) && !may.contains(&name.as_str()));
            complaints.extend(wrong.map(|name| Complaint::new(source, 0, format!("must not depend on `{name}`"))));
        }
    }
    complaints
}

/// Rules for crates that are not there: a name that nothing has says nothing.
pub(super) fn without_a_crate(tree: &[Source]) -> Vec<Complaint> {
    let rules = tree.iter().filter(|source| source.path == "xtask/src/tidy/imports.rs");
    let missing = |path: &str| !tree.iter().any(|source| source.path == path);
    rules
        .flat_map(|rules| {
            let stale = CRATES.iter().map(|(path, _)| *path).filter(|path| missing(path));
            stale.map(|path| Complaint::new(rules, 0, format!("has a rule for {path}, which is not there")))
        })
        .collect()
}

fn is_member(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    matches!(parts.as_slice(), ["Cargo.toml"] | ["xtask", "Cargo.toml"] | ["crates", _, "Cargo.toml"])
}

/// Paths inside the installer crate that point sideways or up.
pub(super) fn inside_installer(tree: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in tree.iter().filter(|source| is_rust(source)) {
        let Some(inside) = source.path.strip_prefix("crates/installer/src/") else { continue };
        let from = inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs");
        // A format's own tests may go the whole way, stamp included.
        let is_test = inside.ends_with("/tests.rs") || inside.contains("/tests/");
        if from == "lib" || is_test {
            continue;
        }
        for (number, line) in source.text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or(line);
            let wrong = modules_named(code).into_iter().filter(|to| !may_import(from, to));
            complaints
                .extend(wrong.map(|to| Complaint::new(source, number + 1, format!("`{from}` must not import `{to}`"))));
        }
    }
    complaints
}

/// The first modules of the paths in a line that start at the crate's root, `crate::{a, b::C}` included.
fn modules_named(code: &str) -> Vec<&str> {
    let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut names = Vec::new();
    for (_, path) in code.match_indices("crate::").map(|(at, root)| code.split_at(at + root.len())) {
        let Some(group) = path.strip_prefix('{') else {
            names.extend(path.split(|letter| !is_letter(letter)).next());
            continue;
        };
        let mut depth = 0_usize;
        let members = group.split(|letter| {
            match letter {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            letter == ',' && depth == 0
        });
        names.extend(members.filter_map(|member| member.trim().split(|letter| !is_letter(letter)).next()));
    }
    names
}

/// How high a module stands: below everything, the interface, what sees formats through it only, the formats, their table, and what
/// uses the table.
fn storey(module: &str) -> u8 {
    match module {
        "format" => 1,
        "proof" | "prepare" => 2,
        module if FORMATS.contains(&module) => 3,
        "formats" => 4,
        "stamp" => 5,
        _ => 0,
    }
}

fn may_import(from: &str, to: &str) -> bool {
    from == to || storey(to) == 0 || storey(to) < storey(from)
}

#[cfg(test)]
mod tests {
    use super::super::tree::tree_of;
    use super::*;

    fn complaints_of(path: &str, text: &str) -> Vec<String> {
        inside_installer(&tree_of(&[(path, text)])).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn formats_do_not_import_each_other() {
        let wrong =
            complaints_of("crates/installer/src/deb/build.rs", "use crate::token::Token;\nuse crate::msi::tables;\n");
        assert_eq!(wrong, ["crates/installer/src/deb/build.rs:2: `deb` must not import `msi`"]);
    }

    #[test]
    fn nothing_below_imports_the_interface() {
        assert_eq!(complaints_of("crates/installer/src/token.rs", "use crate::format::Format;").len(), 1);
        assert_eq!(complaints_of("crates/installer/src/format.rs", "let x = crate::deb::Deb;").len(), 1);
        assert_eq!(
            complaints_of("crates/installer/src/splice/mod.rs", "use crate::{report, pkg::{A, B}, formats};").len(),
            2
        );
    }

    #[test]
    fn what_the_house_allows_is_allowed() {
        assert!(
            complaints_of("crates/installer/src/formats.rs", "use crate::{deb, msi, pkg, format::Format};").is_empty()
        );
        assert!(
            complaints_of("crates/installer/src/msi/mod.rs", "use crate::{format::Format, msi::tables, token};")
                .is_empty()
        );
        assert!(complaints_of("crates/installer/src/lib.rs", "pub use crate::deb::Deb;").is_empty());
        assert!(complaints_of("crates/installer/src/token.rs", "// see crate::format").is_empty());
    }

    #[test]
    fn a_rule_without_a_crate_is_named() {
        let all = CRATES.map(|(path, _)| (path, ""));
        let rules = ("xtask/src/tidy/imports.rs", "");
        assert!(without_a_crate(&tree_of(&[&all[..], &[rules]].concat())).is_empty());
        let found = without_a_crate(&tree_of(&[&all[1..], &[rules]].concat()));
        assert_eq!(
            found.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["xtask/src/tidy/imports.rs: has a rule for Cargo.toml, which is not there"]
        );
    }

    #[test]
    fn crates_depend_downwards() {
        let tree = tree_of(&[
            ("crates/container/Cargo.toml", "[dependencies]\ninstaller.workspace = true\nsha2 = \"1\""),
            ("crates/kit/Cargo.toml", "[dependencies]\ninstaller.workspace = true"),
            ("crates/installer/Cargo.toml", "[dev-dependencies]\nkit = { path = \"../kit\" }"),
            ("crates/new/Cargo.toml", ""),
        ]);
        let wrong: Vec<String> = between_crates(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(
            wrong,
            [
                "crates/container/Cargo.toml: must not depend on `installer`",
                "crates/installer/Cargo.toml: must not depend on `kit`",
                "crates/new/Cargo.toml: this crate has no place among the import rules",
            ]
        );
    }
}
