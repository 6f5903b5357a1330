//! The agent's one thread: enroll, check in, send what waits.
//!
//! ```text
//!            ┌─ no token ─── wait, watch its place
//!   start ───┼─ token ────── hello, enroll ──▶ device.json ─▶ state `enrolled` ─▶ token deleted ─▶ confirm ─┐
//!            └─ enrolled ◀──────────────────────────────────────────────────────────────────────────────────┘
//!                  └── check in, send records ── retired | copied | to be enrolled anew
//! ```
//!
//! Each arrow is on the disk before the next. A start after a crash at any of them goes on from there, with the same key, so the server gives
//! the same answer and counts no second use.

mod check_in;
mod enroll;
mod request;
mod stop;

use std::fmt;
use std::time::Duration;

pub(crate) use request::Applicant;
pub use stop::Stop;

use crate::error::Result;
use crate::fingerprint::{self, Fingerprint};
use crate::identity::{Identity, KEY, Outcome, Standing};
use crate::key::DeviceKey;
use crate::kit::Kit;
use crate::lock::Lock;
use crate::net::{Answer, Cause, Client, Signer, server_now};
use crate::queue::Queue;
use crate::retry::{self, Backoff};
use crate::{durable, system};

/// How often the token's place is looked at while the agent waits.
const WATCH: Duration = Duration::from_secs(5);
/// How long an agent without a token waits until it looks at everything again.
const IDLE: Duration = Duration::from_secs(60);

/// What a step came to. Its text has no secret in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// There is no token; the agent waits for one.
    NoToken,
    /// The token is none, or cannot be used on this device.
    BadToken(String),
    /// The server was not reached.
    Network(Cause),
    /// An admin has to answer: `approval`, `allocation` or `re-association`.
    Pending(String),
    /// The server refuses, by this problem.
    Blocked(String),
    /// The device is enrolled now, as this record.
    Enrolled(String),
    /// It has checked in, and sent so many records.
    CheckedIn(u64),
    /// The device was retired.
    Retired,
    /// The state was copied from another device: a new key was made.
    Copied,
    /// The server asks for a new enrollment.
    Anew,
    /// The device itself is in the way: a disk, rights.
    Device(String),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoToken => f.write_str("no enrollment token; waiting for one"),
            Self::BadToken(reason) => write!(f, "the enrollment token cannot be used: {reason}"),
            Self::Network(cause) => write!(f, "the server was not reached: {}{}", cause.name(), cause.remark()),
            Self::Pending(reason) => write!(f, "waiting for an admin: {reason}"),
            Self::Blocked(problem) => write!(f, "the server refuses: {problem}"),
            Self::Enrolled(device_id) => write!(f, "enrolled as {device_id}"),
            Self::CheckedIn(records) => write!(f, "checked in, {records} records sent"),
            Self::Retired => f.write_str("retired by the server"),
            Self::Copied => f.write_str("this is a copy of another device's state; a new key was made"),
            Self::Anew => f.write_str("the server asks for a new enrollment"),
            Self::Device(reason) => f.write_str(reason),
        }
    }
}

/// What a step came to, and when the next one is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// What came of it.
    pub event: Event,
    /// How long to wait.
    pub wait: Duration,
}

/// An agent that has been started.
pub struct Agent {
    kit: Kit,
    key: DeviceKey,
    identity: Option<Identity>,
    fingerprint: Fingerprint,
    queue: Queue,
    client: Client,
    nonce: Option<String>,
    clock_offset: Option<i64>,
    backoff: Backoff,
    /// When the server wants to be asked again, if it has said so.
    retry_after: Option<Duration>,
    _lock: Lock,
    #[cfg(test)]
    pub(crate) crash_after: Option<&'static str>,
}

impl Kit {
    /// Opens state, key and queue, and heals what a crash has left. Never waits for the network.
    ///
    /// # Errors
    /// When the agent's own folder cannot be read or written, what is in it is damaged, or another process of the agent has it
    /// ([`Error::Running`](crate::Error::Running)).
    pub fn start(&self) -> Result<Agent> {
        Agent::start(self.clone())
    }
}

impl Agent {
    pub(crate) fn start(kit: Kit) -> Result<Self> {
        let places = &kit.places;
        let lock = Lock::take(&places.folder)?;
        durable::remove_partial(&places.folder)?;
        let fingerprint = fingerprint::of_this_machine(&kit.vendor_key);
        if let Some(identity) = places.identity()?.filter(|identity| fingerprint.is_other_machine(&identity.bound_to)) {
            places.leave_identity(&identity, true)?;
        }
        let mut identity = places.identity()?;
        let key = DeviceKey::load_or_create(&places.file(KEY))?;
        // A state whose key is gone proves nothing: the device enrolls like any other.
        if identity.as_ref().is_some_and(|identity| identity.jkt != key.thumbprint()) {
            identity = None;
        }
        let queue = Queue::open(&places.file("queue"), kit.queue_bytes)?;
        let client = kit.client();
        Ok(Self {
            kit,
            key,
            identity,
            fingerprint,
            queue,
            client,
            nonce: None,
            clock_offset: None,
            backoff: Backoff::default(),
            retry_after: None,
            _lock: lock,
            #[cfg(test)]
            crash_after: None,
        })
    }

    /// What waits for the network.
    pub fn queue(&mut self) -> &mut Queue {
        &mut self.queue
    }

    /// The id of the device's record, once it is enrolled.
    #[must_use]
    pub fn device_id(&self) -> Option<&str> {
        let enrolled = self.identity.as_ref().filter(|identity| identity.standing == Standing::Enrolled);
        enrolled.map(|identity| identity.device_id.as_str())
    }

    pub(crate) fn thumbprint(&self) -> &str {
        self.key.thumbprint()
    }

    /// Who asks to be enrolled.
    pub(crate) fn into_applicant(self) -> Applicant {
        Applicant {
            key: self.key,
            device_id: self.identity.map(|identity| identity.device_id),
            fingerprint: self.fingerprint,
        }
    }

    /// Serves until `stop`; `told` hears what each step came to, and may push records.
    pub fn run<F: FnMut(&Event, &mut Queue)>(&mut self, stop: &Stop, mut told: F) {
        let mut wait = system::random_below(self.kit.first_try_within);
        loop {
            if self.wait(stop, wait) {
                let _ = self.queue.sync();
                return;
            }
            let next = self.step();
            told(&next.event, &mut self.queue);
            wait = next.wait;
        }
    }

    /// One step: enrolls, or checks in and sends what waits. Never fails; what is in the way is the event.
    pub fn step(&mut self) -> Next {
        let standing = self.identity.as_ref().map(|identity| identity.standing);
        let done = match standing {
            Some(Standing::Enrolled) => self.heal().and_then(|()| self.check_in()),
            Some(Standing::Retired) => self.check_whether_retired(),
            Some(Standing::Rekey) => self.rekey(false).and_then(|()| self.enroll()),
            Some(Standing::Anew) | None => self.enroll(),
        };
        done.unwrap_or_else(|error| {
            let wait = self.draw(None);
            self.note("device", "device", &error.to_string(), None);
            Next { event: Event::Device(error.to_string()), wait }
        })
    }

    /// Waits, and looks at the token's place meanwhile; true if the agent is to stop.
    fn wait(&self, stop: &Stop, whole: Duration) -> bool {
        let watched = self.device_id().is_none();
        let before = watched.then(|| self.kit.places.token.read().ok().flatten());
        let mut left = whole;
        loop {
            let slice = left.min(WATCH);
            if stop.wait(slice) {
                return true;
            }
            left = left.saturating_sub(slice);
            let is_changed =
                before.as_ref().is_some_and(|before| *before != self.kit.places.token.read().ok().flatten());
            if left.is_zero() || is_changed {
                return false;
            }
        }
    }

    /// Asks the server for its time and a nonce. This comes before any token is sent: a portal never sees one.
    fn hello(&mut self) -> std::result::Result<(), Cause> {
        let answer = self.client.get("/v1/enroll/hello")?;
        self.retry_after = answer.retry_after;
        let (time, nonce) = answer.hello()?;
        self.clock_offset =
            i64::try_from(time).ok().zip(i64::try_from(system::now()).ok()).map(|(time, now)| time.saturating_sub(now));
        self.nonce = Some(nonce.to_owned());
        Ok(())
    }

    /// Posts a signed document. A nonce that has become stale is replaced once.
    fn post(&mut self, path: &str, body: &[u8]) -> Result<std::result::Result<Answer, Cause>> {
        for _ in 0..2 {
            if self.nonce.is_none()
                && let Err(cause) = self.hello()
            {
                return Ok(Err(cause));
            }
            let nonce = self.nonce.take().unwrap_or_default();
            let signer =
                Signer { key: &self.key, nonce: &nonce, now: server_now(self.clock_offset.unwrap_or_default()) };
            let answer = match self.client.post(path, body, &signer)? {
                Ok(answer) => answer,
                Err(cause) => return Ok(Err(cause)),
            };
            self.nonce.clone_from(&answer.nonce);
            self.retry_after = answer.retry_after;
            match answer.status {
                401 if answer.problem().name == "nonce-stale" => {}
                429 | 500..=599 => return Ok(Err(Cause::Unavailable)),
                _ => return Ok(Ok(answer)),
            }
        }
        Ok(Err(Cause::Protocol))
    }

    fn lost(&mut self, cause: Cause, token: Option<&str>) -> Next {
        self.note("network", cause.name(), "", token);
        let retry_after = self.retry_after.take();
        let mut wait = self.draw(retry_after);
        if self.device_id().is_some() && cause == Cause::Unavailable {
            // A server that comes back finds its fleet spread out.
            wait = wait.saturating_add(system::random_below(retry::RECONNECT));
        }
        Next { event: Event::Network(cause), wait }
    }

    fn draw(&mut self, retry_after: Option<Duration>) -> Duration {
        retry::wait(system::random_below(self.backoff.failed()), retry_after)
    }

    /// Notes how a try ended. That it cannot be noted is no reason to stop.
    fn note(&self, kind: &str, name: &str, detail: &str, token: Option<&str>) {
        let outcome = Outcome {
            at: system::now(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            detail: detail.to_owned(),
            token: token.map(str::to_owned),
            clock_offset: self.clock_offset,
            route: self.client.route().map(crate::net::Route::shown),
        };
        let _ = self.kit.places.store_outcome(&outcome);
    }

    /// The device becomes another one: a new key, which the old one vouches for.
    fn rekey(&mut self, copied: bool) -> Result {
        if let Some(identity) = self.identity.take() {
            self.kit.places.leave_identity(&identity, copied)?;
        }
        self.key = DeviceKey::load_or_create(&self.kit.places.file(KEY))?;
        self.backoff.reset();
        Ok(())
    }

    /// A place where a test may let the agent die.
    #[cfg(test)]
    fn step_done(&self, name: &'static str) -> Result {
        if self.crash_after == Some(name) { Err(crate::error::Error::File("crashed")) } else { Ok(()) }
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps, reason = "a test may let the agent die here")]
    const fn step_done(&self, _: &'static str) -> Result {
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
