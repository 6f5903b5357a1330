use super::look::{Found, judge_systemd, judge_windows, management, untrusted};
use crate::agent::tests::{Server, device};

#[test]
fn a_device_without_a_token_and_without_a_server_has_one_cause() {
    let device = device("http://127.0.0.1:1", None);
    let report = device.kit.doctor();
    let ids: Vec<_> = report.findings.iter().map(|finding| finding.id).collect();
    assert_eq!(ids, ["port-refused", "token-missing"]);
    assert_eq!(report.facts.get("service"), None, "this system's service manager was asked about another root");
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
        assert_eq!(report.findings.first().unwrap().id, name);
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
    assert!(report.findings.is_empty(), "{}", report.text());
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
    // The service's name may have any word in it, and the system any language.
    let windows = |state: &str| {
        judge_windows(&format!(
            "SERVICE_NAME: RUNNING 1060 \r\n        TYPE               : 10  WIN32_OWN_PROCESS \r\n        {state}\r\n                                \
             (STOPPABLE, NOT_PAUSABLE, ACCEPTS_SHUTDOWN)\r\n        WIN32_EXIT_CODE    : 0  (0x0)\r\n"
        ))
    };
    assert_eq!(windows("STATE              : 4  RUNNING "), None);
    assert_eq!(windows("STATUS             : 2  START_PENDING "), None);
    assert_eq!(windows("STATE              : 1  STOPPED "), Some("service-stopped"));
    assert_eq!(windows("STATE              : 3  STOP_PENDING "), Some("service-stopped"));
    assert_eq!(judge_windows("[SC] EnumQueryServicesStatus:OpenService FEHLER 1060:\r\n"), Some("service-missing"));
    assert_eq!(judge_windows("[SC] OpenService FAILED 5:\r\n\r\nAccess is denied.\r\n"), None, "it may not look");
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

fn ids(report: &super::Report) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.id).filter(|id| !id.starts_with("service")).collect()
}

#[test]
fn a_device_that_is_not_enrolled_is_not_healthy() {
    let server = Server::start();
    let device = device(&server.url(), Some("token-1"));
    let report = device.kit.doctor();
    assert_eq!((ids(&report), report.exit_status()), (vec!["not-enrolled"], 1));
    assert!(report.text().contains("seen: the agent has not tried yet") && !report.text().contains("healthy"));
    let mut agent = device.kit.start().unwrap();
    agent.step();
    agent.step();
    assert!(ids(&device.kit.doctor()).is_empty());
    // A state whose key is gone is none.
    drop(agent);
    std::fs::remove_file(device.path("var/lib/probe-agent/device.key")).unwrap();
    assert_eq!(ids(&device.kit.doctor()), ["token-missing"]);
}

#[test]
fn a_name_that_is_not_found_is_not_a_cut_connection() {
    // No resolver asks for a name with an empty label.
    let device = device("https://a..b", Some("token-1"));
    let event = device.kit.start().unwrap().step().event;
    assert_eq!(event, crate::Event::Network(crate::net::Cause::Dns));
    assert_eq!(ids(&device.kit.doctor())[0], "dns");
}

#[test]
fn a_server_without_enrollment_is_not_a_portal() {
    let server = Server::start();
    server.be_absent();
    let device = device(&server.url(), Some("token-1"));
    assert_eq!(ids(&device.kit.doctor())[0], "no-enrollment-server");
    let event = device.kit.start().unwrap().step().event;
    assert_eq!(event, crate::Event::Network(crate::net::Cause::NotEnrollment));
}

#[test]
fn the_advice_for_a_damaged_state_leads_out() {
    let server = Server::start();
    let device = device(&server.url(), Some("token-1"));
    device.kit.start().unwrap().step();
    let identity = device.path("var/lib/probe-agent/device.json");
    std::fs::write(&identity, "{").unwrap();
    let report = device.kit.doctor();
    let finding = report.findings.iter().find(|finding| finding.id == "state-damaged").unwrap();
    let shown = |path: &std::path::Path| finding.evidence.iter().any(|line| line.contains(&path.display().to_string()));
    let state = device.path("var/lib/probe-agent/enrollment-state");
    assert!(shown(&identity) && shown(&state), "{finding:?}");
    // As it says.
    assert!(device.kit.start().is_err());
    std::fs::remove_file(identity).unwrap();
    std::fs::remove_file(state).unwrap();
    std::fs::write(device.path("etc/probe-agent/enrollment-token"), "token-2").unwrap();
    assert_eq!(device.kit.start().unwrap().step().event, crate::Event::Enrolled("dev-1".into()));
}

#[test]
fn a_full_queue_is_not_said_to_have_lost_anything() {
    let finding = super::causes::finding("queue-full", vec![]);
    assert!(finding.cause.contains("nearly full") && !finding.cause.contains("were dropped"));
}

#[test]
fn the_service_is_asked_for_by_its_own_name() {
    assert_eq!(
        super::look::service_names(&crate::product::tests::product()),
        ("probe-service", "system/com.example.probe".to_owned())
    );
}

#[test]
fn what_only_some_systems_have_is_found_with_its_evidence() {
    use crate::net::Cause;
    let users =
        ["the store of user S-1-5-21-1 has 1 roots that the machine's does not have, the first is AA01".to_owned()];
    let mut found = Found::default();
    untrusted(Cause::Timeout, &users, &mut found);
    untrusted(Cause::TlsUntrusted, &[], &mut found);
    management("Enrolled via DEP: Yes\nMDM enrollment: Yes (User Approved)\n", &mut found);
    assert!(found.findings.is_empty(), "{:?}", found.findings);

    management("Enrolled via DEP: No\nMDM enrollment: No\n", &mut found);
    untrusted(Cause::TlsInspected, &users, &mut found);
    let rows: Vec<_> = found.findings.iter().map(|finding| (finding.id, finding.evidence.join(" | "))).collect();
    // The network stands before the token.
    assert_eq!(
        rows,
        [
            ("root-in-user-store", users[0].clone()),
            ("mdm-not-enrolled", "Enrolled via DEP: No | MDM enrollment: No".to_owned()),
        ]
    );
}
