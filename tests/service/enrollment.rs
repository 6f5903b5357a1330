//! An agent that shares no code with ours enrolls.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::server::Server;
use crate::support::{self, product};

/// What the client in Python says.
pub(super) fn enroll(server: &Server, python: &Path, token: &str) -> Value {
    let mut client = Command::new(python);
    client.args(["-c", include_str!("enroll.py"), &server.url]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut client = client.stderr(Stdio::piped()).spawn().unwrap();
    client.stdin.take().unwrap().write_all(token.as_bytes()).unwrap();
    let output = client.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", support::both(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn an_agent_on_other_peoples_libraries_enrolls_and_a_revoked_token_does_not() {
    let Some(python) = support::python_with("http_message_signatures, jwt, requests") else { return };
    let server = Server::start_with("[enrollment]\nenabled = true\n", |folder| {
        product::bases().iter().for_each(|base| fs::write(folder.join(base.name()), &base.bytes).unwrap());
    });
    let (id, token) = server.mint("acme");
    let device = enroll(&server, &python, &token);
    assert_eq!(device["tenant"], "acme", "{device}");
    let listed = server.get("admin", "/v1/devices").json();
    assert!(listed.to_string().contains(device["device_id"].as_str().unwrap()), "{listed}");

    let revoked = server.post("admin", &format!("/v1/tokens/{id}/revoke"), &json!({}), &[]);
    assert_eq!(revoked.status, 204, "{}", revoked.text());
    let refused = enroll(&server, &python, &token);
    assert!(refused["type"].as_str().unwrap().ends_with(":token-revoked"), "{refused}");
    assert!(!server.log().contains(&token));
}
