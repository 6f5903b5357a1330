//! Downloads: `stampwright serve`, which stamps a token of its own into each and writes a row of its ledger before the first byte, beside nginx with a
//! stamped installer as a static file. One client asks both, on one machine, in turns: a sink, and over TLS wrk.

mod load;
mod nginx;
mod paced;
mod sink;

use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde_json::json;
use xshell::{Shell, cmd};

use self::load::{Load, Turn, cpu_secs};
use self::nginx::Nginx;
use self::paced::{FirstByte, Readers, Wait};
use self::sink::Sink;
use super::measure::median;
use super::page::{SERVING, Section};
use super::setup::FOLDER;
use crate::debian::{self, program};
use crate::failure::{AtPath, Result};
use crate::serving::{Serving, base};

/// Products, by the bytes that their program has; the smallest is for the time to the first byte.
const SIZES: [(&str, usize); 2] = [("Usual", 29_000_000), ("Large", 72_000_000)];
const PROBE: (&str, usize) = ("Probe", 64 << 10);
/// Connections that ask, one request after another each.
const CONNECTIONS: [usize; 3] = [1, 32, 256];
/// Those over TLS.
const TLS_CONNECTIONS: usize = 32;
/// Bases in the service's store.
const BASES: usize = 30;

/// Which processors the servers have, and which their clients: on loopback the kernel does the client's part of a transfer in whichever process
/// runs, and would count it as the server's.
struct Processors {
    servers: Range<usize>,
    clients: Range<usize>,
}

/// What must hold: times nginx's, and the service's largest memory.
const MIN_THROUGHPUT: f64 = 0.9;
const MAX_CPU: f64 = 1.2;
const MAX_TLS_CPU: f64 = 1.0;
const MAX_FIRST_BYTE: f64 = 1.5;
const MAX_PEAK_MIB: f64 = 100.0;

/// How hard they are asked.
pub(super) struct Asked {
    /// Turns of each server.
    pub(super) rounds: usize,
    /// Seconds of each turn.
    pub(super) secs: u64,
}

/// Medians of the turns of both.
struct Pair {
    title: String,
    ours: Load,
    nginx: Load,
    max_cpu: f64,
}

/// What was measured.
pub(super) struct Served {
    pairs: Vec<Pair>,
    first_byte: FirstByte,
    first_byte_of_nginx: Wait,
    peak_mib: f64,
}

/// Both servers with their files.
struct Servers<'a> {
    sh: &'a Shell,
    processors: Processors,
    folder: String,
    plain: Serving,
    tls: Serving,
    nginx: Nginx,
    /// Downloads that were asked for: each has a token of its own.
    asked_before: AtomicU64,
}

/// Measures both servers.
pub(super) fn run(sh: &Shell, stampwright: &Path, asked: &Asked) -> Result<Served> {
    debian::ensure(
        sh,
        &[
            program("wrk", "wrk"),
            program("nginx", "nginx-light"),
            program("curl", "curl"),
            program("openssl", "openssl"),
            program("pgrep", "procps"),
            program("taskset", "util-linux"),
        ],
    )?;
    let servers = Servers::start(sh, stampwright)?;
    let mut pairs = Vec::new();
    for (name, bytes) in SIZES {
        for connections in CONNECTIONS {
            eprintln!("{bytes} bytes on {connections} connections");
            let title = format!("{} MB, {connections} connections", bytes / 1_000_000);
            let pair = servers.drained(name, connections, asked)?;
            pairs.push(Pair { title, ours: pair.0, nginx: pair.1, max_cpu: MAX_CPU });
        }
    }
    let [(name, bytes), _] = SIZES;
    eprintln!("{bytes} bytes over TLS");
    let pair = servers.over_tls(name, asked)?;
    let title = format!("{} MB, TLS, {TLS_CONNECTIONS} connections", bytes / 1_000_000);
    pairs.push(Pair { title, ours: pair.0, nginx: pair.1, max_cpu: MAX_TLS_CPU });
    eprintln!("the time to the first byte");
    let (first_byte, first_byte_of_nginx) = servers.first_bytes(asked.rounds)?;
    let peak_mib = servers.plain.status("VmHWM")? as f64 / 1024.0;
    Ok(Served { pairs, first_byte, first_byte_of_nginx, peak_mib })
}

impl<'a> Servers<'a> {
    fn start(sh: &'a Shell, stampwright: &Path) -> Result<Self> {
        let folder = format!("{FOLDER}/serve");
        let bases = format!("{folder}/bases");
        for (name, bulk) in [SIZES[0], SIZES[1], PROBE] {
            base(sh, stampwright, &folder, name, bulk)?;
        }
        for number in SIZES.len() + 1..BASES {
            base(sh, stampwright, &folder, &format!("Other{number}"), 4096 + number)?;
        }
        let files = sh.current_dir().join(&folder).join("nginx/files");
        fs::create_dir_all(&files).at("create", &files)?;
        let (certificate, key) = (files.with_file_name("tls.pem"), files.with_file_name("tls.key"));
        let options =
            ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "7", "-subj"];
        let options = options.into_iter().chain(["/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]);
        cmd!(sh, "openssl req {options...} -keyout {key} -out {certificate}").quiet().ignore_stderr().run()?;
        // One key asks for everything here; a fleet's server has one for each caller.
        let limits = "[limits]\nrequests-per-second = 1000000\nburst = 1000000\ndownloads = 4096\n";
        let plain = Serving::start_with(sh, stampwright, &format!("{folder}/service"), &bases, limits)?;
        let with_tls =
            format!("{limits}[tls]\ncertificates = '{}'\nkey = '{}'\n", certificate.display(), key.display());
        let tls = Serving::start_with(sh, stampwright, &format!("{folder}/service-tls"), &bases, &with_tls)?;
        let nginx = Nginx::start(sh, &format!("{folder}/nginx"), &certificate, &key)?;
        let processors = Processors::half_and_half()?;
        for id in [plain.id(), tls.id()].into_iter().chain(nginx.processes(sh)?) {
            processors.give_to_server(sh, id)?;
        }
        let servers = Self { sh, processors, folder, plain, tls, nginx, asked_before: AtomicU64::new(0) };
        for (name, _) in [SIZES[0], SIZES[1], PROBE] {
            let file = files.join(name);
            let request = servers.curl(&servers.plain, name, "static")?;
            cmd!(sh, "curl -sSf -K - -o {file}").stdin(request).quiet().run()?;
        }
        Ok(servers)
    }

    /// The header with the key.
    fn header(&self, serving: &Serving) -> Result<String> {
        let path = self.sh.current_dir().join(&serving.folder).join("key.header");
        fs::read_to_string(&path).at("read", &path)
    }

    /// A download for curl's configuration, with a token of its own.
    fn curl(&self, serving: &Serving, product: &str, token: &str) -> Result<String> {
        let body = json!({ "product": product, "token": format!("t1.bench.0123456789-{token}") }).to_string();
        Ok(format!(
            "url = \"{}/v1/installers\"\nheader = \"{}\"\nheader = \"content-type: application/json\"\ndata = \"{}\"\n",
            serving.address,
            self.header(serving)?,
            body.replace('"', "\\\"")
        ))
    }

    /// What wrk asks us for: in each request a token that no other request has.
    fn our_script(&self, serving: &Serving, product: &str) -> Result<String> {
        let header = self.header(serving)?;
        let key = header.trim_start_matches("Authorization: ");
        let text = format!(
            "local threads = 0\n\
             function setup(thread) threads = threads + 1; thread:set(\"id\", threads) end\n\
             function init() n = 0; run = os.time() end\n\
             local headers = {{ [\"Authorization\"] = \"{key}\", [\"Content-Type\"] = \"application/json\" }}\n\
             function request()\n\
             n = n + 1\n\
             local token = \"t1.bench.0123456789-\" .. run .. \"-\" .. id .. \"-\" .. n\n\
             return wrk.format(\"POST\", \"/v1/installers\", headers, '{{\"product\":\"{product}\",\"token\":\"' .. token .. '\"}}')\n\
             end\n"
        );
        self.script("ours", &text)
    }

    fn script(&self, name: &str, text: &str) -> Result<String> {
        let script = format!("{}/{name}.lua", self.folder);
        let full = self.sh.current_dir().join(&script);
        fs::write(&full, text).at("write", &full)?;
        Ok(script)
    }

    /// Medians of both, which take turns, with clients that drop what comes.
    fn drained(&self, product: &str, connections: usize, asked: &Asked) -> Result<(Load, Load)> {
        let (key, asked_before) = (self.header(&self.plain)?, &self.asked_before);
        let of_ours = || {
            let token = format!("t1.bench.0123456789-sink-{}", asked_before.fetch_add(1, Ordering::Relaxed));
            let body = json!({ "product": product, "token": token }).to_string();
            format!(
                "POST /v1/installers HTTP/1.1\r\nHost: bench\r\n{key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        let of_nginx = || format!("GET /{product} HTTP/1.1\r\nHost: bench\r\n\r\n");
        let sink = |address, request| Sink {
            address,
            request,
            connections,
            secs: asked.secs,
            processors: self.processors.clients.clone(),
        };
        let bare = |url: &str| url.trim_start_matches("http://").to_owned();
        let (ours, nginx) = (bare(&self.plain.address), bare(&self.nginx.address));
        let (ours, nginx) = (sink(&ours, &of_ours), sink(&nginx, &of_nginx));
        let workers = self.nginx.workers(self.sh)?;
        in_turns(asked.rounds, &|| ours.run(&|| cpu_secs(self.sh, &[self.plain.id()])), &|| {
            nginx.run(&|| cpu_secs(self.sh, &workers))
        })
    }

    /// The same over TLS, with wrk.
    fn over_tls(&self, product: &str, asked: &Asked) -> Result<(Load, Load)> {
        let ours_script = self.our_script(&self.tls, product)?;
        let nginx_script = self.script("nginx", &format!("wrk.path = \"/{product}\"\n"))?;
        let processors = &self.processors.of_clients();
        let turn =
            |address, script| Turn { address, script, connections: TLS_CONNECTIONS, secs: asked.secs, processors };
        let (ours, nginx) = (turn(&self.tls.address, &ours_script), turn(&self.nginx.https, &nginx_script));
        let workers = self.nginx.workers(self.sh)?;
        in_turns(asked.rounds, &|| ours.run(self.sh, &[self.tls.id()]), &|| nginx.run(self.sh, &workers))
    }

    /// The time to the first byte of both, medians of the turns.
    fn first_bytes(&self, rounds: usize) -> Result<(FirstByte, Wait)> {
        let (sh, clients, folder) = (self.sh, &self.processors.of_clients(), &self.folder);
        let [(large, _), (probe, _)] = [SIZES[0], PROBE];
        let (mut of_ours, mut of_nginx) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            // A request is empty if the key's file has gone, and then curl says so.
            let ours = |product: &'static str| {
                move |number: usize| self.curl(&self.plain, product, &format!("{round}-{number}")).unwrap_or_default()
            };
            let nginx = |product: &str| {
                let url = format!("url = \"{}/{product}\"\n", self.nginx.address);
                move |_: usize| url.clone()
            };
            let readers = Readers::start(sh, clients, folder, &ours(large))?;
            of_ours.push(paced::first_byte(sh, clients, folder, &ours(probe))?);
            drop(readers);
            let readers = Readers::start(sh, clients, folder, &nginx(large))?;
            of_nginx.push(paced::first_byte(sh, clients, folder, &nginx(probe))?);
            drop(readers);
        }
        let middle = |found: &[FirstByte], of: fn(&FirstByte) -> Wait| Wait {
            half: median(found.iter().map(|turn| of(turn).half)),
            most: median(found.iter().map(|turn| of(turn).most)),
        };
        let ours =
            FirstByte { server: middle(&of_ours, |turn| turn.server), whole: middle(&of_ours, |turn| turn.whole) };
        Ok((ours, middle(&of_nginx, |turn| turn.whole)))
    }
}

impl Processors {
    /// One half for the servers, the other for the clients; all for both if there is one alone.
    fn half_and_half() -> Result<Self> {
        let count = thread::available_parallelism().at("count", "the processors")?.get();
        let (servers, clients) = match count {
            1 => (0..1, 0..1),
            _ => (0..count / 2, count / 2..count),
        };
        Ok(Self { servers, clients })
    }

    /// The clients' as taskset(1) takes them.
    fn of_clients(&self) -> String {
        list(&self.clients)
    }

    fn give_to_server(&self, sh: &Shell, process: u32) -> Result {
        let (list, process) = (list(&self.servers), process.to_string());
        Ok(cmd!(sh, "taskset -a -p -c {list} {process}").quiet().ignore_stdout().run()?)
    }
}

fn list(processors: &Range<usize>) -> String {
    format!("{}-{}", processors.start, processors.end.saturating_sub(1))
}

/// Medians of two that take turns.
fn in_turns(rounds: usize, ours: &dyn Fn() -> Result<Load>, nginx: &dyn Fn() -> Result<Load>) -> Result<(Load, Load)> {
    let (mut of_ours, mut of_nginx) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        of_ours.push(ours()?);
        of_nginx.push(nginx()?);
    }
    Ok((middle(&of_ours), middle(&of_nginx)))
}

fn middle(loads: &[Load]) -> Load {
    Load {
        gb_per_second: median(loads.iter().map(|load| load.gb_per_second)),
        cpu_per_gb: median(loads.iter().map(|load| load.cpu_per_gb)),
    }
}

impl Served {
    /// What is outside of its bounds, a line each.
    pub(super) fn outside(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut bound = |holds: bool, line: String| {
            if !holds {
                lines.push(line);
            }
        };
        for Pair { title, ours, nginx, max_cpu } in &self.pairs {
            let (rate, cpu) = (ours.gb_per_second / nginx.gb_per_second, ours.cpu_per_gb / nginx.cpu_per_gb);
            bound(
                rate >= MIN_THROUGHPUT,
                format!("{title}: {rate:.2} of nginx's throughput, must be {MIN_THROUGHPUT}"),
            );
            bound(cpu <= *max_cpu, format!("{title}: {cpu:.2} of nginx's CPU for a GB, must be {max_cpu} at most"));
        }
        let ratio = self.first_byte.server.most / self.first_byte_of_nginx.most;
        bound(
            ratio <= MAX_FIRST_BYTE,
            format!("first byte: {ratio:.2} of nginx's p99 without the ledger, must be {MAX_FIRST_BYTE} at most"),
        );
        let peak = self.peak_mib;
        bound(peak <= MAX_PEAK_MIB, format!("memory: {peak:.0} MiB at most, must be {MAX_PEAK_MIB} at most"));
        lines
    }
}

const TEXT: &str = "\
A client asks both servers on one machine, on so many connections, each for the whole file again and again. The kernel drops what has come to it, as a network
card takes it from a server; over TLS the client is wrk. The servers have one half of the processors and the client the other, because over loopback the kernel
does the client's part of a transfer in whichever process runs. nginx has a stamped installer as a static file, with
Debian's settings. The service does for each download what nginx does not: it stamps a token that no other download has, reads the stamp back, and has a row
of the ledger on the disk before the first byte. `cargo xtask bench serve` fails under 0.9 of nginx's throughput, over 1.2 of its CPU time for a GB (over TLS: 1.0),
over 1.5 of its time to the first byte (99 of 100 clients beside 256 that read 1 MiB a second; the ledger's row apart), and over 100 MiB of memory.
";

/// The section with the numbers of a run.
pub(super) fn section(served: &Served, asked: &Asked, run: &str) -> Section {
    let Asked { rounds, secs } = asked;
    let mut out = format!("{TEXT}\n{run} Medians of {rounds} turns of {secs} s.\n\n");
    out.push_str("| | ours GB/s | nginx GB/s | ratio | ours CPU s/GB | nginx CPU s/GB | ratio |\n|---|--:|--:|--:|--:|--:|--:|\n");
    // Writing to a String cannot fail.
    for Pair { title, ours, nginx, .. } in &served.pairs {
        let (rate, cpu) = (ours.gb_per_second / nginx.gb_per_second, ours.cpu_per_gb / nginx.cpu_per_gb);
        let _ = writeln!(
            out,
            "| {title} | {:.2} | {:.2} | {rate:.2} | {:.3} | {:.3} | {cpu:.2} |",
            ours.gb_per_second, nginx.gb_per_second, ours.cpu_per_gb, nginx.cpu_per_gb
        );
    }
    let (FirstByte { server, whole }, nginx) = (served.first_byte, served.first_byte_of_nginx);
    let _ = writeln!(
        out,
        "\nFirst byte beside 256 slow readers, without the ledger's row: half of the clients within {:.2} ms (nginx {:.2}), 99 in 100 within {:.2} ms \
         (nginx {:.2}); with it {:.2} ms and {:.2} ms. The service's memory was {:.0} MiB at most, with {BASES} bases.",
        server.half, nginx.half, server.most, nginx.most, whole.half, whole.most, served.peak_mib
    );
    let outside = served.outside();
    if !outside.is_empty() {
        let _ = writeln!(out, "\nOutside of the bounds in this run:\n");
        outside.iter().for_each(|line| {
            let _ = writeln!(out, "- {line}");
        });
    }
    Section { heading: SERVING, text: out }
}
