//! What the agent keeps of itself: who it is, who it was, and how its last try ended.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::error::{AtPath, Error, Result};
use crate::fingerprint::Part;
use crate::lock::Lock;
use crate::product::Places;

/// The key's file.
pub(crate) const KEY: &str = "device.key";
const IDENTITY: &str = "device.json";
const PREVIOUS: &str = "previous.json";
const PREVIOUS_KEY: &str = "previous.key";
const OUTCOME: &str = "outcome.json";
/// The most bytes of any of them.
const MAX_BYTES: u64 = 64 * 1024;

/// Where the device stands, by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It is enrolled.
    Enrolled,
    /// The server knows it no longer. It asks to be enrolled again, with the same key.
    Anew,
    /// The server asks it to enroll anew, which takes a new key.
    Rekey,
    /// It was retired.
    Retired,
}

/// Who the device is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) v: u8,
    pub(crate) device_id: String,
    pub(crate) tenant: String,
    /// The thumbprint of its key.
    pub(crate) jkt: String,
    /// The hardware that this was made on: a copy on other hardware knows that it is one.
    pub(crate) bound_to: Vec<Part>,
    /// The last generation that the server gave.
    pub(crate) generation: u64,
    pub(crate) standing: Standing,
    /// The server knows that this is stored.
    pub(crate) confirmed: bool,
    pub(crate) checkin_interval: u64,
    /// The last check-in, by the device's clock.
    pub(crate) checked_in: Option<u64>,
}

/// Who the device was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Previous {
    pub(crate) device_id: String,
    /// The state was copied from another device.
    pub(crate) copied: bool,
}

/// How the last try ended, for `status` and `doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Outcome {
    /// When, by the device's clock.
    pub at: u64,
    /// `no-token`, `bad-token`, `network`, `pending`, `blocked`, `enrolled`, `retired`, `device`.
    pub kind: String,
    /// The cause's or problem's name.
    pub name: String,
    /// What the server or the system says to it.
    pub detail: String,
    /// Which token, by its fingerprint.
    pub token: Option<String>,
    /// Server time less device time, in seconds, when both were known.
    pub clock_offset: Option<i64>,
    /// The way that was taken.
    pub route: Option<String>,
}

impl Places {
    pub(crate) fn identity(&self) -> Result<Option<Identity>> {
        self.document(IDENTITY)
    }

    pub(crate) fn store_identity(&self, identity: &Identity) -> Result {
        self.store(IDENTITY, identity)
    }

    pub(crate) fn previous(&self) -> Result<Option<Previous>> {
        self.document(PREVIOUS)
    }

    pub(crate) fn previous_key(&self) -> std::path::PathBuf {
        self.file(PREVIOUS_KEY)
    }

    /// The last outcome; one that cannot be read is none.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.document(OUTCOME).ok().flatten()
    }

    pub(crate) fn store_outcome(&self, outcome: &Outcome) -> Result {
        self.store(OUTCOME, outcome)
    }

    /// The device gets a new key, and the old one only proves who it was. Each step may be the last one before a crash: the next start does
    /// the same again, because `device.json` goes last.
    pub(crate) fn leave_identity(&self, identity: &Identity, copied: bool) -> Result {
        self.store(PREVIOUS, &Previous { device_id: identity.device_id.clone(), copied })?;
        let key = self.file(KEY);
        if key.is_file() {
            std::fs::rename(&key, self.previous_key()).at("rename", &key)?;
        }
        self.state.remove()?;
        durable::remove(&self.file(OUTCOME))?;
        durable::remove(&self.file(IDENTITY))
    }

    /// The device is enrolled: who it was is over.
    pub(crate) fn forget_previous(&self) -> Result {
        durable::remove(&self.file(PREVIOUS))?;
        durable::remove(&self.previous_key())
    }

    /// Removes everything that makes a device this one: for a master image.
    pub(crate) fn reset(&self) -> Result {
        let _lock = Lock::take(&self.folder)?;
        for name in [IDENTITY, KEY, PREVIOUS, PREVIOUS_KEY, OUTCOME] {
            durable::remove(&self.file(name))?;
        }
        let queue = self.file("queue");
        match std::fs::remove_dir_all(&queue) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).at("remove", &queue)?,
            _ => {}
        }
        self.state.remove()
    }

    fn document<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let path = self.file(name);
        let Some(bytes) = durable::read(&path, MAX_BYTES)? else { return Ok(None) };
        let document = serde_json::from_slice(&bytes);
        document.map(Some).map_err(|_| Error::State { path, reason: "is not the document that the agent has written" })
    }

    fn store<T: Serialize>(&self, name: &str, document: &T) -> Result {
        let path = self.file(name);
        // By way of a value, which every document of the kit shares: a writer for each type is a hundred times the code.
        let text = serde_json::to_value(document).map(|value| format!("{value:#}"));
        let text = text.map_err(|_| Error::State { path: path.clone(), reason: "cannot be written as JSON" })?;
        durable::folder(&self.folder)?;
        durable::write(&path, text.as_bytes())
    }
}
