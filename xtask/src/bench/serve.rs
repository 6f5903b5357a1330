//! Downloads: `stampwright serve`, which stamps each and writes a row of its ledger before the first byte, beside nginx with the same installer as a
//! static file. wrk asks both, on one machine, in turns.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::json;
use xshell::{Shell, cmd};

use super::measure::median;
use super::page::{SERVING, Section};
use super::setup::FOLDER;
use crate::debian::{self, program};
use crate::failure::{AtPath, Failure, Result};
use crate::serving::{Serving, base, said, text};

/// What an installer has in it beside its program's head, and what it is called.
const SIZES: [(&str, usize); 2] = [("Small", 1 << 20), ("Large", 32 << 20)];
/// Connections that ask, one request after another each.
const CONNECTIONS: &str = "16";

/// How hard they are asked.
pub(super) struct Asked {
    /// Turns of each server.
    pub(super) rounds: usize,
    /// Seconds of each turn.
    pub(super) secs: u64,
}

/// What wrk says of one server, medians of its turns.
struct Load {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// One installer from both.
pub(super) struct Served {
    bytes: u64,
    ours: Load,
    nginx: Load,
}

/// Measures both servers with both installers.
pub(super) fn run(sh: &Shell, stampwright: &Path, asked: &Asked) -> Result<Vec<Served>> {
    debian::ensure(sh, &[program("wrk", "wrk"), program("nginx", "nginx-light"), program("curl", "curl")])?;
    let folder = format!("{FOLDER}/serve");
    let bases = format!("{folder}/bases");
    for (name, bulk) in SIZES {
        base(sh, stampwright, &folder, name, bulk)?;
    }
    let serving = Serving::start(sh, stampwright, &format!("{folder}/service"), &bases)?;
    let files = sh.current_dir().join(&folder).join("nginx/files");
    fs::create_dir_all(&files).at("create", &files)?;
    let mut scripts = Vec::new();
    for (name, _) in SIZES {
        let wish = json!({ "product": name, "token": "t1.bench.0123456789", "uses": 100_000 });
        let url = text(&serving.ask(sh, "POST", "/v1/links", Some(&wish))?, "url")?;
        let file = files.join(name);
        // The address is in a file, as for wrk: arguments can be seen.
        cmd!(sh, "curl -sSf -K - -o {file}").stdin(format!("url = \"{url}\"\n")).quiet().run()?;
        let path = url.strip_prefix(&serving.address).ok_or_else(|| said("a link leads elsewhere"))?;
        scripts.push((script(sh, &folder, &format!("{name}-ours"), path)?, name));
    }
    let nginx = Nginx::start(sh, &format!("{folder}/nginx"))?;
    let mut served = Vec::new();
    for (ours_script, name) in &scripts {
        eprintln!("asking for {name}");
        let nginx_script = script(sh, &folder, &format!("{name}-nginx"), &format!("/{name}"))?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..asked.rounds {
            ours.push(wrk(sh, &serving.address, ours_script, asked.secs)?);
            theirs.push(wrk(sh, &nginx.address, &nginx_script, asked.secs)?);
        }
        let file = files.join(name);
        let bytes = fs::metadata(&file).at("measure", &file)?.len();
        served.push(Served { bytes, ours: middle(&ours), nginx: middle(&theirs) });
    }
    Ok(served)
}

fn middle(loads: &[Load]) -> Load {
    Load {
        per_second: median(loads.iter().map(|load| load.per_second)),
        p50_ms: median(loads.iter().map(|load| load.p50_ms)),
        p99_ms: median(loads.iter().map(|load| load.p99_ms)),
    }
}

/// What wrk asks for.
fn script(sh: &Shell, folder: &str, name: &str, path: &str) -> Result<String> {
    let script = format!("{folder}/{name}.lua");
    let full = sh.current_dir().join(&script);
    fs::write(&full, format!("wrk.path = \"{path}\"\nwrk.headers[\"Accept\"] = \"*/*\"\n")).at("write", &full)?;
    Ok(script)
}

fn wrk(sh: &Shell, address: &str, script: &str, secs: u64) -> Result<Load> {
    let secs = secs.to_string();
    let said =
        cmd!(sh, "wrk -t 2 -c {CONNECTIONS} -d {secs} --timeout 30 --latency -s {script} {address}").quiet().read()?;
    read(&said).ok_or_else(|| Failure::answer("wrk", said.clone()))
}

/// What is of interest of wrk's report; nothing if a request failed.
fn read(report: &str) -> Option<Load> {
    if report.contains("Non-2xx") || report.contains("Socket errors") {
        return None;
    }
    let after = |label: &str| report.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
    Some(Load {
        per_second: after("Requests/sec:")?.parse().ok()?,
        p50_ms: milliseconds(after("50%")?)?,
        p99_ms: milliseconds(after("99%")?)?,
    })
}

/// `1.23ms`, `456.00us`, `1.02s`.
fn milliseconds(text: &str) -> Option<f64> {
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1000.0)];
    units.into_iter().find_map(|(unit, scale)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * scale))
}

/// nginx with Debian's settings for files; it ends with this.
struct Nginx {
    child: Child,
    address: String,
}

const NGINX: &str = "\
daemon off;
USER
worker_processes auto;
pid nginx.pid;
error_log error.log;
events { worker_connections 768; }
http {
    sendfile on;
    tcp_nopush on;
    access_log access.log;
    client_body_temp_path tmp;
    proxy_temp_path tmp;
    fastcgi_temp_path tmp;
    uwsgi_temp_path tmp;
    scgi_temp_path tmp;
    server { listen ADDRESS; root files; }
}
";

impl Nginx {
    fn start(sh: &Shell, folder: &str) -> Result<Self> {
        let full = sh.current_dir().join(folder);
        // A port that was free a moment ago.
        let listener = TcpListener::bind("127.0.0.1:0").at("listen for", "nginx")?;
        let address = listener.local_addr().at("listen for", "nginx")?.to_string();
        drop(listener);
        let is_root = cmd!(sh, "id -u").quiet().read()? == "0";
        let user = if is_root { "user root;" } else { "" };
        let (config, log) = (full.join("nginx.conf"), full.join("nginx.log"));
        fs::write(&config, NGINX.replace("USER", user).replace("ADDRESS", &address)).at("write", &config)?;
        let log = fs::File::create(&log).at("create", &log)?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&full).args(["-c", "nginx.conf", "-e", "error.log"]).stdout(Stdio::null()).stderr(log);
        let nginx = Self { child: command.spawn().at("start", "nginx")?, address: format!("http://{address}") };
        for _ in 0..100 {
            if std::net::TcpStream::connect(&address).is_ok() {
                return Ok(nginx);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(Failure::answer("nginx", format!("it does not listen; see {folder}/nginx.log")))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers go with a master that is asked, not with one that is killed.
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        if asked.is_ok_and(|status| status.success()) {
            let _ = self.child.wait();
        }
    }
}

/// The page's section.
const TEXT: &str = "\
wrk asks both servers on one machine, 16 connections, each for the whole file again and again. nginx has the stamped installer as a static file, with
Debian's settings. The service does for each download what nginx does not: it takes a use of a link, stamps the token, reads the stamp back, and has a row
of the ledger on the disk before the first byte. Run it yourself: `cargo xtask bench serve`.
";

/// The section with the numbers of a run.
pub(super) fn section(served: &[Served], machine: &str) -> Section {
    let mut out = format!("{TEXT}\nOne run on {machine}.\n\n");
    out.push_str("| bytes | server | downloads/s | MB/s | p50 ms | p99 ms |\n|--:|---|--:|--:|--:|--:|\n");
    for Served { bytes, ours, nginx } in served {
        for (name, Load { per_second, p50_ms, p99_ms }) in [("stampwright serve", ours), ("nginx, static file", nginx)]
        {
            let rate = per_second * *bytes as f64 / 1e6;
            // Writing to a String cannot fail.
            let _ = writeln!(out, "| {bytes} | {name} | {per_second:.0} | {rate:.0} | {p50_ms:.1} | {p99_ms:.1} |");
        }
    }
    out.push('\n');
    for Served { bytes, ours, nginx } in served {
        let (rate, median) = (ours.per_second / nginx.per_second, ours.p50_ms / nginx.p50_ms);
        let _ = writeln!(
            out,
            "Of {bytes} bytes: {rate:.2} times the downloads of nginx, {median:.2} times its median time."
        );
    }
    Section { heading: SERVING, text: out }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "Running 5s test @ http://127.0.0.1:1\n  2 threads and 16 connections\n  Latency Distribution\n     50%    1.50ms\n     \
         75%    2.00ms\n     99%  750.00us\n  100 requests in 5.00s, 1.00GB read\nRequests/sec:     20.50\nTransfer/sec:    200.00MB\n";

    #[test]
    fn a_report_is_read() {
        let load = read(REPORT).unwrap();
        assert_eq!((load.per_second, load.p50_ms, load.p99_ms), (20.5, 1.5, 0.75));
        assert!(read(&format!("{REPORT}  Non-2xx or 3xx responses: 3\n")).is_none());
        assert!(read("nothing").is_none());
        assert_eq!(milliseconds("1.25s"), Some(1250.0));
    }
}
