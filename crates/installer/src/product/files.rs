//! The files that are installed beside the agent: every `[[file]]` table.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::check::{Checker, has_agent, plain};
use super::definition::{ExtraFile, ExtraLink};
use super::manifest::{Arch, At, FileSection, InstallLocation, Manifest, Platform};

impl Checker<'_, '_> {
    pub(super) fn files(&mut self, manifest: &Manifest, folder: &str) -> (Vec<ExtraFile>, Vec<ExtraLink>) {
        let mut taken = Taken::default();
        let (mut files, mut links) = (Vec::new(), Vec::new());
        for (n, section) in manifest.file.iter().enumerate() {
            let (platform, config) = (*section.platform.get_ref(), section.config);
            let arch = section.arch.as_ref().map(|at| *at.get_ref());
            let key = format!("file[{n}].destination");
            if let Some(link) = &section.link {
                let link = self.link(n, section, link, folder);
                links.extend(link.filter(|link| self.is_new(&mut taken, &key, section, &link.destination)));
                continue;
            }
            let typed = self.mode(&format!("file[{n}].mode"), platform, section.mode.as_ref());
            for Source { path, below, is_program } in self.sources(n, section) {
                let destination = self.destination(&key, section, below.as_deref(), folder);
                let (Some(destination), Some(typed)) = (destination, typed) else { continue };
                let mode = typed.unwrap_or(if below.is_some() && is_program { 0o755 } else { 0o644 });
                if self.is_new(&mut taken, &key, section, &destination) {
                    self.note_place(&key, manifest, platform, &destination);
                }
                files.push(ExtraFile { platform, arch, source: path, destination, mode, config });
            }
        }
        (files, links)
    }

    /// Whether nothing else has this destination.
    fn is_new(&mut self, taken: &mut Taken, key: &str, section: &FileSection, destination: &str) -> bool {
        let arch = section.arch.as_ref().map(|at| *at.get_ref());
        let is_new = taken.take(*section.platform.get_ref(), arch, destination);
        if !is_new {
            self.problems.add(section.destination.span(), key, format!("{destination} is there twice"));
        }
        is_new
    }

    fn note_place(&mut self, key: &str, manifest: &Manifest, platform: Platform, destination: &str) {
        // With any other install location the line-of-business type is out of the question anyway.
        let is_for_lob =
            manifest.macos.as_ref().is_none_or(|section| section.install_location == InstallLocation::Applications);
        let is_outside = platform == Platform::Macos && !destination.starts_with("Applications/");
        if is_outside && is_for_lob && has_agent(manifest, Platform::Macos) {
            self.notes.push(format!(
                "{key}: /{destination} is outside of /Applications, so the package's install location is /: Intune's \
                 line-of-business type does not take it, its type macOS app (PKG) does"
            ));
        }
    }

    /// The files that a table's source stands for.
    fn sources(&mut self, n: usize, section: &FileSection) -> Vec<Source> {
        let key = &format!("file[{n}].source");
        let Some(at) = &section.source else {
            self.problems.add(section.destination.span(), key, "is missing, and there is no link instead");
            return Vec::new();
        };
        let path = self.folder.join(at.get_ref());
        let found = match std::fs::metadata(&path) {
            Ok(found) if found.is_file() => return vec![Source { path, below: None, is_program: false }],
            Ok(found) if found.is_dir() => in_folder(&path, &path),
            Ok(_) => Err("is neither a file nor a folder".to_owned()),
            Err(_) if at.get_ref().contains(['*', '?', '[']) => matches(&path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && section.optional => return Vec::new(),
            Err(error) => Err(format!("cannot be opened: {}", plain(&error))),
        };
        match found {
            Ok(found) if found.is_empty() && !section.optional => {
                self.wrong(key, at, "stands for no file", Some("optional = true lets it"));
                Vec::new()
            }
            Ok(mut found) => {
                // A folder's order is the file system's.
                found.sort_by(|a, b| a.below.cmp(&b.below));
                found
            }
            Err(problem) => {
                self.wrong(key, at, &problem, None);
                Vec::new()
            }
        }
    }

    pub(super) fn destination(
        &mut self,
        key: &str,
        section: &FileSection,
        below: Option<&str>,
        folder: &str,
    ) -> Option<String> {
        let at = &section.destination;
        let text = match below {
            Some(below) => format!("{}/{below}", at.get_ref().trim_end_matches(['/', '\\'])),
            None => at.get_ref().clone(),
        };
        match section.platform.get_ref().destination(&text, folder, section.config) {
            Ok(destination) => {
                self.notes.extend(destination.note.map(|note| format!("{key}: {note}")));
                Some(destination.path)
            }
            Err((must, hint)) => {
                self.wrong(key, at, must, hint);
                None
            }
        }
    }

    /// The mode that was typed, if one was.
    fn mode(&mut self, key: &str, platform: Platform, at: Option<&At<String>>) -> Option<Option<u32>> {
        let Some(at) = at else { return Some(None) };
        let mode = u32::from_str_radix(at.get_ref(), 8).ok().filter(|mode| *mode <= 0o777);
        if platform == Platform::Windows {
            self.wrong(key, at, "is not for Windows, which has no modes", None);
        } else if mode.is_none() {
            self.wrong(key, at, "must be a mode in octal from 0000 to 0777, e.g. 0644", None);
        }
        mode.map(Some)
    }
}

/// The destinations that are there already.
#[derive(Default)]
struct Taken(BTreeSet<(Platform, Option<Arch>, String)>);

impl Taken {
    /// Takes a destination; one for all architectures is one for each of them. Whether it was free.
    fn take(&mut self, platform: Platform, arch: Option<Arch>, destination: &str) -> bool {
        let lower = destination.to_lowercase();
        let is_taken = |arch| self.0.contains(&(platform, arch, lower.clone()));
        let is_free = match arch {
            Some(_) => !is_taken(None),
            None => ![Arch::X64, Arch::Arm64, Arch::Universal].into_iter().any(|arch| is_taken(Some(arch))),
        };
        is_free && self.0.insert((platform, arch, lower))
    }
}

/// One file that a table stands for.
struct Source {
    path: PathBuf,
    /// Its path below the destination; `None`: the destination is its own.
    below: Option<String>,
    /// Whether its owner can run it.
    is_program: bool,
}

/// More files than these are a mistake in a pattern.
const MAX_FILES: usize = 10_000;

/// Every file of a folder and of those in it. A link to a file is that file; one to a folder could lead in a circle, and is refused.
fn in_folder(root: &Path, folder: &Path) -> Result<Vec<Source>, String> {
    let failed = |error: std::io::Error| format!("cannot be read: {}", plain(&error));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_link = path.symlink_metadata().map_err(failed)?.is_symlink();
        let metadata = std::fs::metadata(&path).map_err(failed)?;
        if metadata.is_dir() && is_link {
            return Err(format!("has a link to a folder, {}", path.display()));
        }
        if metadata.is_dir() {
            found.extend(in_folder(root, &path)?);
        } else {
            found.push(source(root, path)?);
        }
        if found.len() > MAX_FILES {
            return Err(format!("stands for more than {MAX_FILES} files"));
        }
    }
    Ok(found)
}

/// Every file that a pattern matches, below the last folder before its first sign.
fn matches(pattern: &Path) -> Result<Vec<Source>, String> {
    let text = pattern.to_str().ok_or("is not UTF-8")?;
    let signs = text.find(['*', '?', '[']).unwrap_or(text.len());
    let root = text.get(..signs).and_then(|before| before.rsplit_once('/')).map_or("", |(folder, _)| folder);
    let mut found = Vec::new();
    for path in glob::glob(text).map_err(|error| format!("is no pattern: {}", error.msg))? {
        let path = path.map_err(|error| format!("cannot be read: {}", plain(error.error())))?;
        if path.is_file() {
            found.push(source(Path::new(root), path)?);
        }
        if found.len() > MAX_FILES {
            return Err(format!("stands for more than {MAX_FILES} files"));
        }
    }
    Ok(found)
}

fn source(root: &Path, path: PathBuf) -> Result<Source, String> {
    let below = path.strip_prefix(root).unwrap_or(&path).components();
    let parts: Option<Vec<&str>> = below.map(|part| part.as_os_str().to_str()).collect();
    let below = parts.ok_or_else(|| format!("has a name that is not UTF-8, {}", path.display()))?.join("/");
    let is_program = is_program(&path);
    Ok(Source { path, below: Some(below), is_program })
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o100 != 0)
}

#[cfg(not(unix))]
fn is_program(_: &Path) -> bool {
    false
}
