//! Every document of an agent or an admin, for `fuzz/targets/bodies.rs`: no bytes may make reading one panic, and what is read is bounded.

use enrollment::Fingerprint;
use stampwright::{Claims, Token};

use super::agents::parse;
use super::jwk::DevicePublicKey;
use super::wire::{Agent, CheckInRequest, EnrollRequest, Print, RecordsRequest, name};
use super::{admin, offline, pre_enroll};

/// The most characters of a name.
const MAX_NAME_CHARS: usize = 253;

/// Reads bytes as each of the documents, and asks of them what the service asks.
pub(crate) fn bodies(body: &[u8]) {
    if let Ok(asked) = parse::<EnrollRequest>(body) {
        if let Some(key) = asked.key.key() {
            let again = DevicePublicKey::parse(&key.text);
            assert!(again.is_some_and(|again| again.id == key.id), "a key that is kept is another one");
        }
        agent(&asked.agent);
        print(asked.hardware_fingerprint.as_ref());
        assert!(name(&asked.hostname).chars().count() <= MAX_NAME_CHARS, "a name is long");
        if let Some(Ok(token)) = asked.token.as_ref().map(|token| Token::parse(token.0.as_bytes())) {
            let _ = Claims::from_token(&token);
        }
    }
    if let Ok(asked) = parse::<CheckInRequest>(body) {
        agent(&asked.agent);
        print(asked.hardware_fingerprint.as_ref());
    }
    let _ = parse::<RecordsRequest>(body).map(|sent| sent.records.len());
    let _ = (parse::<admin::Answer>(body).is_ok(), parse::<admin::With>(body).is_ok());
    let _ = parse::<admin::Serials>(body).is_ok();
    if let Ok(serials) = pre_enroll::serials(body) {
        assert!((1..=pre_enroll::MAX_SERIALS).contains(&serials.len()), "a list has no end");
    }
    if let Ok(file) = std::str::from_utf8(body) {
        let _ = offline::read(file.trim()).is_ok();
    }
}

fn agent(agent: &Agent) {
    let _ = agent.version();
    assert!(agent.system().chars().count() <= MAX_NAME_CHARS, "a name is long");
}

fn print(print: Option<&Print>) {
    let parts = print.map_or(0, |print| print.fingerprint(|part| part).parts().len());
    assert!(parts <= Fingerprint::MAX_PARTS, "a fingerprint has {parts} parts");
}
