use super::look::{judge_macos, judge_systemd, judge_windows};
use crate::agent::tests::{Server, device};

#[test]
fn a_device_without_a_token_and_without_a_server_has_one_cause() {
    let device = device("http://127.0.0.1:1", None);
    let report = device.kit.doctor();
    let ids: Vec<_> =
        report.findings.iter().map(|finding| finding.id).filter(|id| !id.starts_with("service")).collect();
    assert_eq!(ids, ["port-refused", "token-missing"]);
    assert_eq!(report.exit_status(), 1);
    assert!(report.text().contains("do:   install a stamped package"));
}

#[test]
fn the_reason_of_the_server_is_named() {
    for name in [
        "token-expired",
        "token-revoked",
        "token-exhausted",
        "wrong-product",
        "not-pre-enrolled",
        "allocation-exhausted",
    ] {
        let server = Server::start();
        server.refuse(name);
        let device = device(&server.url(), Some("token-1"));
        device.kit.start().unwrap().step();
        let report = device.kit.doctor();
        let first = report.findings.iter().find(|finding| !finding.id.starts_with("service")).unwrap();
        assert_eq!(first.id, name);
        assert!(!report.json().contains("token-1"), "the token is in the report");
    }
}

#[test]
fn a_portal_is_named() {
    let server = Server::start();
    server.be_a_portal();
    let device = device(&server.url(), Some("token-1"));
    let report = device.kit.doctor();
    assert!(report.findings.iter().any(|finding| finding.id == "captive-portal"), "{}", report.text());
}

#[test]
fn an_enrolled_device_is_healthy() {
    let server = Server::start();
    let device = device(&server.url(), Some("token-1"));
    let mut agent = device.kit.start().unwrap();
    agent.step();
    agent.step();
    let report = device.kit.doctor();
    let others: Vec<_> = report.findings.iter().filter(|finding| !finding.id.starts_with("service")).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn service_managers_are_understood() {
    let systemd = |load, active, sub, file, restarts| {
        judge_systemd(&format!(
            "LoadState={load}\nActiveState={active}\nSubState={sub}\nUnitFileState={file}\nNRestarts={restarts}"
        ))
    };
    assert_eq!(systemd("loaded", "active", "running", "enabled", 0), None);
    assert_eq!(systemd("not-found", "inactive", "dead", "", 0), Some("service-missing"));
    assert_eq!(systemd("loaded", "inactive", "dead", "disabled", 0), Some("service-disabled"));
    assert_eq!(systemd("loaded", "inactive", "dead", "enabled", 0), Some("service-stopped"));
    assert_eq!(systemd("loaded", "activating", "auto-restart", "enabled", 9), Some("service-crashing"));
    assert_eq!(judge_systemd("System has not been booted with systemd"), None);
    assert_eq!(judge_windows("[SC] EnumQueryServicesStatus:OpenService FAILED 1060:"), Some("service-missing"));
    assert_eq!(judge_windows("STATE : 4  RUNNING"), None);
    assert_eq!(judge_windows("STATE : 1  STOPPED"), Some("service-stopped"));
    assert_eq!(judge_macos("Could not find service \"x\" in domain for system"), Some("service-missing"));
    assert_eq!(judge_macos("\tstate = running\n"), None);
    assert_eq!(judge_macos("\tstate = spawn scheduled\n\tlast exit code = 78\n"), Some("service-crashing"));
}

#[test]
fn a_wrong_clock_is_named_and_does_not_keep_the_device_out() {
    let server = Server::start();
    server.be_ahead(86_400 * 365);
    let device = device(&server.url(), Some("token-1"));
    let mut agent = device.kit.start().unwrap();
    agent.step();
    agent.step();
    assert_eq!(agent.device_id(), Some("dev-1"));
    let report = device.kit.doctor();
    assert!(report.findings.iter().any(|finding| finding.id == "clock-wrong"), "{}", report.text());
}
