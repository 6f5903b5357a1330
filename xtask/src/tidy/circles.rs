//! Files of one crate that lean on each other in a circle: none of them can be read, tested or moved without the others.
//!
//! An edge is any path from one file into another: imports, `super::` and `self::`, paths in the text. A file that only declares
//! modules and re-exports their names (most `mod.rs`, `lib.rs`) is a signpost: a path through it leads to the file behind it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::paths::{self, Names, Path};
use super::tree::{Complaint, Source, is_rust};

/// A crate's files, by module.
struct Crate<'a> {
    sources: Vec<&'a Source>,
    names: Vec<Names>,
    modules: BTreeMap<Path, usize>,
}

/// For each file, the files that it leans on and the first line that says so.
type Edges = Vec<BTreeMap<usize, usize>>;

/// Circles between the files of each crate.
pub(super) fn circles(tree: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for root in tree.iter().filter(|source| is_root(&source.path)) {
        let files = Crate::new(root, tree);
        let edges = files.edges();
        for circle in components(&edges) {
            complaints.extend(files.complaint(&edges, &circle));
        }
    }
    complaints
}

/// The file that a crate starts with.
fn is_root(path: &str) -> bool {
    ["src/lib.rs", "src/main.rs", "tests/main.rs"]
        .iter()
        .any(|root| path == *root || path.ends_with(&format!("/{root}")))
}

impl<'a> Crate<'a> {
    fn new(root: &Source, tree: &'a [Source]) -> Self {
        let folder = root.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut found = Self { sources: Vec::new(), names: Vec::new(), modules: BTreeMap::new() };
        for source in tree.iter().filter(|source| is_rust(source)) {
            let inside = source.path.strip_prefix(folder).and_then(|path| path.strip_prefix('/'));
            let Some(module) = inside.map(module_of) else { continue };
            found.names.push(paths::names(&source.text, &module));
            found.modules.insert(module, found.sources.len());
            found.sources.push(source);
        }
        found
    }

    fn edges(&self) -> Edges {
        let mut edges: Edges = vec![BTreeMap::new(); self.sources.len()];
        for (from, (names, edges)) in self.names.iter().zip(&mut edges).enumerate() {
            if names.is_signpost {
                continue;
            }
            for (path, line) in &names.paths {
                if let Some(to) = self.file_of(path).filter(|to| *to != from) {
                    edges.entry(to).or_insert(*line);
                }
            }
        }
        edges
    }

    /// The file that a path leads to; none where it names a signpost and not what is behind it.
    fn file_of(&self, path: &[String]) -> Option<usize> {
        let mut path = path.to_vec();
        // Re-exports of re-exports end somewhere; a bound keeps a tree that does not compile from a loop.
        for _ in 0..8 {
            let (length, file) = (0..=path.len()).rev().find_map(|length| {
                let (module, _) = path.split_at(length);
                Some((length, *self.modules.get(module)?))
            })?;
            let names = self.names.get(file)?;
            if !names.is_signpost {
                return Some(file);
            }
            let (_, rest) = path.split_at(length);
            let (first, rest) = rest.split_first()?;
            path = names.bound.get(first)?.iter().chain(rest).cloned().collect();
        }
        None
    }

    /// Names the circle's files, and the shortest way round.
    fn complaint(&self, edges: &Edges, circle: &BTreeSet<usize>) -> Option<Complaint> {
        let first = *circle.first()?;
        let way = shortest(edges, first, circle);
        let steps = way.iter().zip(way.iter().skip(1).chain([&first]));
        let name = |file: &usize| self.sources.get(*file).map_or("", |source| source.path.as_str());
        let lines: Vec<String> = steps
            .filter_map(|(from, to)| Some(format!("{}:{} → {}", name(from), edges.get(*from)?.get(to)?, name(to))))
            .collect();
        let what = format!("{} files in a circle of imports: {}", circle.len(), lines.join(", "));
        Some(Complaint::new(self.sources.get(first)?, 0, what))
    }
}

/// `cfb/read.rs` is `cfb::read`, and `cfb/mod.rs` is `cfb`.
fn module_of(inside: &str) -> Path {
    let mut words: Path = inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    let is_folders_own = matches!(words.last().map(String::as_str), Some("mod"));
    let is_root = matches!(inside, "lib.rs" | "main.rs");
    if is_folders_own || is_root {
        words.pop();
    }
    words
}

/// The sets of files that reach each other, larger than one.
fn components(edges: &Edges) -> Vec<BTreeSet<usize>> {
    let reach: Vec<BTreeSet<usize>> = (0..edges.len()).map(|from| reachable(edges, from)).collect();
    let mut found: BTreeSet<BTreeSet<usize>> = BTreeSet::new();
    for (from, reached) in reach.iter().enumerate() {
        let back = |to: &&usize| reach.get(**to).is_some_and(|reached| reached.contains(&from));
        let circle: BTreeSet<usize> = reached.iter().filter(back).copied().collect();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

/// What can be reached from a file in one step or more.
fn reachable(edges: &Edges, from: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(file) = next.pop() {
        next.extend(edges.get(file).into_iter().flatten().map(|(to, _)| *to).filter(|to| reached.insert(*to)));
    }
    reached
}

/// The shortest circle through `first`, from it on.
fn shortest(edges: &Edges, first: usize, circle: &BTreeSet<usize>) -> Vec<usize> {
    let mut ways = VecDeque::from([vec![first]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        let Some(last) = way.last() else { continue };
        for to in edges.get(*last).into_iter().flat_map(BTreeMap::keys).filter(|to| circle.contains(to)) {
            if *to == first {
                return way;
            }
            if seen.insert(*to) {
                ways.push_back(way.iter().chain([to]).copied().collect());
            }
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::super::tree::tree_of;
    use super::*;

    fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
        circles(&tree_of(files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_circle_is_named_with_its_lines() {
        let found = circles_of(&[
            ("crates/x/src/lib.rs", "mod a;\nmod b;\nmod c;"),
            ("crates/x/src/a.rs", "\nuse crate::b::B;\nstruct A;"),
            ("crates/x/src/b.rs", "fn f() {\n\n    super::c::g()\n}"),
            ("crates/x/src/c.rs", "use crate::a;\nfn g() { a::h() }"),
        ]);
        assert_eq!(
            found,
            ["crates/x/src/a.rs: 3 files in a circle of imports: crates/x/src/a.rs:2 → crates/x/src/b.rs, \
              crates/x/src/b.rs:3 → crates/x/src/c.rs, crates/x/src/c.rs:1 → crates/x/src/a.rs"]
        );
    }

    #[test]
    fn a_signpost_leads_to_the_file_behind_it() {
        let files = [
            ("crates/x/src/main.rs", "mod f;"),
            ("crates/x/src/f/mod.rs", "mod read;\nmod write;\npub use read::Read;\npub use write::write;"),
            ("crates/x/src/f/read.rs", "use super::write;\nstruct Read;"),
            ("crates/x/src/f/write.rs", "use crate::f::Read;\nfn write() {}"),
        ];
        assert_eq!(circles_of(&files).len(), 1);
        let [main, signpost, read, _] = files;
        assert!(
            circles_of(&[main, signpost, read, ("crates/x/src/f/write.rs", "use super::Other;\nfn write() {}")])
                .is_empty()
        );
    }

    #[test]
    fn a_folder_with_rules_of_its_own_is_no_signpost() {
        let files = [
            ("crates/x/src/lib.rs", "mod f;"),
            ("crates/x/src/f/mod.rs", "mod read;\npub use read::Read;\npub const LIMIT: u8 = 1;"),
            ("crates/x/src/f/read.rs", "use super::LIMIT;\nstruct Read;"),
        ];
        assert_eq!(circles_of(&files).len(), 1);
    }

    #[test]
    fn crates_and_tests_of_a_file_do_not_mix() {
        assert!(
            circles_of(&[
                ("crates/x/src/lib.rs", "mod a;"),
                ("crates/x/src/a.rs", "use container::b;\n#[cfg(test)]\nmod tests {\n    use super::*;\n}"),
                ("crates/container/src/lib.rs", "mod b;"),
                ("crates/container/src/b.rs", "use crate::a;"),
            ])
            .is_empty()
        );
    }
}
