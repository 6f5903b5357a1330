//! `cargo xtask tidy`: the rules of the house that a compiler does not hold. Each rule is a function from the tree's text to
//! complaints; `cargo test` runs them all on the tree, and each on a small bad example.
//!
//! - who may import whom, between crates and inside the installer crate (`imports`); no circles between files (`circles`, over the
//!   paths that `paths` reads)
//! - no dependency that no source names, and none in the program for Windows that Windows lacks (`dependencies`)
//! - size of files, open ends, words that have no place in the tree (`text`)
//! - every crate takes the workspace's lints, every template is used, workflows call these commands only (`house`)

mod circles;
mod dependencies;
mod house;
mod imports;
mod paths;
mod text;
mod tree;

use xshell::Shell;

use self::tree::{Complaint, Source, tree};
use crate::failure::{Failure, Result};

/// From the tree to what is wrong with it.
type Rule = fn(&[Source]) -> Vec<Complaint>;

/// Prints hints and complaints; complaints are a failure.
pub(crate) fn run(sh: &Shell) -> Result {
    let tree = tree(sh)?;
    for hint in text::long_functions(&tree) {
        println!("hint: {hint}");
    }
    let complaints = complaints(&tree);
    for complaint in &complaints {
        println!("{complaint}");
    }
    if complaints.is_empty() { Ok(()) } else { Err(Failure::Untidy(complaints.len())) }
}

fn complaints(tree: &[Source]) -> Vec<Complaint> {
    let rules: [Rule; 12] = [
        circles::circles,
        dependencies::unused,
        dependencies::of_unix,
        imports::between_crates,
        imports::without_a_crate,
        imports::inside_installer,
        text::long_files,
        text::open_ends,
        text::foreign_words,
        house::lints,
        house::templates,
        house::workflows,
    ];
    rules.iter().flat_map(|rule| rule(tree)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let sh = Shell::new().unwrap();
        sh.change_dir(crate::root::root());
        let complaints: Vec<String> = complaints(&tree(&sh).unwrap()).iter().map(ToString::to_string).collect();
        assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    }

    /// The rule over manifests sees what a crate names; this sees what comes of it.
    #[test]
    fn the_program_for_windows_has_no_service() {
        let sh = Shell::new().unwrap();
        sh.change_dir(crate::root::root());
        let options = ["--locked", "--offline", "-e", "normal", "--prefix", "none", "-p", "stampwright-cli"];
        let of = |target: &str| xshell::cmd!(sh, "cargo tree {options...} --target {target}").quiet().read().unwrap();
        let has = |tree: &str, name: &str| tree.lines().any(|line| line.split(' ').next() == Some(name));
        let (windows, linux) = (of("x86_64-pc-windows-gnu"), of("x86_64-unknown-linux-gnu"));
        for name in ["stampwright-service", "rustix", "tokio", "libsqlite3-sys"] {
            assert!(has(&linux, name) && !has(&windows, name), "{name}");
        }
    }

    /// What is compiled by a C compiler and linked: ARCHITECTURE.md names each, and there is nothing else.
    #[test]
    fn the_c_in_what_ships_is_named() {
        let named =
            [("zstd-sys", "zstd"), ("libsqlite3-sys", "SQLite"), ("libdeflate-sys", "libdeflate"), ("ring", "ring")];
        // A few lines of assembler, by way of handlebars.
        let assembler = ["psm", "stacker"];
        let sh = Shell::new().unwrap();
        sh.change_dir(crate::root::root());
        let options = ["--locked", "--offline", "-e", "normal,build", "--depth", "1", "--prefix", "none", "-i", "cc"];
        let linked = |package: &str| {
            let tree = xshell::cmd!(sh, "cargo tree -p {package} {options...}").quiet().read().unwrap();
            let names = tree.lines().filter_map(|line| line.split_whitespace().next().map(str::to_owned));
            let names =
                names.filter(|name| name != "cc" && !name.starts_with('[') && !assembler.contains(&name.as_str()));
            names.collect::<std::collections::BTreeSet<_>>()
        };
        let expected: std::collections::BTreeSet<String> = named.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(linked("stampwright-cli"), expected);
        assert_eq!(linked("stampwright-agent-kit"), ["ring".to_owned()].into());
        let page = std::fs::read_to_string(crate::root::root().join("ARCHITECTURE.md")).unwrap();
        let sentence = page.split("**No C in what the program ships but ").nth(1).unwrap().split("**").next().unwrap();
        assert!(named.iter().all(|(_, name)| sentence.contains(name)), "{sentence}");
    }
}
