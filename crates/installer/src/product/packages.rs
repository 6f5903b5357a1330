//! What the manifest says of the two Linux packages, and whether there is a place for a token at all.

use super::check::{Checker, FILE_NAME, has_agent};
use super::definition::{Packages, RpmCompare};
use super::manifest::{At, Compression, Manifest, Platform};
use super::names::{is_file_name, is_package_name};
use super::requirement;

impl Checker<'_, '_> {
    /// The packages' name.
    pub(super) fn package(&mut self, manifest: &Manifest) -> Option<String> {
        match &manifest.linux.package {
            Some(package) => self.matching("linux.package", package, is_package_name, PACKAGE),
            None => self.default_package(manifest),
        }
    }

    fn default_package(&mut self, manifest: &Manifest) -> Option<String> {
        let p = &manifest.product;
        let package = p.file_stem.get_ref().to_ascii_lowercase().replace('_', "-");
        // Where there is no Linux package, its names' rules are none.
        let counts = has_agent(manifest, Platform::Linux);
        if counts && !is_package_name(&package) && is_file_name(p.file_stem.get_ref()) {
            self.wrong("product.file-stem", &p.file_stem, "does not give a package name", Some("set linux.package"));
            return None;
        }
        Some(package)
    }

    /// What each of the two packages has of its own. What `[linux]` says counts for `[deb]`.
    pub(super) fn packages(&mut self, manifest: &Manifest) -> Option<Packages> {
        let (linux, deb, rpm) = (&manifest.linux, &manifest.deb, &manifest.rpm);
        let depends = self.either(("deb.depends", &deb.depends), ("linux.depends", &linux.depends));
        let section = self.either(("deb.section", &deb.section), ("linux.section", &linux.section));
        let compression = self.either(("deb.compression", &deb.compression), ("linux.compression", &linux.compression));
        let command = match &linux.command {
            Some(command) => Some(self.matching("linux.command", command, is_file_name, FILE_NAME)?),
            None => None,
        };
        Some(Packages {
            command,
            depends: depends.map(|(key, list)| self.depends(key, list.get_ref())).unwrap_or_default(),
            section: match section {
                Some((key, section)) => self.matching(key, section, is_package_name, PACKAGE)?,
                None => "admin".to_owned(),
            },
            compression: compression.map_or(Compression::Xz, |(_, compression)| *compression.get_ref()),
            rpm_requires: self.rpm_requires(&rpm.requires),
            rpm_compression: rpm.compression.unwrap_or(Compression::Zstd),
        })
    }

    /// A key of `[deb]`, or the same of `[linux]`; both would say it twice.
    fn either<'m, T>(
        &mut self,
        own: (&'static str, &'m Option<At<T>>),
        alias: (&'static str, &'m Option<At<T>>),
    ) -> Option<(&'static str, &'m At<T>)> {
        if let (Some(_), Some(again)) = (own.1, alias.1) {
            self.problems.add(again.span(), alias.0, format!("is there as {} as well", own.0));
        }
        own.1.as_ref().map(|at| (own.0, at)).or_else(|| alias.1.as_ref().map(|at| (alias.0, at)))
    }

    fn depends(&mut self, key: &str, list: &[At<String>]) -> Vec<String> {
        let plain = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b" +-.:~()<>=|".contains(&b))
                && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        };
        for at in list.iter().filter(|at| !plain(at.get_ref())) {
            self.wrong(key, at, "must be one dependency, e.g. libc6 (>= 2.28)", None);
        }
        list.iter().map(|at| at.get_ref().clone()).collect()
    }

    fn rpm_requires(&mut self, list: &[At<String>]) -> Vec<(String, Option<(RpmCompare, String)>)> {
        for at in list.iter().filter(|at| requirement::parse(at.get_ref()).is_none()) {
            self.wrong("rpm.requires", at, "must be one requirement, e.g. openssl-libs >= 3.0", None);
        }
        list.iter().filter_map(|at| requirement::parse(at.get_ref())).collect()
    }

    /// Whether there is a place for a token, and whether an installation needs one.
    pub(super) fn token(&mut self, manifest: &Manifest) -> (bool, bool) {
        let token = &manifest.token;
        let has_slot = token.slot.as_ref().is_none_or(|at| *at.get_ref());
        let required = token.required.as_ref().map(|at| *at.get_ref());
        let Some(slot) = token.slot.as_ref().filter(|_| !has_slot) else { return (true, required.unwrap_or(true)) };
        if required == Some(true) {
            let message = "is false, and token.required asks for a token at installation";
            self.problems.add(slot.span(), "token.slot", message);
        }
        if token.issuer_keys.is_some() {
            let message = "is false, and token.issuer-keys has keys for tokens";
            self.problems.add(slot.span(), "token.slot", message);
        }
        if [Platform::Windows, Platform::Macos].into_iter().any(|platform| has_agent(manifest, platform)) {
            let message =
                "is false, and there is an agent for Windows or macOS: only a deb or rpm can be without a place";
            let hint = Some("say token.required = false: the installer then installs without a token");
            self.problems.hinted(slot.span(), "token.slot", message, hint);
        }
        (false, false)
    }
}

const PACKAGE: &str = "must be lower-case letters, digits, plus signs, dots and hyphens, 2 to 64 of them";
