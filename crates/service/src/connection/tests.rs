//! The guards: hyper and real sockets, and a marker byte in every stand-in.

use std::convert::Infallible;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::stand_in::{MARKER, MAX_BYTES};
use super::*;
use crate::body::part::Part;
use crate::body::tests::{base, content, download, expected, pieces};
use crate::body::{End, Why};
use crate::store::BaseFile;

const LEN: usize = 3_000_000;
const PATIENCE: Duration = Duration::from_secs(3);

/// A server that answers every request with one stamp, and what it was told of the ends.
struct Server {
    address: SocketAddr,
    ends: mpsc::Receiver<End>,
    _runtime: tokio::runtime::Runtime,
    file: Arc<BaseFile>,
    folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        Self::with(LEN)
    }

    fn with(len: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (file, _) = base(folder.path(), len);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, ends) = mpsc::channel();
        let tell = Arc::new(Mutex::new(tell));
        let served = file.clone();
        runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(connection(stream, served.clone(), tell.clone()));
            }
        });
        Self { address, ends, _runtime: runtime, file, folder }
    }

    fn connect(&self) -> std::net::TcpStream {
        let stream = std::net::TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    fn end(&self) -> End {
        self.ends.recv_timeout(Duration::from_secs(20)).unwrap()
    }
}

async fn connection(stream: TcpStream, file: Arc<BaseFile>, tell: Arc<Mutex<mpsc::Sender<End>>>) {
    let queue = Queue::default();
    let io = TokioIo::new(Connection::new(stream, queue.clone(), PATIENCE));
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let (mut body, told) = download(&file, pieces(file.len_bytes()), Some(queue.clone()));
        let tell = tell.clone();
        std::thread::spawn(move || told.recv().map(|end| tell.lock().unwrap().send(end)));
        let is_small = request.uri().path() == "/small";
        let body: http_body_util::combinators::BoxBody<Bytes, std::io::Error> = if is_small {
            body = download(&file, pieces(200), None).0;
            body.boxed()
        } else {
            body.boxed()
        };
        async move { Ok::<_, Infallible>(Response::new(body)) }
    });
    let _ = http1::Builder::new().max_buf_size(64 << 10).serve_connection(io, service).await;
}

/// One response: its body, by `Content-Length`.
fn response(stream: &mut std::net::TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let len = head.split("content-length: ").nth(1).unwrap().split('\r').next().unwrap().parse().unwrap();
    let mut body = vec![0; len];
    stream.read_exact(&mut body)?;
    Ok(body)
}

#[test]
fn every_byte_arrives_and_no_stand_in() {
    let server = Server::start();
    let mut stream = server.connect();
    let wanted = expected(&content(LEN));
    // Three on one connection, then two that were asked for at once, with a small ordinary one between them.
    for _ in 0..3 {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let body = response(&mut stream).unwrap();
        assert!(!body.contains(&MARKER), "a stand-in was sent");
        assert!(body == wanted);
        assert_eq!(server.end(), End { sent: wanted.len() as u64, why: Why::Done });
    }
    stream
        .write_all(
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /small HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        )
        .unwrap();
    assert!(response(&mut stream).unwrap() == wanted);
    assert_eq!(response(&mut stream).unwrap(), expected(&content(200)));
    assert!(response(&mut stream).unwrap() == wanted);
}

#[test]
fn head_makes_no_stand_in_and_the_connection_goes_on() {
    let server = Server::start();
    let mut stream = server.connect();
    stream
        .write_all(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let wanted = expected(&content(LEN));
    assert!(all.ends_with(&wanted) && !all[..all.len() - wanted.len()].contains(&MARKER));
}

#[test]
fn slow_readers_get_every_byte() {
    let server = Server::start();
    let mut stream = server.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(response(&mut stream).unwrap() == expected(&content(LEN)));
}

#[test]
fn who_takes_nothing_for_too_long_is_left() {
    let server = Server::with(24 << 20);
    let mut stream = server.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let end = server.end();
    assert!(end.why == Why::ClientGone && end.sent < 24 << 20, "{end:?}");
}

#[test]
fn clients_that_go_are_noticed_and_leave_nothing() {
    let server = Server::start();
    let before = Arc::strong_count(&server.file);
    for _ in 0..50 {
        let mut stream = server.connect();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut some = [0; 100];
        stream.read_exact(&mut some).unwrap();
        stream.shutdown(Shutdown::Both).unwrap();
        drop(stream);
        let end = server.end();
        // A socket's buffer may take the whole body before the client goes.
        assert!(matches!(end.why, Why::ClientGone | Why::Done), "{end:?}");
    }
    let left = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        Arc::strong_count(&server.file) <= before
    });
    assert!(left, "something still holds the base");
}

#[test]
fn a_changed_base_never_gives_a_whole_body() {
    for change in ["truncate", "rewrite", "replace"] {
        // More than the buffers of two sockets: the client does not read, so the server stops in the middle.
        const LEN: usize = 24 << 20;
        let server = Server::with(LEN);
        let mut stream = server.connect();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut some = vec![0; 1000];
        stream.read_exact(&mut some).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        let path = server.folder.path().join("base");
        match change {
            "truncate" => fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1000).unwrap(),
            "rewrite" => fs::OpenOptions::new().write(true).open(&path).unwrap().write_all(b"other").unwrap(),
            _ => {
                fs::write(server.folder.path().join("new"), b"other").unwrap();
                fs::rename(server.folder.path().join("new"), &path).unwrap();
            }
        }
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        let end = server.end();
        assert_eq!(end.why, Why::BaseChanged, "{change}");
        assert!(!rest.ends_with(b"tail with a token"), "{change}: it looks whole");
    }
}

#[test]
fn a_base_in_memory_cannot_be_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (_, content) = base(folder.path(), 100_000);
    let path = folder.path().join("base");
    let file = Arc::new(BaseFile::open_in_memory(&path, Arc::default()).unwrap());
    fs::write(&path, b"other").unwrap();
    file.check().unwrap();
    let mut read = vec![0; 100_000];
    file.read_at(0, &mut read).unwrap();
    assert!(read == content);
    let copy = file.duplicate().unwrap();
    assert!(copy.set_len(5).is_err() && (&copy).write_all(b"other").is_err());
}

#[test]
fn a_stand_in_that_stands_for_nothing_ends_the_connection() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = base(folder.path(), 1000);
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let (queue, other) = (Queue::default(), Queue::default());
        let mut connection = Connection::new(stream, queue.clone(), PATIENCE);
        let (body, _told) = download(&file, pieces(1000), None);
        let progress = body.progress_for_tests();
        let kept = |range| Part::Kept { file: file.clone(), range };

        // Another connection's stand-in.
        let foreign = other.stand_in(kept(0..100), progress.clone()).unwrap();
        assert!(connection.write_all(&foreign).await.is_err());
        // One that was cut.
        let mut cut = queue.stand_in(kept(0..100), progress.clone()).unwrap();
        cut.truncate(50);
        assert!(connection.write_all(&cut).await.is_err());
        // Its own.
        let own = queue.stand_in(kept(3..100), progress.clone()).unwrap();
        connection.write_all(&own).await.unwrap();
        assert!(queue.is_empty());
        let mut got = vec![0; 97];
        client.readable().await.unwrap();
        assert_eq!(client.try_read(&mut got).unwrap(), 97);
        assert_eq!(got, content(1000)[3..100]);
        // What is too long or empty has no stand-in.
        assert!(queue.stand_in(kept(0..0), progress.clone()).is_err());
        assert!(queue.stand_in(kept(0..(MAX_BYTES as u64 + 1)), progress).is_err());
    });
}

#[test]
fn a_stand_in_is_known_by_its_place_not_by_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = base(folder.path(), 1000);
    let queue = Queue::default();
    let (body, _told) = download(&file, pieces(1000), None);
    let stand_in = queue.stand_in(Part::Kept { file, range: 0..100 }, body.progress_for_tests()).unwrap();
    assert!(queue.is_stand_in(&stand_in) && queue.is_stand_in(&stand_in.slice(40..)));
    assert!(!queue.is_stand_in(&Bytes::from(vec![MARKER; 100])) && !queue.is_stand_in(&Bytes::new()));
    assert_eq!(body.size_hint().exact(), Some(expected(&content(1000)).len() as u64));
}
