//! The Windows token reader that installers carry: built here, kept in `payloads/token-reader/prebuilt/` with a digest of its source and of each file, so that
//! building an installer needs no compiler for Windows, and a reader that is not that of the source is noticed.
//!
//! Debian's compiler with the library built from its source, and zig as the linker: what everybody can install by name, and the same for both
//! architectures.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use xshell::{Shell, cmd};

use crate::debian::{self, Need, Probe};
use crate::failure::{AtPath, Failure, Result};
use crate::judges;

const FOLDER: &str = "payloads/token-reader";
const MANIFEST: &str = "payloads/token-reader/Cargo.toml";
/// The targets, and what the kept files are called.
const TARGETS: [(&str, &str); 2] =
    [("x86_64-pc-windows-gnullvm", "x64.dll"), ("aarch64-pc-windows-gnullvm", "arm64.dll")];
/// Beside the readers: the digest of their source, and each one's own.
const SOURCE: &str = "source.sha256";
const DIGESTS: &str = "SHA256SUMS";
/// An installer carries it, so it stays small.
const MAX_BYTES: u64 = 384 << 10;

/// Builds both readers and keeps them.
pub(crate) fn build(sh: &Shell) -> Result {
    let root = sh.current_dir();
    let mut digests = String::new();
    for (name, bytes) in compile(sh, &root)? {
        let kept = root.join(FOLDER).join("prebuilt").join(name);
        let _ = writeln!(digests, "{}  {name}", hex(&Sha256::digest(&bytes)));
        fs::write(&kept, bytes).at("write", &kept)?;
        println!("{}", kept.display());
    }
    let record = record_path(&root, SOURCE);
    fs::write(&record, format!("{}\n", source_digest(&root)?)).at("write", &record)?;
    let record = record_path(&root, DIGESTS);
    fs::write(&record, digests).at("write", &record)?;
    check(&root)
}

/// Builds both readers anew, and compares them with the kept ones byte for byte.
pub(crate) fn compare(sh: &Shell) -> Result {
    let root = sh.current_dir();
    check(&root)?;
    for (name, bytes) in compile(sh, &root)? {
        let path = root.join(FOLDER).join("prebuilt").join(name);
        let kept = fs::read(&path).at("read", &path)?;
        if kept.len() != bytes.len() {
            let problem = format!("the kept file has {} bytes, the one built here {}", kept.len(), bytes.len());
            return Err(Failure::answer(name, problem));
        }
        if let Some(at) = kept.iter().zip(&bytes).position(|(kept, built)| kept != built) {
            return Err(Failure::answer(name, format!("the kept file and the one built here differ at 0x{at:x}")));
        }
        println!("{name}: the same bytes");
    }
    Ok(())
}

/// Builds both readers: their names and what they are.
fn compile(sh: &Shell, root: &Path) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let zig = judges::from_pypi(sh, "zig", &["ziglang==0.17.0", "cargo-zigbuild==0.24.0"])?;
    let needs = ["rustc-web", "cargo-web", "rust-web-src"].map(|package| Need { probe: Probe::Package, package });
    debian::ensure(sh, &needs)?;
    let out = root.join("target/payloads/build");
    let _target = sh.push_env("CARGO_TARGET_DIR", &out);
    // rustup's stand-ins for rustc and cargo must not answer here.
    let _path = sh.push_env("PATH", format!("{}:/usr/bin:/bin", zig.display()));
    let _rustc = sh.push_env("RUSTC", "/usr/bin/rustc");
    let _cargo = sh.push_env("CARGO", "/usr/bin/cargo");
    let _unstable = sh.push_env("RUSTC_BOOTSTRAP", "1");
    // Where the sources lie must not be in the result. cargo's own separator, because a path may have spaces.
    let home = sh.var("CARGO_HOME").or_else(|_| sh.var("HOME").map(|home| format!("{home}/.cargo")))?;
    let flags = [
        // Without this one rustc 1.85 leaves generic functions out that it expects the library to have.
        "-Zshare-generics=n".to_owned(),
        // Keeps the vector code out, which is faster and has no use here: one signature is verified.
        "--cfg=curve25519_dalek_backend=\"serial\"".to_owned(),
        format!("--remap-path-prefix={home}=/cargo"),
        format!("--remap-path-prefix={}=/source", root.display()),
    ];
    let _flags = sh.push_env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    let mut readers = Vec::new();
    for (target, name) in TARGETS {
        cmd!(sh, "cargo-zigbuild rustc --quiet --locked --release --crate-type cdylib --manifest-path {MANIFEST}")
            .args(["--target", target, "-Zbuild-std=std,panic_unwind"])
            .arg("-Zbuild-std-features=panic-unwind,optimize_for_size")
            .env_remove("RUSTUP_TOOLCHAIN")
            .env_remove("LD_LIBRARY_PATH")
            .env_remove("RUSTFLAGS")
            .quiet()
            .run()?;
        let built = out.join(target).join("release/token_reader.dll");
        readers.push((name, fs::read(&built).at("read", &built)?));
    }
    Ok(readers)
}

/// Whether the kept readers are those of the source, and those that were built from it.
pub(crate) fn check(root: &Path) -> Result {
    let (record, expected) = (record_path(root, SOURCE), source_digest(root)?);
    let found = fs::read_to_string(&record).at("read", &record)?.trim().to_owned();
    if found != expected {
        return Err(Failure::answer(
            "payloads/token-reader",
            "the kept DLLs are not those of the source: cargo xtask payloads --token-reader builds them",
        ));
    }
    let record = record_path(root, DIGESTS);
    let digests = fs::read_to_string(&record).at("read", &record)?;
    for (_, name) in TARGETS {
        let path = root.join(FOLDER).join("prebuilt").join(name);
        let bytes = fs::read(&path).at("read", &path)?;
        let len = bytes.len() as u64;
        if len > MAX_BYTES {
            return Err(Failure::answer(name, format!("is {len} bytes, must be at most {MAX_BYTES}")));
        }
        let line = format!("{}  {name}", hex(&Sha256::digest(&bytes)));
        if !digests.lines().any(|found| found == line) {
            return Err(Failure::answer(name, format!("is not the file whose digest is in {}", record.display())));
        }
    }
    Ok(())
}

/// Clippy, format and the tests of the parsers, on the host.
pub(crate) fn lint(sh: &Shell) -> Result {
    let _target = sh.push_env("CARGO_TARGET_DIR", sh.current_dir().join("target/payloads/build"));
    cmd!(sh, "cargo fmt --check --manifest-path {MANIFEST}").quiet().run()?;
    cmd!(sh, "cargo clippy --quiet --locked --all-targets --manifest-path {MANIFEST} -- -D warnings").quiet().run()?;
    cmd!(sh, "cargo test --quiet --locked --manifest-path {MANIFEST}").quiet().ignore_stdout().run()?;
    Ok(())
}

fn record_path(root: &Path, name: &str) -> PathBuf {
    root.join(FOLDER).join("prebuilt").join(name)
}

/// A digest over everything that the readers are made of: names and contents, tests left out.
fn source_digest(root: &Path) -> Result<String> {
    let folder = root.join(FOLDER);
    let mut files = vec![folder.join("Cargo.lock"), folder.join("Cargo.toml")];
    collect(&folder.join("src"), &mut files)?;
    files.sort();
    let mut digest = Sha256::new();
    for path in &files {
        let name = path.strip_prefix(&folder).unwrap_or(path).to_string_lossy().replace('\\', "/");
        let content = fs::read(path).at("read", path)?;
        for part in [name.as_bytes(), &content] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
    }
    Ok(hex(&digest.finalize()))
}

fn hex(digest: &[u8]) -> String {
    let mut text = String::new();
    for byte in digest {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result {
    for entry in fs::read_dir(folder).at("read", folder)? {
        let path = entry.at("read", folder)?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_kept_readers_are_those_of_the_source() {
        super::check(crate::root::root()).unwrap();
    }
}
