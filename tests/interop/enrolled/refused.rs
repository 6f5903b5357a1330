//! What keeps a device out, or puts it out: the agent says which, and so does doctor.

use std::fs;

use installer::format::Kind;
use serde_json::json;

use super::device::Device;
use super::{Token, Vendor, approve};
use crate::support::{both, output, program, run};

/// A token that the service's own issuer has signed, and that the service has neither minted nor stamped.
fn signed(vendor: &Vendor) -> String {
    let (key, out) = (vendor.server.path("data/issuer.key"), vendor.path("signed-token"));
    let mut mint = program();
    mint.args(["token", "mint", "--tenant", "acme", "--product", "Enrolled Agent", "--key"]).arg(key);
    let minted = output(mint.arg("-o").arg(&out));
    assert!(minted.status.success(), "{}", both(&minted));
    fs::read_to_string(out).unwrap()
}

#[test]
fn each_refusal_of_a_token_is_named_by_the_agent_and_by_doctor() {
    let Some(vendor) = Vendor::new(Kind::Deb) else { return };
    vendor.publish([1, 4, 2], "/usr/lib/enrolled-agent");
    let unknown = signed(&vendor);
    let (revoked, once, good) = (vendor.mint(1), vendor.mint(1), vendor.mint(1));
    vendor.revoke(&revoked);
    Device::new(&vendor, "first", &once.secret).enrolls();

    let out = |name: &str, token: &str| Device::new(&vendor, name, token).is_out(name, name);
    out("token-revoked", &revoked.secret);
    out("token-exhausted", &once.secret);
    out("token-unknown", &unknown);
    let other = Device::new(&vendor, "wrong-product", &good.secret);
    other.set("product", "Another Agent");
    other.is_out("wrong-product", "wrong-product");
    let pinned = Device::new(&vendor, "wrong-tenant", &good.secret);
    pinned.write("policy.json", r#"{"ExpectedTenant":"other"}"#);
    pinned.is_out("wrong-tenant", "wrong-tenant");

    let mistyped = Device::new(&vendor, "mistyped", &good.secret);
    mistyped.set("servr", "https://api.example.com");
    let said = mistyped.agent(&["once"]);
    assert!(said.contains("agent.json: servr is none of this file's members"), "{said}");

    // None of them has used a token up, and another token is tried at once.
    assert_eq!([&revoked, &once, &good].map(|token| vendor.uses(token)), [0, 1, 0].map(|uses| json!(uses)));
    assert_eq!(vendor.devices().len(), 1);
    let again = Device { root: vendor.path("token-revoked") };
    again.write("enrollment-token", &good.secret);
    again.enrolls();
}

#[test]
fn the_rules_of_a_tenant_keep_a_device_out_until_they_let_it_in() {
    let refused = |rule: &str, problem: &str, devices: usize| {
        let Some(vendor) = Vendor::with(Kind::Deb, rule) else { return };
        vendor.publish([1, 4, 2], "/usr/lib/enrolled-agent");
        let Token { secret, .. } = vendor.mint(10);
        (0..devices).for_each(|number| Device::new(&vendor, &format!("device-{number}"), &secret).enrolls());
        Device::new(&vendor, "refused", &secret).is_out(problem, problem);
        assert_eq!(vendor.devices().len(), devices);
    };
    refused("allocation = 1\n", "allocation-exhausted", 1);
    refused("pre-enrolled-only = true\n", "not-pre-enrolled", 0);

    let Some(vendor) = Vendor::with(Kind::Deb, "approval = true\n") else { return };
    vendor.publish([1, 4, 2], "/usr/lib/enrolled-agent");
    let device = Device::new(&vendor, "waits", &vendor.mint(1).secret);
    device.is_out("waiting for an admin: approval", "approval-waiting");
    approve(&vendor);
    device.enrolls();
}

#[test]
fn a_retired_device_and_a_copied_one_say_what_they_are() {
    let Some(vendor) = Vendor::new(Kind::Deb) else { return };
    vendor.publish([1, 4, 2], "/usr/lib/enrolled-agent");
    let token = vendor.mint(10);
    let device = Device::new(&vendor, "device", &token.secret);
    device.enrolls();
    let own = vendor.devices()[0]["id"].as_str().unwrap().to_owned();

    // The folder as a disk that was cloned; then both go on.
    let copy = Device { root: vendor.path("copy") };
    run("cp", ["-a".as_ref(), device.root.as_os_str(), copy.root.as_os_str()]);
    for _ in 0..2 {
        assert!(device.agent(&["once"]).contains("checked in"));
    }
    copy.is_out("this is a copy of another device's state; a new key was made", "approval-waiting");
    assert_eq!(vendor.devices().len(), 1);
    approve(&vendor);
    copy.enrolls();
    let devices = vendor.devices();
    assert_eq!((devices.len(), vendor.uses(&token)), (2, json!(1)), "{devices:?}");

    let retired = vendor.server.post("admin", &format!("/v1/devices/{own}/retire"), &json!({}), &[]);
    assert_eq!(retired.status, 204, "{}", retired.text());
    device.is_out("retired by the server", "device-retired");
    assert_eq!(device.state(), "retired\n");
    assert!(copy.agent(&["once"]).contains("checked in"), "the copy has a record of its own");
}
