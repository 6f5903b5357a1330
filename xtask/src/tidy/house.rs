//! Lints, templates, workflows.

use toml::{Table, Value};

use super::tree::{Complaint, Source, is_rust};

/// Crates that do not take the workspace's lints. (Payloads and fuzz targets are no members, so they cannot.)
pub(super) fn lints(tree: &[Source]) -> Vec<Complaint> {
    let is_manifest = |path: &str| path == "Cargo.toml" || path.ends_with("/Cargo.toml");
    let is_outside = |path: &str| path.starts_with("payloads/") || path.starts_with("fuzz/");
    let crates = tree.iter().filter(|source| is_manifest(&source.path) && !is_outside(&source.path));
    let without = crates.filter(|source| {
        let manifest: Table = toml::from_str(&source.text).unwrap_or_default();
        let lints = manifest.get("lints").and_then(|lints| lints.get("workspace"));
        lints.and_then(Value::as_bool) != Some(true)
    });
    without.map(|source| Complaint::new(source, 0, "needs `lints.workspace = true`")).collect()
}

/// Templates that no source and no other template names.
pub(super) fn templates(tree: &[Source]) -> Vec<Complaint> {
    let names_templates = |source: &&Source| is_rust(source) || source.path.starts_with("templates/");
    let code: Vec<&str> = tree.iter().filter(names_templates).map(|source| source.text.as_str()).collect();
    let is_unused = |source: &&Source| {
        let inside = source.path.strip_prefix("templates/");
        inside.is_some_and(|inside| !code.iter().any(|text| text.contains(inside)))
    };
    tree.iter().filter(is_unused).map(|source| Complaint::new(source, 0, "no source names this template")).collect()
}

/// Steps of a workflow that do something by themselves: what a workflow does must run on a desk as well.
pub(super) fn workflows(tree: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in tree.iter().filter(|source| source.path.starts_with(".github/workflows/")) {
        for (number, line) in source.text.lines().enumerate() {
            let step = line.trim_start().trim_start_matches("- ");
            if step.strip_prefix("run:").is_some_and(|command| !command.trim_start().starts_with("cargo xtask ")) {
                complaints.push(Complaint::new(source, number + 1, "a step runs something else than `cargo xtask`"));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::super::tree::tree_of;
    use super::*;

    #[test]
    fn a_crate_without_the_lints_is_named() {
        let tree = tree_of(&[
            ("crates/a/Cargo.toml", "[lints]\nworkspace = true"),
            ("crates/b/Cargo.toml", "[lints.rust]\nunsafe_code = \"forbid\""),
            ("payloads/p/Cargo.toml", ""),
        ]);
        assert_eq!(lints(&tree).iter().map(|found| found.path.as_str()).collect::<Vec<_>>(), ["crates/b/Cargo.toml"]);
    }

    #[test]
    fn a_template_without_a_user_is_reported() {
        let tree = tree_of(&[
            ("templates/deb/postinst.sh", ""),
            ("templates/deb/old.sh", ""),
            ("crates/installer/src/deb/build.rs", "include_str!(\"../../../../templates/deb/postinst.sh\")"),
            ("crates/service/src/page.rs", "#[template(path = \"page/list.html\")]"),
            ("templates/page/list.html", "{% extends \"page/layout.html\" %}"),
            ("templates/page/layout.html", ""),
        ]);
        assert_eq!(
            templates(&tree).iter().map(|found| found.path.as_str()).collect::<Vec<_>>(),
            ["templates/deb/old.sh"]
        );
    }

    #[test]
    fn workflows_call_these_commands_only() {
        let tree =
            tree_of(&[(".github/workflows/ci.yml", "      - run: cargo xtask test\n      - run: |\n          make\n")]);
        assert_eq!(workflows(&tree).iter().map(|found| found.line).collect::<Vec<_>>(), [2]);
    }
}
