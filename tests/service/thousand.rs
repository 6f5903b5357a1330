//! A thousand tokens over 64 connections at once: each file is byte for byte what the library makes of its base and its token.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use installer::Token;
use serde_json::{Value, json};
use stampwright::Base;

use super::downloads::{base, hex_digest};
use super::server::Server;
use crate::support::{self, product};

const TOKENS: usize = 1000;
const CONNECTIONS: usize = 64;
/// Of so many files one is given to the program as well.
const SAMPLE: usize = 50;

/// One connection that is kept.
struct Client {
    reader: BufReader<TcpStream>,
    key: String,
}

impl Client {
    fn new(server: &Server) -> Self {
        let stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { reader: BufReader::new(stream), key: fs::read_to_string(server.path("admin.header")).unwrap() }
    }

    /// A POST; gives the answer's head and its body.
    fn post(&mut self, path: &str, wish: &Value) -> (String, Vec<u8>) {
        let (key, body) = (&self.key, wish.to_string());
        let request =
            format!("POST {path} HTTP/1.1\r\nHost: x\r\n{key}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        self.reader.get_mut().write_all(request.as_bytes()).unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(self.reader.read_line(&mut head).unwrap() > 0, "the connection ended: {head}");
        }
        let length = head.to_lowercase().split("content-length: ").nth(1).unwrap().split('\r').next().unwrap().parse();
        let mut body = vec![0; length.unwrap()];
        self.reader.read_exact(&mut body).unwrap();
        (head, body)
    }
}

#[test]
fn a_thousand_files_at_once_are_each_what_the_library_makes() {
    let server = Server::start();
    // Of every format one base, opened by the service and by the library.
    let bases: Vec<(Value, Base)> = ["msi", "pkg", "deb", "rpm"]
        .into_iter()
        .map(|format| {
            let digest = base(&server, format)["sha256"].clone();
            let bytes = product::bases().iter().find(|one| hex_digest(&one.bytes) == digest.as_str().unwrap()).unwrap();
            (digest, Base::options().open_bytes(bytes.bytes.as_slice()).unwrap())
        })
        .collect();
    let (begin, seen) = (Barrier::new(CONNECTIONS), Mutex::new(BTreeSet::new()));
    thread::scope(|scope| {
        for first in 0..CONNECTIONS {
            let (server, bases, begin, seen) = (&server, &bases, &begin, &seen);
            scope.spawn(move || {
                let mut client = Client::new(server);
                begin.wait();
                for n in (first..TOKENS).step_by(CONNECTIONS) {
                    let (digest, base) = &bases[n % bases.len()];
                    let tenant = format!("tenant-{n}");
                    let (_, minted) =
                        client.post("/v1/tokens", &json!({ "tenant": tenant, "product": "Example Agent" }));
                    let minted: Value = serde_json::from_slice(&minted).unwrap();
                    let token = minted["token"].as_str().unwrap_or_else(|| panic!("{minted}")).to_owned();
                    let (head, file) = client.post("/v1/installers", &json!({ "base": digest, "token": token }));
                    assert!(head.starts_with("HTTP/1.1 200"), "{head}{}", String::from_utf8_lossy(&file));
                    assert!(file == stamped(base, &token), "{tenant}: another file came");
                    if n % SAMPLE == 0 {
                        verifies(server, &file, base, n);
                    }
                    assert!(seen.lock().unwrap().insert(token), "a token came twice");
                }
            });
        }
    });
    assert_eq!(seen.lock().unwrap().len(), TOKENS);
    server.until("every row has its end", || server.ledger("").iter().all(|row| row["outcome"] == "done"));
    let rows = server.ledger("");
    let tenants: BTreeSet<_> = rows.iter().map(|row| row["tenant"].as_str().unwrap().to_owned()).collect();
    assert_eq!((rows.len(), tenants.len()), (TOKENS, TOKENS));
    assert!(rows.iter().all(|row| row["bytes"] == row["size"]));
}

/// What the library makes.
fn stamped(base: &Base, token: &str) -> Vec<u8> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let token = base.accept(Token::parse(token.as_bytes()).unwrap(), now).unwrap();
    let mut file = Vec::new();
    base.stamp(&token).unwrap().write_to(&mut file).unwrap();
    file
}

/// The program finds no error in it.
fn verifies(server: &Server, file: &[u8], base: &Base, n: usize) {
    let path = server.path(&format!("{n}.{}", base.kind().extension()));
    fs::write(&path, file).unwrap();
    let said = support::output(support::program().arg("verify").arg(&path));
    assert!(said.status.success(), "{}", support::both(&said));
}
