//! `cargo xtask probe`: proves under Wine, without any installer, that the probe service is a service: started and stopped by the
//! service control manager, with the token it found in its report. A test of an MSI that fails after this one passed is the MSI's fault.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, process};

use serde_json::{Value, json};
use xshell::{Shell, cmd};

use crate::failure::{AtPath, Failure, Result};
use crate::judges;
use crate::systems::wine::Prefix;

const NAME: &str = "stampwright-probe";
const KEY: &str = r"SOFTWARE\Stampwright\Probe alone";
const TOKEN: &str = "probe-token-0123456789";
/// SHA-256 of the token above.
const TOKEN_SHA256: &str = "7ed7d505e4a8ed296c6e87b510f83090ce094bbbd38e38e8a664f1fea4f052b2";

/// Registers, starts, stops and removes the service.
pub(crate) fn run(sh: &Shell) -> Result {
    let prefix = judges::wine_prefix(sh)?;
    let name = format!("probe-{}.log", process::id());
    let log = prefix.join("drive_c").join(&name);
    let folder = std::env::temp_dir().join(format!("probe-{}", process::id()));
    fs::create_dir_all(&folder).at("create", &folder)?;
    let wine = Prefix::open(|name| Command::new(name), prefix.clone(), &folder).at("start wine with", &prefix)?;
    let outcome = live(sh, &log, &format!(r"C:\{name}"));
    cmd!(sh, "wine sc delete {NAME}").quiet().ignore_status().ignore_stdout().ignore_stderr().run()?;
    cmd!(sh, "wine reg delete").args([&format!(r"HKLM\{KEY}"), "/f"]).quiet().ignore_status().ignore_stdout().run()?;
    drop(wine);
    let _ = fs::remove_file(&log);
    let _ = fs::remove_dir_all(&folder);
    outcome
}

fn live(sh: &Shell, log: &Path, log_inside: &str) -> Result {
    let program = sh.current_dir().join("target/payloads/windows-x64/probe-service.exe");
    let program = format!("Z:{}", program.display().to_string().replace('/', "\\"));
    let key = format!(r"HKLM\{KEY}");
    quietly(cmd!(sh, "wine reg add {key} /v EnrollmentToken /d {TOKEN} /f"))?;
    let command = format!(r#""{program}" --log "{log_inside}" --registry-key "{KEY}""#);
    quietly(cmd!(sh, "wine sc create {NAME} binPath= {command} start= demand"))?;

    quietly(cmd!(sh, "wine sc start {NAME}"))?;
    let started = wait_for(log, "started")?;
    let found = started.get("token");
    if found != Some(&json!({ "length": TOKEN.len(), "sha256": TOKEN_SHA256 })) {
        return Err(Failure::answer("probe-service", format!("it started with {started}")));
    }
    let state = cmd!(sh, "wine sc query {NAME}").quiet().read()?;
    if !state.contains("RUNNING") {
        return Err(Failure::answer("sc query", state));
    }
    quietly(cmd!(sh, "wine sc stop {NAME}"))?;
    wait_for(log, "stopped")?;

    quietly(cmd!(sh, "wine {program} --once --enroll --log {log_inside} --registry-key {KEY}"))?;
    let values = cmd!(sh, "wine reg query {key}").quiet().read()?;
    if !values.contains("enrolled") || values.contains("EnrollmentToken") {
        return Err(Failure::answer("reg query after the enrollment", values));
    }
    println!("the probe service starts, reports, stops and enrolls under Wine");
    Ok(())
}

/// Waits for an event in the service's log.
fn wait_for(log: &Path, event: &str) -> Result<Value> {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(20) {
        let text = if log.is_file() { fs::read_to_string(log).at("read", log)? } else { String::new() };
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        if let Some(found) = events.into_iter().find(|line| line.get("event").is_some_and(|name| name == event)) {
            return Ok(found);
        }
        thread::sleep(Duration::from_millis(50));
    }
    Err(Failure::answer("probe-service", format!("no event `{event}` in its log within 20 s")))
}

fn quietly(command: xshell::Cmd<'_>) -> Result {
    Ok(command.quiet().ignore_stdout().ignore_stderr().run()?)
}
