//! Stamping: as a process beside `cp`, and inside a process that has its base open, for the sample's bases and for bases ten times
//! as large.

use std::fs::{self, File};
use std::io::{BufWriter, Write};

use serde::Deserialize;
use xshell::cmd;

use super::builds::{self, COMPRESSIONS};
use super::measure::{Measured, Way, in_turns};
use super::rpms;
use super::setup::{Bench, FOLDER};
use crate::failure::{AtPath, Failure, Result};

/// Everything about the stamps of one kind of base.
pub(super) struct Stamps {
    /// What kind, e.g. `deb, xz`.
    pub(super) title: &'static str,
    /// As processes; ours comes first.
    pub(super) processes: Vec<Measured>,
    /// Inside a process.
    pub(super) inside: Inside,
    /// Inside a process, over a base ten times as large.
    pub(super) inside_large: Inside,
}

/// What the installer crate's own benchmark says of one base.
#[derive(Deserialize)]
pub(super) struct Inside {
    /// The installer's size.
    pub(super) bytes: u64,
    /// CPU time to open a base.
    pub(super) open_us: f64,
    /// CPU time to stamp an open base, reading the stamp back included.
    pub(super) stamp_us: f64,
    /// The new bytes of a stamp.
    pub(super) put_bytes: u64,
    /// How much memory opening and stamping took, code included.
    pub(super) heap_kib: u64,
}

/// Measures the stamps of every kind of base.
pub(super) fn run(bench: &Bench<'_>) -> Result<Vec<Stamps>> {
    bulk(bench)?;
    let sh = bench.sh;
    cmd!(sh, "cargo bench --quiet --locked --package stampwright-installer --bench stamp --no-run").quiet().run()?;
    let mut kinds =
        vec![("msi, MSZIP", "msi", "msi".to_owned(), "gzip"), ("pkg, gzip", "pkg", "pkg".to_owned(), "gzip")];
    kinds.extend(COMPRESSIONS.map(|(compression, title)| (title, "deb", format!("deb-{compression}"), compression)));
    kinds.extend(
        rpms::COMPRESSIONS.map(|(compression, title, ..)| (title, "rpm", format!("rpm-{compression}"), compression)),
    );
    let mut stamps = Vec::new();
    for (title, format, folder, compression) in kinds {
        eprintln!("stamping {title}");
        let base = format!("{FOLDER}/{folder}/TheOneRMM-Agent.{format}");
        let large = large_base(bench, format, &folder, compression)?;
        stamps.push(Stamps {
            title,
            processes: processes(bench, &base, format)?,
            inside: inside(bench, &base, &[])?,
            inside_large: inside(bench, &large, &[])?,
        });
    }
    Ok(stamps)
}

fn processes(bench: &Bench<'_>, base: &str, format: &str) -> Result<Vec<Measured>> {
    let program = bench.stampwright.display();
    let token = &bench.token;
    let output = |name: &str| format!("{FOLDER}/{name}.{format}");
    let (stamped, copied, synced) = (output("stamped"), output("copied"), output("synced"));
    let ways = [
        ("stampwright stamp", format!("exec {program} stamp {base} --token-file {token} -o {stamped}"), stamped),
        ("cp, then sync", format!("cp {base} {synced} && exec sync {synced}"), synced),
        ("cp", format!("exec cp {base} {copied}"), copied),
    ];
    in_turns(
        bench.sh,
        &ways.map(|(name, line, output)| Way { name: name.to_owned(), line, output }),
        bench.effort.stamps,
    )
}

/// A base inside a process, with further options of the installer crate's benchmark.
pub(super) fn inside(bench: &Bench<'_>, base: &str, more: &[String]) -> Result<Inside> {
    let sh = bench.sh;
    // The benchmark starts in its own crate's folder.
    let base = sh.current_dir().join(base);
    let bench =
        cmd!(sh, "cargo bench --quiet --locked --package stampwright-installer --bench stamp -- {base} {more...}");
    let said = bench.quiet().read()?;
    serde_json::from_str(&said).map_err(|error| Failure::answer("the stamp benchmark", format!("{error}: {said}")))
}

fn large_base(bench: &Bench<'_>, format: &str, folder: &str, compression: &str) -> Result<String> {
    let files: String = [
        ("windows", "bulk.bin"),
        ("macos", "/Library/TheOneRMM/bulk.bin"),
        ("linux", "/usr/lib/theonermm-agent/bulk.bin"),
    ]
    .map(|(platform, to)| {
        format!("[[file]]\nplatform = \"{platform}\"\nsource = \"bulk.bin\"\ndestination = \"{to}\"\n")
    })
    .concat();
    let product = builds::manifest(bench, compression, &files)?;
    let (line, base) = builds::ours(bench, format, &format!("{folder}-large"), &product);
    let sh = bench.sh;
    cmd!(sh, "sh -c {line}").quiet().ignore_stderr().run()?;
    Ok(base)
}

/// Bytes that no compressor makes smaller: a 64-bit xorshift (Marsaglia 2003), the same in every run.
fn bulk(bench: &Bench<'_>) -> Result {
    let path = bench.sh.current_dir().join(FOLDER).join("bulk.bin");
    let bulk_bytes = bench.effort.bulk_mib << 20;
    if fs::metadata(&path).is_ok_and(|there| there.len() == bulk_bytes) {
        return Ok(());
    }
    let mut file = BufWriter::new(File::create(&path).at("create", &path)?);
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..bulk_bytes / 8 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        file.write_all(&state.to_le_bytes()).at("write", &path)?;
    }
    file.flush().at("write", &path)
}
