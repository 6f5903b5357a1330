//! What a package requires and provides.
//!
//! A library is required by its name and by each version of symbols that the agent takes from it, as rpm's own `elfdeps`
//! writes it: `libc.so.6(GLIBC_2.28)(64bit)`. Distributions provide these names, so no table of packages is needed.

use container::ReadAt;
use container::elf::Elf;
use container::rpm::{Value, Writer, tag};

use crate::product::RpmCompare;

/// `RPMSENSE_LESS | RPMSENSE_EQUAL`.
const AT_MOST: u32 = 2 | 8;
/// `RPMSENSE_EQUAL`.
const EQUAL: u32 = 8;
/// `RPMSENSE_INTERP`: what runs a scriptlet.
const INTERPRETER: u32 = 1 << 8;
/// `RPMSENSE_SCRIPT_PRE` and so on: needed when that scriptlet runs.
pub(super) const PRE: u32 = 1 << 9;
pub(super) const POST: u32 = 1 << 10;
pub(super) const PREUN: u32 = 1 << 11;
pub(super) const POSTUN: u32 = 1 << 12;
/// `RPMSENSE_FIND_REQUIRES`: found, not written by a person.
const FOUND: u32 = 1 << 14;
/// `RPMSENSE_RPMLIB`: a capability of rpm itself.
const RPMLIB: u32 = 1 << 24;

/// What every package of this form asks of rpm, whose first version with it is given.
const CAPABILITIES: [(&str, &str); 3] = [
    ("rpmlib(CompressedFileNames)", "3.0.4-1"),
    ("rpmlib(FileDigests)", "4.6.0-1"),
    ("rpmlib(PayloadFilesHavePrefix)", "4.0-1"),
];

/// A name, how its version compares, and the version.
type Relation = (String, u32, String);

/// What a package requires.
#[derive(Debug, Default)]
pub(super) struct Requires(Vec<Relation>);

impl Requires {
    /// What rpm must be able to do.
    pub(super) fn capabilities(further: Option<(&str, &str)>) -> Self {
        let of = |(name, version): (&str, &str)| (name.to_owned(), RPMLIB | AT_MOST, version.to_owned());
        Self(CAPABILITIES.into_iter().chain(further).map(of).collect())
    }

    /// What runs scriptlets, which are given by their flags.
    pub(super) fn shell(&mut self, scriptlets: &[u32]) {
        for scriptlet in scriptlets {
            self.0.push(("/bin/sh".to_owned(), INTERPRETER | scriptlet, String::new()));
        }
    }

    /// What scriptlets use.
    pub(super) fn at(&mut self, name: &str, scriptlets: u32) {
        self.0.push((name.to_owned(), scriptlets, String::new()));
    }

    /// The libraries of an executable: none for what is linked statically.
    pub(super) fn libraries(&mut self, file: &dyn ReadAt) -> Result<(), container::Error> {
        for library in Elf::open(file)?.libraries(file)? {
            let name = &library.name;
            self.0.push((format!("{name}()(64bit)"), FOUND, String::new()));
            for version in &library.versions {
                self.0.push((format!("{name}({version})(64bit)"), FOUND, String::new()));
            }
        }
        Ok(())
    }

    /// What a person wrote.
    pub(super) fn written(&mut self, relations: &[(String, Option<(RpmCompare, String)>)]) {
        for (name, version) in relations {
            let (flags, version) = match version {
                None => (0, String::new()),
                Some((RpmCompare::Less, version)) => (2, version.clone()),
                Some((RpmCompare::AtMost, version)) => (AT_MOST, version.clone()),
                Some((RpmCompare::Equal, version)) => (EQUAL, version.clone()),
                Some((RpmCompare::AtLeast, version)) => (4 | EQUAL, version.clone()),
                Some((RpmCompare::More, version)) => (4, version.clone()),
            };
            self.0.push((name.clone(), flags, version));
        }
    }

    /// Puts them into a header: sorted, each once.
    pub(super) fn put(mut self, header: &mut Writer) {
        self.0.sort();
        self.0.dedup();
        let relations = self.0;
        header
            .put(tag::REQUIREFLAGS, Value::U32(relations.iter().map(|(_, flags, _)| *flags).collect()))
            .put(tag::REQUIREVERSION, Value::Texts(relations.iter().map(|(_, _, version)| version.clone()).collect()))
            .put(tag::REQUIRENAME, Value::Texts(relations.into_iter().map(|(name, _, _)| name).collect()));
    }
}

/// Puts into a header what a package provides: itself, by both of its names.
pub(super) fn put_provides(header: &mut Writer, package: &str, isa: &str, version_release: &str) {
    let names = vec![package.to_owned(), format!("{package}({isa})")];
    header
        .put(tag::PROVIDENAME, Value::Texts(names))
        .put(tag::PROVIDEFLAGS, Value::U32(vec![EQUAL; 2]))
        .put(tag::PROVIDEVERSION, Value::Texts(vec![version_release.to_owned(); 2]));
}
