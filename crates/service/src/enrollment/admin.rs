//! What admins ask, with their keys of the download service.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use serde_json::json;

use super::agents::{answer as json_answer, parse};
use super::list::ListQuery;
use super::problem::{Refused, Result};
use super::state::Enrollment;
use super::wire::name;
use crate::edge;
use crate::keys::{Caller, CallerId, Scope};
use crate::ledger::{AdminAnswer, DeviceRow};

/// The most serial numbers of a request.
const MAX_SERIALS: usize = 20_000;

impl FromRequestParts<Arc<Enrollment>> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<Enrollment>) -> Result<Self> {
        let caller = Self::of_headers(&state.ledger, &parts.headers, edge::now()).await?;
        if let Some(CallerId(slot)) = parts.extensions.get() {
            // Set once; a request has one caller.
            let _ = slot.set(caller.key_id.clone());
        }
        Ok(caller)
    }
}

/// The device, if this key may see it.
async fn device(caller: &Caller, state: &Enrollment, id: &str) -> Result<DeviceRow> {
    let row = state.ledger.device(id).await?.ok_or_else(|| Refused::not_found("device"))?;
    caller.may_for(Some(&row.device.tenant)).map_err(|_| Refused::not_found("device"))?;
    Ok(row)
}

/// `GET /v1/devices`. A status is of this moment, so it is looked at after the page was cut: a page may have fewer rows than `limit`, and
/// still another one comes behind it.
pub(super) async fn devices(
    State(state): State<Arc<Enrollment>>,
    caller: Caller,
    query: ListQuery,
) -> Result<Response> {
    caller.may(Scope::Read)?;
    let now = edge::now();
    let page = state.ledger.devices(query.filter(&caller)?).await?;
    let list = page.rows.iter().filter_map(|row| {
        let status = row.status(state.check_in_secs, now).name();
        let device = &row.device;
        query.wants(status).then(|| {
            json!({
                "id": device.id, "tenant": device.tenant, "product": row.product, "status": status, "enrolled": device.enrolled,
                "last_seen": device.last_seen, "host_name": row.host_name, "os": row.os, "agent": row.agent,
                "token_id": row.token, "class": device.fingerprint.class().name(), "parts": device.fingerprint.parts().len(),
            })
        })
    });
    Ok(query.page(&list.collect(), page.next.as_deref()))
}

/// `GET /v1/enrollments`: requests that wait.
pub(super) async fn waiting(
    State(state): State<Arc<Enrollment>>,
    caller: Caller,
    query: ListQuery,
) -> Result<Response> {
    caller.may(Scope::Read)?;
    let page = state.ledger.waiting_devices(query.filter(&caller)?).await?;
    let list = page.rows.iter().filter(|row| query.wants(&row.reason)).map(|row| {
        json!({
            "request_id": row.key, "tenant": row.tenant, "product": row.product, "first_asked": row.first_asked,
            "reason": row.reason, "device_id": row.candidate, "equal": row.equal, "differing": row.differing,
            "host_name": row.host_name, "os": row.os, "answer": row.answer,
        })
    });
    Ok(query.page(&list.collect(), page.next.as_deref()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    answer: String,
    device_id: Option<String>,
    tenant: Option<String>,
}

/// `POST /v1/enrollments/{key}/answer`: `approve`, `deny`, or `re-associate` with a `device_id`. A request that names no tenant is approved
/// with one.
pub(super) async fn answer(
    State(state): State<Arc<Enrollment>>,
    caller: Caller,
    Path(key): Path<String>,
    body: Bytes,
) -> Result<StatusCode> {
    let said: Said = parse(&body)?;
    caller.may(Scope::Tokens)?;
    let row = state.ledger.waiting_device(&key).await?.ok_or_else(|| Refused::not_found("request"))?;
    // A key that is restricted to a tenant does not see requests that name none.
    caller.may_for(row.tenant.as_deref()).map_err(|_| Refused::not_found("request"))?;
    match (said.answer.as_str(), &said.device_id) {
        ("approve" | "deny", None) | ("re-associate", Some(_)) => {}
        _ => return Err(Refused::bad_request("answer must be approve, deny, or re-associate with a device_id")),
    }
    match (said.answer.as_str(), &row.tenant, &said.tenant) {
        ("approve", None, Some(tenant)) if !tenant.is_empty() && name(tenant) == *tenant => {}
        ("approve", None, _) => {
            return Err(Refused::bad_request("the request names no tenant, so the answer must have a tenant"));
        }
        (_, _, None) => {}
        _ => return Err(Refused::bad_request("tenant goes with approve, and with a request that names none")),
    }
    let said = AdminAnswer { answer: said.answer, device_id: said.device_id, tenant: said.tenant };
    match state.ledger.answer_device(&key, row.tenant, said).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Refused::not_found("device")),
    }
}

/// `POST /v1/devices/{id}/retire`.
pub(super) async fn retire(
    State(state): State<Arc<Enrollment>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    caller.may(Scope::Tokens)?;
    device(&caller, &state, &id).await?;
    state.ledger.retire_device(&id, edge::now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/devices/{id}/enroll-anew`: the next check-in tells the device.
pub(super) async fn enroll_anew(
    State(state): State<Arc<Enrollment>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    caller.may(Scope::Tokens)?;
    device(&caller, &state, &id).await?;
    state.ledger.command_device(&id, "enroll-anew").await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct With {
    with: String,
}

/// `POST /v1/devices/{id}/merge`.
pub(super) async fn merge(
    State(state): State<Arc<Enrollment>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response> {
    let other: With = parse(&body)?;
    caller.may(Scope::Tokens)?;
    device(&caller, &state, &id).await?;
    device(&caller, &state, &other.with).await?;
    match state.ledger.merge_devices(&id, &other.with, edge::now()).await? {
        Some(kept) => Ok(json_answer(StatusCode::OK, &json!({ "device_id": kept }), None)),
        None => Err(Refused::new(
            "conflict",
            StatusCode::CONFLICT,
            "the records are of two tenants or products, or one and the same",
        )),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Serials {
    tenant: String,
    serials: Vec<String>,
}

/// `POST /v1/serials`: the devices that may enroll where only listed ones do. They are kept as hashes.
pub(super) async fn serials(State(state): State<Arc<Enrollment>>, caller: Caller, body: Bytes) -> Result<Response> {
    let list: Serials = parse(&body)?;
    caller.may(Scope::Tokens)?;
    caller.may_for(Some(&list.tenant))?;
    if list.serials.len() > MAX_SERIALS {
        return Err(Refused::bad_request("a list has at most 20000 serial numbers"));
    }
    let hashes: Option<Vec<_>> = list.serials.iter().map(|serial| state.hashes.serial(serial)).collect();
    let hashes = hashes.ok_or_else(|| {
        Refused::bad_request("the service has no fingerprint-key-file, so it cannot compare serial numbers")
    })?;
    let hashes: Vec<_> = hashes.iter().map(|hash| state.hashes.listed(&list.tenant, hash)).collect();
    let count = hashes.len();
    state.ledger.list_serials(&list.tenant, hashes).await?;
    Ok(json_answer(StatusCode::OK, &json!({ "listed": count }), None))
}
