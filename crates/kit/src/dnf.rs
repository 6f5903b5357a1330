//! dnf and zypper: the package under the name that repositories have, and the `.repo` file by which devices find it.
//!
//! The index of a repository (`repodata/`) is made by the administrator's own `createrepo_c`, where the repository lies: it covers all
//! packages there, and has the digest of each file, so a package is stamped and signed before. `gpgcheck=1` in the `.repo` file makes
//! dnf check the package's own signature, which is why an unsigned one is refused here.
//!
//! Sources: dnf.conf(5) (`baseurl`, `gpgcheck`, `gpgkey`), zypper(8), createrepo_c(8).

use std::fmt::Write as _;

use container::read_at::FileAt;
use installer::Token;
use installer::rpm::{Facts, facts};
use serde::Serialize;

use crate::folder::{Folder, KitError};
use crate::text;

/// Where the repository will be, where nothing was given.
const PLACEHOLDER: &str = "https://packages.example.com/REPOSITORY";

#[derive(Serialize)]
struct Page<'a> {
    product: &'a str,
    version: &'a str,
    package: &'a str,
    release: &'a str,
    file: &'a str,
    key: &'a str,
    url: &'a str,
    has_url: bool,
    has_token: bool,
}

/// Writes the kit of a package. `is_base`: it is one that was made to be stamped, and has no token.
pub fn write(
    folder: &mut Folder,
    file: &FileAt,
    product: &str,
    is_base: bool,
    token: Option<&Token>,
    url: Option<&str>,
) -> Result<(), KitError> {
    if is_base || token.is_some() {
        let what = "an rpm brings its token inside: stamp the base first, and make the kit of the stamp";
        return Err(KitError::Unfit(what.to_owned()));
    }
    let facts = facts(file)?;
    if !facts.is_signed {
        let what =
            "the package is not signed, and dnf refuses it where gpgcheck is on: sign it, or stamp it with a key";
        return Err(KitError::Unfit(what.to_owned()));
    }
    let [package, version, release, arch] =
        [plain(&facts, "NAME")?, plain(&facts, "VERSION")?, plain(&facts, "RELEASE")?, plain(&facts, "ARCH")?];
    let name = format!("{package}-{version}-{release}.{arch}.rpm");
    let url = url.map(repository).transpose()?;
    let (key, place) = (format!("RPM-GPG-KEY-{package}"), url.unwrap_or(PLACEHOLDER));
    folder.copy(&format!("dnf/{name}"), file)?;
    folder.write(&format!("dnf/{package}.repo"), definition(package, product, place, &key).as_bytes())?;
    let page = Page {
        product,
        version,
        package,
        release,
        file: &name,
        key: &key,
        url: place,
        has_url: url.is_some(),
        has_token: facts.token_path.is_some(),
    };
    folder.page("dnf/README.md", "kit/dnf.md.hbs", include_str!("../../../templates/kit/dnf.md.hbs"), &page)
}

/// A field that stands in file names and command lines.
fn plain<'f>(facts: &'f Facts, field: &'static str) -> Result<&'f str, KitError> {
    let value = facts.fields.get(field).map_or("", String::as_str);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "+-._~^".contains(c);
    if value.is_empty() || value.starts_with(['-', '.']) || !value.chars().all(is_plain) {
        return Err(KitError::Unfit(format!("the header's {field} is not plain, and a file name has it")));
    }
    Ok(value)
}

/// The repository's address: the folder of the package's.
fn repository(package: &str) -> Result<&str, KitError> {
    let wrong = || KitError::Unfit("the package's address must be https://… and a file's".to_owned());
    let is_plain = package.bytes().all(|byte| byte.is_ascii_graphic());
    let (folder, _) = package.rsplit_once('/').filter(|_| is_plain).ok_or_else(wrong)?;
    let host = folder.strip_prefix("https://").or_else(|| folder.strip_prefix("file:///")).ok_or_else(wrong)?;
    if host.is_empty() { Err(wrong()) } else { Ok(folder) }
}

/// `/etc/yum.repos.d/PACKAGE.repo`.
fn definition(package: &str, product: &str, url: &str, key: &str) -> String {
    let mut out = format!("[{package}]\n");
    let lines = [
        ("name", text::plain(product)),
        ("baseurl", url.to_owned()),
        ("enabled", "1".to_owned()),
        // The package's own signature; repo_gpgcheck is about the index, which the repository's administrator signs.
        ("gpgcheck", "1".to_owned()),
        ("repo_gpgcheck", "0".to_owned()),
        ("gpgkey", format!("{url}/{key}")),
        // zypper looks for newer packages by itself where this is on.
        ("autorefresh", "1".to_owned()),
    ];
    for (name, value) in lines {
        let _ = writeln!(out, "{name}={value}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_the_folder_of_its_packages() {
        assert_eq!(repository("https://example.com/rpm/x.rpm").unwrap(), "https://example.com/rpm");
        for wrong in ["https://", "http://example.com/x.rpm", "x.rpm", "https:///x.rpm", "https://a/b\nc/x"] {
            assert!(repository(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_definition_has_a_line_for_each_value() {
        let said = definition("example", "Two\nlines", "https://example.com/rpm", "KEY");
        assert!(
            said.starts_with("[example]\nname=Two lines\nbaseurl=https://example.com/rpm\nenabled=1\ngpgcheck=1\n")
        );
        assert_eq!(said.lines().count(), 8);
    }
}
