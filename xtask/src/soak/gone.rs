//! Ten thousand clients that go in the middle of a download: nothing of them may stay.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::failure::{AtPath, Result};
use crate::serving::{Serving, said};

/// How many go.
const CLIENTS: usize = 10_000;
/// At once.
const AT_ONCE: usize = 4;
/// What each of them has read when it goes: less than the buffers between them hold.
const READ: usize = 64 << 10;
/// What the service may need more afterwards: its allocator keeps what four downloads needed.
const MAX_GROWTH_KIB: u64 = 8 << 10;

/// What a process holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    descriptors: usize,
    threads: u64,
    resident_kib: u64,
}

impl Held {
    pub(super) fn by(serving: &Serving) -> Result<Self> {
        let folder = format!("/proc/{}/fd", serving.id());
        let descriptors = fs::read_dir(&folder).at("list", &folder)?.count();
        Ok(Self { descriptors, threads: serving.status("Threads")?, resident_kib: serving.resident_kib()? })
    }
}

/// Downloads of a token of which only the start is read. `product` is larger than what the buffers between client and service hold.
pub(super) fn run(serving: &Serving, product: &str, token: &str) -> Result {
    // The first ones make what all of them share.
    go(serving, product, token, CLIENTS / 10)?;
    settle(serving)?;
    let before = Held::by(serving)?;
    go(serving, product, token, CLIENTS - CLIENTS / 10)?;
    settle(serving)?;
    let after = Held::by(serving)?;
    println!("{CLIENTS} clients went in the middle: {before:?}, then {after:?}");
    // A connection that is just being closed, and the one that asks.
    if after.descriptors > before.descriptors + 2 {
        return Err(said(format!("it had {} descriptors and has {}", before.descriptors, after.descriptors)));
    }
    // Threads for blocking work come and go with it.
    if after.threads > before.threads + 64 {
        return Err(said(format!("it had {} threads and has {}", before.threads, after.threads)));
    }
    if after.resident_kib > before.resident_kib + MAX_GROWTH_KIB {
        return Err(said(format!("it has grown from {} to {} KiB", before.resident_kib, after.resident_kib)));
    }
    Ok(())
}

fn go(serving: &Serving, product: &str, token: &str, clients: usize) -> Result {
    let key = format!("{}/key.header", serving.folder);
    let key = fs::read_to_string(crate::root::root().join(&key)).at("read", &key)?;
    let body = json!({ "product": product, "token_id": token }).to_string();
    let host = serving.address.trim_start_matches("http://").to_owned();
    let request = format!(
        "POST /v1/installers HTTP/1.1\r\nHost: {host}\r\n{key}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    thread::scope(|scope| {
        let (each, host, request) = (clients / AT_ONCE, &host, &request);
        let some: Vec<_> =
            (0..AT_ONCE).map(|_| scope.spawn(move || (0..each).try_for_each(|_| one(host, request)))).collect();
        some.into_iter().try_for_each(|client| client.join().map_err(|_| said("a client panicked"))?)
    })
}

/// A client that reads a little and goes.
fn one(host: &str, request: &str) -> Result {
    let mut stream = TcpStream::connect(host).at("connect to", host)?;
    stream.write_all(request.as_bytes()).at("write to", host)?;
    let mut start = vec![0; READ];
    stream.read_exact(&mut start).at("read from", host)?;
    if start.starts_with(b"HTTP/1.1 200 ") { Ok(()) } else { Err(said("a client got other than an installer")) }
}

/// Waits until no download and no connection is open but the one that asks.
fn settle(serving: &Serving) -> Result {
    for _ in 0..150 {
        let metrics = serving.metrics()?;
        let value = |name: &str| metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
        if value("stampwright_downloads_running") == Some(0)
            && value("stampwright_connections").is_some_and(|open| open <= 1)
        {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(200));
    }
    Err(said("downloads or connections of clients that have gone are still open"))
}
