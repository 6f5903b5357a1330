//! From the token to the identity.

use std::time::Duration;

use serde_json::Value;

use super::request::request;
use super::{Agent, Event, IDLE, Next};
use crate::error::{Error, Result};
use crate::hardware;
use crate::identity::{Identity, Standing};
use crate::net::{Answer, Cause};
use crate::retry::{self, BLOCKED};
use crate::system;
use crate::token::Token;

/// What the enrollment state says to the installer. Only `enrolled` keeps it from bringing a new token.
pub(crate) const ENROLLED: &str = "enrolled";
pub(super) const PENDING: &str = "pending";
/// The refusal of a pinned device, whoever says it.
const WRONG_TENANT: &str = "wrong-tenant";
pub(super) const RETIRED: &str = "retired";

impl Agent {
    /// Enrolls, or says what is in the way.
    pub(super) fn enroll(&mut self) -> Result<Next> {
        let places = &self.kit.places;
        let token = match Token::find(&places.token, &places.issuer_keys, &self.kit.product.name) {
            Ok(token) => token,
            Err(Error::Token(reason)) => return Ok(self.bad_token("unverifiable", reason, None)),
            Err(error) => return Err(error),
        };
        let was_enrolled = self.identity.is_some() || places.previous()?.is_some();
        let Some(token) = token else {
            if was_enrolled {
                return self.ask(None);
            }
            self.note("no-token", "token-missing", &self.kit.places.token.place(), None);
            return Ok(Next { event: Event::NoToken, wait: IDLE });
        };
        let name = token.fingerprint();
        if let Some((problem, reason)) = self.unusable(&token)? {
            return Ok(self.bad_token(problem, reason, Some(&name)));
        }
        if let Some(left) = self.still_blocked(&name) {
            let problem = self.kit.places.outcome().unwrap_or_default().name;
            return Ok(Next { event: Event::Blocked(problem), wait: left });
        }
        self.ask(Some(&token))
    }

    fn bad_token(&self, problem: &str, reason: &str, token: Option<&str>) -> Next {
        self.note("bad-token", problem, reason, token);
        Next { event: Event::BadToken(reason.to_owned()), wait: IDLE }
    }

    /// What a verified token says about this device. `exp` is the server's to judge.
    fn unusable(&self, token: &Token) -> Result<Option<(&'static str, &'static str)>> {
        let Some(claims) = &token.claims else { return Ok(None) };
        let pinned = self.kit.expected_tenant()?;
        let serial = || hardware::read().system_serial.and_then(|serial| hardware::serial(&serial));
        Ok(match () {
            () if pinned.is_some_and(|tenant| tenant != claims.tenant) => {
                Some((WRONG_TENANT, "it is of another tenant than this device is pinned to"))
            }
            () if claims.least_agent.is_some_and(|least| least > self.kit.product.version) => {
                Some(("agent-too-old", "it asks for a newer agent"))
            }
            () if claims.serial.as_ref().is_some_and(|wanted| serial() != Some(wanted.trim().to_lowercase())) => {
                Some(("serial-mismatch", "it is bound to another device"))
            }
            () => None,
        })
    }

    /// A final refusal of this token holds for hours, but not for another token.
    fn still_blocked(&self, token: &str) -> Option<Duration> {
        let outcome = self.kit.places.outcome()?;
        let is_this = outcome.kind == "blocked" && outcome.token.as_deref() == Some(token);
        // A clock that was set back says nothing about how long ago that was: the token is tried.
        let since = Duration::from_secs(system::now().checked_sub(outcome.at)?);
        BLOCKED.checked_sub(since).filter(|left| is_this && !left.is_zero())
    }

    fn ask(&mut self, token: Option<&Token>) -> Result<Next> {
        let name = token.map(Token::fingerprint);
        let name = name.as_deref();
        // The time first, and whether this is our server: nothing secret is sent before.
        if let Err(cause) = self.hello() {
            return Ok(self.lost(cause, name));
        }
        let request = self.request(token)?;
        let answer = match self.post("/v1/enrollments", request.to_string().as_bytes())? {
            Ok(answer) => answer,
            Err(cause) => return Ok(self.lost(cause, name)),
        };
        self.step_done("request")?;
        match answer.status {
            200 | 201 => self.take(&answer),
            202 => self.pending(&answer, name),
            _ => self.refused(&answer, name),
        }
    }

    /// The request (docs/enrollment.md).
    fn request(&self, token: Option<&Token>) -> Result<Value> {
        let device_id = self.identity.as_ref().map(|identity| identity.device_id.as_str());
        request(&self.kit, &self.key, device_id, &self.fingerprint, token)
    }

    /// Stores the identity, tells the installer, deletes the token, tells the server: in this order.
    pub(crate) fn take(&mut self, answer: &Answer) -> Result<Next> {
        let (Some(device_id), Some(tenant)) = (answer.text("device_id"), answer.text("tenant")) else {
            return Ok(self.lost(Cause::Protocol, None));
        };
        if self.kit.expected_tenant()?.is_some_and(|pinned| pinned != tenant) {
            let reason = "the server has answered with another tenant than this device is pinned to";
            self.note("blocked", WRONG_TENANT, reason, None);
            let wait = BLOCKED / 2 + system::random_below(BLOCKED);
            return Ok(Next { event: Event::Blocked(WRONG_TENANT.to_owned()), wait });
        }
        let identity = Identity {
            v: 1,
            device_id: device_id.to_owned(),
            tenant: tenant.to_owned(),
            jkt: self.key.thumbprint().to_owned(),
            bound_to: self.fingerprint.parts.clone(),
            generation: answer.number("generation").unwrap_or_default(),
            standing: Standing::Enrolled,
            confirmed: false,
            checkin_interval: answer.number("checkin_interval").unwrap_or(300).clamp(5, 86_400),
            checked_in: None,
        };
        self.kit.places.store_identity(&identity)?;
        self.identity = Some(identity);
        self.step_done("identity")?;
        self.heal()?;
        self.backoff.reset();
        self.note("enrolled", "enrolled", "", None);
        self.step_done("confirm")?;
        Ok(Next {
            event: Event::Enrolled(self.device_id().unwrap_or_default().to_owned()),
            wait: Duration::from_secs(1),
        })
    }

    /// What an enrolled device looks like, whatever has happened since: the state says so, and there is no token.
    pub(super) fn heal(&self) -> Result {
        let places = &self.kit.places;
        if places.state.read()?.as_deref() != Some(ENROLLED) {
            places.state.write(ENROLLED)?;
        }
        self.step_done("state")?;
        if places.token.read()?.is_some() {
            places.token.remove()?;
        }
        self.step_done("token")?;
        places.forget_previous()
    }

    fn pending(&mut self, answer: &Answer, token: Option<&str>) -> Result<Next> {
        let reason = answer.text("reason").unwrap_or("approval").to_owned();
        self.kit.places.state.write(PENDING)?;
        self.note("pending", &reason, answer.text("request_id").unwrap_or_default(), token);
        let interval = Duration::from_secs(answer.number("interval").unwrap_or(30).clamp(1, 3600));
        Ok(Next { event: Event::Pending(reason), wait: interval })
    }

    fn refused(&mut self, answer: &Answer, token: Option<&str>) -> Result<Next> {
        let problem = answer.problem();
        match problem.name.as_str() {
            "device-cloned" if self.identity.is_some() => {
                self.rekey(true)?;
                return Ok(Next { event: Event::Copied, wait: retry::wait(Duration::ZERO, answer.retry_after) });
            }
            // The record of this key is closed. A token starts over with a new key.
            "device-retired" if self.identity.is_some() && token.is_some() => {
                self.rekey(false)?;
                return Ok(Next { event: Event::Retired, wait: retry::wait(Duration::ZERO, answer.retry_after) });
            }
            _ => {}
        }
        self.note("blocked", &problem.name, &problem.detail, token);
        let wait = BLOCKED / 2 + system::random_below(BLOCKED);
        Ok(Next { event: Event::Blocked(problem.name), wait: retry::wait(wait, answer.retry_after) })
    }
}
