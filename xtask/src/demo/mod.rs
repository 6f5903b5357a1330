//! `cargo xtask demo`: the main job on real input. The sample agents become bases, the bases become one tenant's installers, and each
//! of those is read back and compared with what went in. Then the same with signatures that stay, what an admin uploads, the download
//! service, and devices that enroll with what was downloaded: two without root, and three that it is really installed on.

mod agent;
mod devices;
mod installed;
mod report;
mod serve;
mod setup;
mod signed;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use xshell::{Shell, cmd};

use self::report::findings;
use self::setup::{FOLDER, MANIFEST};
use crate::failure::{AtPath, Result};
use crate::{samples, token};

/// The formats of the sample product and the agent that each one carries.
const INSTALLERS: [(&str, &str); 4] = [
    ("msi", "samples/windows-x64/node.exe"),
    ("pkg", "samples/macos-arm64/node"),
    ("deb", "samples/linux-x64/node"),
    ("rpm", "samples/linux-x64/node"),
];

/// One line of the table.
struct Row {
    format: &'static str,
    file: PathBuf,
    bytes: u64,
    build: Duration,
    /// None where building and stamping are one step.
    stamp: Option<Duration>,
    findings: String,
}

/// Runs the main job and prints its table.
pub(crate) fn run(sh: &Shell, given: Option<&Path>) -> Result {
    samples::run(sh)?;
    let stampwright = given.map_or_else(|| program(sh), |given| Ok(given.to_path_buf()))?;
    let token = token::for_tests(sh, FOLDER)?;
    let mut rows = Vec::new();
    for (format, agent) in INSTALLERS {
        rows.push(row(sh, &stampwright, &token, format, agent)?);
    }
    rows.push(intunemac(sh, &stampwright, &token)?);
    print_table(&rows);
    signed::run(sh, &stampwright)?;
    kits(sh, &stampwright)?;
    let service = serve::run(sh, &stampwright)?;
    devices::run(sh, &stampwright, &service)?;
    installed::run(sh, &stampwright, &service)?;
    println!(
        "\nThe token is in {token}; what one of them is and whose: {} inspect {}",
        stampwright.display(),
        first(&rows)
    );
    Ok(())
}

/// The program as it is shipped.
pub(crate) fn program(sh: &Shell) -> Result<PathBuf> {
    eprintln!("building the program");
    cmd!(sh, "cargo build --quiet --locked --release --package stampwright-cli").quiet().run()?;
    let target = sh.var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
    Ok(PathBuf::from(target).join("release/stampwright"))
}

fn row(sh: &Shell, stampwright: &Path, token: &str, format: &'static str, agent: &str) -> Result<Row> {
    let bases = format!("{FOLDER}/bases");
    eprintln!("building the base for {format}");
    let begin = Instant::now();
    cmd!(sh, "{stampwright} build --product {MANIFEST} --format {format} -o {bases}").quiet().ignore_stderr().run()?;
    let build = begin.elapsed();

    let name = format!("TheOneRMM-Agent.{format}");
    let base = Path::new(&bases).join(&name);
    let file = Path::new(FOLDER).join("installers").join(&name);
    let folder = sh.current_dir().join(FOLDER).join("installers");
    fs::create_dir_all(&folder).at("create", &folder)?;
    let begin = Instant::now();
    cmd!(sh, "{stampwright} stamp {base} --token-file {token} -o {file}").quiet().run()?;
    let stamp = begin.elapsed();

    let full = sh.current_dir().join(&file);
    let bytes = fs::metadata(&full).at("measure", &full)?.len();
    let report =
        cmd!(sh, "{stampwright} verify {file} --base {base} --token-file {token} --agent {agent} --json").quiet();
    let findings = findings(&report.read()?)?;
    Ok(Row { format, file, bytes, build, stamp: Some(stamp), findings })
}

/// `make` does all in one and wraps the package for Intune; its package must be the one that was built and stamped apart.
fn intunemac(sh: &Shell, stampwright: &Path, token: &str) -> Result<Row> {
    let made = format!("{FOLDER}/made");
    eprintln!("making the package and its Intune-ready archive");
    let begin = Instant::now();
    let make = cmd!(sh, "{stampwright} make --product {MANIFEST} --format pkg --token-file {token} -o {made}");
    make.quiet().ignore_stderr().run()?;
    let build = begin.elapsed();
    let [apart, at_once] = ["installers", "made"].map(|folder| format!("{FOLDER}/{folder}/TheOneRMM-Agent.pkg"));
    cmd!(sh, "cmp {apart} {at_once}").quiet().run()?;
    let file = Path::new(&made).join("TheOneRMM-Agent.intunemac");
    let full = sh.current_dir().join(&file);
    let bytes = fs::metadata(&full).at("measure", &full)?.len();
    let findings = "around the pkg above, byte for byte".to_owned();
    Ok(Row { format: "intunemac", file, bytes, build, stamp: None, findings })
}

/// What an admin uploads, of the installers above.
fn kits(sh: &Shell, stampwright: &Path) -> Result {
    println!("\n{:<11}{:<22}files", "kit of", "for");
    for (format, systems) in [("msi", "intune,gpo"), ("pkg", "intune,jamf")] {
        let folder = format!("{FOLDER}/kit-{format}");
        let full = sh.current_dir().join(&folder);
        if full.exists() {
            fs::remove_dir_all(&full).at("remove", &full)?;
        }
        let kit =
            cmd!(sh, "{stampwright} kit {FOLDER}/installers/TheOneRMM-Agent.{format} --for {systems} -o {folder}");
        kit.quiet().ignore_stderr().run()?;
        let mut names: Vec<String> = sh
            .read_dir(&full)?
            .iter()
            .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
            .collect();
        names.sort();
        println!("{format:<11}{systems:<22}{folder}: {}", names.join(", "));
    }
    Ok(())
}

fn print_table(rows: &[Row]) {
    println!("\n{:<11}{:<46}{:>12}{:>10}{:>10}  findings", "format", "file", "bytes", "build", "stamp");
    for row in rows {
        let Row { format, bytes, findings, .. } = row;
        let (file, build_secs) = (row.file.display(), row.build.as_secs_f64());
        let stamp = row.stamp.map(|stamp| format!("{:.0} ms", stamp.as_secs_f64() * 1000.0)).unwrap_or_default();
        println!("{format:<11}{file:<46}{bytes:>12}{build_secs:>8.1} s{stamp:>10}  {findings}");
    }
}

fn first(rows: &[Row]) -> String {
    rows.first().map(|row| row.file.display().to_string()).unwrap_or_default()
}
