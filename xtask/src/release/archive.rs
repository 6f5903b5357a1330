//! Archives for systems whose packages are not made here: one folder with the program, its licenses, manual pages and completions. Each is
//! unpacked again, and its program is run where this machine can.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use xshell::{Shell, cmd};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::programs;
use crate::debian::has_program;
use crate::failure::{AtPath, Failure, Result};

/// What lies beside the program, from the top of the tree.
const BESIDE: [&str; 4] = ["LICENSE-MIT", "LICENSE-APACHE", "README.md", "CHANGELOG.md"];
/// How Wine ends a program for which it has not every DLL: the last byte of STATUS_DLL_NOT_FOUND. Before Wine 10 that is bcryptprimitives.dll.
const DLL_NOT_FOUND: i32 = 53;
const SUMS: &str = "SHA256SUMS";

/// One system's archive.
pub(super) struct Archive<'a> {
    /// The program's version.
    pub(super) version: &'a str,
    /// `linux` or `windows`.
    pub(super) system: &'static str,
    /// `x64` or `arm64`.
    pub(super) arch: &'static str,
    /// The program.
    pub(super) program: &'a Path,
    /// Manual pages and completions, each with its place.
    pub(super) documents: &'a [(PathBuf, String)],
}

impl Archive<'_> {
    fn name(&self) -> String {
        format!("stampwright-{}-{}-{}", self.version, self.system, self.arch)
    }

    fn program_name(&self) -> &'static str {
        if self.system == "windows" { "stampwright.exe" } else { "stampwright" }
    }

    /// Writes it into a folder, unpacks it again and runs what comes out; gives its path.
    pub(super) fn make(&self, sh: &Shell, folder: &Path, epoch: u64) -> Result<PathBuf> {
        let scratch = sh.create_temp_dir()?;
        let staged = scratch.path().join(self.name());
        self.stage(sh, &staged)?;
        let unpacked = scratch.path().join("unpacked");
        sh.create_dir(&unpacked)?;
        let path = if self.system == "windows" {
            let path = folder.join(format!("{}.zip", self.name()));
            pack_zip(&staged, &path, epoch)?;
            unpack_zip(&path, &unpacked)?;
            path
        } else {
            let path = folder.join(format!("{}.tar.gz", self.name()));
            pack_tar(sh, scratch.path(), &self.name(), &path, epoch)?;
            cmd!(sh, "tar -xzf {path} -C {unpacked}").quiet().run()?;
            path
        };
        let out = unpacked.join(self.name());
        let (before, after) = (digests(&staged)?, digests(&out)?);
        if before != after {
            return Err(Failure::answer(path.display().to_string(), "what comes out is not what went in"));
        }
        self.run(sh, &out.join(self.program_name()))?;
        Ok(path)
    }

    fn stage(&self, sh: &Shell, to: &Path) -> Result {
        let copy = |from: &Path, to: &Path| -> Result {
            let folder = to.parent().unwrap_or(to);
            fs::create_dir_all(folder).at("create", folder)?;
            fs::copy(from, to).map(drop).at("copy to", to)
        };
        copy(self.program, &to.join(self.program_name()))?;
        for name in BESIDE {
            copy(&sh.current_dir().join(name), &to.join(name))?;
        }
        for (from, place) in self.documents {
            let inside = place.trim_start_matches('/').trim_start_matches("usr/");
            copy(from, &to.join(inside))?;
        }
        Ok(())
    }

    /// Runs the program, with an emulator where it is for another machine and there is one.
    fn run(&self, sh: &Shell, program: &Path) -> Result {
        let wine = self.system == "windows";
        let command = match wine {
            true => has_program(sh, "wine").then(|| cmd!(sh, "wine {program}")),
            false => programs::command(sh, self.arch, program)?,
        };
        let Some(command) = command else {
            eprintln!("{}: not run here: there is no emulator", self.name());
            return Ok(());
        };
        let _quiet = sh.push_env("WINEDEBUG", "-all");
        let output = command.arg("--version").quiet().ignore_stderr().ignore_status().output()?;
        if wine && output.status.code() == Some(DLL_NOT_FOUND) {
            eprintln!("{}: not run here: this Wine lacks a DLL; Wine 10 has all", self.name());
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stdout);
        if said.split_whitespace().next_back() == Some(self.version) {
            return Ok(());
        }
        Err(Failure::answer(self.name(), format!("the program that came out says {said:?}")))
    }
}

/// Names in order, owners and times the same everywhere: the same program gives the same bytes.
fn pack_tar(sh: &Shell, folder: &Path, name: &str, to: &Path, epoch: u64) -> Result {
    let (tar, time) = (folder.join("archive.tar"), format!("--mtime=@{epoch}"));
    cmd!(sh, "tar --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mode=u+rw,go+r,go-w {time}")
        .arg("-C")
        .arg(folder)
        .args(["-cf".as_ref(), tar.as_os_str(), name.as_ref()])
        .quiet()
        .run()?;
    cmd!(sh, "gzip -9 -n {tar}").quiet().run()?;
    let packed = folder.join("archive.tar.gz");
    fs::copy(&packed, to).map(drop).at("copy to", to)
}

fn pack_zip(staged: &Path, to: &Path, epoch: u64) -> Result {
    let failed = |error: zip::result::ZipError| Failure::answer(to.display().to_string(), error.to_string());
    let mut archive = ZipWriter::new(File::create(to).at("create", to)?);
    // A zip knows no time zone and no second but an even one; a year is all that has to be right.
    let year = u16::try_from(1970 + epoch / 31_556_952).unwrap_or(1980).max(1980);
    let time = DateTime::from_date_and_time(year, 1, 1, 0, 0, 0).unwrap_or_default();
    let root = staged.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for path in files(staged)? {
        let inside = path.strip_prefix(staged).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        let mode = if inside.ends_with(".exe") { 0o755 } else { 0o644 };
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(time)
            .unix_permissions(mode);
        archive.start_file(format!("{root}/{inside}"), options).map_err(failed)?;
        let bytes = fs::read(&path).at("read", &path)?;
        archive.write_all(&bytes).at("write", to)?;
    }
    archive.finish().map(drop).map_err(failed)
}

fn unpack_zip(path: &Path, to: &Path) -> Result {
    let failed = |error: zip::result::ZipError| Failure::answer(path.display().to_string(), error.to_string());
    ZipArchive::new(File::open(path).at("open", path)?).and_then(|mut archive| archive.extract(to)).map_err(failed)
}

/// Every file below a folder, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).at("list", folder)? {
        let path = entry.at("list", folder)?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Every file below a folder by its path in there, with its digest.
pub(super) fn digests(folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let of = |path: PathBuf| {
        let digest = digest(&path)?;
        Ok((path.strip_prefix(folder).unwrap_or(&path).to_path_buf(), digest))
    };
    files(folder)?.into_iter().map(of).collect()
}

fn digest(path: &Path) -> Result<String> {
    let (mut file, mut digest) = (File::open(path).at("open", path)?, Sha256::new());
    let mut piece = vec![0; 1 << 20];
    loop {
        match file.read(&mut piece).at("read", path)? {
            0 => break Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            n => digest.update(piece.get(..n).unwrap_or_default()),
        }
    }
}

/// Writes the digests of all that lies in a folder, and has `sha256sum` read them.
pub(super) fn sums(sh: &Shell, folder: &Path) -> Result {
    let mut text = String::new();
    for (name, digest) in digests(folder)? {
        text.push_str(&format!("{digest}  {}\n", name.display()));
    }
    let path = folder.join(SUMS);
    fs::write(&path, text).at("write", &path)?;
    let _folder = sh.push_dir(folder);
    cmd!(sh, "sha256sum --check --quiet {SUMS}").quiet().run()?;
    Ok(())
}
