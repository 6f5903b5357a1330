//! Debian's nginx in front, as docs/operations.md says it: what it passes on, and requests of which two readers could see two.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::server::Server;
use crate::support::{judge, product, root};

/// A running nginx; it ends with this.
struct Nginx {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Nginx {
    fn before(nginx: &Path, service: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        // The very lines that operators are told.
        let docs = fs::read_to_string(root().join("docs/operations.md")).unwrap();
        let (_, lines) = docs.split_once("```nginx\n").unwrap();
        let location = lines.split("```").next().unwrap().replace("http://127.0.0.1:8080", service);
        let text = format!(
            "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n\
             client_body_temp_path a;\nproxy_temp_path b;\nfastcgi_temp_path c;\nuwsgi_temp_path d;\nscgi_temp_path e;\n\
             server {{\nlisten {address};\n{location}}}\n}}\n"
        );
        fs::write(folder.path().join("nginx.conf"), text).unwrap();
        let mut command = Command::new(nginx);
        command.arg("-p").arg(folder.path()).args(["-c", "nginx.conf"]).stderr(Stdio::null());
        let nginx = Self { child: command.spawn().unwrap(), address, _folder: folder };
        for _ in 0..200 {
            if TcpStream::connect(&nginx.address).is_ok() {
                return nginx;
            }
            thread::sleep(Duration::from_millis(25));
        }
        panic!("nginx does not listen");
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn server() -> Server {
    Server::start_with("", |folder| {
        for base in product::bases().iter().filter(|base| base.name().ends_with(".pkg")) {
            fs::write(folder.join(base.name()), &base.bytes).unwrap();
        }
    })
}

/// Sends bytes as they are, and reads until the other end closes or says nothing more.
fn raw(address: &str, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    let (mut said, mut buf) = (Vec::new(), [0; 4096]);
    while let Ok(n @ 1..) = stream.read(&mut buf) {
        said.extend_from_slice(&buf[..n]);
    }
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn a_download_goes_through_nginx_as_it_is() {
    let Some(nginx) = judge("nginx") else { return };
    let server = server();
    let nginx = Nginx::before(&nginx, &server.url);
    let wish = json!({ "product": "Example Agent", "platform": "macos", "token": "t1.acme.0123456789" });
    let direct = server.post("admin", "/v1/installers", &wish, &[]);
    let front = format!("http://{}/v1/installers", nginx.address);
    let passed = server.post("admin", &front, &wish, &[]);
    assert!(passed.status == 200 && passed.body == direct.body, "{}", passed.text());
    assert_eq!(passed.header("content-length"), direct.header("content-length"));
    let link = server.post("admin", "/v1/links", &wish, &[]).json();
    let path = link["url"].as_str().unwrap().rsplit_once("/d/").unwrap().1.to_owned();
    let front = format!("http://{}/d/{path}", nginx.address);
    let got = server.curl("", &front, &[]);
    let rest = ["-r", "1000-", "-H", &format!("If-Range: {}", got.header("etag").unwrap())];
    let rest = server.curl("", &front, &rest);
    assert!(rest.status == 206 && rest.body == direct.body[1000..], "{}", rest.text());
}

#[test]
fn of_a_request_that_could_be_two_no_second_one_is_answered() {
    let Some(nginx) = judge("nginx") else { return };
    let server = server();
    let nginx = Nginx::before(&nginx, &server.url);
    let host = "Host: install.example\r\n";
    let inner = format!("GET /v1/smuggled HTTP/1.1\r\n{host}\r\n");
    let chunked = format!("0\r\n\r\n{inner}");
    let requests = [
        // Both lengths (RFC 9112 §6.3).
        format!(
            "POST /v1/tokens HTTP/1.1\r\n{host}Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}",
            chunked.len()
        ),
        format!("POST /v1/tokens HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n{chunked}"),
        // Two lengths.
        format!(
            "POST /v1/tokens HTTP/1.1\r\n{host}Content-Length: 0\r\nContent-Length: {}\r\n\r\n{inner}",
            inner.len()
        ),
        // A length that is a number to some only.
        format!("POST /v1/tokens HTTP/1.1\r\n{host}Content-Length: +0\r\n\r\n{inner}"),
        format!("POST /v1/tokens HTTP/1.1\r\n{host}Content-Length : 0\r\n\r\n{inner}"),
        // An encoding that is one to some only.
        format!("POST /v1/tokens HTTP/1.1\r\n{host}Transfer-Encoding: xchunked\r\n\r\n{chunked}"),
        format!("POST /v1/tokens HTTP/1.1\r\n{host}Transfer-Encoding : chunked\r\n\r\n{chunked}"),
        format!(
            "POST /v1/tokens HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n{chunked}"
        ),
        // A header that goes on in the next line.
        format!(
            "POST /v1/tokens HTTP/1.1\r\n{host}X: a\r\n Transfer-Encoding: chunked\r\nContent-Length: {}\r\n\r\n{chunked}",
            chunked.len()
        ),
        // A chunk's length that overflows.
        format!("POST /v1/tokens HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n{inner}"),
    ];
    let service = server.url.trim_start_matches("http://");
    for request in &requests {
        for address in [service, &nginx.address] {
            let said = raw(address, request);
            // Each answer of the service has the id of a request: one at most, and it is none to the path inside.
            assert!(said.matches("HTTP/1.1 ").count() <= 1, "{address}\n{request}\n---\n{said}");
            assert!(!said.contains("HTTP/1.1 2"), "{address}\n{request}\n---\n{said}");
        }
    }
    // The path inside was asked for by none of them, and the service is well.
    let smuggled = server.log().lines().filter(|line| line.contains("\"route\":\"other\"")).count();
    assert_eq!(smuggled, 0, "{}", server.log());
    assert_eq!(server.get("", "/livez").status, 200);
}
