//! Devices → the list: where each stands, requests that wait for an answer, and what an admin does to a record.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

use super::enrolled_views::{DeviceLine, Enrolled, Room, WaitLine};
use super::sent::{Nothing, Sent};
use super::session::SignedIn;
use super::views::{self, Frame, Shown};
use crate::app::App;
use crate::edge;
use crate::enrollment::{Enrollment, Refused, Said};
use crate::http::{Problem, Type};
use crate::keys::Scope;
use crate::ledger::Filter;
use crate::tokens::TokenError;

/// Rows of a page.
const ROWS: u64 = 50;
/// The most requests that are shown: the oldest come when these are answered.
const WAITING: u64 = 20;

/// The enrollment server, where there is one.
pub(super) type Server = Extension<Option<Arc<Enrollment>>>;

pub(super) fn server(found: Option<Arc<Enrollment>>) -> Result<Arc<Enrollment>, Problem> {
    let off = || {
        Problem::new(
            Type::NotFound,
            "enrollment is not switched on: serve.toml has no [enrollment] with enabled = true",
        )
    };
    found.ok_or_else(off)
}

/// What a person reads of a refusal of the enrollment server.
pub(super) fn problem(refused: &Refused) -> Problem {
    let kind = match refused.status() {
        StatusCode::NOT_FOUND => Type::NotFound,
        StatusCode::FORBIDDEN => Type::Forbidden,
        StatusCode::UNAUTHORIZED => Type::BadRequest,
        StatusCode::CONFLICT | StatusCode::GONE => Type::Conflict,
        StatusCode::PAYLOAD_TOO_LARGE => Type::TooLarge,
        StatusCode::TOO_MANY_REQUESTS => Type::TooManyRequests,
        StatusCode::SERVICE_UNAVAILABLE => Type::Unavailable,
        _ => Type::BadRequest,
    };
    Problem::new(kind, refused.detail())
}

/// Which rows.
#[derive(Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    tenant: String,
    #[serde(default)]
    status: String,
    after: Option<String>,
}

/// `GET /enrolled`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(found): Server,
    by: SignedIn,
    Query(wish): Query<Wish>,
) -> Result<Response, Shown> {
    let Ok(state) = server(found) else { return Ok(views::page(&Enrolled::off(frame(&by)))) };
    Ok(shown(&app, &state, &by, wish).await?)
}

pub(super) fn frame(by: &SignedIn) -> Frame<'_> {
    Frame { at: "enrolled", name: &by.caller.name, form: &by.form }
}

async fn shown(app: &App, state: &Enrollment, by: &SignedIn, wish: Wish) -> Result<Response, Problem> {
    by.caller.may(Scope::Read).map_err(TokenError::from)?;
    let asked = Some(wish.tenant.trim().to_owned()).filter(|tenant| !tenant.is_empty());
    let tenant = by.caller.tenant_of_list(asked).map_err(TokenError::from)?;
    let now = edge::now();
    let filter = Filter { tenant: tenant.clone(), after: wish.after, rows: ROWS, ..Filter::default() };
    let page = app.ledger.devices(filter).await?;
    let is_admin = by.caller.may(Scope::Admin).is_ok();
    let lines = page.rows.iter().map(|row| DeviceLine::new(row, row.status(state.check_in_secs, now), is_admin));
    let rows = lines.filter(|line| wish.status.is_empty() || line.has_status(&wish.status)).collect();
    let filter = Filter { tenant: tenant.clone(), rows: WAITING, ..Filter::default() };
    let mut waiting = Vec::new();
    for row in app.ledger.waiting_devices(filter).await?.rows.into_iter().filter(|row| row.answer.is_none()) {
        let candidate = match &row.candidate {
            Some(id) => app.ledger.device(id).await?,
            None => None,
        };
        waiting.push(WaitLine::new(&row, candidate.as_ref()));
    }
    let room = match &tenant {
        Some(tenant) => Some(Room::new(tenant, app.ledger.places(tenant).await?, state.allocation())),
        None => None,
    };
    Ok(views::page(&Enrolled {
        frame: frame(by),
        is_on: true,
        rows,
        waiting,
        room,
        tenant: wish.tenant,
        status: wish.status,
        next: page.next,
    }))
}

/// `POST /enrolled/{id}/{act}`: `retire`, `delete` or `enroll-anew`.
pub(super) async fn act(
    Extension(found): Server,
    Path((id, act)): Path<(String, String)>,
    sent: Sent<Nothing>,
) -> Result<Response, Shown> {
    let (state, caller) = (server(found)?, &sent.by.caller);
    let done = match act.as_str() {
        "retire" => state.retire(caller, &id).await,
        "delete" => state.delete(caller, &id).await,
        "enroll-anew" => state.enroll_anew(caller, &id).await,
        _ => return Err(Problem::not_found("path").into()),
    };
    done.map_err(|refused| problem(&refused))?;
    Ok(to_the_list())
}

/// Two records of one device.
#[derive(Deserialize)]
pub(super) struct Two {
    one: String,
    other: String,
}

/// `POST /enrolled/merge`.
pub(super) async fn merge(Extension(found): Server, sent: Sent<Two>) -> Result<Response, Shown> {
    let Sent { by, fields: Two { one, other } } = sent;
    let merged = server(found)?.merge(&by.caller, one.trim(), other.trim()).await;
    merged.map_err(|refused| problem(&refused))?;
    Ok(to_the_list())
}

/// An answer to a request that waits.
#[derive(Deserialize)]
pub(super) struct Answer {
    key: String,
    answer: String,
    #[serde(default)]
    device_id: String,
    #[serde(default)]
    tenant: String,
}

/// `POST /enrolled/answer`.
pub(super) async fn answer(Extension(found): Server, sent: Sent<Answer>) -> Result<Response, Shown> {
    let Sent { by, fields: given } = sent;
    let is = |answer: &str| given.answer == answer;
    let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    // One form has all three buttons, so what belongs to another button's answer is left out.
    let said = Said {
        answer: given.answer.clone(),
        device_id: text(&given.device_id).filter(|_| is("re-associate")),
        tenant: text(&given.tenant).filter(|_| is("approve")),
    };
    let answered = server(found)?.answer(&by.caller, &given.key, said).await;
    answered.map_err(|refused| problem(&refused))?;
    Ok(to_the_list())
}

fn to_the_list() -> Response {
    Redirect::to("/enrolled").into_response()
}
