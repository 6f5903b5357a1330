//! What agents ask.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use enrollment::{Kind, Part, Previous, Refusal};
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use stampwright::{Claims, Token};
use zeroize::Zeroizing;

use super::jwk::DevicePublicKey;
use super::problem::{Refused, Result};
use super::signature::{self, Signed};
use super::state::Enrollment;
use super::wire::{CheckInRequest, EnrollRequest, RecordsRequest, name, three_numbers};
use crate::edge;
use crate::ledger::{Asked, DeviceRecord, DeviceRow, Enrolled, TokenRecord};

/// The most bytes of a request: a batch of records, in base64.
const MAX_BODY_BYTES: usize = 1 << 20;
/// How long a body may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most records of a request.
const MAX_RECORDS: usize = 10_000;
/// When a device asks again for which there is no room to wait.
const FULL_SECS: u64 = 3600;
/// When a device sends again that has brought as many records today as it may.
const ENOUGH_SECS: u64 = 600;
/// How often a device that waits asks again.
const WAIT_SECS: u64 = 10;

/// `GET /v1/enroll/hello`: who this is, what time it is, and a nonce. It comes before any secret.
pub(super) async fn hello(State(state): State<Arc<Enrollment>>) -> Response {
    let now = edge::now();
    let nonce = state.nonces.give(now);
    answer(StatusCode::OK, &json!({ "service": "enrollment/1", "server_time": now, "nonce": nonce }), None)
}

/// `POST /v1/enrollments`.
pub(super) async fn enroll(State(state): State<Arc<Enrollment>>, request: Request<Body>) -> Result<Response> {
    let now = edge::now();
    let (signed, body) = signed(&state, request, now).await?;
    let asked: EnrollRequest = parse(&body)?;
    let key = asked.key.key().ok_or_else(|| Refused::bad_request("key must be a JWK of P-256"))?;
    if !signed.is_by(&key) {
        return Err(Refused::unsigned("the signature is not by the key of the request"));
    }
    let token = match &asked.token {
        Some(text) => known_token(&state, &text.0).await?,
        None => None,
    };
    let asked = understand(&state, &asked, token, &key).await?;
    let next = state.nonces.give(now);
    let refused = |refusal: Refusal| Refused::from(refusal).with_nonce(next.clone());
    // Anybody can make a key and ask: without anything that is known here, nothing is written.
    let is_nobodys = asked.token.is_none() && asked.request.previous.is_none();
    if is_nobodys && state.ledger.device_by_key(&key.id).await?.is_none() {
        return Err(refused(Refusal::TokenUnknown));
    }
    match state.ledger.enroll(asked, now).await? {
        Enrolled::Refused(refusal) => Err(refused(refusal)),
        Enrolled::Full => {
            let full = Refused::unavailable("as many requests wait for an admin as may");
            Err(full.retry_after(FULL_SECS).with_nonce(next))
        }
        Enrolled::Pending(reason) => {
            let document =
                json!({ "request_id": key.id, "status": "pending", "reason": reason, "interval": WAIT_SECS });
            Ok(answer(StatusCode::ACCEPTED, &document, next))
        }
        Enrolled::Device { row, is_new } => {
            if is_new {
                tracing::info!(device = row.device.id, tenant = row.device.tenant, "a device was enrolled");
            }
            let document = json!({
                "device_id": row.device.id, "tenant": row.device.tenant, "status": "enrolled",
                "checkin_interval": state.check_in_secs, "generation": row.device.generation,
            });
            Ok(answer(if is_new { StatusCode::CREATED } else { StatusCode::OK }, &document, next))
        }
    }
}

/// What the rules look at, from what was sent and what is known of it.
pub(super) async fn understand(
    state: &Enrollment,
    asked: &EnrollRequest,
    token: Option<(TokenRecord, Claims)>,
    key: &DevicePublicKey,
) -> Result<Asked> {
    let version = asked.agent.version().ok_or_else(|| Refused::bad_request("agent.version must be three numbers"))?;
    let (token, claims) = token.unzip();
    let previous = match &asked.previous {
        Some(previous) => state.ledger.device(&previous.device_id).await?,
        None => None,
    };
    let proof = asked.previous.as_ref().and_then(|said| said.proof.as_deref());
    let proven = previous.as_ref().is_some_and(|row| is_proven(row, proof, key));
    let tenant = token.as_ref().and_then(|token| token.tenant.clone());
    // Who only knows the id of a record is not of its tenant.
    let of_record = || previous.as_ref().filter(|_| proven).map(|row| row.device.tenant.clone());
    let tenant = match tenant.or_else(of_record) {
        Some(tenant) => Some(tenant),
        None => state.ledger.granted_tenant(&key.id).await?,
    };
    let (of_tenant, product) = (tenant.clone().unwrap_or_default(), name(&asked.agent.product));
    let stored = |part| state.hashes.stored(&of_tenant, &product, part);
    let print = asked.hardware_fingerprint.as_ref();
    let fingerprint = print.map(|print| print.fingerprint(stored)).unwrap_or_default();
    let as_sent = print.map(|print| print.fingerprint(|part| part)).unwrap_or_default();
    let serial = token.as_ref().and_then(|token| token.serial.as_ref());
    // Without the vendor's key nothing matches: a token that is bound to a device is refused then, not taken.
    let token_serial = serial.map(|serial| {
        let hash = state.hashes.serial(serial);
        hash.map(|hash| stored(Part { kind: Kind::SystemSerial, hash }).hash).unwrap_or_default()
    });
    let mut request = enrollment::Request::new(&key.id, &product, version, fingerprint);
    request.expected_tenant.clone_from(&asked.expected_tenant);
    request.previous =
        asked.previous.as_ref().map(|said| Previous { device_id: said.device_id.clone(), copied: said.copied, proven });
    let random: [u8; 8] = edge::random().map_err(|_| Refused::unavailable("the system gives no randomness"))?;
    Ok(Asked {
        request,
        public_key: key.text.clone(),
        token: token.map(|token| token.id),
        token_serial,
        least_agent: claims.and_then(|claims| claims.least_agent).as_deref().and_then(three_numbers),
        listed_as: as_sent.of(Kind::SystemSerial).map(|hash| state.hashes.listed(&of_tenant, &hash)).collect(),
        tenant,
        host_name: name(&asked.hostname),
        os: asked.agent.system(),
        agent: version.map(|number| number.to_string()).join("."),
        policy: state.policy.clone(),
        new_id: format!("dev-{:016x}", u64::from_be_bytes(random)),
        offline: false,
    })
}

/// The token, if this service knows it and its own issuer has signed it. A token that the service has only seen, while stamping, may be
/// anybody's: its claims say nothing until a signature does.
pub(super) async fn known_token(state: &Enrollment, text: &str) -> Result<Option<(TokenRecord, Claims)>> {
    let unknown = || Refused::from(Refusal::TokenUnknown);
    let token = Token::parse(text.as_bytes()).map_err(|_| unknown())?;
    let Ok(Some(claims)) = Claims::from_token(&token) else { return Err(unknown()) };
    if state.issuer_keys.verify(&token).is_err() {
        return Ok(None);
    }
    let row = state.ledger.token(&claims.id).await?;
    let record = row.map(|row| row.record).filter(|record| record.fingerprint == token.fingerprint());
    Ok(record.map(|record| (record, claims)))
}

/// Has the key of that record signed for the new key?
fn is_proven(row: &DeviceRow, proof: Option<&str>, key: &DevicePublicKey) -> bool {
    let signature = proof.and_then(|proof| URL_SAFE_NO_PAD.decode(proof).ok());
    let old = DevicePublicKey::parse(&row.public_key);
    let message = format!("agent-previous-1\n{}\n{}", row.device.id, key.id);
    old.zip(signature).is_some_and(|(old, signature)| old.has_signed(message.as_bytes(), &signature))
}

/// `POST /v1/devices/{id}/confirm`.
pub(super) async fn confirm(
    State(state): State<Arc<Enrollment>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response> {
    let (row, _, next) = of_device(&state, &id, request).await?;
    if row.device.retired {
        return Err(Refused::from(Refusal::DeviceRetired).with_nonce(next));
    }
    state.ledger.confirm_device(&id, &row.device.key).await?;
    Ok(answer(StatusCode::OK, &json!({ "status": "enrolled" }), next))
}

/// `POST /v1/devices/{id}/checkins`.
pub(super) async fn check_in(
    State(state): State<Arc<Enrollment>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response> {
    let (row, body, next) = of_device(&state, &id, request).await?;
    let asked: CheckInRequest = parse(&body)?;
    let stored = |part| state.hashes.stored(&row.device.tenant, &row.product, part);
    let print = asked.hardware_fingerprint.as_ref();
    let fingerprint = print.map(|print| print.fingerprint(stored)).unwrap_or_default();
    let agent = name(&asked.agent.version);
    match state.ledger.check_in(&id, asked.generation, fingerprint, &agent, edge::now()).await? {
        Err(refusal) => Err(Refused::from(refusal).with_nonce(next)),
        Ok(taken) => {
            let commands: Vec<String> = taken.command.into_iter().collect();
            let document = json!({ "status": "enrolled", "commands": commands, "generation": taken.generation });
            Ok(answer(StatusCode::OK, &document, next))
        }
    }
}

/// `POST /v1/devices/{id}/records`.
pub(super) async fn records(
    State(state): State<Arc<Enrollment>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response> {
    let (row, body, next) = of_device(&state, &id, request).await?;
    if row.device.retired {
        return Err(Refused::from(Refusal::DeviceRetired).with_nonce(next));
    }
    let sent: RecordsRequest = parse(&body)?;
    if !["telemetry", "alerts", "required"].contains(&sent.class.as_str()) || sent.records.len() > MAX_RECORDS {
        return Err(Refused::bad_request("class must be telemetry, alerts or required, with at most 10000 records"));
    }
    let count = sent.records.len();
    let records = sent.records.into_iter().map(|record| DeviceRecord {
        epoch: name(&record.epoch),
        seq: record.seq,
        time: record.time,
        body: record.body,
    });
    if !state.ledger.take_records(&id, &sent.class, records.collect(), edge::now()).await? {
        let detail = "the device has brought as many records today as it may";
        let enough = Refused::new("too-many-records", StatusCode::TOO_MANY_REQUESTS, detail);
        return Err(enough.retry_after(ENOUGH_SECS).with_nonce(next));
    }
    Ok(answer(StatusCode::OK, &json!({ "taken": count }), next))
}

/// The device, if the request is signed by its key; the body; the next nonce.
async fn of_device(
    state: &Enrollment,
    id: &str,
    request: Request<Body>,
) -> Result<(DeviceRow, Zeroizing<Vec<u8>>, Option<String>)> {
    let now = edge::now();
    let (signed, body) = signed(state, request, now).await?;
    let next = state.nonces.give(now);
    let unknown = || Refused::from(Refusal::DeviceUnknown).with_nonce(next.clone());
    let row = state.ledger.device(id).await?.ok_or_else(unknown)?;
    // A key that the record had before is as unknown as any other.
    if row.device.key != signed.key_id {
        return Err(unknown());
    }
    let key = DevicePublicKey::parse(&row.public_key).ok_or_else(unknown)?;
    if !signed.is_by(&key) {
        return Err(Refused::unsigned("the signature does not verify").with_nonce(next));
    }
    Ok((row, body, next))
}

/// The signature of a request and its body. The nonce is taken here, so a request that was recorded does not get further.
async fn signed(state: &Enrollment, request: Request<Body>, now: u64) -> Result<(Signed, Zeroizing<Vec<u8>>)> {
    let (parts, body) = request.into_parts();
    let body = content(body).await?;
    let signed =
        signature::read(parts.method.as_str(), &parts.uri, &parts.headers, &body).map_err(Refused::unsigned)?;
    if !state.nonces.take(&signed.nonce, now) {
        let stale = Refused::new(
            "nonce-stale",
            StatusCode::UNAUTHORIZED,
            "the nonce is too old, was used, or is none of this service",
        );
        return Err(stale.with_nonce(state.nonces.give(now)));
    }
    Ok((signed, body))
}

/// A request's whole body.
async fn content(body: Body) -> Result<Zeroizing<Vec<u8>>> {
    let collected = tokio::time::timeout(PATIENCE, Limited::new(body, MAX_BODY_BYTES).collect()).await;
    let collected = collected.map_err(|_| Refused::bad_request("the body did not come in time".to_owned()))?;
    let collected = collected.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Refused::new("too-large", StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 1 MiB")
        } else {
            Refused::bad_request("the body did not come whole".to_owned())
        }
    })?;
    Ok(Zeroizing::new(collected.to_bytes().to_vec()))
}

pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        // The sentence of the error may quote the body, so it is left out.
        Refused::bad_request(format!("the body is not the document that this path takes: {place}"))
    })
}

pub(super) fn answer(status: StatusCode, document: &Value, nonce: Option<String>) -> Response {
    let mut response = (status, document.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(nonce) = nonce.and_then(|nonce| HeaderValue::from_str(&nonce).ok()) {
        headers.insert("agent-nonce", nonce);
    }
    response
}
