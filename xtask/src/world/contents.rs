//! The files inside a package, as another program takes them out and as we do, in a few words that can be compared.

use std::fs;
use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use super::case::FOLDER;
use crate::failure::{AtPath, Result};
use crate::samples;

/// What one of the judges takes out of a package.
pub(super) fn unpacked(sh: &Shell, judge: &str, file: &Path) -> Result<String> {
    let out = fresh(sh, "judge")?;
    let output = match judge {
        "msiextract" => cmd!(sh, "msiextract -C {out} {file}"),
        "bsdtar" => cmd!(sh, "bsdtar -xf {file} -C {out}"),
        _ => cmd!(sh, "dpkg-deb -x {file} {out}"),
    };
    if !output.quiet().ignore_status().ignore_stderr().ignore_stdout().output()?.status.success() {
        return Ok("refuses it".to_owned());
    }
    if judge != "bsdtar" {
        return digested(&out);
    }
    // The archive inside, whose files are those of the package.
    let payloads = fresh(sh, "payloads")?;
    for (n, payload) in files(&out)?.iter().filter(|path| path.ends_with("Payload")).enumerate() {
        let to = payloads.join(n.to_string());
        fs::create_dir(&to).at("create", &to)?;
        cmd!(sh, "bsdtar -xf {payload} -C {to}").quiet().run()?;
    }
    digested(&payloads)
}

/// What we take out of it.
pub(super) fn extracted(sh: &Shell, stampwright: &Path, file: &Path) -> Result<String> {
    let out = fresh(sh, "ours")?.join("out");
    let output = cmd!(sh, "{stampwright} --quiet extract {file} -o {out}").quiet().ignore_status().output()?;
    if !output.status.success() {
        return Ok("nothing extracted".to_owned());
    }
    let taken = digested(&out.join("payload"))?;
    let listed = fs::read_to_string(out.join("metadata/not-extracted.txt")).unwrap_or_default().lines().count();
    Ok(if listed == 0 { taken } else { format!("{taken}, {listed} listed") })
}

/// An empty folder.
pub(super) fn fresh(sh: &Shell, name: &str) -> Result<PathBuf> {
    let folder = sh.current_dir().join(FOLDER).join("taken-out").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).at("create", &folder)?;
    Ok(folder)
}

/// `2 files 0123abcd`: how many, and a digest over the sorted digests of all.
fn digested(folder: &Path) -> Result<String> {
    let mut digests = Vec::new();
    for file in files(folder)? {
        digests.push(samples::sha256_of(&file)?);
    }
    digests.sort();
    let list = folder.with_extension("list");
    fs::write(&list, digests.concat()).at("write", &list)?;
    let all = samples::sha256_of(&list)?;
    Ok(format!("{} files {}", digests.len(), all.get(..8).unwrap_or_default()))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut files, mut waiting) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = waiting.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&folder).at("list", &folder)?.flatten() {
            let path = entry.path();
            if path.is_dir() && !path.is_symlink() {
                waiting.push(path);
            } else if path.is_file() {
                files.push(path);
            }
        }
    }
    Ok(files)
}
