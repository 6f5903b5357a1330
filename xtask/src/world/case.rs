//! A line of a table.

/// Where everything is kept.
pub(crate) const FOLDER: &str = "target/world";
/// The tables.
pub(crate) const TABLES: [&str; 2] = ["tests/world/agents.tsv", "tests/world/installers.tsv"];

/// A file of somebody's, and what is said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    /// Where it comes from: `npm`, `pypi`, `crates` or `debian`.
    pub(crate) source: String,
    /// The package with its version, as the source's own tool takes it; for PyPI, the platform after a space.
    pub(crate) package: String,
    /// The file in the package; `-`: the package itself.
    pub(crate) inside: String,
    /// `windows-x64` and the like for an agent; `-` for an installer.
    pub(crate) role: String,
    /// The digest of the file.
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

    /// The tables say all that they must: forty of each, nothing blank, no digest twice.
    #[test]
    fn the_tables_are_whole() {
        let mut digests = std::collections::BTreeSet::new();
        for path in TABLES {
            let text = std::fs::read_to_string(crate::root::root().join(path)).unwrap();
            let table = Table::parse(&text).unwrap();
            assert!(table.cases.len() >= 40, "{path} has {} lines", table.cases.len());
            assert_eq!(table.text(), text, "{path}");
            for case in &table.cases {
                assert!(case.sha256.len() == 64 && digests.insert(case.sha256.clone()), "{}", case.line());
                assert!(!case.judged.is_empty() && !case.ours.is_empty(), "{}", case.line());
            }
        }
    }
}
