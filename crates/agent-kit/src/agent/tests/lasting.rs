//! What an agent does about servers and processes that are not as it left them.

use super::*;
use crate::error::Error;
use crate::identity::Outcome;
use crate::jws::tests as issuer;

fn last(server: &Server) -> Value {
    server.with(|memory| memory.requests.last().unwrap().1.clone())
}

fn enrolled(server: &Server, device: &Device) -> Agent {
    let mut agent = device.kit.start().unwrap();
    agent.step();
    assert!(matches!(agent.step().event, Event::CheckedIn(_)));
    assert_eq!(server.with(|memory| memory.uses), 1);
    agent
}

#[test]
fn a_device_whose_record_is_gone_asks_again_with_its_key_and_takes_a_new_token() {
    let server = Server::start();
    let device = device(&server.url(), Some("token-1"));
    let mut agent = enrolled(&server, &device);
    let key = agent.thumbprint().to_owned();
    server.with(|memory| (memory.is_restored, memory.pending) = (true, true));
    assert_eq!(agent.step().event, Event::Anew);
    assert_eq!(device.state().as_deref(), Some("pending\n"), "an installer may bring a new token");
    for _ in 0..2 {
        let next = agent.step();
        assert_eq!((next.event, next.wait.as_secs()), (Event::Pending("approval".into()), 7));
    }
    assert_eq!(
        (last(&server)["previous"]["device_id"].as_str(), last(&server)["token"].is_null()),
        (Some("dev-1"), true)
    );
    // After a start as well.
    drop(agent);
    let mut agent = device.kit.start().unwrap();
    assert!(matches!(agent.step().event, Event::Pending(_)));
    assert_eq!((device.state().as_deref(), agent.thumbprint()), (Some("pending\n"), key.as_str()));
    server.with(|memory| (memory.is_restored, memory.pending) = (false, false));
    assert!(matches!(agent.step().event, Event::Enrolled(_)));
    assert_eq!((device.state().as_deref(), agent.thumbprint()), (Some("enrolled\n"), key.as_str()));
}

#[test]
fn a_device_that_enrolls_anew_has_a_new_key_and_its_record() {
    let server = Server::start();
    let device = device(&server.url(), Some("token-1"));
    let mut agent = enrolled(&server, &device);
    let key = agent.thumbprint().to_owned();
    server.with(|memory| memory.command = Some("enroll-anew"));
    assert_eq!(agent.step().event, Event::Anew);
    assert_eq!(device.state(), None);
    // The command is on the disk: a start carries it out.
    drop(agent);
    let mut agent = device.kit.start().unwrap();
    assert_eq!(agent.step().event, Event::Enrolled("dev-1".into()));
    assert_ne!(agent.thumbprint(), key);
    assert_eq!(last(&server)["previous"]["proof"].as_str().map(str::len), Some(86));
    assert_eq!(device.state().as_deref(), Some("enrolled\n"));
    assert!(!device.path("var/lib/probe-agent/previous.key").exists());
}

#[test]
fn one_process_has_the_folder() {
    let server = Server::start();
    let device = device(&server.url(), Some("token-1"));
    let agent = device.kit.start().unwrap();
    let is_running = |error: Option<Error>| matches!(error, Some(Error::Running { .. }));
    assert!(is_running(device.kit.start().err()));
    assert!(is_running(device.kit.reset_for_imaging().err()));
    // A request only reads.
    let claims = device.kit.request().unwrap();
    assert!(claims.starts_with("ey") && claims.split('.').count() == 3);
    assert!(device.kit.status().is_ok());
    drop(agent);
    device.kit.start().unwrap();
    device.kit.reset_for_imaging().unwrap();
}

#[test]
fn a_pinned_device_takes_no_record_of_another_tenant() {
    let server = Server::start();
    let device = device(&server.url(), Some("token-1"));
    let policy = device.path("policy.json");
    std::fs::write(&policy, r#"{"ExpectedTenant": "other"}"#).unwrap();
    let mut agent = device.kit.start().unwrap();
    assert_eq!(agent.step().event, Event::Blocked("wrong-tenant".into()));
    assert_eq!((agent.device_id(), device.token().is_some(), device.state()), (None, true, None));
    // A pin that cannot be read is a pin.
    std::fs::write(&policy, "{").unwrap();
    let asked = server.with(|memory| memory.requests.len());
    assert!(matches!(agent.step().event, Event::Device(_)));
    assert!(server.with(|memory| memory.requests[asked..].iter().all(|(path, _)| path != "/v1/enrollments")));
    std::fs::write(&policy, r#"{"ExpectedTenant": "acme"}"#).unwrap();
    assert!(matches!(agent.step().event, Event::Enrolled(_)));
}

#[test]
fn an_agent_waits_as_long_as_it_is_told() {
    let server = Server::start();
    let device = device(&server.url(), Some("token-1"));
    server.with(|memory| memory.busy = Some(900));
    let next = device.kit.start().unwrap().step();
    assert_eq!(next.event, Event::Network(Cause::Unavailable));
    assert_eq!(next.wait.as_secs(), 900);
    // But not for ever.
    server.with(|memory| memory.busy = Some(u64::MAX));
    assert_eq!(device.kit.start().unwrap().step().wait.as_secs(), 86_400);
    server.with(|memory| memory.busy = None);
    assert!(matches!(device.kit.start().unwrap().step().event, Event::Enrolled(_)));
}

#[test]
fn a_refusal_of_a_time_that_has_not_come_blocks_nothing() {
    let server = Server::start();
    server.refuse("token-revoked");
    let device = device(&server.url(), Some("token-1"));
    let mut agent = device.kit.start().unwrap();
    assert_eq!(agent.step().event, Event::Blocked("token-revoked".into()));
    let asked = || server.with(|memory| memory.requests.iter().filter(|(path, _)| path == "/v1/enrollments").count());
    agent.step();
    assert_eq!(asked(), 1);
    // The clock was a year ahead, and was set right.
    let outcome = device.kit.places.outcome().unwrap();
    device.kit.places.store_outcome(&Outcome { at: outcome.at + 365 * 86_400, ..outcome }).unwrap();
    agent.step();
    assert_eq!(asked(), 2);
}

#[test]
fn an_answer_file_is_of_the_tokens_tenant_and_of_the_pinned_one() {
    let token = issuer::token_of("acme", "Probe Agent");
    let device = device("http://127.0.0.1:1", Some(&token));
    let keys = device.path("usr/lib/probe-agent");
    std::fs::create_dir_all(&keys).unwrap();
    std::fs::write(keys.join("issuer-keys.json"), issuer::keys()).unwrap();
    let request = device.kit.request().unwrap();
    let refused = |tenant: &str| {
        let answer = answer_of(tenant, &request, &token);
        device.kit.import(&answer).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(refused("other").contains("another tenant than the token"), "{}", refused("other"));
    std::fs::write(device.path("policy.json"), r#"{"ExpectedTenant": "third"}"#).unwrap();
    assert!(refused("acme").contains("pinned"));
    std::fs::write(device.path("policy.json"), "{}").unwrap();
    assert_eq!(refused("acme"), "");
}

fn on_disk(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let size = |entry: std::fs::DirEntry| match entry.path().is_dir() {
        true => on_disk(&entry.path()),
        false => entry.metadata().unwrap().len(),
    };
    entries.map(size).sum()
}

#[test]
fn a_queue_is_full_and_then_flushed() {
    is_full_and_then_flushed(20_000_000);
}

/// As large as it is on devices.
#[test]
#[ignore = "a minute of fsync: cargo test -p stampwright-agent-kit -- --ignored"]
fn a_queue_of_200_mb_is_full_and_then_flushed() {
    is_full_and_then_flushed(crate::queue::MAX_BYTES);
}

/// So many bytes while the server is away, and not one more; and all of it, each record once, when it is back.
fn is_full_and_then_flushed(most: u64) {
    const RECORD: u64 = 200 * 1024;
    let server = Server::start();
    let mut device = device(&server.url(), Some("token-1"));
    device.kit.queue_bytes = most;
    let mut agent = enrolled(&server, &device);
    server.with(|memory| memory.is_portal = true);
    let telemetry = vec![7; RECORD as usize];
    let pushed = most / RECORD + most / RECORD / 8;
    for _ in 0..pushed {
        agent.queue().push(Importance::Telemetry, &telemetry).unwrap();
    }
    agent.queue().push(Importance::Required, b"the one that matters").unwrap();
    assert!(matches!(agent.step().event, Event::Network(_)));
    let stats = agent.queue().stats();
    let bytes = on_disk(&device.path("var/lib/probe-agent/queue"));
    assert!(stats.dropped > 10 && (most / 10 * 6..=most).contains(&bytes), "{stats:?}, {bytes} bytes");

    drop(agent);
    let mut agent = device.kit.start().unwrap();
    server.with(|memory| (memory.is_portal, memory.records) = (false, BTreeSet::new()));
    let (waiting, mut sent) = (agent.queue().stats().records, 0);
    assert!((waiting + stats.dropped).abs_diff(pushed + 1) <= 1, "{waiting} and {stats:?} of {pushed}");
    while agent.queue().stats().records > 0 {
        match agent.step().event {
            Event::CheckedIn(records) => sent += records,
            other => panic!("{other}"),
        }
    }
    assert_eq!((sent, server.with(|memory| memory.records.len() as u64)), (waiting, waiting));
    assert!(on_disk(&device.path("var/lib/probe-agent/queue")) < 1_000_000);
}
