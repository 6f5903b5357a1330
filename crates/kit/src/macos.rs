//! What a kit needs to know of a flat package, and of the program in it as its code signature tells.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};

use container::ReadAt;
use container::macho::{MachO, Signature, developer_id_requirement};
use container::property_list;
use container::read_at::FileAt;
use installer::format::{Area, EntryKind, Extracted, Format, ReadError, Sink, TokenSummary};
use installer::pkg::{Application, Facts, Pkg, facts};

use crate::folder::{Folder, KitError, failed};
use crate::text::{is_identifier, is_plain_name, is_version, plain};

/// No property list that matters here is longer.
const MAX_PLIST_BYTES: u64 = 256 << 10;
/// No product has more daemons.
const MAX_LABELS: usize = 16;

/// A flat package that a kit can be made of.
#[derive(Debug, Clone)]
pub struct Macos {
    /// Its file name, e.g. `TheOneRMM-Agent.pkg`.
    pub(crate) file_name: String,
    /// What its documents say.
    pub facts: Facts,
    /// The product's name, on one line.
    pub product: String,
    /// Its version: numbers and dots.
    pub version: String,
    /// The one application, as the package names it.
    pub application: Application,
    /// Whether it is installed in `/Applications`, where Intune's line-of-business type and Apple's managed installation look for it.
    pub(crate) is_in_applications: bool,
    /// Labels of its daemons, sorted.
    pub(crate) labels: Vec<String>,
    /// The command that removes the product again, where the package brings a script for it.
    pub(crate) uninstall: Option<String>,
    /// Its program's code signature; `None` where there is none that names a team.
    pub program: Option<Program>,
    /// The token in it.
    pub token: Option<TokenSummary>,
}

/// A program with a code signature of a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Where it is installed.
    pub path: String,
    /// The identifier that its signature names.
    pub identifier: String,
    /// The team.
    pub team: String,
    /// Its designated requirement, as the signature has it or as it follows from identifier and team.
    pub requirement: String,
    /// Whether the signature is the application's: then it goes by its bundle id, else by its path.
    pub(crate) is_application: bool,
}

impl Macos {
    /// Reads and checks a package that is called `file_name`. The folder lends space for its program.
    pub fn read(file: &FileAt, file_name: &str, folder: &mut Folder) -> Result<Self, KitError> {
        if !is_plain_name(file_name) {
            return Err(KitError::Unfit(format!(
                "the file name {file_name:?} has characters that an address cannot have"
            )));
        }
        let (facts, inspection) = (facts(file)?, Pkg.open(file)?.inspect()?);
        let bundles: Vec<&Application> = facts.components.iter().flat_map(|component| &component.bundles).collect();
        let [bundle] = bundles.as_slice() else {
            let message = format!("the package names {} applications, must name 1 to be detected by", bundles.len());
            return Err(KitError::Unfit(message));
        };
        for (field, text) in
            [("version", &bundle.short_version), ("bundle version", &bundle.version), ("version", &inspection.version)]
        {
            if !is_version(text) {
                return Err(KitError::Unfit(format!("its {field} is {:?}, must be numbers and dots", plain(text))));
            }
        }
        if !is_identifier(&bundle.id) {
            return Err(KitError::Unfit(format!(
                "its bundle id is {:?}, must be letters, digits, . and -",
                plain(&bundle.id)
            )));
        }
        let application = (*bundle).clone();
        let installed = facts.components.iter().flat_map(|component| &component.applications);
        let root = installed.map(|found| found.path.as_str()).find(|path| path.ends_with(&application.path));
        let root = root.unwrap_or_default().trim_matches('/').to_owned();
        let mut look = Look { root: &root, executable: None, labels: Vec::new(), uninstall: None };
        Pkg.open(file)?.extract(&mut look)?;
        let Look { executable, mut labels, uninstall, .. } = look;
        labels.sort();
        labels.dedup();
        let program = match executable {
            Some(name) => program(file, &format!("{root}/Contents/MacOS/{name}"), &application.id, folder)?,
            None => None,
        };
        Ok(Self {
            file_name: file_name.to_owned(),
            product: plain(&inspection.product),
            version: inspection.version,
            is_in_applications: root.starts_with("Applications/"),
            application,
            labels,
            uninstall,
            program,
            token: inspection.token,
            facts,
        })
    }

    /// The name without its ending.
    #[must_use]
    pub(crate) fn stem(&self) -> &str {
        self.file_name.rsplit_once('.').map_or(&self.file_name, |(stem, _)| stem)
    }

    /// The team of the program, or of whoever signed the package.
    #[must_use]
    pub fn team(&self) -> Option<&str> {
        self.program.as_ref().map(|program| program.team.as_str())
    }

    /// Refuses a second token; a package without any is fit, since a profile may bring it later.
    pub(crate) fn check_token(&self, given: bool) -> Result<(), KitError> {
        match &self.token {
            Some(TokenSummary { fingerprint, .. }) if given => Err(KitError::TwoTokens(fingerprint.clone())),
            _ => Ok(()),
        }
    }
}

/// The first look: which program the application has, and which daemons and scripts come along.
struct Look<'a> {
    root: &'a str,
    executable: Option<String>,
    labels: Vec<String>,
    uninstall: Option<String>,
}

impl Sink for Look<'_> {
    fn entry(&mut self, entry: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
        let is_info = entry.area == Area::Payload
            && entry.path.eq_ignore_ascii_case(&format!("{}/Contents/Info.plist", self.root));
        let is_daemon = match entry.area {
            Area::Metadata => entry.path.starts_with("Scripts/") && entry.path.ends_with(".plist"),
            Area::Payload => {
                entry.path.starts_with("Library/Launch") && entry.path.ends_with(".plist")
                    || entry.path.starts_with(&format!("{}/Contents/Library/Launch", self.root))
            }
            Area::Token => false,
        };
        let is_uninstall = entry.area == Area::Metadata && entry.path == "Scripts/uninstall";
        let is_small = matches!(entry.kind, EntryKind::File(len) if len <= MAX_PLIST_BYTES);
        if !is_small || !is_info && !is_daemon && !is_uninstall {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let read = content.take(MAX_PLIST_BYTES).read_to_end(&mut bytes);
        read.map_err(|source| ReadError::Io { verb: "read a property list", source })?;
        if is_uninstall {
            self.uninstall = uninstall(&bytes);
            return Ok(());
        }
        // One that cannot be read says nothing; what depends on it is then missing and said to be.
        let mut strings = strings(&bytes).unwrap_or_default();
        if is_info {
            self.executable = strings.remove("CFBundleExecutable").filter(|name| !name.contains('/'));
        } else if self.labels.len() < MAX_LABELS {
            self.labels.extend(strings.remove("Label").filter(|label| is_label(label)));
        }
        Ok(())
    }
}

/// The command that runs the script where `postinstall` puts it: the script says where, as one word of the shell.
fn uninstall(script: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(script).ok()?;
    let word = text.lines().find_map(|line| line.strip_prefix("state=$root/"))?;
    // Between single quotes everything is text but a quote, of which there is one in `'\\''`.
    let inside = word.strip_prefix('\'')?.strip_suffix('\'')?.replace(r"'\''", "");
    (!inside.contains(['\'', '`']) && !inside.chars().any(char::is_control)).then(|| format!("/{word}/uninstall"))
}

fn is_label(text: &str) -> bool {
    !text.is_empty() && text.len() <= 200 && !text.chars().any(char::is_control)
}

/// The strings of the outermost dictionary of a property list.
fn strings(bytes: &[u8]) -> Option<BTreeMap<String, String>> {
    let list = property_list::parse("property list", bytes).ok()?;
    let entries = list.as_dictionary()?.iter();
    Some(entries.filter_map(|(key, value)| Some((key.clone(), value.as_text()?.to_owned()))).collect())
}

/// The second look: the program itself, whose signature must hold.
fn program(file: &FileAt, path: &str, bundle_id: &str, folder: &mut Folder) -> Result<Option<Program>, KitError> {
    folder.scratch(|_, scratch| {
        let mut spool = Spool { path, out: scratch, found: false };
        Pkg.open(file)?.extract(&mut spool)?;
        if !spool.found {
            return Ok(None);
        }
        let file = scratch.try_clone().and_then(FileAt::new).map_err(failed("scratch"))?;
        signed(&file, path, bundle_id)
    })
}

fn signed(file: &dyn ReadAt, path: &str, bundle_id: &str) -> Result<Option<Program>, KitError> {
    let macho = MachO::open(file)?;
    let mut found: Option<Program> = None;
    for slice in macho.slices() {
        let Some(signature) = slice.signature(file)? else { return Ok(None) };
        signature.verify(file, slice)?;
        let Some(program) = named(&signature, path, bundle_id)? else { return Ok(None) };
        if found.as_ref().is_some_and(|other| *other != program) {
            return Err(KitError::Unfit("the program's slices are signed as different programs".to_owned()));
        }
        found = Some(program);
    }
    Ok(found)
}

fn named(signature: &Signature, path: &str, bundle_id: &str) -> Result<Option<Program>, KitError> {
    let Some(best) = signature.best() else { return Ok(None) };
    let (identifier, Some(team)) = (best.identifier().to_owned(), best.team().map(str::to_owned)) else {
        return Ok(None);
    };
    let written = signature.designated_requirement().map_err(container::Error::from)?;
    // Special slot 1 seals Info.plist: without it the signature is the program's alone.
    let is_application = best.special(1).is_some() && identifier == bundle_id;
    let requirement = written.unwrap_or_else(|| developer_id_requirement(&identifier, &team));
    Ok(Some(Program { path: format!("/{path}"), identifier, team, requirement, is_application }))
}

/// Keeps one file of the payload.
struct Spool<'a> {
    path: &'a str,
    out: &'a mut File,
    found: bool,
}

impl Sink for Spool<'_> {
    fn entry(&mut self, entry: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
        if entry.area == Area::Payload
            && entry.path == self.path
            && matches!(entry.kind, EntryKind::File(_))
            && !self.found
        {
            let copied = io::copy(content, self.out);
            copied.map_err(|source| ReadError::Io { verb: "read the program", source })?;
            self.found = true;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_says_where_it_is() {
        let of = |word: &str| uninstall(format!("#!/bin/sh\nstate=$root/{word}\n").as_bytes());
        let quoted = r"'Library/Application Support/M & '\''S'\''/A'";
        assert_eq!(of(quoted).unwrap(), format!("/{quoted}/uninstall"));
        for wrong in ["Library/x", "'Library/x", "'a' ; reboot'", "'a`id`'"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_the_outermost_strings_count() {
        let text = "<plist><dict><key>X</key><dict><key>Label</key><string>no</string></dict><key>Label</key>\
                    <string>a &amp; b</string><key>RunAtLoad</key><true/></dict></plist>";
        let found = strings(text.as_bytes()).unwrap();
        assert_eq!(found, BTreeMap::from([("Label".to_owned(), "a & b".to_owned())]));
        assert_eq!(strings(b"bplist00"), None);
    }
}
