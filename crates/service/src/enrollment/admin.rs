//! What admins ask, with their keys of the download service.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::response::Response;
use http::request::Parts;
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use super::agents::{answer as json_answer, parse};
use super::problem::{Refused, Result};
use super::state::Enrollment;
use super::wire::name;
use crate::edge;
use crate::keys::{Caller, CallerError, Scope};
use crate::ledger::{AdminAnswer, DeviceRow};

/// The most serial numbers of a request.
const MAX_SERIALS: usize = 20_000;

/// The owner of a valid key.
pub(super) struct Admin(Caller);

impl FromRequestParts<Arc<Enrollment>> for Admin {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<Enrollment>) -> Result<Self> {
        let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key =
            value.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let (_, key) = key.ok_or_else(Refused::unauthorized)?;
        let caller = Caller::of_key(&state.ledger, key.trim(), edge::now()).await;
        caller.map(Self).map_err(|error| match error {
            CallerError::Ledger(error) => error.into(),
            _ => Refused::unauthorized(),
        })
    }
}

impl Admin {
    fn may(&self, scope: Scope) -> Result<()> {
        self.0.may(scope).map_err(|_| Refused::forbidden("the key has not got the scope that this needs"))
    }

    /// The tenant whose devices a list shows.
    fn tenant(&self, asked: Option<String>) -> Result<Option<String>> {
        match (&self.0.tenant, asked) {
            (Some(own), Some(asked)) if *own != asked => Err(Refused::forbidden("the key is for another tenant")),
            (Some(own), _) => Ok(Some(own.clone())),
            (None, asked) => Ok(asked),
        }
    }

    /// The device, if this key may see it.
    async fn device(&self, state: &Enrollment, id: &str) -> Result<DeviceRow> {
        let row = state.ledger.device(id).await?.ok_or_else(|| Refused::not_found("device"))?;
        self.0.may_for(Some(&row.device.tenant)).map_err(|_| Refused::not_found("device"))?;
        Ok(row)
    }
}

#[derive(Deserialize)]
pub(super) struct ListQuery {
    tenant: Option<String>,
    status: Option<String>,
}

/// `GET /v1/devices`.
pub(super) async fn devices(
    State(state): State<Arc<Enrollment>>,
    admin: Admin,
    Query(query): Query<ListQuery>,
) -> Result<Response> {
    admin.may(Scope::Read)?;
    let now = edge::now();
    let rows = state.ledger.devices(admin.tenant(query.tenant)?).await?;
    let list = rows.iter().filter_map(|row| {
        let status = row.status(state.check_in_secs, now).name();
        let is_wanted = query.status.as_ref().is_none_or(|wanted| wanted == status);
        let device = &row.device;
        is_wanted.then(|| {
            json!({
                "id": device.id, "tenant": device.tenant, "product": row.product, "status": status, "enrolled": device.enrolled,
                "last_seen": device.last_seen, "host_name": row.host_name, "os": row.os, "agent": row.agent,
                "token_id": row.token, "class": device.fingerprint.class().name(), "parts": device.fingerprint.parts().len(),
            })
        })
    });
    Ok(json_answer(StatusCode::OK, &list.collect(), None))
}

/// `GET /v1/enrollments`: requests that wait.
pub(super) async fn waiting(
    State(state): State<Arc<Enrollment>>,
    admin: Admin,
    Query(query): Query<ListQuery>,
) -> Result<Response> {
    admin.may(Scope::Read)?;
    let rows = state.ledger.waiting_devices(admin.tenant(query.tenant)?).await?;
    let list = rows.iter().map(|row| {
        json!({
            "request_id": row.key, "tenant": row.tenant, "product": row.product, "first_asked": row.first_asked,
            "reason": row.reason, "device_id": row.candidate, "equal": row.equal, "differing": row.differing,
            "host_name": row.host_name, "os": row.os, "answer": row.answer,
        })
    });
    Ok(json_answer(StatusCode::OK, &list.collect(), None))
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
    admin: Admin,
    Path(key): Path<String>,
    body: Bytes,
) -> Result<StatusCode> {
    let said: Said = parse(&body)?;
    admin.may(Scope::Tokens)?;
    let row = state.ledger.waiting_device(&key).await?.ok_or_else(|| Refused::not_found("request"))?;
    // A key that is restricted to a tenant does not see requests that name none.
    admin.0.may_for(row.tenant.as_deref()).map_err(|_| Refused::not_found("request"))?;
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
    admin: Admin,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    admin.may(Scope::Tokens)?;
    admin.device(&state, &id).await?;
    state.ledger.retire_device(&id, edge::now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/devices/{id}/enroll-anew`: the next check-in tells the device.
pub(super) async fn enroll_anew(
    State(state): State<Arc<Enrollment>>,
    admin: Admin,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    admin.may(Scope::Tokens)?;
    admin.device(&state, &id).await?;
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
    admin: Admin,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response> {
    let other: With = parse(&body)?;
    admin.may(Scope::Tokens)?;
    admin.device(&state, &id).await?;
    admin.device(&state, &other.with).await?;
    match state.ledger.merge_devices(&id, &other.with, edge::now()).await? {
        Some(kept) => Ok(json_answer(StatusCode::OK, &json!({ "device_id": kept }), None)),
        None => {
            Err(Refused::new("conflict", StatusCode::CONFLICT, "the records are of two tenants, or one and the same"))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Serials {
    tenant: String,
    serials: Vec<String>,
}

/// `POST /v1/serials`: the devices that may enroll where only listed ones do. They are kept as hashes.
pub(super) async fn serials(State(state): State<Arc<Enrollment>>, admin: Admin, body: Bytes) -> Result<Response> {
    let list: Serials = parse(&body)?;
    admin.may(Scope::Tokens)?;
    admin.tenant(Some(list.tenant.clone()))?;
    if list.serials.len() > MAX_SERIALS {
        return Err(Refused::bad_request("a list has at most 20000 serial numbers"));
    }
    let hashes: Option<Vec<_>> = list.serials.iter().map(|serial| state.hashes.serial(&list.tenant, serial)).collect();
    let hashes = hashes.ok_or_else(|| {
        Refused::bad_request("the service has no fingerprint-key-file, so it cannot compare serial numbers")
    })?;
    let count = hashes.len();
    state.ledger.list_serials(&list.tenant, hashes).await?;
    Ok(json_answer(StatusCode::OK, &json!({ "listed": count }), None))
}
