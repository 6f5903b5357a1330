//! Enrollment by files, for devices without a network (docs/enrollment.md): a request that an admin brings, and the answer to it.
//!
//! ```text
//!   request   ES256 by the device's key, which stands in its header; names the token by the start of its SHA-256, and has an HMAC with that
//!             SHA-256 over the key's thumbprint
//!   answer    HS256 with the same SHA-256
//! ```
//!
//! The rules are those of a request that comes over the network. What comes back is the same record for the same key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use enrollment::Refusal;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::agents::{known_token, understand};
use super::hashes::block;
use super::jwk::{DevicePublicKey, Jwk};
use super::problem::{Refused, Result};
use super::state::Enrollment;
use super::wire::EnrollRequest;
use crate::edge;
use crate::keys::{Caller, Scope};
use crate::ledger::{DeviceRow, Enrolled, TokenStatus};
use crate::sealed::Purpose;

/// The longest request.
pub(crate) const MAX_BYTES: usize = 64 << 10;

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: String,
    jwk: Jwk,
}

#[derive(Deserialize)]
pub(super) struct Proof {
    token_fingerprint: String,
    token_proof: String,
}

/// What came of a request.
pub(crate) enum Answered {
    /// The device has a record, and this is the file for it.
    Device {
        /// The record.
        row: Box<DeviceRow>,
        /// The answer file: one line.
        file: Zeroizing<String>,
    },
    /// An admin has to answer first; then the request is brought again.
    Pending {
        /// The request's id.
        request_id: String,
        /// What it waits for.
        reason: &'static str,
    },
}

impl Enrollment {
    /// Enrolls the device that has written this request, and writes the answer.
    pub(crate) async fn answer_file(&self, caller: &Caller, file: &str) -> Result<Answered> {
        caller.may(Scope::Tokens)?;
        let (key, request, proof) = read(file.trim())?;
        let (id, token) = self.token_of(caller, &proof.token_fingerprint).await?;
        let secret: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let secret = Zeroizing::new(secret);
        let tag = hex(&proof.token_proof).unwrap_or_default();
        if mac(&secret, key.id.as_bytes()).verify_slice(&tag).is_err() {
            return Err(Refused::unsigned("the request was not made with the token that it names"));
        }
        let known = known_token(self, &token).await?;
        let mut asked = understand(self, &request, known, &key).await?;
        asked.offline = true;
        match self.ledger.enroll(asked, edge::now()).await? {
            Enrolled::Refused(refusal) => Err(Refused::from(refusal)),
            Enrolled::Full => Err(Refused::unavailable("as many requests wait for an admin as may")),
            Enrolled::Pending(reason) => Ok(Answered::Pending { request_id: key.id, reason }),
            Enrolled::Device { row, .. } => {
                tracing::info!(
                    key = caller.key_id,
                    device = row.device.id,
                    token = id,
                    "a device was enrolled by a file"
                );
                let file = write(&secret, &key.id, &row, self.check_in_secs);
                Ok(Answered::Device { row, file })
            }
        }
    }

    /// The token with this fingerprint, if this service has minted it and the key may use it. One that can be used no more is kept no more, but
    /// its state is.
    async fn token_of(&self, caller: &Caller, fingerprint: &str) -> Result<(String, Zeroizing<String>)> {
        let unknown = || Refused::from(Refusal::TokenUnknown);
        let row = self.ledger.minted_token(fingerprint).await?.ok_or_else(unknown)?;
        caller.may_for(row.record.tenant.as_deref()).map_err(|_| unknown())?;
        let id = row.record.id.clone();
        let Some(sealed) = self.ledger.sealed_token(&id).await? else {
            return Err(Refused::from(match row.status(edge::now()) {
                TokenStatus::Revoked => Refusal::TokenRevoked,
                TokenStatus::Expired => Refusal::TokenExpired,
                TokenStatus::UsedUp => Refusal::TokenExhausted,
                TokenStatus::Valid => Refusal::TokenUnknown,
            }));
        };
        let opened = self.sealing.open(Purpose::Token(&id), &sealed).map_err(|error| {
            tracing::error!(error = %error, token = id, "a kept token cannot be opened");
            Refused::unavailable("the token cannot be opened with the keys that the service has")
        })?;
        let text = std::str::from_utf8(&opened).map_err(|_| unknown())?;
        Ok((id, Zeroizing::new(text.to_owned())))
    }
}

/// The key that has signed the request, the request, and the proof of its token.
pub(super) fn read(file: &str) -> Result<(DevicePublicKey, EnrollRequest, Proof)> {
    let form = || Refused::bad_request("the file is no enrollment request of an agent");
    if file.len() > MAX_BYTES {
        return Err(Refused::new("too-large", StatusCode::PAYLOAD_TOO_LARGE, "a request has at most 64 KiB"));
    }
    let (signed, signature) = file.rsplit_once('.').ok_or_else(form)?;
    let (header, claims) = signed.split_once('.').ok_or_else(form)?;
    let Header { alg, typ, jwk } = part(header).ok_or_else(form)?;
    if (alg.as_str(), typ.as_str()) != ("ES256", "enrollment-request") {
        return Err(form());
    }
    let key = jwk.key().ok_or_else(form)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| form())?;
    if !key.has_signed(signed.as_bytes(), &signature) {
        return Err(Refused::unsigned("the request was changed: its signature does not verify"));
    }
    let request: EnrollRequest = part(claims).ok_or_else(form)?;
    let proof: Proof = part(claims).ok_or_else(form)?;
    if request.key.key().is_none_or(|other| other.id != key.id) {
        return Err(form());
    }
    Ok((key, request, proof))
}

fn write(secret: &[u8; 32], thumbprint: &str, row: &DeviceRow, check_in_secs: u64) -> Zeroizing<String> {
    let claims = json!({
        "device_id": row.device.id, "tenant": row.device.tenant, "jkt": thumbprint, "checkin_interval": check_in_secs,
        "generation": row.device.generation,
    });
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&json!({ "alg": "HS256", "typ": "enrollment-answer" })), encode(&claims));
    let tag = mac(secret, signed.as_bytes()).finalize().into_bytes();
    Zeroizing::new(format!("{signed}.{}\n", URL_SAFE_NO_PAD.encode(tag)))
}

fn mac(secret: &[u8; 32], message: &[u8]) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block(secret).into());
    mac.update(message);
    mac
}

fn part<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() == 64)?;
    Some(digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect())
}
