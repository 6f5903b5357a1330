//! What we say of a file, in few words.

use std::fs;
use std::path::Path;

use xshell::{Shell, cmd};

use super::case::{Case, FOLDER};
use super::{contents, token};
use crate::failure::{AtPath, Failure, Result};

/// An agent is built into a base of its platform's format, an installer is verified.
pub(crate) fn ask(sh: &Shell, stampwright: &Path, case: &Case, file: &Path) -> Result<String> {
    let more = match case.role.as_str() {
        "-" => return verified(sh, stampwright, file),
        "name" => named(sh, stampwright, file)?,
        "files" => contents::extracted(sh, stampwright, file)?,
        "token" => format!(
            "{}, {}",
            contents::extracted(sh, stampwright, file)?,
            token::stamped(sh, stampwright, file, &named(sh, stampwright, file)?)?
        ),
        role => return built(sh, stampwright, role, file),
    };
    Ok(format!("{}, {more}", verified(sh, stampwright, file)?))
}

/// `named` and the product's name.
fn named(sh: &Shell, stampwright: &Path, file: &Path) -> Result<String> {
    let output = cmd!(sh, "{stampwright} inspect {file} --json").quiet().ignore_status().output()?;
    let document: Option<serde_json::Value> = serde_json::from_slice(&output.stdout).ok();
    let name = document.as_ref().and_then(|document| document["product"].as_str());
    Ok(name.map_or_else(|| "cannot read it".to_owned(), |name| format!("named {name}")))
}

fn built(sh: &Shell, stampwright: &Path, role: &str, file: &Path) -> Result<String> {
    let (platform, arch) =
        role.split_once('-').ok_or_else(|| Failure::answer("tests/world", format!("no role: {role}")))?;
    let format = match platform {
        "windows" => "msi",
        "macos" => "pkg",
        _ => "deb",
    };
    let folder = sh.current_dir().join(FOLDER).join("built");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).at("create", &folder)?;
    let manifest = folder.join("stampwright.toml");
    let text = format!(
        "[product]\nname = \"World\"\nfile-stem = \"World\"\nversion = \"1.0.0\"\npublisher = \"Example\"\nsummary = \"an agent\"\n\
         license = \"Proprietary\"\nmaintainer = \"Example <x@example.com>\"\n[windows]\n\
         upgrade-code = \"{{6F1D2C3B-0000-4000-8000-0123456789AB}}\"\n[macos]\nbundle-id = \"com.example.world\"\n\
         [deb]\ncompression = \"zstd\"\n[[agent]]\nplatform = \"{platform}\"\narch = \"{arch}\"\npath = '{}'\n",
        file.display()
    );
    fs::write(&manifest, text).at("write", &manifest)?;
    let out = folder.join("out");
    let output = cmd!(sh, "{stampwright} build --product {manifest} --format {format} -o {out}")
        .quiet()
        .ignore_status()
        .output()?;
    if output.status.success() {
        return Ok("taken".to_owned());
    }
    // Without the path, which is this machine's.
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = words.lines().find(|line| line.starts_with("error: ")).unwrap_or("error: nothing").to_owned();
    let path = file.display().to_string();
    Ok(line.trim_start_matches("error: ").replace(&path, "it").replace("agent it ", "").trim().to_owned())
}

/// `ok`, or what is wrong, each once.
fn verified(sh: &Shell, stampwright: &Path, file: &Path) -> Result<String> {
    let output = cmd!(sh, "{stampwright} verify {file} --json").quiet().ignore_status().output()?;
    let document: Option<serde_json::Value> = serde_json::from_slice(&output.stdout).ok();
    let Some(findings) = document.as_ref().and_then(|document| document["findings"].as_array()) else {
        let words = String::from_utf8_lossy(&output.stderr).replace(&file.display().to_string(), "it");
        let line = words.lines().next().unwrap_or("nothing").trim_start_matches("error: ");
        return Ok(without_offsets(line.trim_start_matches("it: ")));
    };
    let errors = findings.iter().filter(|finding| finding["severity"] == "error");
    let mut ids: Vec<&str> = errors.filter_map(|finding| finding["id"].as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() && output.status.success() { Ok("ok".to_owned()) } else { Ok(ids.join(" ")) }
}

/// Where damage is noticed depends on what another tool's compressor made of the same bytes.
fn without_offsets(line: &str) -> String {
    let mut parts = line.split(" at 0x");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.trim_start_matches(|c: char| c.is_ascii_hexdigit()))
}
