//! How many enrollments one core decides in a second: each request beside 32 records that share its hardware, which is as many as a server looks
//! at. Prints one number.
#![allow(clippy::print_stdout, reason = "it is for people, and for the benchmark that runs it")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use enrollment::{Class, Decision, Device, Fingerprint, Kind, Part, Policy, Question, Request, Token, decide};

/// Records beside a request.
const RECORDS: u8 = 32;

fn print(number: u8) -> Fingerprint {
    let part = |kind, hash: u8| Part { kind, hash: [hash; 16] };
    // The board is shared, so that every record is compared; the rest is not.
    let parts = vec![part(Kind::BoardSerial, 0), part(Kind::SystemSerial, number), part(Kind::Mac, number)];
    Fingerprint::new(Class::Physical, parts)
}

fn device(number: u8) -> Device {
    Device {
        id: format!("dev-{number}"),
        tenant: "acme".to_owned(),
        key: format!("key-{number}"),
        enrolled: 1,
        confirmed: true,
        last_seen: Some(1),
        retired: false,
        offline: false,
        fingerprint: print(number),
        generation: 1,
        generation_before: 0,
    }
}

fn main() {
    let (policy, common) = (Policy::default(), BTreeSet::new());
    let token = Token::new("tok-1", "acme", "Agent", 1_000_000);
    let records: Vec<Device> = (1..=RECORDS).map(device).collect();
    let request = Request::new("key-new", "Agent", [1, 2, 3], print(200));
    let (begin, mut decisions, mut enrolled) = (Instant::now(), 0_u64, 0_u64);
    while begin.elapsed() < Duration::from_secs(2) {
        for now in 0..1000 {
            let question = Question::new(&policy, &request).with_token(&token).with_candidates(&records, &common);
            enrolled += u64::from(matches!(decide(&question, 100_000 + now), Decision::Enroll { .. }));
            decisions += 1;
        }
    }
    assert_eq!(enrolled, decisions, "every device is new");
    println!("{:.0}", decisions as f64 / begin.elapsed().as_secs_f64());
}
