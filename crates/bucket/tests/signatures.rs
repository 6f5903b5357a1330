//! Signatures against another signer, because the store of the other tests takes any: botocore signs every request of a download and of a
//! composed installer again, and comes to the same.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may fail")]

#[allow(dead_code, unreachable_pub, reason = "other tests have it as a module of theirs, and use other parts")]
#[path = "../../../tests/support/object_store.rs"]
mod object_store;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bucket::{AddressStyle, Bucket, Credentials, NewObject, Piece, Settings, Source};

const MIB: u64 = 1 << 20;
/// When all requests are signed, in seconds since 1970.
const NOW: u64 = 1_700_000_000;
const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const REGION: &str = "eu-central-1";
/// A key with what a path and a header encode.
const BASE: &str = "releases/1.0 (b)/a b+ü~=&.msi";
const STAMP: &str = "0123abcd";
const SIZE: u64 = 12 * MIB;

/// What each of [`requests`] signs, in their order.
const SIGNED: [(&str, &str); 10] = [
    ("GET", "host"),
    ("HEAD", "host;x-amz-checksum-mode"),
    ("GET", "host;if-match;x-amz-checksum-mode"),
    ("POST", "cache-control;content-disposition;content-type;host;x-amz-meta-stampwright-etag"),
    ("PUT", "content-md5;host"),
    ("PUT", "host;x-amz-copy-source;x-amz-copy-source-if-match;x-amz-copy-source-range"),
    ("PUT", "content-md5;host"),
    ("POST", "content-type;host"),
    ("HEAD", "host;x-amz-checksum-mode"),
    ("DELETE", "host"),
];

/// A store that says what is expected of it, and keeps the heads of requests.
struct Recorder {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = heads.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &kept).unwrap();
            }
        });
        Self { address, heads }
    }
}

/// Reads a request, keeps its head, and answers it.
fn answer(mut stream: TcpStream, heads: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let (mut reader, mut head) = (BufReader::new(stream.try_clone()?), String::new());
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head)? > 0, "{head}");
    }
    let lower = head.to_ascii_lowercase();
    let length = lower
        .split_once("\r\ncontent-length:")
        .map_or(0, |(_, rest)| rest.split("\r\n").next().unwrap().trim().parse::<u64>().unwrap());
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    heads.lock().unwrap().push(head.clone());
    let is_copy = lower.contains("\r\nx-amz-copy-source:");
    let body = match head.split(' ').next().unwrap() {
        "GET" if head.contains("list-type=2") => {
            "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>bases</Name><Prefix></Prefix><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys>\
             <IsTruncated>false</IsTruncated></ListBucketResult>"
        }
        "GET" => "whole",
        "POST" if head.contains("uploads=") => {
            "<InitiateMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Bucket>bases</Bucket><Key>out</Key><UploadId>an+upload/id==</UploadId>\
             </InitiateMultipartUploadResult>"
        }
        "POST" => "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>",
        "PUT" if is_copy => "<CopyPartResult><ETag>\"part\"</ETag></CopyPartResult>",
        _ => "",
    };
    let length = if head.starts_with("HEAD") { SIZE } else { body.len() as u64 };
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nETag: \"tag\"\r\nx-amz-meta-stampwright-etag: {STAMP}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}

/// Asks all that there is to ask.
fn requests(style: AddressStyle, session: Option<&str>) -> Vec<String> {
    let recorder = Recorder::start();
    let port = recorder.address.rsplit(':').next().unwrap();
    let (endpoint, host) = match style {
        AddressStyle::Path => (format!("127.0.0.1:{port}"), format!("127.0.0.1:{port}")),
        AddressStyle::Virtual => (format!("localhost:{port}"), format!("bases.localhost:{port}")),
    };
    let settings = Settings {
        bucket: "bases".to_owned(),
        region: REGION.to_owned(),
        endpoint: Some(format!("http://{endpoint}")),
        address_style: Some(style),
        authorities: None,
        timeout: Duration::from_secs(10),
    };
    let bucket = Bucket::new(&settings, Credentials::new(ID, SECRET, session).unwrap(), || NOW).unwrap();
    assert!(bucket.list("releases/1.0 (b)/", 10).unwrap().is_empty());
    assert_eq!(bucket.head(BASE).unwrap().size, SIZE);
    bucket.read(BASE, "\"tag\"", SIZE, &mut Vec::new()).unwrap();
    let object = NewObject {
        key: "out/a+b ü.msi",
        size: SIZE,
        media_type: "application/x-msi",
        file_name: Some("Agent.msi"),
        stamp: STAMP,
    };
    let pieces = [Piece::Put(b"a head"), Piece::Keep(6..SIZE - 6), Piece::Put(b"a tail")];
    let mut read = |_: Range<u64>, buf: &mut [u8]| {
        buf.fill(7);
        Ok(())
    };
    bucket.compose(Source { bucket: "bases", key: BASE, etag: "\"tag\"" }, pieces, object, &mut read).unwrap();
    bucket.delete("out/a+b ü.msi").unwrap();
    let heads = recorder.heads.lock().unwrap().clone();
    let host = format!("\r\nhost: {host}\r\n");
    assert!(heads.iter().all(|head| head.to_ascii_lowercase().contains(&host)), "{heads:?}");
    let has_bucket = |head: &String| head.split(' ').nth(1).unwrap().starts_with("/bases/");
    assert!(heads.iter().all(|head| has_bucket(head) == (style == AddressStyle::Path)), "{heads:?}");
    heads
}

/// What botocore says of them.
fn judged(python: &Path, heads: &[String], secret: &str, session: Option<&str>) -> Vec<String> {
    let mut judge = Command::new(python);
    judge.args(["-c", include_str!("sigv4.py"), ID, secret, session.unwrap_or("-"), REGION, &NOW.to_string()]);
    let mut judge = judge.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    judge.stdin.take().unwrap().write_all(heads.concat().as_bytes()).unwrap();
    let output = judge.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn every_request_is_signed_as_awss_client_signs_it() {
    let Some(python) = object_store::python() else { return };
    let sessions = [None, Some("a-session/of+some=length")];
    for (style, session) in [AddressStyle::Path, AddressStyle::Virtual]
        .into_iter()
        .flat_map(|style| sessions.map(|session| (style, session)))
    {
        let heads = requests(style, session);
        let signed = SIGNED.iter().map(|(method, headers)| format!("{method} {headers} equal"));
        assert_eq!(judged(&python, &heads, SECRET, session), signed.collect::<Vec<_>>());
        // It tells another key, and a header that was changed on its way.
        let other = judged(&python, &heads, "another", session);
        assert!(other.iter().all(|line| line.ends_with(" differs: X-Amz-Signature")), "{other:?}");
        let copy = heads.iter().find(|head| head.contains("x-amz-copy-source")).unwrap();
        let changed = [copy.replace("bytes=5242880-", "bytes=5242881-")];
        assert_ne!(changed[0], *copy);
        assert!(judged(&python, &changed, SECRET, session)[0].ends_with(" differs: X-Amz-Signature"));
    }
}
