//! `cargo xtask release`: the program's own deb and rpm, made by the program itself, with completions and manual
//! pages; archives of the same; and the digests of all. They are products without a place for a token, as any other program's could be.

mod archive;
mod installed;
mod programs;
mod trial;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use self::archive::Archive;
use self::installed::Packages;
use self::programs::own_architecture;
use crate::failure::{AtPath, Failure, Result};
use crate::windows;

const OUT: &str = "target/release-packages";
/// What the packages must have beside the program, as `dpkg-deb --contents` says it.
const PACKED: [&str; 7] = [
    " ./usr/bin/stampwright -> ",
    " ./usr/share/man/man1/stampwright.1.gz",
    " ./usr/share/man/man1/stampwright-stamp.1.gz",
    " ./usr/share/bash-completion/completions/stampwright",
    " ./usr/share/zsh/site-functions/_stampwright",
    " ./usr/lib/systemd/system/stampwright-serve.service",
    " ./usr/share/doc/stampwright/serve.toml",
];
/// What else the packages bring, from the top of the tree: the service's unit, which they do not enable, and its configuration to copy.
const SERVICE: [(&str, &str); 2] = [
    ("templates/systemd/stampwright-serve.service", "/usr/lib/systemd/system/stampwright-serve.service"),
    ("templates/serve.toml", "/usr/share/doc/stampwright/serve.toml"),
];
/// A shell, and where Debian's and Fedora's packages of it look for completions.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "/usr/share/bash-completion/completions/stampwright"),
    ("zsh", "/usr/share/zsh/site-functions/_stampwright"),
    ("fish", "/usr/share/fish/vendor_completions.d/stampwright.fish"),
];

/// What is packed.
#[derive(clap::Args)]
pub(crate) struct Release {
    /// Pack this program, for the machine's own architecture, instead of building one for each
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// The program for Windows as well, as a zip archive
    #[arg(long)]
    windows: bool,
    /// Install the packages in a Debian that boots, start the service, upgrade and remove them (root)
    #[arg(long)]
    check: bool,
    /// Who answers for the packages
    #[arg(long, value_name = "NAME <ADDRESS>", default_value = "Stampwright <packages@stampwright.example>")]
    maintainer: String,
    /// What else `stampwright build` is given, after `--`
    #[arg(last = true)]
    more: Vec<String>,
}

/// Makes the packages in `target/release-packages/`.
pub(crate) fn run(sh: &Shell, release: &Release) -> Result {
    let out = sh.current_dir().join(OUT);
    if out.exists() {
        fs::remove_dir_all(&out).at("remove", &out)?;
    }
    fs::create_dir_all(&out).at("create", &out)?;
    let programs = match &release.program {
        Some(program) => vec![(own_architecture()?, program.clone())],
        None => programs::built(sh)?,
    };
    // Of whichever can run here: the texts are the same.
    let (_, runs) = programs
        .iter()
        .find(|(arch, _)| Some(*arch) == own_architecture().ok())
        .or(programs.first())
        .ok_or_else(nothing)?;
    let files = documents(sh, runs, &out)?;
    let manifest = out.join("stampwright.toml");
    let version = version(sh, runs)?;
    fs::write(&manifest, text(&version, &release.maintainer, &programs, &files, &sh.current_dir()))
        .at("write", &manifest)?;
    let (packages, more) = (out.join("packages"), &release.more);
    cmd!(sh, "{runs} build --product {manifest} --format deb --format rpm --output {packages} {more...}")
        .quiet()
        .run()?;
    if release.check {
        let arch = if own_architecture()? == "x64" { "" } else { "-arm64" };
        let [deb, rpm] = ["deb", "rpm"].map(|kind| packages.join(format!("stampwright{arch}.{kind}")));
        installed::check(sh, &Packages { version: &version, deb, rpm, program: runs, manifest: &manifest, more })?;
    }
    let epoch = epoch(sh)?;
    for (arch, program) in &programs {
        let archive = Archive { version: &version, system: "linux", arch, program, documents: &files };
        archive.make(sh, &packages, epoch)?;
    }
    if let Some(program) = &release.windows_program(sh)? {
        let archive = Archive { version: &version, system: "windows", arch: "x64", program, documents: &[] };
        archive.make(sh, &packages, epoch)?;
    }
    if release.program.is_none() {
        trial::run(sh, &programs)?;
    }
    archive::sums(sh, &packages)?;
    for package in fs::read_dir(&packages).at("list", &packages)? {
        println!("{}", package.at("list", &packages)?.path().display());
    }
    Ok(())
}

impl Release {
    /// The program for Windows, where one is asked for: built as it is shipped, or the one that was built for the tests.
    fn windows_program(&self, sh: &Shell) -> Result<Option<PathBuf>> {
        if !self.windows {
            return Ok(None);
        }
        if self.program.is_none() {
            windows::run(sh, true)?;
        }
        Ok(Some(sh.current_dir().join(windows::PROGRAM)))
    }
}

/// The date of everything in an archive: `SOURCE_DATE_EPOCH`, else that of the last commit.
fn epoch(sh: &Shell) -> Result<u64> {
    let text = match sh.var("SOURCE_DATE_EPOCH") {
        Ok(text) => text,
        Err(_) => cmd!(sh, "git log -1 --format=%ct").quiet().read()?,
    };
    text.trim().parse().map_err(|_| Failure::answer("SOURCE_DATE_EPOCH", format!("{text:?} is no number of seconds")))
}

/// The same with the programs that the tests have built, and whether everything is in the deb: a release must not be the first to try it.
pub(crate) fn rehearse(sh: &Shell) -> Result {
    let folder = sh.create_temp_dir()?;
    let program = folder.path().join("stampwright");
    let is_root = cmd!(sh, "id -u").quiet().read()? == "0";
    if !is_root {
        eprintln!("the program's own packages are not installed here: that takes root");
    }
    // What a debugger needs is three quarters of it.
    cmd!(sh, "strip --strip-all -o {program} target/debug/stampwright").quiet().run()?;
    let more = ["--set", "deb.compression=zstd"].map(str::to_owned).to_vec();
    run(
        sh,
        &Release {
            program: Some(program),
            check: is_root,
            windows: sh.current_dir().join(windows::PROGRAM).is_file(),
            maintainer: "Example <packages@stampwright.example>".to_owned(),
            more,
        },
    )?;
    let arch = if own_architecture()? == "x64" { "" } else { "-arm64" };
    let deb = sh.current_dir().join(OUT).join("packages").join(format!("stampwright{arch}.deb"));
    let contents = cmd!(sh, "dpkg-deb --contents {deb}").quiet().read()?;
    match PACKED.iter().find(|path| !contents.contains(*path)) {
        None => Ok(()),
        Some(missing) => Err(Failure::answer(deb.display().to_string(), format!("has no{missing}:\n{contents}"))),
    }
}

fn nothing() -> Failure {
    Failure::answer("cargo xtask release", "no program was built")
}

fn version(sh: &Shell, program: &Path) -> Result<String> {
    let said = cmd!(sh, "{program} --version").quiet().read()?;
    let version = said.split_whitespace().next_back().map(str::to_owned);
    version.ok_or_else(|| Failure::answer("stampwright --version", "it said nothing"))
}

/// Completions and manual pages, each with its place.
fn documents(sh: &Shell, program: &Path, out: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    for (shell, place) in COMPLETIONS {
        let path = out.join(format!("completion.{shell}"));
        let script = cmd!(sh, "{program} completions {shell}").quiet().read()?;
        fs::write(&path, script + "\n").at("write", &path)?;
        files.push((path, place.to_owned()));
    }
    let pages = out.join("man");
    cmd!(sh, "{program} man --output {pages}").quiet().ignore_stdout().run()?;
    for page in fs::read_dir(&pages).at("list", &pages)? {
        let page = page.at("list", &pages)?.path();
        // Debian Policy §12.1: compressed as well as can be, and without a date, so that it is the same everywhere.
        cmd!(sh, "gzip -9 -n {page}").quiet().run()?;
        let name = format!("{}.gz", page.file_name().unwrap_or_default().to_string_lossy());
        files.push((pages.join(&name), format!("/usr/share/man/man1/{name}")));
    }
    files.extend(SERVICE.map(|(from, place)| (sh.current_dir().join(from), place.to_owned())));
    files.sort();
    Ok(files)
}

/// The manifest. Paths in it are whole ones, without anything that TOML would read in a literal string.
fn text(
    version: &str,
    maintainer: &str,
    programs: &[(&str, PathBuf)],
    files: &[(PathBuf, String)],
    top: &Path,
) -> String {
    let mut out = format!(
        "[product]\nname = \"Stampwright\"\nfile-stem = \"stampwright\"\nversion = '{version}'\npublisher = \"Stampwright\"\n\
         summary = \"builds and stamps installers of endpoint agents\"\n\
         description = \"\"\"\nBuilds MSI, PKG, deb and rpm installers of a signed agent once, stamps a tenant's enrollment\n\
         token into them without touching the rest, and proves each by reading it back.\n\"\"\"\n\
         license = \"MIT OR Apache-2.0\"\nlicense-file = '{}'\nmaintainer = '{maintainer}'\n\n\
         [token]\nslot = false\n\n[linux]\ncommand = \"stampwright\"\n\n[deb]\nsection = \"devel\"\n",
        top.join("LICENSE-MIT").display()
    );
    for (arch, path) in programs {
        let path = top.join(path);
        let _ = write!(out, "\n[[agent]]\nplatform = \"linux\"\narch = \"{arch}\"\npath = '{}'\n", path.display());
    }
    for (source, destination) in files {
        let source = source.display();
        let _ = write!(out, "\n[[file]]\nplatform = \"linux\"\nsource = '{source}'\ndestination = '{destination}'\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_is_one() {
        let programs = [("x64", PathBuf::from("Cargo.toml"))];
        let files = [(PathBuf::from("Cargo.toml"), "/usr/share/man/man1/stampwright.1.gz".to_owned())];
        let text = text("1.2.3", "Example <x@example.com>", &programs, &files, crate::root::root());
        let table: toml::Table = toml::from_str(&text).unwrap();
        assert_eq!(table["token"]["slot"].as_bool(), Some(false));
        assert_eq!((table["agent"].as_array().unwrap().len(), table["file"].as_array().unwrap().len()), (1, 1));
    }
}
