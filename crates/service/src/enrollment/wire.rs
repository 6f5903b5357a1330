//! Documents of agents. Unknown fields are left alone: an agent may be newer than its server.

use enrollment::{Class, Fingerprint, Kind, Part};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::jwk::Jwk;

/// The most characters of a name.
const MAX_NAME_CHARS: usize = 253;

#[derive(Deserialize)]
pub(super) struct EnrollRequest {
    #[serde(default)]
    pub(super) token: Option<TokenText>,
    pub(super) key: Jwk,
    pub(super) agent: Agent,
    #[serde(default)]
    pub(super) hostname: String,
    #[serde(default)]
    pub(super) hardware_fingerprint: Option<Print>,
    #[serde(default)]
    pub(super) expected_tenant: Option<String>,
    #[serde(default)]
    pub(super) previous: Option<PreviousDevice>,
}

/// A token as it stands in a request. It does not print, and it is wiped.
pub(super) struct TokenText(pub(super) Zeroizing<String>);

impl<'de> Deserialize<'de> for TokenText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Zeroizing::new).map(Self)
    }
}

#[derive(Deserialize)]
pub(super) struct Agent {
    #[serde(default)]
    pub(super) product: String,
    pub(super) version: String,
    #[serde(default)]
    pub(super) os: String,
    #[serde(default)]
    pub(super) arch: String,
}

#[derive(Deserialize)]
pub(super) struct PreviousDevice {
    pub(super) device_id: String,
    #[serde(default)]
    pub(super) copied: bool,
    /// 64 bytes in base64url: the old key's signature over the line `agent-previous-1`, the record's id and the new key's thumbprint.
    #[serde(default)]
    pub(super) proof: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct CheckInRequest {
    pub(super) generation: u64,
    pub(super) agent: Agent,
    #[serde(default)]
    pub(super) hardware_fingerprint: Option<Print>,
}

#[derive(Deserialize)]
pub(super) struct RecordsRequest {
    pub(super) class: String,
    pub(super) records: Vec<Record>,
}

#[derive(Deserialize)]
pub(super) struct Record {
    pub(super) epoch: String,
    pub(super) seq: u64,
    pub(super) time: u64,
    pub(super) body: String,
}

#[derive(Deserialize)]
pub(super) struct Print {
    #[serde(default)]
    class: String,
    #[serde(default)]
    parts: Vec<PrintPart>,
}

#[derive(Deserialize)]
struct PrintPart {
    kind: String,
    h: String,
}

impl Print {
    /// The fingerprint; kinds that are not known and hashes that are none are left out, and classes that are not known count as unknown.
    pub(super) fn fingerprint(&self, stored: impl Fn(Part) -> Part) -> Fingerprint {
        let part = |part: &PrintPart| {
            let hash = u128::from_str_radix(&part.h, 16).ok().filter(|_| part.h.len() == 32)?;
            Some(stored(Part { kind: Kind::from_name(&part.kind)?, hash: hash.to_be_bytes() }))
        };
        let parts = self.parts.iter().take(Fingerprint::MAX_PARTS).filter_map(part).collect();
        Fingerprint::new(Class::from_name(&self.class).unwrap_or_default(), parts)
    }
}

impl Agent {
    /// Three numbers.
    pub(super) fn version(&self) -> Option<[u32; 3]> {
        three_numbers(&self.version)
    }

    pub(super) fn system(&self) -> String {
        name(&format!("{} {}", self.os, self.arch))
    }
}

/// A version of three numbers.
pub(super) fn three_numbers(text: &str) -> Option<[u32; 3]> {
    let numbers: Option<Vec<u32>> = text.split('.').map(|number| number.parse().ok()).collect();
    numbers?.try_into().ok()
}

/// A name for lists: short, and without what a terminal or a page would act on.
pub(super) fn name(text: &str) -> String {
    text.trim().chars().filter(|letter| !letter.is_control()).take(MAX_NAME_CHARS).collect()
}
