//! What admins ask, with their keys of the download service.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use super::agents::{answer as json_answer, parse};
use super::list::{ListQuery, OfTenant};
use super::offline::Answered;
use super::operations::Said;
use super::pre_enroll;
use super::problem::{Refused, Result};
use super::state::Enrollment;
use crate::edge;
use crate::keys::{Caller, CallerId, Scope};

/// The document of what admins ask (OpenAPI 3.1).
pub(super) const OPENAPI: &str = include_str!("openapi.json");

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
pub(super) struct Answer {
    answer: String,
    device_id: Option<String>,
    tenant: Option<String>,
}

/// `POST /v1/enrollments/{key}/answer`: `approve`, `deny`, or `re-associate` with a `device_id`.
pub(super) async fn answer(
    State(state): State<Arc<Enrollment>>,
    caller: Caller,
    Path(key): Path<String>,
    body: Bytes,
) -> Result<StatusCode> {
    let Answer { answer, device_id, tenant } = parse(&body)?;
    state.answer(&caller, &key, Said { answer, device_id, tenant }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/enrollments/offline`: the request file of a device without a network; gives the answer file.
pub(super) async fn offline(State(state): State<Arc<Enrollment>>, caller: Caller, body: Bytes) -> Result<Response> {
    let file = std::str::from_utf8(&body).map_err(|_| Refused::bad_request("the file is no text"))?;
    let (status, document) = match state.answer_file(&caller, file).await? {
        Answered::Device { row, file } => {
            let of_now = row.status(state.check_in_secs, edge::now()).name();
            let document = json!({
                "device_id": row.device.id, "tenant": row.device.tenant, "status": of_now, "answer": file.trim_end(),
            });
            (StatusCode::OK, document)
        }
        Answered::Pending { request_id, reason } => {
            (StatusCode::ACCEPTED, json!({ "request_id": request_id, "status": "pending", "reason": reason }))
        }
    };
    Ok(json_answer(status, &document, None))
}

/// `POST /v1/devices/{id}/retire`.
pub(super) async fn retire(
    State(state): State<Arc<Enrollment>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    state.retire(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/devices/{id}`: of a retired one.
pub(super) async fn delete(
    State(state): State<Arc<Enrollment>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    state.delete(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/devices/{id}/enroll-anew`: the next check-in tells the device.
pub(super) async fn enroll_anew(
    State(state): State<Arc<Enrollment>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    state.enroll_anew(&caller, &id).await?;
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
    let kept = state.merge(&caller, &id, &other.with).await?;
    Ok(json_answer(StatusCode::OK, &json!({ "device_id": kept }), None))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Serials {
    tenant: String,
    serials: Vec<String>,
}

/// `POST /v1/serials`: the devices that may enroll where only listed ones do. As JSON, or as `text/csv` with the tenant in the query.
pub(super) async fn serials(
    State(state): State<Arc<Enrollment>>,
    caller: Caller,
    of: OfTenant,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_csv = media.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("text/csv"));
    let (tenant, serials) = match of.tenant {
        Some(tenant) if is_csv => (tenant, pre_enroll::serials(&body).map_err(Refused::of_lines)?),
        None if !is_csv => {
            let list: Serials = parse(&body)?;
            (list.tenant, list.serials)
        }
        _ => return Err(Refused::bad_request("the tenant stands in the query of a text/csv, else in the document")),
    };
    let listed = state.pre_enroll(&caller, &tenant, &serials).await?;
    Ok(json_answer(StatusCode::OK, &json!({ "listed": serials.len(), "new": listed }), None))
}

/// `GET /v1/allocation?tenant=`: how many places a tenant has, and how many are taken.
pub(super) async fn allocation(State(state): State<Arc<Enrollment>>, caller: Caller, of: OfTenant) -> Result<Response> {
    let tenant = caller.tenant_of_list(of.tenant)?;
    let tenant = tenant.ok_or_else(|| Refused::bad_request("the query must have a tenant"))?;
    let places = state.places(&caller, &tenant).await?;
    let left = state.allocation().map(|most| u64::from(most).saturating_sub(places.enrolled));
    let document = json!({
        "tenant": tenant, "allocation": state.allocation(), "enrolled": places.enrolled, "left": left,
        "pre_enrolled": places.listed,
    });
    Ok(json_answer(StatusCode::OK, &document, None))
}

/// `GET /v1/enroll/openapi.json`.
pub(super) async fn openapi() -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "max-age=3600")];
    (headers, OPENAPI).into_response()
}
