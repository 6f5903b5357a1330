//! A client that costs next to nothing: what has come is dropped in the kernel (`MSG_TRUNC`, tcp(7)), as a network card takes it from a server. A client
//! that copies is what limits both servers over loopback, and the kernel then counts a part of its work as theirs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::retry_on_intr;
use rustix::net::RecvFlags;
use rustix::thread::{CpuSet, sched_setaffinity};

use super::load::Load;
use crate::failure::{AtPath, Failure, Result};

/// The longest head of an answer.
const MOST_HEAD_BYTES: usize = 16 << 10;
/// How much is dropped at once.
const DROP_BYTES: usize = 1 << 20;
/// How long a server may send nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is asked of a server: as many whole files as it gives in some seconds, on so many connections.
pub(super) struct Sink<'a> {
    /// `IP:PORT`.
    pub(super) address: &'a str,
    /// The next request.
    pub(super) request: &'a (dyn Fn() -> String + Sync),
    pub(super) connections: usize,
    pub(super) secs: u64,
    /// The processors of the client.
    pub(super) processors: Range<usize>,
}

impl Sink<'_> {
    /// Asks; `cpu_secs` says what the server's processes have needed so far.
    pub(super) fn run(&self, cpu_secs: &dyn Fn() -> Result<f64>) -> Result<Load> {
        let (bytes, begin, before) = (AtomicU64::new(0), Barrier::new(self.connections + 1), cpu_secs()?);
        thread::scope(|scope| {
            let clients: Vec<_> = (0..self.connections).map(|_| scope.spawn(|| self.client(&bytes, &begin))).collect();
            begin.wait();
            let started = Instant::now();
            thread::sleep(Duration::from_secs(self.secs));
            let (gb, took) = (bytes.load(Ordering::Relaxed) as f64 / 1e9, started.elapsed().as_secs_f64());
            let needed = cpu_secs()? - before;
            for client in clients {
                client.join().map_err(|_| Failure::answer("a client", "it panicked"))??;
            }
            Ok(Load { gb_per_second: gb / took, cpu_per_gb: needed / gb })
        })
    }

    /// One connection, until the time is over.
    fn client(&self, bytes: &AtomicU64, begin: &Barrier) -> Result {
        let mut set = CpuSet::new();
        self.processors.clone().for_each(|processor| set.set(processor));
        let connected =
            sched_setaffinity(None, &set).map_err(Into::into).and_then(|()| TcpStream::connect(self.address));
        begin.wait();
        let until = Instant::now() + Duration::from_secs(self.secs);
        let mut stream = connected.at("connect to", self.address)?;
        stream.set_read_timeout(Some(PATIENCE)).at("set up", self.address)?;
        let mut drain = vec![0; DROP_BYTES];
        while Instant::now() < until {
            let request = (self.request)();
            stream.write_all(request.as_bytes()).at("write to", self.address)?;
            let mut left = head(&mut stream, self.address)?;
            while left > 0 && Instant::now() < until {
                let wanted = usize::try_from(left).unwrap_or(DROP_BYTES).min(DROP_BYTES);
                let buffer = drain.get_mut(..wanted).unwrap_or_default();
                let dropped = retry_on_intr(|| rustix::net::recv(&stream, &mut *buffer, RecvFlags::TRUNC));
                let (dropped, _) = dropped.map_err(Into::into).at("read from", self.address)?;
                if dropped == 0 {
                    return Err(Failure::answer(self.address, format!("it ended {left} bytes too early")));
                }
                left -= dropped as u64;
                bytes.fetch_add(dropped as u64, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}

/// Reads an answer's head, and gives how many bytes of the body follow that were not read with it.
fn head(stream: &mut TcpStream, address: &str) -> Result<u64> {
    let mut found = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let read = stream.read(&mut buffer).at("read from", address)?;
        found.extend(buffer.iter().take(read));
        if let Some(end) = found.windows(4).position(|four| four == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(found.get(..end).unwrap_or_default()).into_owned();
            let length = length(&text).ok_or_else(|| Failure::answer(address, text.clone()))?;
            return Ok(length.saturating_sub((found.len() - end - 4) as u64));
        }
        if read == 0 || found.len() > MOST_HEAD_BYTES {
            return Err(Failure::answer(address, "no head of an answer"));
        }
    }
}

/// The length of the body of a whole answer, by its head.
fn length(head: &str) -> Option<u64> {
    let (first, fields) = head.split_once("\r\n")?;
    let is_length = |line: &&str| line.to_ascii_lowercase().starts_with("content-length:");
    let line = fields.lines().find(is_length).filter(|_| first.split(' ').nth(1) == Some("200"))?;
    line.split_once(':')?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_answer_has_a_length() {
        assert_eq!(length("HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 29000000\r\nETag: y"), Some(29_000_000));
        assert_eq!(length("HTTP/1.1 206 Partial Content\r\ncontent-length: 5"), None);
        assert_eq!(length("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked"), None);
    }
}
