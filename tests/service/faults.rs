//! Bases that change, clients that go, a service that is killed: no wrong byte is sent as a success, and no row is lost that a client was told of.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use installer::Kind;
use serde_json::{Value, json};

use super::server::Server;
use crate::support::product::{self, Small};

/// More than the buffers of two sockets take, so that a download stands when its client does not read.
const BULK_BYTES: usize = 40 << 20;

/// A large base, built once.
fn large() -> &'static [u8] {
    static LARGE: OnceLock<Vec<u8>> = OnceLock::new();
    LARGE.get_or_init(|| {
        let small = Small::new();
        let step =
            |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
        let bulk: Vec<u8> = std::iter::successors(Some(1_u64), step)
            .take(BULK_BYTES / 4)
            .flat_map(|state| ((state >> 32) as u32).to_le_bytes())
            .collect();
        fs::write(small.folder.path().join("rules.bin"), bulk).unwrap();
        let format = installer::formats::by_kind(Kind::Rpm).unwrap();
        let agent = small.product.agents_for(Kind::Rpm.platform()).next().unwrap();
        product::build(format, &small.product, agent).unwrap()
    })
}

fn server() -> Server {
    Server::start_with("", |folder| fs::write(folder.join("Large.rpm"), large()).unwrap())
}

fn base(server: &Server) -> Value {
    server.get("admin", "/v1/bases").json()[0].clone()
}

/// Begins a download and reads only its start.
fn begin(server: &Server, token: &str) -> (TcpStream, Vec<u8>) {
    let key = fs::read_to_string(server.path("admin.header")).unwrap();
    let body = json!({ "base": base(server)["sha256"], "token": token }).to_string();
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(
        stream,
        "POST /v1/installers HTTP/1.1\r\nHost: x\r\n{key}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut start = vec![0; 4096];
    stream.read_exact(&mut start).unwrap();
    assert!(start.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&start));
    (stream, start)
}

/// The rest of a download; its length against the one that was promised, and what came.
fn finish(mut stream: TcpStream, mut start: Vec<u8>) -> (u64, Vec<u8>) {
    let mut buf = vec![0; 1 << 20];
    // A reset is an end as well.
    while let Ok(n @ 1..) = stream.read(&mut buf) {
        start.extend(&buf[..n]);
    }
    let end_of_head = start.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8_lossy(&start[..end_of_head]).to_lowercase();
    let promised = head.split("content-length: ").nth(1).unwrap().split('\r').next().unwrap().parse().unwrap();
    (promised, start.split_off(end_of_head))
}

fn stored(server: &Server) -> PathBuf {
    let files = fs::read_dir(server.path("data/store")).unwrap().map(|entry| entry.unwrap().path());
    files.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "rpm")).unwrap()
}

#[test]
fn a_base_that_is_changed_while_it_is_served_never_gives_a_whole_file() {
    for change in ["truncate", "rewrite", "replace"] {
        let server = server();
        let (stream, start) = begin(&server, "t1.acme.0123456789");
        thread::sleep(Duration::from_millis(300));
        let path = stored(&server);
        // Root may write to what is read-only.
        let open = || fs::OpenOptions::new().write(true).open(&path);
        match change {
            "truncate" => open().unwrap().set_len(100_000).unwrap(),
            "rewrite" => open().unwrap().write_all(b"something else").unwrap(),
            _ => {
                fs::write(server.path("data/other"), b"something else").unwrap();
                fs::rename(server.path("data/other"), &path).unwrap();
            }
        }
        let (promised, body) = finish(stream, start);
        assert!((body.len() as u64) < promised, "{change}: the response looks whole");
        server.until("the ledger says why", || server.ledger("")[0]["outcome"] == "base_changed");
        // It heals: the folder's file is imported again.
        server.until("the base is served again", || {
            server.get("admin", "/v1/bases").json().as_array().unwrap().len() == 1
        });
        let (stream, start) = begin(&server, "t1.acme.0123456789");
        let (promised, body) = finish(stream, start);
        assert_eq!(body.len() as u64, promised);
        assert!(installer::formats::open(&body).unwrap().token().unwrap().is_some());
        assert!(server.get("", "/metrics").text().len() > 100);
    }
}

#[test]
fn a_base_that_is_withdrawn_is_sent_to_its_end() {
    let server = server();
    let (stream, start) = begin(&server, "t1.acme.0123456789");
    fs::remove_file(server.path("bases/Large.rpm")).unwrap();
    server.until("the base is withdrawn", || server.get("admin", "/v1/bases").json() == json!([]));
    let (promised, body) = finish(stream, start);
    assert_eq!(body.len() as u64, promised);
    assert!(installer::formats::open(&body).unwrap().token().unwrap().is_some());
    server.until("its file goes with the download", || fs::read_dir(server.path("data/store")).unwrap().count() == 0);
}

#[test]
fn a_thousand_clients_that_go_leave_nothing() {
    let server = server();
    let gone = |count: usize| {
        for _ in 0..count {
            drop(begin(&server, "t1.acme.0123456789"));
        }
        let running = || server.get("", "/metrics").text().contains("downloads_running 0\n");
        server.until("every download has ended", running);
    };
    let descriptors = || fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count();
    let resident_kib = || {
        let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    gone(200);
    let before = (descriptors(), resident_kib());
    gone(1000);
    assert!(descriptors() <= before.0 + 4, "{} descriptors, before {}", descriptors(), before.0);
    assert!(resident_kib() <= before.1 + 8 * 1024, "{} KiB resident, before {}", resident_kib(), before.1);
    assert!(resident_kib() < 100 * 1024);
    // A page of the newest; the end of the last one is written a moment after it.
    let are_ended = || server.ledger("").iter().filter(|row| row["outcome"] == "client_gone").count() == 1000;
    server.until("the ledger has every end", are_ended);
}

#[test]
fn a_stop_lets_downloads_end() {
    let mut server = server();
    let (stream, start) = begin(&server, "t1.acme.0123456789");
    server.signal("TERM");
    thread::sleep(Duration::from_millis(500));
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    assert!(TcpStream::connect(address).is_err(), "new connections are taken");
    let (promised, body) = finish(stream, start);
    assert_eq!(body.len() as u64, promised);
    assert!(server.stop());
}

#[test]
fn what_a_client_was_told_survives_a_kill() {
    let mut server = Server::start();
    let bases = server.get("admin", "/v1/bases").json();
    let deb = bases.as_array().unwrap().iter().find(|base| base["format"] == "deb").unwrap()["sha256"].clone();
    let mut told = Vec::new();
    let mut links = Vec::new();
    for round in 0..6_u64 {
        let wish = json!({ "base": deb, "token": format!("t1.link-{round}.0123456789") });
        let link = server.post("admin", "/v1/links", &wish, &[]).json()["url"].as_str().unwrap().to_owned();
        let got: Vec<(Vec<String>, usize)> = thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|worker| {
                    let (server, deb, link) = (&server, &deb, &link);
                    scope.spawn(move || {
                        let (mut rows, mut taken) = (Vec::new(), 0);
                        for n in 0..200 {
                            let wish = json!({ "base": deb, "token": format!("t1.{round}-{worker}-{n}.0123456789") });
                            let answer = server.post("admin", "/v1/installers", &wish, &["--max-time", "3"]);
                            rows.extend(answer.header("stampwright-installer-id").map(str::to_owned));
                            if n == worker * 2 {
                                let whole = server.curl("", link, &["--max-time", "3"]);
                                taken += usize::from(whole.head.starts_with("HTTP/1.1 200"));
                            }
                            if answer.status == 0 {
                                break;
                            }
                        }
                        (rows, taken)
                    })
                })
                .collect();
            thread::sleep(Duration::from_millis(300 + round * 137));
            server.signal("KILL");
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        links.push((link, got.iter().map(|(_, taken)| taken).sum::<usize>()));
        told.extend(got.into_iter().flat_map(|(rows, _)| rows));
        server.kill_and_restart();
    }
    assert!(told.len() > 20, "only {} answers came", told.len());
    for id in &told {
        assert_eq!(server.get("admin", &format!("/v1/installers/{id}")).status, 200, "the row {id} is lost");
    }
    for (link, taken) in links {
        let path = link.split_once("/d/").unwrap().1;
        let now = server.get("", &format!("/d/{path}")).status;
        let all = taken + usize::from(now == 200);
        assert!(all <= 1, "a link was used {all} times");
    }
}
