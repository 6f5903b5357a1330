//! An enrolled device: it says that it is there, and sends what waits.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::enroll::{PENDING, RETIRED};
use super::{Agent, Event, Next};
use crate::error::Result;
use crate::identity::{Identity, Standing};
use crate::net::{Answer, Cause};
use crate::queue::Batch;
use crate::{fingerprint, system};

/// The most bytes of records in one request.
const BATCH_BYTES: usize = 256 * 1024;
/// The most requests with records between two check-ins.
const MAX_BATCHES: u32 = 64;
/// A retired device asks so often whether it still is.
const ASK_RETIRED: Duration = Duration::from_secs(86_400);

impl Agent {
    /// Confirms what was not yet confirmed, checks in, sends records.
    pub(super) fn check_in(&mut self) -> Result<Next> {
        let Some(identity) = self.identity.clone() else { return self.enroll() };
        if !identity.confirmed {
            match self.post(&path(&identity, "confirm"), b"{}")? {
                Ok(answer) if answer.status < 300 => {
                    self.update(|identity| identity.confirmed = true)?;
                }
                Ok(answer) => return self.turned_away(&answer),
                Err(cause) => return Ok(self.lost(cause, None)),
            }
        }
        self.fingerprint = fingerprint::of_this_machine(&self.kit.vendor_key);
        let stats = self.queue.stats();
        let body = json!({
            "generation": identity.generation,
            "agent": { "version": self.kit.product.version_text() },
            "queue": { "records": stats.records, "bytes": stats.bytes, "dropped": stats.dropped },
            "hardware_fingerprint": self.fingerprint,
        });
        let answer = match self.post(&path(&identity, "checkins"), body.to_string().as_bytes())? {
            Ok(answer) if answer.status == 200 => answer,
            Ok(answer) => return self.turned_away(&answer),
            Err(cause) => return Ok(self.lost(cause, None)),
        };
        self.taken(&answer)
    }

    fn taken(&mut self, answer: &Answer) -> Result<Next> {
        let commands = answer.body.get("commands").and_then(Value::as_array);
        let is_anew = commands.is_some_and(|list| list.iter().any(|command| command == "enroll-anew"));
        let (now, generation) = (system::now(), answer.number("generation"));
        self.update(|identity| {
            identity.generation = generation.unwrap_or(identity.generation);
            identity.checked_in = Some(now);
            if is_anew {
                identity.standing = Standing::Rekey;
            }
        })?;
        self.backoff.reset();
        if is_anew {
            // The contract, step 6: the installer may bring a new token from now on. The next step makes the new key.
            self.kit.places.state.remove()?;
            return Ok(Next { event: Event::Anew, wait: Duration::from_secs(1) });
        }
        let sent = match self.flush()? {
            Ok(sent) => sent,
            Err(cause) => return Ok(self.lost(cause, None)),
        };
        self.note("enrolled", "checked-in", "", None);
        let interval = self.identity.as_ref().map_or(300, |identity| identity.checkin_interval);
        // A tenth of it at random, so that a fleet does not keep a common beat.
        let wait = Duration::from_secs(interval) - system::random_below(Duration::from_secs(interval) / 10);
        Ok(Next { event: Event::CheckedIn(sent), wait })
    }

    /// Sends records until there are none, batch by batch.
    fn flush(&mut self) -> Result<std::result::Result<u64, Cause>> {
        let mut sent = 0_u64;
        for _ in 0..MAX_BATCHES {
            let Some(batch) = self.queue.peek(BATCH_BYTES)? else { break };
            let Some(identity) = self.identity.clone() else { break };
            let body = document(&batch).to_string();
            match self.post(&path(&identity, "records"), body.as_bytes())? {
                Ok(answer) if answer.status == 200 => {
                    sent = sent.saturating_add(batch.records.len() as u64);
                    self.queue.acknowledge(&batch)?;
                }
                // The next check-in says what is wrong with this device.
                Ok(_) => break,
                Err(cause) => return Ok(Err(cause)),
            }
        }
        Ok(Ok(sent))
    }

    /// What the server says to a device that it does not take.
    fn turned_away(&mut self, answer: &Answer) -> Result<Next> {
        let problem = answer.problem();
        match problem.name.as_str() {
            "device-retired" => self.retire(),
            "device-cloned" => {
                self.rekey(true)?;
                Ok(Next { event: Event::Copied, wait: Duration::from_secs(1) })
            }
            // A server that was restored from a backup must not cost a fleet: the key stays, and so does who the device was. An admin or
            // a new token lets it in.
            "device-unknown" => {
                self.update(|identity| identity.standing = Standing::Anew)?;
                self.kit.places.state.write(PENDING)?;
                Ok(Next { event: Event::Anew, wait: Duration::from_secs(1) })
            }
            name => {
                self.note("blocked", name, &problem.detail, None);
                let wait = self.draw(answer.retry_after);
                Ok(Next { event: Event::Blocked(name.to_owned()), wait })
            }
        }
    }

    fn retire(&mut self) -> Result<Next> {
        self.queue.clear()?;
        self.update(|identity| identity.standing = Standing::Retired)?;
        self.kit.places.state.write(RETIRED)?;
        self.note("retired", "device-retired", "", None);
        Ok(Next { event: Event::Retired, wait: ASK_RETIRED })
    }

    /// A retired device sends nothing. A new token starts it over, with a new key that the old one vouches for.
    pub(super) fn check_whether_retired(&mut self) -> Result<Next> {
        if self.kit.places.token.read()?.is_some() {
            self.rekey(false)?;
            return self.enroll();
        }
        let next = self.check_in()?;
        if matches!(next.event, Event::CheckedIn(_)) {
            self.update(|identity| identity.standing = Standing::Enrolled)?;
        }
        Ok(next)
    }

    fn update<F: FnOnce(&mut Identity)>(&mut self, change: F) -> Result {
        if let Some(identity) = &mut self.identity {
            change(identity);
            self.kit.places.store_identity(identity)?;
        }
        Ok(())
    }
}

fn path(identity: &Identity, what: &str) -> String {
    format!("/v1/devices/{}/{what}", identity.device_id)
}

/// Records on the wire. An epoch has 64 bits, more than a JSON number keeps in many languages, so it is hex.
fn document(batch: &Batch) -> Value {
    let records = batch.records.iter().map(|record| {
        json!({
            "epoch": format!("{:016x}", record.epoch), "seq": record.seq, "time": record.time,
            "body": STANDARD.encode(&record.body),
        })
    });
    json!({ "class": batch.importance.name(), "records": records.collect::<Vec<_>>() })
}
