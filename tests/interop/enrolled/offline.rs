//! Devices without a network: the request and the answer are files that somebody carries. The agent runs where there is no network at all.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use installer::format::Kind;
use serde_json::json;

use super::super::boot::is_root;
use super::device::Device;
use super::{Vendor, approve};
use crate::service::server::Answer;
use crate::support::{judge, missing};

/// A device, and the files that are carried.
struct Island<'a> {
    vendor: &'a Vendor,
    device: Device,
    request: PathBuf,
    answer: PathBuf,
}

impl<'a> Island<'a> {
    fn new(vendor: &'a Vendor, name: &str, token: &str) -> Self {
        let file = |what: &str| vendor.path(&format!("{name}.{what}"));
        Self { vendor, device: Device::new(vendor, name, token), request: file("request"), answer: file("answer") }
    }

    /// The agent in a namespace whose only network is itself.
    fn agent(&self, arguments: &[&str]) -> String {
        let mut alone = Command::new("unshare");
        alone.arg("--net").arg(self.device.program());
        self.device.agent_with(alone, arguments)
    }

    /// The device writes its request anew, and an admin brings it to the service.
    fn brings(&self) -> Answer {
        let _ = fs::remove_file(&self.request);
        let said = self.agent(&["request", "-o", self.request.to_str().unwrap()]);
        assert!(self.request.is_file(), "{said}");
        self.upload(&fs::read_to_string(&self.request).unwrap())
    }

    fn upload(&self, request: &str) -> Answer {
        let carried = self.vendor.path("carried");
        fs::write(&carried, request).unwrap();
        let data = format!("@{}", carried.display());
        let more = ["-X", "POST", "-H", "content-type: application/jose", "--data-binary", &data];
        self.vendor.server.curl("admin", "/v1/enrollments/offline", &more)
    }

    fn imports(&self, answer: &str) -> String {
        fs::write(&self.answer, answer).unwrap();
        self.agent(&["import", self.answer.to_str().unwrap()])
    }
}

fn vendor(rules: &str) -> Option<Vendor> {
    if !is_root() {
        missing("root, to take an agent's network away");
        return None;
    }
    judge("unshare")?;
    let vendor = Vendor::with(Kind::Deb, rules)?;
    vendor.publish([1, 4, 2], "/usr/lib/enrolled-agent");
    Some(vendor)
}

#[test]
fn a_device_without_a_network_enrolls_by_files_and_is_enrolled_once_it_connects() {
    let Some(vendor) = vendor("") else { return };
    let (token, other) = (vendor.mint(2), vendor.mint(1));
    let island = Island::new(&vendor, "island", &token.secret);
    let alone = island.agent(&["once"]);
    assert!(!alone.contains("enrolled as"), "there is a network: {alone}");

    let brought = island.brings();
    assert_eq!(brought.status, 200, "{}", brought.text());
    let document = brought.json();
    let (id, answer) = (document["device_id"].as_str().unwrap(), document["answer"].as_str().unwrap());
    assert_eq!((&document["status"], &document["tenant"]), (&json!("enrolled-offline"), &json!("acme")));
    // The same request gets the same record, and no further use.
    assert_eq!(island.brings().json()["device_id"], id);
    assert_eq!(vendor.uses(&token), json!(1));
    assert_eq!(vendor.devices()[0]["status"], "enrolled-offline");

    // An answer for another device, and one that was changed.
    let second = Island::new(&vendor, "second", &other.secret);
    assert!(second.imports(answer).contains("not made for the token"), "another token");
    let cut = &answer[..answer.len() - 2];
    assert!(!island.imports(cut).contains("enrolled as"), "a damaged file");
    let said = island.imports(answer);
    assert!(said.contains(&format!("enrolled as {id}")), "{said}");
    assert_eq!(island.device.state(), "enrolled\n");
    assert!(!island.device.root.join("etc/enrolled-agent/enrollment-token").exists(), "the token is still there");
    assert_eq!(vendor.devices()[0]["status"], "enrolled-offline", "the server has not heard of it");

    // It connects for the first time.
    assert!(island.device.agent(&["once"]).contains("checked in"));
    let devices = vendor.devices();
    assert_eq!((devices.len(), &devices[0]["status"], &devices[0]["id"]), (1, &json!("enrolled"), &json!(id)));
    let carried = [&island.request, &island.answer].map(|file| fs::read_to_string(file).unwrap());
    for text in [vendor.server.log(), carried.concat()] {
        assert!(!text.contains(&token.secret), "the token is in a log or in a file that is carried");
    }
}

#[test]
fn a_request_by_a_file_is_refused_as_one_by_the_network() {
    let Some(vendor) = vendor("approval = true\n") else { return };
    let (token, revoked) = (vendor.mint(1), vendor.mint(1));
    let island = Island::new(&vendor, "island", &token.secret);
    // An admin answers, and the file is brought again.
    let waits = island.brings();
    assert_eq!((waits.status, &waits.json()["reason"]), (202, &json!("approval")), "{}", waits.text());
    approve(&vendor);
    assert_eq!(island.brings().status, 200);

    vendor.revoke(&revoked);
    let late = Island::new(&vendor, "late", &revoked.secret);
    assert_eq!(late.brings().problem(), "token-revoked");
    let request = fs::read_to_string(&island.request).unwrap();
    let parts: Vec<&str> = request.trim().split('.').collect();
    let foreign = fs::read_to_string(&late.request).unwrap();
    let foreign: Vec<&str> = foreign.trim().split('.').collect();
    for (wrong, problem) in [
        ("no request".to_owned(), "bad-request"),
        (format!("{}.{}", parts[0], parts[1]), "bad-request"),
        // Another device's claims below this one's signature, and the other way round.
        (format!("{}.{}.{}", parts[0], foreign[1], parts[2]), "signature-wrong"),
        (format!("{}.{}.{}", foreign[0], parts[1], parts[2]), "signature-wrong"),
        ("x".repeat(70_000), "too-large"),
    ] {
        let refused = island.upload(&wrong);
        assert_eq!(refused.problem(), problem, "{}", refused.text());
    }
    // Each flipped byte of the request is noticed.
    for at in (0..request.trim().len()).step_by(97) {
        let mut bytes = request.trim().as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let refused = island.upload(std::str::from_utf8(&bytes).unwrap());
        assert!((400..500).contains(&refused.status), "byte {at}: {}", refused.text());
    }
    // A key of another tenant, and one that may only look.
    vendor.server.make_key("other", &["tokens"], Some("globex"));
    vendor.server.make_key("looks", &["read"], None);
    let data = format!("@{}", island.request.display());
    for (key, status) in [("other", 403), ("looks", 403), ("", 401)] {
        let refused = vendor.server.curl(key, "/v1/enrollments/offline", &["-X", "POST", "--data-binary", &data]);
        assert_eq!(refused.status, status, "{key}: {}", refused.text());
    }
}
