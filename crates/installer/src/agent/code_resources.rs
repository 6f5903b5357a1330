//! The seal of an application: every file of its folder against what `CodeResources` says of it.
//!
//! What `codesign --verify --deep --strict` refuses is refused: a file that was changed, one that is missing, one that was added, a
//! link that points elsewhere, code inside that is not the code that was sealed or whose own seal is broken, and things
//! beside `Contents`, which nothing seals. What the rules omit may be there, `.DS_Store` in most applications.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use container::code_resources::{CodeResources, Seal, SealKind};
use container::read_at::FileAt;
use container::stream;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::broken::{Breach, BrokenSeal};
use super::bundle::{Bundle, entries};
use super::errors::AgentProblem;
use super::signed;

/// Folders in folders.
const MAX_DEPTH: usize = 64;
/// Code inside of code: an application, a framework, a helper in it, its own frameworks.
const MAX_NESTED: usize = 8;
/// The largest applications have a hundred thousand files.
const MAX_FILES: usize = 500_000;
/// What may lie beside `Contents`, if it is no program (`bundlediskrep.cpp`).
const BESIDE_CONTENTS: [&str; 4] = [".LSOverride", ".DS_Store", "Icon\r", ".SoftwareDepot.tracking"];
/// What signers put into `_CodeSignature` (`codedirectory.cpp`, `canonicalSlotName`).
const SIGNATURE_FILES: [&str; 8] = [
    "CodeDirectory",
    "CodeSignature",
    "CodeResources",
    "CodeRequirements",
    "CodeRequirements-1",
    "CodeTopDirectory",
    "CodeEntitlements",
    "CodeRepSpecific",
];
/// Below the base, but never sealed: the signature itself, a stapled ticket, the receipt of a shop.
const UNSEALED: [&str; 3] = ["_CodeSignature", "CodeResources", "_MASReceipt"];

/// Checks everything in an application's folder but its program, `Info.plist` and `CodeResources` themselves.
pub(super) fn check(folder: &Path, bundle: &Bundle, resources: &CodeResources) -> Result<(), AgentProblem> {
    let mut check = Check { broken: BrokenSeal::default(), files: 0 };
    check.beside_contents(folder, "")?;
    check.bundle(bundle, resources, 0)?;
    if check.broken.is_empty() { Ok(()) } else { Err(AgentProblem::Seal(check.broken)) }
}

struct Check {
    broken: BrokenSeal,
    files: usize,
}

/// One bundle while its folder is walked through.
struct Walk<'a> {
    bundle: &'a Bundle,
    resources: &'a CodeResources,
    /// What has not been met yet.
    left: BTreeMap<&'a str, &'a Seal>,
    nested: usize,
}

impl Check {
    fn add(&mut self, path: &str, breach: Breach) {
        self.broken.add(path.to_owned(), breach);
    }

    /// Nothing seals what lies beside `Contents`.
    fn beside_contents(&mut self, folder: &Path, shown: &str) -> Result<(), AgentProblem> {
        for (name, found) in entries(folder)? {
            let is_contents = name == "Contents" && found.is_dir();
            let is_usual = BESIDE_CONTENTS.contains(&name.as_str()) && found.is_file() && !is_executable(&found);
            if !is_contents && !is_usual {
                self.add(&format!("{shown}{name}"), Breach::Added);
            }
        }
        Ok(())
    }

    /// Nothing seals what lies beside a framework's versions, but links into them.
    fn beside_versions(&mut self, folder: &Path, shown: &str) -> Result<(), AgentProblem> {
        for (name, found) in entries(folder)? {
            let target = if found.is_symlink() {
                fs::read_link(folder.join(&name)).map_err(unreadable)?
            } else {
                PathBuf::new()
            };
            let is_usual = match name.as_str() {
                "Versions" => found.is_dir(),
                ".DS_Store" | "module.map" if found.is_file() => !is_executable(&found),
                _ => found.is_symlink() && target.strip_prefix("./").unwrap_or(&target).starts_with("Versions"),
            };
            if !is_usual {
                self.add(&format!("{shown}{name}"), Breach::Added);
            }
        }
        for (name, found) in entries(&folder.join("Versions"))? {
            let is_usual = found.is_dir() || found.is_symlink() || name == ".DS_Store";
            if !is_usual {
                self.add(&format!("{shown}Versions/{name}"), Breach::Added);
            }
        }
        Ok(())
    }

    fn bundle(&mut self, bundle: &Bundle, resources: &CodeResources, nested: usize) -> Result<(), AgentProblem> {
        let meta = bundle.base.join("_CodeSignature");
        for (name, found) in if meta.is_dir() { entries(&meta)? } else { Vec::new() } {
            if !found.is_file() || !SIGNATURE_FILES.contains(&name.as_str()) {
                self.add(&format!("{}_CodeSignature/{name}", bundle.shown), Breach::Added);
            }
        }
        let left = resources.seals().iter().map(|(path, seal)| (path.as_str(), seal)).collect();
        let mut walk = Walk { bundle, resources, left, nested };
        self.folder(&mut walk, "", 0)?;
        for (path, seal) in std::mem::take(&mut walk.left) {
            match fs::symlink_metadata(bundle.base.join(path)) {
                // The rules leave it out, but it is sealed.
                Ok(found) => self.compare(&walk, path, seal, &found)?,
                Err(_) if seal.is_optional => {}
                Err(_) => self.add(&format!("{}{path}", bundle.shown), Breach::Missing),
            }
        }
        Ok(())
    }

    fn folder<'a>(&mut self, walk: &mut Walk<'a>, path: &str, depth: usize) -> Result<(), AgentProblem> {
        let shown = |path: &str| format!("{}{path}", walk.bundle.shown);
        if depth > MAX_DEPTH {
            return Err(AgentProblem::App { file: shown(path), what: "its folders are nested more than 64 deep" });
        }
        for (name, found) in entries(&walk.bundle.base.join(path))? {
            self.files += 1;
            if self.files > MAX_FILES {
                return Err(AgentProblem::App {
                    file: shown(path),
                    what: "the application has more than 500,000 files",
                });
            }
            let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            if UNSEALED.contains(&path.as_str()) || walk.bundle.program.as_ref() == Some(&path) {
                continue;
            }
            let rule = walk.resources.rule(&path);
            if found.is_dir() && !(rule.is_some_and(|rule| rule.is_nested) && name.contains('.')) {
                self.folder(walk, &path, depth + 1)?;
                continue;
            }
            if rule.is_none_or(|rule| rule.omits) {
                continue;
            }
            match walk.left.remove(path.as_str()) {
                Some(seal) => self.compare(walk, &path, seal, &found)?,
                // Version 1 seals no links.
                None if found.is_symlink() && walk.resources.version() == 1 => {}
                None => self.add(&format!("{}{path}", walk.bundle.shown), Breach::Added),
            }
        }
        Ok(())
    }

    /// Compares one path with its seal.
    fn compare(&mut self, walk: &Walk<'_>, path: &str, seal: &Seal, found: &fs::Metadata) -> Result<(), AgentProblem> {
        let (on_disk, shown) = (walk.bundle.base.join(path), format!("{}{path}", walk.bundle.shown));
        let holds = match &seal.kind {
            SealKind::File { sha1, sha256 } if found.is_file() => {
                let digests = digests(&on_disk).map_err(unreadable)?;
                sha1.is_none_or(|sha1| sha1 == digests.0) && sha256.is_none_or(|sha256| sha256 == digests.1)
            }
            SealKind::Link(target) if found.is_symlink() => {
                fs::read_link(&on_disk).map_err(unreadable)?.to_str() == Some(target.as_str())
            }
            SealKind::Nested { cdhash, requirement } if !found.is_symlink() => {
                return self.nested(walk.nested + 1, &on_disk, &shown, (cdhash, requirement));
            }
            _ => false,
        };
        if !holds {
            self.add(&shown, Breach::Changed);
        }
        Ok(())
    }

    /// Code that is signed by itself: a file, or a bundle with a seal of its own.
    fn nested(
        &mut self,
        depth: usize,
        path: &Path,
        shown: &str,
        sealed: (&[u8; 20], &str),
    ) -> Result<(), AgentProblem> {
        if depth > MAX_NESTED {
            return Err(AgentProblem::App { file: shown.to_owned(), what: "code lies in code more than eight deep" });
        }
        if !path.is_dir() {
            let file = FileAt::new(File::open(path).map_err(unreadable)?).map_err(unreadable)?;
            return self.code(shown, signed::Code::read(&file), sealed).map(drop);
        }
        let inside = format!("{shown}/");
        let bundles = match Bundle::with_contents(path, &inside)? {
            Some(bundle) => {
                self.beside_contents(path, &inside)?;
                vec![bundle]
            }
            None => {
                let bundles = Bundle::others(path, &inside)?;
                if path.join("Versions").is_dir() {
                    self.beside_versions(path, &inside)?;
                }
                bundles
            }
        };
        if bundles.is_empty() {
            self.add(shown, Breach::Unsigned);
        }
        for bundle in &bundles {
            self.nested_bundle(depth, bundle, shown, sealed)?;
        }
        Ok(())
    }

    fn nested_bundle(
        &mut self,
        depth: usize,
        bundle: &Bundle,
        shown: &str,
        sealed: (&[u8; 20], &str),
    ) -> Result<(), AgentProblem> {
        let resources = match bundle.signed() {
            Ok(None) => match bundle.detached() {
                Ok(Some(directory)) if directory.digest().get(..20) == Some(sealed.0) => {
                    bundle.resources(&[&directory])
                }
                Ok(found) => {
                    self.add(shown, if found.is_some() { Breach::OtherCode } else { Breach::Unsigned });
                    return Ok(());
                }
                Err(problem) => Err(problem),
            },
            code => match self.code(shown, code.and_then(|code| code.ok_or(AgentProblem::Unsigned)), sealed)? {
                Some(code) => bundle.resources(&code.directories()),
                None => return Ok(()),
            },
        };
        match resources {
            Ok(resources) => self.bundle(bundle, &resources, depth),
            Err(AgentProblem::App { file, .. } | AgentProblem::AppFile { file, .. }) => {
                self.add(&file, Breach::Changed);
                Ok(())
            }
            Err(problem) => Err(problem),
        }
    }

    /// Notes what is wrong with code that was checked; gives it where it is the code that was sealed.
    fn code(
        &mut self,
        shown: &str,
        code: Result<signed::Code, AgentProblem>,
        (cdhash, requirement): (&[u8; 20], &str),
    ) -> Result<Option<signed::Code>, AgentProblem> {
        let is_sealed = |code: signed::Code| Ok((code.is(cdhash, requirement)?, code));
        match code.and_then(is_sealed) {
            Ok((true, code)) => return Ok(Some(code)),
            Ok((false, _)) => self.add(shown, Breach::OtherCode),
            Err(AgentProblem::Unsigned) => self.add(shown, Breach::Unsigned),
            Err(problem @ AgentProblem::Read { .. }) => return Err(problem),
            Err(_) => self.add(shown, Breach::BadCode),
        }
        Ok(None)
    }
}

const fn unreadable(source: io::Error) -> AgentProblem {
    AgentProblem::Read { verb: "read a file of the application", source }
}

/// SHA-1 and SHA-256 of a file.
fn digests(path: &Path) -> io::Result<([u8; 20], [u8; 32])> {
    let mut file = File::open(path)?;
    let (mut sha1, mut sha256) = (Sha1::new(), Sha256::new());
    stream::pieces(
        &mut file,
        |error| error,
        |piece| {
            sha1.update(piece);
            sha256.update(piece);
            Ok(())
        },
    )?;
    Ok((sha1.finalize().into(), sha256.finalize().into()))
}

#[cfg(unix)]
fn is_executable(found: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    false
}
