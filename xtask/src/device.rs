//! `cargo xtask device`: the probe product's installers on real devices. `make` runs where the cross builds run; `install` runs on
//! Windows or macOS as an administrator, and asks the system itself what became of the installation.

mod log;
mod signatures;

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use clap::Subcommand;
use serde_json::Value;
use sha2::{Digest, Sha256};
use xshell::{Shell, cmd};

use crate::failure::{AtPath, Failure, Result};
use crate::{payloads, token};

/// Where `make` puts the installers and their token.
const FOLDER: &str = "target/device";

/// What the manifests in `payloads/probe` say.
const SERVICE: &str = "probe-agent";
const BUNDLE_ID: &str = "example.stampwright.probe";
const KEY: &str = r"HKLM\SOFTWARE\Stampwright\Probe Agent";
const WINDOWS_PUBLISHER: &str = r"C:\ProgramData\Stampwright";
const WINDOWS_STATE: &str = r"C:\ProgramData\Stampwright\Probe Agent";
const WINDOWS_LOG: &str = r"C:\Windows\Temp\probe-agent.log";
const MACOS_LOG: &str = "/Library/Logs/probe-agent.log";
const MACOS_STATE_ABOVE: &str = "/Library/Application Support/Stampwright";
const MACOS_TOKEN: &str = "/Library/Application Support/Stampwright/Probe Agent/enrollment-token";

#[derive(Subcommand)]
pub(crate) enum Device {
    /// Build the probe for every platform and make its installers, in target/device/
    Make,
    /// Install one, see that its service runs and has found its token, remove it
    Install {
        /// The .msi or .pkg that `make` made
        installer: String,
    },
    /// Sign a base with a throwaway key, prepare it, stamp it, and ask the system what it says of the three signatures
    Signatures {
        /// The .msi or .pkg without a token that `make` made
        base: String,
    },
}

pub(crate) fn run(sh: &Shell, device: &Device) -> Result {
    match device {
        Device::Make => make(sh),
        Device::Install { installer } if installer.ends_with(".msi") => install_msi(sh, Path::new(installer)),
        Device::Install { installer } if installer.ends_with(".pkg") => install_pkg(sh, Path::new(installer)),
        Device::Signatures { base } => signatures::run(sh, Path::new(base), FOLDER),
        Device::Install { installer } => Err(Failure::answer(installer.as_str(), "it is neither an .msi nor a .pkg")),
    }
}

fn make(sh: &Shell) -> Result {
    payloads::run(sh, true)?;
    let token = token::for_tests(sh, FOLDER)?;
    for manifest in ["payloads/probe/stampwright.toml", "payloads/probe/stampwright-macos.toml"] {
        cmd!(sh, "cargo run --quiet -- make --product {manifest} --token-file {token} -o {FOLDER}").quiet().run()?;
        cmd!(sh, "cargo run --quiet -- build --product {manifest} -o {FOLDER}/bases").quiet().run()?;
    }
    cmd!(sh, "cargo run --quiet -- make --product payloads/probe/stampwright-macos.toml --token-file {token}")
        .args(["--set", "macos.install-location=application-support", "-o", &format!("{FOLDER}/application-support")])
        .quiet()
        .run()?;
    Ok(())
}

fn install_msi(sh: &Shell, installer: &Path) -> Result {
    the_cabinet_is_00(sh, installer)?;
    let log = Path::new(FOLDER).join("install.log");
    let installed = cmd!(sh, "msiexec /i {installer} /qn /l*v {log}").run();
    if installed.is_err() {
        // UTF-16, and the only place that says why.
        println!("{}", String::from_utf8_lossy(&fs::read(&log).at("read", &log)?).replace('\0', ""));
        installed?;
    }
    let state = cmd!(sh, "sc.exe query {SERVICE}").read()?;
    expect("sc query", &state, "RUNNING")?;
    has_found_its_token(Path::new(WINDOWS_LOG))?;
    let values = cmd!(sh, "reg query {KEY} /v EnrollmentToken").quiet().read()?;
    expect("reg query", &values, "REG_SZ")?;
    the_log_hides_the_token(&log)?;
    folders_are_the_systems(sh)?;
    a_standard_user_changes_no_token(sh, installer, &values)?;
    an_enrolled_device_loses_its_token_at_a_repair(sh, installer)?;

    let nested = Path::new(WINDOWS_STATE).join("db/wal");
    fs::create_dir_all(&nested).at("make", &nested)?;
    fs::write(nested.join("0001"), "identity").at("write", &nested)?;
    cmd!(sh, "msiexec /x {installer} /qn").run()?;
    refused(cmd!(sh, "sc.exe query {SERVICE}"))?;
    refused(cmd!(sh, "reg query {KEY}"))?;
    match Path::new(WINDOWS_STATE).exists() {
        true => Err(Failure::answer(WINDOWS_STATE, "it is still there after the removal")),
        false => Ok(()),
    }
}

/// The cabinet's name is no Identifier, as those of other tools are. That Windows opens it shows in the installation that follows.
fn the_cabinet_is_00(sh: &Shell, installer: &Path) -> Result {
    let installer = sh.current_dir().join(installer);
    let script = format!(
        "$i = New-Object -ComObject WindowsInstaller.Installer; $d = $i.OpenDatabase('{}', 0); \
         $v = $d.OpenView('SELECT `Cabinet` FROM `Media`'); $v.Execute(); $v.Fetch().StringData(1)",
        installer.display()
    );
    expect("WindowsInstaller.Installer", &cmd!(sh, "powershell -NoProfile -Command {script}").read()?, "#00.cab")
}

/// It is not known what Windows masks of a hidden property's value where a table writes it to the registry.
fn the_log_hides_the_token(log: &Path) -> Result {
    let file = Path::new(FOLDER).join("token");
    let token = fs::read_to_string(&file).at("read", &file)?;
    match log::lines_with(&fs::read(log).at("read", log)?, token.trim_end()).first() {
        Some((number, line)) => Err(Failure::answer("msiexec /l*v", format!("line {number} shows the token: {line}"))),
        None => Ok(()),
    }
}

fn folders_are_the_systems(sh: &Shell) -> Result {
    for folder in [WINDOWS_STATE, WINDOWS_PUBLISHER] {
        let script = format!("(Get-Acl '{folder}').Owner");
        expect("Get-Acl", &cmd!(sh, "powershell -NoProfile -Command {script}").read()?, r"NT AUTHORITY\SYSTEM")?;
    }
    Ok(())
}

/// A user who is no administrator repairs the product and brings a token of his own. Whether Windows lets him repair is its own business;
/// the token stays the same.
fn a_standard_user_changes_no_token(sh: &Shell, installer: &Path, before: &str) -> Result {
    let (user, password) = ("stampwright-user", "Throw-away-0");
    cmd!(sh, "net user {user} {password} /add").quiet().ignore_stdout().run()?;
    let installer = sh.current_dir().join(installer);
    let script = format!(
        "$p = ConvertTo-SecureString '{password}' -AsPlainText -Force; \
         $c = New-Object System.Management.Automation.PSCredential '{user}', $p; \
         Start-Process msiexec -Credential $c -Wait -WorkingDirectory C:\\ -ArgumentList \
         '/fvm \"{}\" ENROLLMENTTOKEN=of-mallory REINSTALL=ALL /qn'",
        installer.display()
    );
    cmd!(sh, "powershell -NoProfile -Command {script}").run()?;
    cmd!(sh, "net user {user} /delete").quiet().ignore_stdout().run()?;
    let after = cmd!(sh, "reg query {KEY} /v EnrollmentToken").quiet().read()?;
    if after == before { Ok(()) } else { Err(Failure::answer("reg query", "a standard user has changed the token")) }
}

fn an_enrolled_device_loses_its_token_at_a_repair(sh: &Shell, installer: &Path) -> Result {
    cmd!(sh, "reg add {KEY} /v EnrollmentState /d enrolled /f").quiet().run()?;
    cmd!(sh, "msiexec /fvomus {installer} /qn").run()?;
    refused(cmd!(sh, "reg query {KEY} /v EnrollmentToken"))
}

fn install_pkg(sh: &Shell, installer: &Path) -> Result {
    // Says "no signature" of what was not signed; the words are for the reader of the log.
    cmd!(sh, "pkgutil --check-signature {installer}").ignore_status().run()?;
    cmd!(sh, "sudo installer -verbose -pkg {installer} -target /").run()?;
    let state = cmd!(sh, "sudo launchctl print system/{BUNDLE_ID}").read()?;
    expect("launchctl print", &state, "state = running")?;
    has_found_its_token(Path::new(MACOS_LOG))?;
    let owner = cmd!(sh, "sudo stat -f").args(["%Lp %Su:%Sg", MACOS_TOKEN]).read()?;
    expect("stat", &owner, "600 root:wheel")?;
    let program = state.lines().find_map(|line| line.trim().strip_prefix("program = ")).unwrap_or_default().to_owned();
    if installer.to_string_lossy().contains("application-support") {
        expect("launchctl print", &program, MACOS_STATE_ABOVE)?;
        // An administrator who is not asked for root: he cannot change what root runs.
        for path in [MACOS_STATE_ABOVE, &program] {
            refused(cmd!(sh, "test -w {path}"))?;
        }
    }
    cmd!(sh, "sudo").arg(Path::new(MACOS_TOKEN).with_file_name("uninstall")).run()?;
    refused(cmd!(sh, "sudo launchctl print system/{BUNDLE_ID}"))?;
    for path in [program.as_str(), MACOS_TOKEN] {
        refused(cmd!(sh, "sudo test -e {path}"))?;
    }
    Ok(())
}

/// The service reports the digest of the token that it found: it must be the one that was stamped.
fn has_found_its_token(log: &Path) -> Result {
    let file = Path::new(FOLDER).join("token");
    let token = fs::read_to_string(&file).at("read", &file)?;
    let digest: String = Sha256::digest(token.trim_end()).iter().map(|byte| format!("{byte:02x}")).collect();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(30) {
        let text = fs::read_to_string(log).unwrap_or_default();
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        if let Some(started) = events.into_iter().find(|line| line.get("event").is_some_and(|name| name == "started")) {
            return expect("the service's report", &started.to_string(), &digest);
        }
        thread::sleep(Duration::from_millis(200));
    }
    Err(Failure::answer("the service", format!("it wrote no report to {} within 30 s", log.display())))
}

fn expect(program: &str, answer: &str, part: &str) -> Result {
    println!("{answer}");
    if answer.contains(part) { Ok(()) } else { Err(Failure::answer(program, format!("no `{part}` in: {answer}"))) }
}

fn refused(command: xshell::Cmd<'_>) -> Result {
    let shown = command.to_string();
    match command.ignore_status().output()?.status.success() {
        true => Err(Failure::answer(shown, "it is still there after the removal")),
        false => Ok(()),
    }
}
