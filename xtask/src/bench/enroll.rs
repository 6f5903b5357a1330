//! Enrolling: what the agent kit costs a device, and how many devices a server decides on. The agent is the reference agent, which is little more
//! than the kit; the fleet is a client that shares no code with either.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::json;
use xshell::{Shell, cmd};

use super::page::{ENROLLING, Section};
use super::setup::FOLDER;
use crate::failure::{AtPath, Failure, Result};
use crate::kit_size::{self, MOST_BYTES};
use crate::serving::{Serving, base, said, text};
use crate::{judges, payloads};

/// How much is measured.
pub(super) struct Asked {
    /// Devices of the fleet.
    pub(super) devices: u32,
    /// Seconds for which an agent is watched at rest.
    pub(super) rest_secs: u64,
}

/// What was measured.
pub(super) struct Enrolling {
    added_bytes: u64,
    resident_kib: u64,
    /// Of one core.
    busy: f64,
    rest_secs: u64,
    decisions_per_second: f64,
    devices: u32,
    enrollments_per_second: f64,
}

/// Measures all of it.
pub(super) fn run(sh: &Shell, stampwright: &Path, asked: &Asked) -> Result<Enrolling> {
    let agent = payloads::reference_agent(sh)?;
    let folder = format!("{FOLDER}/enroll");
    base(sh, stampwright, &folder, "Fleet", 1 << 16)?;
    let config = "[enrollment]\nenabled = true\n";
    let bases = format!("{folder}/bases");
    let serving = Serving::start_with(sh, stampwright, &format!("{folder}/service"), &bases, config)?;
    let (resident_kib, busy) = at_rest(sh, &serving, &agent, &sh.current_dir().join(&folder), asked.rest_secs)?;
    let enrollments_per_second = fleet(sh, &serving, asked.devices)?;
    let said =
        cmd!(sh, "cargo run --quiet --release --package stampwright-enrollment --example decide").quiet().read()?;
    let decisions_per_second = said.trim().parse().map_err(|_| Failure::answer("the example decide", said.clone()))?;
    Ok(Enrolling {
        added_bytes: kit_size::added(sh, &agent, &sh.current_dir().join(&folder))?,
        resident_kib,
        busy,
        rest_secs: asked.rest_secs,
        decisions_per_second,
        devices: asked.devices,
        enrollments_per_second,
    })
}

/// The agent as a service; it ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Memory of an agent that is enrolled, and how much of a core it needs while it waits for its next check-in.
fn at_rest(sh: &Shell, serving: &Serving, agent: &Path, folder: &Path, secs: u64) -> Result<(u64, f64)> {
    let root = folder.join("device");
    let program = install(sh, serving, agent, &root)?;
    let log = fs::File::create(folder.join("agent.log")).at("create", folder)?;
    let child = Command::new(&program).arg("run").env("NO_PROXY", "127.0.0.1").stderr(log).spawn();
    let running = Running(child.at("start", &program)?);
    let outcome = root.join("var/lib/fleet/outcome.json");
    for _ in 0..200 {
        if fs::read_to_string(&outcome).is_ok_and(|text| text.contains("checked-in")) {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    if !fs::read_to_string(&outcome).is_ok_and(|text| text.contains("checked-in")) {
        return Err(said(format!("the agent did not check in; see {}", folder.join("agent.log").display())));
    }
    thread::sleep(Duration::from_secs(2));
    let id = running.0.id();
    let before = ticks(id)?;
    thread::sleep(Duration::from_secs(secs));
    // A tick is a hundredth of a second (USER_HZ).
    let busy = (ticks(id)?.saturating_sub(before)) as f64 / 100.0 / secs as f64;
    Ok((resident_kib(id)?, busy))
}

/// The agent in a folder, with a token.
fn install(sh: &Shell, serving: &Serving, agent: &Path, root: &Path) -> Result<PathBuf> {
    if root.exists() {
        fs::remove_dir_all(root).at("remove", root)?;
    }
    let (programs, etc) = (root.join("usr/lib/fleet"), root.join("etc/fleet"));
    for folder in [&programs, &etc] {
        fs::create_dir_all(folder).at("create", folder)?;
    }
    let program = programs.join("reference-agent");
    fs::copy(agent, &program).at("copy to", &program)?;
    let config = json!({
        "product": "Fleet", "publisher-folder": "Example", "folder": "Fleet", "package": "fleet", "bundle-id": "com.example.fleet",
        "version": [1, 0, 0], "server": serving.address, "fingerprint-key": "07".repeat(32), "first-try-secs": 1,
        "root": "../../..",
    });
    for (path, text) in
        [(programs.join("agent.json"), config.to_string()), (etc.join("enrollment-token"), token(sh, serving)?)]
    {
        fs::write(&path, text).at("write", &path)?;
    }
    Ok(program)
}

fn token(sh: &Shell, serving: &Serving) -> Result<String> {
    let wish = json!({ "tenant": "acme", "product": "Fleet" });
    text(&serving.ask(sh, "POST", "/v1/tokens", Some(&wish))?, "token")
}

/// User and system time of a process (proc(5), fields 14 and 15 of stat, behind the name in parentheses).
fn ticks(id: u32) -> Result<u64> {
    let path = format!("/proc/{id}/stat");
    let text = fs::read_to_string(&path).at("read", &path)?;
    let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let of = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    let both = of(11).zip(of(12)).map(|(user, system)| user + system);
    both.ok_or_else(|| said(format!("{path} has no times")))
}

fn resident_kib(id: u32) -> Result<u64> {
    let path = format!("/proc/{id}/status");
    let text = fs::read_to_string(&path).at("read", &path)?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
    number.ok_or_else(|| said(format!("{path} has no VmRSS")))
}

/// How many devices of a fleet enroll in a second, each written to the disk before it is answered.
fn fleet(sh: &Shell, serving: &Serving, devices: u32) -> Result<f64> {
    let python = judges::from_pypi(sh, "judges", &judges::FROM_PYPI)?.join("python");
    let mut client = Command::new(&python);
    client.args(["-c", include_str!("enroll.py"), &serving.address, &devices.to_string()]);
    let mut client = client.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().at("start", &python)?;
    if let Some(mut stdin) = client.stdin.take() {
        stdin.write_all(token(sh, serving)?.as_bytes()).at("write to", &python)?;
    }
    let output = client.wait_with_output().at("wait for", &python)?;
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<f64> = words.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers.as_slice() {
        [secs, enrolled, refused] if *enrolled == f64::from(devices) && *refused == 0.0 => Ok(enrolled / secs),
        _ => Err(said(format!("not all of the fleet enrolled: {words}"))),
    }
}

/// The section of the page.
pub(super) fn section(measured: &Enrolling, machine: &str) -> Section {
    let mut text = format!(
        "The reference agent is the agent kit and little else; what it has more than a program that does nothing is more than the kit adds to an agent. It\n\
is watched while it waits for its next check-in. A fleet enrolls with one token over two connections, and shares the machine with the service;\n\
each device is on the disk (SQLite, synced) before it is answered. Run it yourself: `cargo xtask bench enroll`.\n\n\
One run on {machine}.\n\n\
| | measured | must be |\n|---|--:|--:|\n"
    );
    let mut row = |what: &str, found: String, limit: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {what} | {found} | {limit} |");
    };
    row("the kit in a stripped agent, bytes", measured.added_bytes.to_string(), &format!("below {MOST_BYTES}"));
    row("resident, MiB", format!("{:.1}", measured.resident_kib as f64 / 1024.0), "below 8");
    let rest = format!("at rest, of one core, over {} s", measured.rest_secs);
    row(&rest, format!("{:.3} %", measured.busy * 100.0), "below 0.1 %");
    row(
        "decisions in memory a second, 32 records beside each",
        format!("{:.0}", measured.decisions_per_second),
        "5000",
    );
    let fleet = format!("enrollments over HTTP a second, {} devices", measured.devices);
    row(&fleet, format!("{:.0}", measured.enrollments_per_second), "500");
    Section { heading: ENROLLING, text }
}
