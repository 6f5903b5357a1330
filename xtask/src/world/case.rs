//! A line of a table.

/// Where everything is kept.
pub(crate) const FOLDER: &str = "target/world";
/// The tables.
pub(crate) const TABLES: [&str; 3] = ["tests/world/agents.tsv", "tests/world/installers.tsv", "tests/world/made.tsv"];

/// A file of somebody's, and what is said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    /// Where it comes from: `npm`, `pypi`, `crates`, `debian`, `debian-source`, or `made` here with another tool.
    pub(crate) source: String,
    /// The package with its version, as the source's own tool takes it; for PyPI, the platform after a space. For what is made: the
    /// recipe and its case.
    pub(crate) package: String,
    /// The file in the package; `-`: the package itself.
    pub(crate) inside: String,
    /// `windows-x64` and the like for an agent. For an installer what is done with it: `-` verified, `name` or `files` told as well, as the
    /// judge tells them, `token` stamped beside another tool's signature.
    pub(crate) role: String,
    /// The digest of the file; `-` where it is made anew each time.
    pub(crate) sha256: String,
    /// Which independent program is asked.
    pub(crate) judge: String,
    /// What it says.
    pub(crate) judged: String,
    /// What we say.
    pub(crate) ours: String,
}

/// A table: its head, which is kept, and its lines.
pub(crate) struct Table {
    head: String,
    pub(crate) cases: Vec<Case>,
}

impl Table {
    /// Lines that start with `#` are the head.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let head: String = text.lines().filter(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let cases: Vec<Case> = lines
            .map(|line| {
                Case::parse(line).ok_or_else(|| format!("must have eight columns, and an answer in each: {line}"))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { head, cases })
    }

    pub(crate) fn text(&self) -> String {
        let lines = self.cases.iter().map(|case| format!("{}\n", case.line()));
        std::iter::once(self.head.clone()).chain(lines).collect()
    }
}

impl Case {
    fn parse(line: &str) -> Option<Self> {
        let mut columns = line.split('\t').map(str::to_owned);
        let mut next = || columns.next();
        let case = Self {
            source: next()?,
            package: next()?,
            inside: next()?,
            role: next()?,
            sha256: next()?,
            judge: next()?,
            judged: next()?,
            ours: next()?,
        };
        // `?` stands for a missing answer.
        let is_answered =
            ![&case.sha256, &case.judged, &case.ours].into_iter().any(|column| column.trim_matches('?').is_empty());
        (columns.next().is_none() && is_answered).then_some(case)
    }

    /// As it stands in the table.
    pub(crate) fn line(&self) -> String {
        let Self { source, package, inside, role, sha256, judge, judged, ours } = self;
        [source, package, inside, role, sha256, judge, judged, ours].map(String::as_str).join("\t")
    }

    /// For people.
    pub(crate) fn name(&self) -> String {
        let Self { source, package, inside, .. } = self;
        if inside == "-" { format!("{source} {package}") } else { format!("{source} {package} {inside}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_mark_is_no_answer() {
        for line in ["a\tb\t-\t-\taa\tj\t?\tok", "a\tb\t-\t-\taa\tj\tok\t", "a\tb\t-\t-\t?\tj\tok\tok"] {
            assert!(Table::parse(line).is_err(), "{line}");
        }
        assert!(Table::parse("a\tb\t-\t-\taa\tj\tok\tok").is_ok());
    }

    /// The tables say all that they must: forty of each, nothing blank, no digest twice, and a case for each class.
    #[test]
    fn the_tables_are_whole() {
        let mut digests = std::collections::BTreeSet::new();
        for path in TABLES {
            let text = std::fs::read_to_string(crate::root::root().join(path)).unwrap();
            let table = Table::parse(&text).unwrap();
            assert!(table.cases.len() >= 40, "{path} has {} lines", table.cases.len());
            assert_eq!(table.text(), text, "{path}");
            for case in &table.cases {
                let is_made = case.source == "made" && case.sha256 == "-";
                let is_pinned = case.sha256.len() == 64 && digests.insert(case.sha256.clone());
                assert!(is_made || is_pinned, "{}", case.line());
                assert!(!case.judged.is_empty() && !case.ours.is_empty(), "{}", case.line());
            }
        }
    }

    /// Each class of file has a case, in a table or in a test.
    #[test]
    fn each_class_has_a_case() {
        let root = crate::root::root();
        let tables: String = TABLES.iter().map(|path| std::fs::read_to_string(root.join(path)).unwrap()).collect();
        let classes = std::fs::read_to_string(root.join("tests/world/classes.tsv")).unwrap();
        for line in classes.lines().filter(|line| !line.starts_with('#')) {
            let (_, place) = line.split_once('\t').expect(line);
            let is_there = match place.split_once(' ') {
                Some((path, test)) if path.ends_with(".rs") => {
                    std::fs::read_to_string(root.join(path)).is_ok_and(|text| text.contains(&format!("fn {test}(")))
                }
                _ => tables.contains(&format!("\t{}\t", place.replace(" in ", "\t"))),
            };
            assert!(is_there, "{line}");
        }
    }
}
