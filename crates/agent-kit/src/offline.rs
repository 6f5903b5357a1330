//! Enrollment by files, for devices that never have a network.
//!
//! ```text
//!   device:  request  ──▶ FILE ──carried──▶ server: an admin uploads it ──▶ ANSWER ──carried──▶ device: import
//! ```
//!
//! Both files are JSON Web Signatures in the compact form (RFC 7515). The request is signed by the device's key, whose public half is in its
//! header, and has no token in it: it names the token by the first bytes of its SHA-256, and proves that the device has it by an HMAC with
//! that SHA-256 as the key. The answer has a tag by the same key (`HS256`): it shows that its maker knows the token, which everybody does who
//! has the installer, and no more. So its tenant must be the token's and the pinned one, and the server decides at the first check-in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};

use crate::agent::{Applicant, Event};
use crate::error::{Error, Result};
use crate::kit::Kit;
use crate::net::Answer;
use crate::system;
use crate::token::{Token, hex};

/// The most bytes of an answer file.
const MAX_BYTES: usize = 64 * 1024;
const REQUEST: &str = "enrollment-request";
const ANSWER: &str = "enrollment-answer";

impl Kit {
    /// The request file of this device, as one line of text.
    ///
    /// # Errors
    /// When no usable token waits, or the agent's own files cannot be read.
    pub fn request(&self) -> Result<String> {
        // While the service runs, the folder is its own, and nothing has to be written.
        let applicant = match self.start() {
            Ok(agent) => agent.into_applicant(),
            Err(Error::Running { .. }) => Applicant::of_running(self)?,
            Err(error) => return Err(error),
        };
        let token = self.waiting_token()?;
        let mut claims = applicant.request(self)?;
        if let Some(claims) = claims.as_object_mut() {
            let proof = hmac::sign(&secret(&token), applicant.key.thumbprint().as_bytes());
            claims.insert("iat".to_owned(), system::now().into());
            claims.insert("token_fingerprint".to_owned(), token.fingerprint().into());
            claims.insert("token_proof".to_owned(), hex(proof.as_ref()).into());
        }
        let header = json!({ "alg": "ES256", "typ": REQUEST, "jwk": claims.get("key") });
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = applicant.key.sign(signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Takes the answer to the request of this device; gives the id of its record.
    ///
    /// # Errors
    /// When the file is damaged, was made without the token that waits here, or is for another device or tenant, or when the agent is
    /// running: its service is stopped first.
    pub fn import(&self, file: &str) -> Result<String> {
        let token = self.waiting_token()?;
        let claims = read_answer(file.trim(), &secret(&token))?;
        let mut agent = self.start()?;
        if claims.get("jkt").and_then(Value::as_str) != Some(agent.thumbprint()) {
            return Err(Error::File("it is for another device"));
        }
        let tenant = claims.get("tenant").and_then(Value::as_str);
        if token.claims.as_ref().is_some_and(|token| tenant != Some(&token.tenant)) {
            return Err(Error::File("it is of another tenant than the token that waits on this device"));
        }
        let answer = Answer { status: 201, body: claims, nonce: None, retry_after: None };
        match agent.take(&answer)?.event {
            Event::Enrolled(device_id) => Ok(device_id),
            Event::Blocked(_) => Err(Error::File("it is of another tenant than this device is pinned to")),
            _ => Err(Error::File("it does not say which record the device has")),
        }
    }

    fn waiting_token(&self) -> Result<Token> {
        let token = Token::find(&self.places.token, &self.places.issuer_keys, &self.product.name)?;
        token.ok_or(Error::File("no enrollment token waits on this device"))
    }
}

fn secret(token: &Token) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &token.digest())
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn read_answer(file: &str, key: &hmac::Key) -> Result<Value> {
    const FORM: Error = Error::File("it is no answer file");
    if file.len() > MAX_BYTES {
        return Err(FORM);
    }
    let (signed, tag) = file.rsplit_once('.').ok_or(FORM)?;
    let (header, claims) = signed.split_once('.').ok_or(FORM)?;
    let object = |text: &str| -> Option<Value> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok() };
    let header = object(header).ok_or(FORM)?;
    let field = |name: &str| header.get(name).and_then(Value::as_str);
    if (field("alg"), field("typ")) != (Some("HS256"), Some(ANSWER)) {
        return Err(FORM);
    }
    let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| FORM)?;
    let good = hmac::verify(key, signed.as_bytes(), &tag);
    good.map_err(|_| Error::File("it was not made for the token that waits on this device"))?;
    object(claims).ok_or(FORM)
}
