//! The reference edge worker, in Node.js: against its vectors, and in front of the service.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::server::Server;
use crate::support::{both, judge, output, root};

/// The worker, listening; killed when it is dropped.
struct Edge {
    child: Child,
    url: String,
}

impl Edge {
    fn start(node: &std::path::Path, origin: &str) -> Self {
        let script = root().join("tests/edge/listen.mjs");
        let mut child = Command::new(node).arg(script).arg(origin).stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { child, url: format!("http://127.0.0.1:{}/v1/installers", port.trim()) }
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn the_worker_holds_its_vectors() {
    let Some(node) = judge("node") else { return };
    let said = output(Command::new(node).arg(root().join("tests/edge/vectors.mjs")));
    assert!(said.status.success(), "{}", both(&said));
    assert!(String::from_utf8_lossy(&said.stdout).contains("17 cases, 0 failed"), "{}", both(&said));
}

#[test]
fn an_installer_that_the_worker_puts_together_is_the_services_own() {
    let Some(node) = judge("node") else { return };
    let server = Server::start();
    let edge = Edge::start(&node, &server.url);
    let (id, token) = server.mint("acme");
    for base in server.get("admin", "/v1/bases").json().as_array().unwrap() {
        let wish = json!({ "base": base["sha256"], "token": token });
        let own = server.post("admin", "/v1/installers", &wish, &[]);
        assert_eq!(own.status, 200, "{}", own.text());
        let answer = server.post("admin", &edge.url, &wish, &[]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.body == own.body, "{base}: another installer");
        for name in ["etag", "content-length", "content-type", "content-disposition", "cache-control"] {
            assert_eq!(answer.header(name), own.header(name), "{name} of {base}");
        }
        // It goes on where it broke off.
        let from = own.body.len() - 5000;
        let range = format!("Range: bytes={from}-");
        let rest = server.post("admin", &edge.url, &wish, &["-H", &range]);
        assert_eq!(rest.status, 206, "{}", rest.text());
        assert!(rest.body == own.body[from..], "{base}: another rest");
    }
    // The service's refusals come through as they are, and each plan has its row.
    let wish = json!({ "product": "Example Agent", "platform": "windows", "arch": "x64", "token": token });
    assert_eq!(server.post("", &edge.url, &wish, &[]).status, 401);
    assert_eq!(server.post("admin", &format!("/v1/tokens/{id}/revoke"), &json!({}), &[]).status, 204);
    let refused = server.post("admin", &edge.url, &wish, &[]);
    assert_eq!((refused.status, refused.problem().as_str()), (422, "token-refused"), "{}", refused.text());
}
