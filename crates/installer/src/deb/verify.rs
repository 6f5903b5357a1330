//! Checks a package: what dpkg, apt and lintian would say, and what only we promise.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use container::stream;
use md5::{Digest, Md5};

use super::control::ISSUER_KEYS;
use super::mark::{LAYOUT, Mark};
use super::names::{keys_path, token_path};
use super::read::{Entry, Fields, Package, TarEntryKind, unreadable};
use crate::claims::IssuerKeys;
use crate::format::ReadError;
use crate::proof::hex;
use crate::report::Report;
use crate::token::Token;

/// The scripts that dpkg runs, and debconf's.
const SCRIPTS: [&str; 5] = ["preinst", "postinst", "prerm", "postrm", "config"];
/// What is asked of our own packages only: dpkg takes others.
const HOUSE_RULES: [&str; 11] = [
    "deb-agent",
    "deb-architecture",
    "deb-control-mode",
    "deb-document",
    "deb-extra-member",
    "deb-mode",
    "deb-no-md5sums",
    "deb-owner",
    "deb-package-name",
    "deb-parent",
    "deb-script",
];
/// What of a file is looked at by its content: enough for an ELF header.
const HEAD_BYTES: usize = 20;

/// Checks everything that the package itself can tell.
pub(super) fn verify(package: &Package<'_>, report: &mut Report) -> Result<(), ReadError> {
    if package.control()?.mark().is_some() {
        return check(package, report);
    }
    let mut all = report.part();
    check(package, &mut all)?;
    report.take_over(all, |id| !HOUSE_RULES.contains(&id));
    Ok(())
}

fn check(package: &Package<'_>, report: &mut Report) -> Result<(), ReadError> {
    let fields = package.control()?;
    let mark = fields.mark();
    for member in &package.extra {
        report.error("deb-extra-member", &member.name, "is after data.tar, where dpkg does not look");
    }
    check_fields(fields, mark.is_some(), report);
    check_mark(mark.as_ref(), report);
    let control = Control::read(package, report)?;
    let data = Data::read(package, fields, mark.as_ref(), report)?;
    data.check(&control, fields, report);
    // The quick way to the token must find what the slow way found.
    let token = package.token_in_tail();
    let place = "data.tar: enrollment-token";
    match (&token, &data.token) {
        (Ok(quick), slow) => {
            report.check(quick == slow, "deb-token-place", place, || {
                "is not where a stamp puts it: in the last block of data.tar".to_owned()
            });
        }
        (Err(error), _) => report.error("deb-token-place", place, error.to_string()),
    }
    Ok(())
}

fn check_fields(fields: &Fields, is_ours: bool, report: &mut Report) {
    // dpkg asks for the first three and warns of one of the others.
    let names = ["Package", "Version", "Architecture", "Maintainer", "Installed-Size", "Description"];
    for name in names.into_iter().take(if is_ours { 6 } else { 3 }) {
        let there = fields.get(name).is_some_and(|value| !value.is_empty());
        report.check(there, "deb-field-missing", "control", || format!("the field {name} is missing or empty"));
    }
    let architecture = fields.get("Architecture").unwrap_or_default();
    report.check(["amd64", "arm64"].contains(&architecture), "deb-architecture", "control: Architecture", || {
        "must be amd64 or arm64".to_owned()
    });
    let version = fields.get("Version").unwrap_or_default();
    let plain = version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+~-:".contains(&byte));
    let plain = plain && version.starts_with(|c: char| c.is_ascii_digit());
    report.check(plain, "deb-version", "control: Version", || "is not a version of Debian".to_owned());
    let package = fields.get("Package").unwrap_or_default();
    let plain = package.len() >= 2
        && package.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && package.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b));
    report.check(plain, "deb-package-name", "control: Package", || "is not a package name of Debian".to_owned());
}

fn check_mark(mark: Option<&Mark>, report: &mut Report) {
    match mark {
        None => {
            let message =
                "not a base or stamp of Stampwright: it takes no token, and only what dpkg asks for is checked";
            report.warning("deb-not-ours", "package", message);
        }
        Some(mark) if mark.layout != LAYOUT => {
            let message = format!("is of layout {}, this version knows layout {LAYOUT}", mark.layout);
            report.error("deb-layout", "control: Replaces", message);
        }
        Some(_) => {}
    }
}

/// The control archive.
struct Control {
    /// MD5 in hexadecimal, by path.
    md5sums: BTreeMap<String, String>,
    conffiles: BTreeSet<String>,
}

impl Control {
    fn read(package: &Package<'_>, report: &mut Report) -> Result<Self, ReadError> {
        let mut control = Self { md5sums: BTreeMap::new(), conffiles: BTreeSet::new() };
        let mut seen = BTreeSet::new();
        package.walk_control(&mut |entry, content| {
            let place = format!("control.tar: {}", entry.path);
            let new = seen.insert(entry.path.clone());
            report.check(new, "deb-twice", &place, || "is there twice".to_owned());
            check_owner(entry, &place, report);
            let name = entry.path.as_str();
            let script = SCRIPTS.contains(&name);
            let expected = if script || entry.path.is_empty() { 0o755 } else { 0o644 };
            report.check(entry.mode == expected, "deb-control-mode", &place, || {
                format!("mode is {:04o}, must be {expected:04o}", entry.mode)
            });
            match name {
                "md5sums" => control.md5sums = md5sums(content, report),
                "conffiles" => control.conffiles = super::read::conffiles(content).into_iter().collect(),
                _ if script => check_script(content, &place, report),
                _ => {}
            }
            Ok(())
        })?;
        report.check(seen.contains("md5sums"), "deb-no-md5sums", "control.tar", || "md5sums is missing".to_owned());
        Ok(control)
    }
}

fn lines(content: &[u8]) -> impl Iterator<Item = &str> {
    std::str::from_utf8(content).unwrap_or_default().lines()
}

fn md5sums(content: &[u8], report: &mut Report) -> BTreeMap<String, String> {
    let entry = |line: &str| {
        // md5sum(1) marks binary mode with a star, which some tools keep, as they do ./ or /.
        let (sum, path) = line.split_once("  ").or_else(|| line.split_once(" *"))?;
        let path = path.strip_prefix("./").or_else(|| path.strip_prefix('/')).unwrap_or(path);
        Some((path.to_owned(), sum.to_ascii_lowercase()))
    };
    let parsed: Option<BTreeMap<_, _>> = lines(content).filter(|line| !line.trim().is_empty()).map(entry).collect();
    report.check(parsed.is_some(), "deb-md5sums", "control.tar: md5sums", || "has a line of another form".to_owned());
    parsed.unwrap_or_default()
}

fn check_script(content: &[u8], place: &str, report: &mut Report) {
    let right = content.starts_with(b"#!/bin/sh\n") && lines(content).any(|line| line == "set -e");
    report.check(right, "deb-script", place, || "must start with #!/bin/sh and set -e".to_owned());
}

fn check_owner(entry: &Entry, place: &str, report: &mut Report) {
    report.check(entry.owner == (0, 0), "deb-owner", place, || {
        format!("owner is {}:{}, must be 0:0", entry.owner.0, entry.owner.1)
    });
}

/// What gets installed.
#[derive(Default)]
struct Data {
    is_ours: bool,
    entries: BTreeMap<String, Entry>,
    /// MD5 in hexadecimal, by path.
    digests: BTreeMap<String, String>,
    /// The first bytes of executable files.
    heads: BTreeMap<String, Vec<u8>>,
    token_path: Option<String>,
    keys_path: String,
    /// What the control file says that they are.
    issuer_keys: Option<String>,
    token: Option<Token>,
}

impl Data {
    fn read(
        package: &Package<'_>,
        fields: &Fields,
        mark: Option<&Mark>,
        report: &mut Report,
    ) -> Result<Self, ReadError> {
        let mut data = Self {
            is_ours: mark.is_some(),
            token_path: mark.map(|mark| token_path(&mark.package)),
            keys_path: keys_path(fields.get("Package").unwrap_or_default()),
            issuer_keys: fields.get(ISSUER_KEYS).map(str::to_owned),
            ..Self::default()
        };
        let mut last = String::new();
        package.walk_data(&mut |entry, content| {
            last.clone_from(&entry.path);
            data.entry(entry, content, report)
        })?;
        let token_path = token_path(fields.get("Package").unwrap_or_default());
        if data.entries.contains_key(&token_path) {
            report.check(last == token_path, "deb-token-place", "data.tar: enrollment-token", || {
                "must be the last entry".to_owned()
            });
        }
        Ok(data)
    }

    fn entry(&mut self, entry: &Entry, content: &mut dyn Read, report: &mut Report) -> Result<(), ReadError> {
        let place = format!("data.tar: {}", entry.path);
        check_owner(entry, &place, report);
        self.check_parent(entry, &place, report);
        let is_token = self.token_path.as_deref() == Some(entry.path.as_str());
        match &entry.kind {
            TarEntryKind::Link(_) => {}
            TarEntryKind::HardLink(target) => match self.digests.get(target).cloned() {
                Some(digest) => _ = self.digests.insert(entry.path.clone(), digest),
                None => report.error("deb-hard-link", &place, format!("its file {target} does not come before it")),
            },
            _ if is_token => {
                report.check(entry.mode == 0o600, "deb-token-mode", &place, || {
                    format!("mode is {:04o}, must be 0600", entry.mode)
                });
                self.token = Some(super::read::read_token(content)?);
            }
            _ => {
                report.check(entry.mode & 0o7022 == 0, "deb-mode", &place, || {
                    format!("mode is {:04o}: others may write to it, or it is setuid", entry.mode)
                });
            }
        }
        if let (TarEntryKind::File(_), false) = (&entry.kind, is_token) {
            let mut keys = Vec::new();
            let is_keys = self.keys_path == entry.path;
            if is_keys {
                let limit = IssuerKeys::MAX_BYTES as u64 + 1;
                content.take(limit).read_to_end(&mut keys).map_err(|error| unreadable(error, "data.tar"))?;
                let parsed = IssuerKeys::parse(&keys);
                report.check(parsed.is_ok(), "deb-issuer-keys", &place, || {
                    parsed.as_ref().err().map(ToString::to_string).unwrap_or_default()
                });
                let json = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).ok();
                let same = self.issuer_keys.as_deref().and_then(|text| json(text.as_bytes())) == json(&keys);
                report.check(same, "deb-issuer-keys", &place, || {
                    format!("the keys differ from those in the field {ISSUER_KEYS} of the control file")
                });
            }
            let content: &mut dyn Read = if is_keys { &mut keys.as_slice() } else { content };
            let (head, digest) = digest(content).map_err(|error| unreadable(error, "data.tar"))?;
            self.digests.insert(entry.path.clone(), digest);
            if entry.mode & 0o111 != 0 {
                self.heads.insert(entry.path.clone(), head);
            }
        }
        let twice = self.entries.insert(entry.path.clone(), entry.clone()).is_some();
        report.check(!twice, "deb-twice", &place, || "is there twice".to_owned());
        Ok(())
    }

    /// dpkg makes no folders that the archive does not have.
    fn check_parent(&self, entry: &Entry, place: &str, report: &mut Report) {
        if let Some((above, _)) = entry.path.rsplit_once('/') {
            let there = self.entries.get(above).is_some_and(|above| above.kind == TarEntryKind::Folder);
            report.check(there, "deb-parent", place, || "comes before its folder".to_owned());
        }
    }

    fn check(&self, control: &Control, fields: &Fields, report: &mut Report) {
        self.check_digests(control, report);
        for path in &control.conffiles {
            let inside = path.strip_prefix('/').filter(|path| self.digests.contains_key(*path));
            report.check(inside.is_some() || !self.is_ours, "deb-conffile", "control.tar: conffiles", || {
                format!("{path} is not there")
            });
            report.check(inside != self.token_path.as_deref(), "deb-token-conffile", path, || {
                "is a conffile: an agent that deletes it would stop every upgrade at a prompt".to_owned()
            });
        }
        for path in self.digests.keys().filter(|path| self.is_ours && path.starts_with("etc/")) {
            let listed = control.conffiles.contains(&format!("/{path}"));
            report.check(listed, "deb-conffile", path.as_str(), || "is in /etc and no conffile".to_owned());
        }
        let package = fields.get("Package").unwrap_or_default();
        for document in ["copyright", "changelog.gz"] {
            let path = format!("usr/share/doc/{package}/{document}");
            report.check(self.digests.contains_key(&path), "deb-document", path.as_str(), || "is missing".to_owned());
        }
        self.check_agent(package, fields, report);
    }

    fn check_digests(&self, control: &Control, report: &mut Report) {
        for (path, digest) in &self.digests {
            if control.conffiles.contains(&format!("/{path}")) {
                continue;
            }
            match control.md5sums.get(path) {
                Some(expected) => {
                    report.check(expected == digest, "deb-md5sums", path.as_str(), || {
                        "differs from its digest in md5sums".to_owned()
                    });
                }
                None if self.is_ours => report.error("deb-md5sums", path.as_str(), "is not in md5sums"),
                None => {}
            }
        }
        for path in control.md5sums.keys().filter(|path| !self.digests.contains_key(*path)) {
            let message = if self.token_path.as_ref() == Some(path) {
                "lists the token, whose digest must not be readable by every user"
            } else {
                "lists a file that is not there"
            };
            report.error("deb-md5sums", "control.tar: md5sums", format!("{message}: {path}"));
        }
    }

    /// Some program of the package's own is for its architecture.
    fn check_agent(&self, package: &str, fields: &Fields, report: &mut Report) {
        let folder = format!("usr/lib/{package}/");
        // e_machine (ELF-64 Object File Format): 62 is x86-64, 183 is AArch64.
        let machine: u16 = if fields.get("Architecture") == Some("arm64") { 183 } else { 62 };
        let mut programs = self.heads.iter().filter(|(path, _)| path.starts_with(&folder));
        let right = |head: &[u8]| head.starts_with(b"\x7fELF") && head.get(18..20) == Some(&machine.to_le_bytes());
        report.check(programs.any(|(_, head)| right(head)), "deb-agent", folder.as_str(), || {
            "has no program for the architecture".to_owned()
        });
    }
}

fn digest(content: &mut dyn Read) -> std::io::Result<(Vec<u8>, String)> {
    let mut digest = Md5::new();
    let mut head = Vec::new();
    stream::pieces(
        content,
        |error| error,
        |piece| {
            let missing = HEAD_BYTES.saturating_sub(head.len());
            head.extend(piece.iter().take(missing));
            digest.update(piece);
            Ok(())
        },
    )?;
    Ok((head, hex(&digest.finalize())))
}
