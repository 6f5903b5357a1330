//! Settings → Enrollment tokens.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::sent::{Nothing, Sent};
use super::session::SignedIn;
use super::views::{self, Frame, Shown, TokenLine, Tokens};
use crate::app::App;
use crate::edge::{self, SystemEntropy};
use crate::http::{Problem, Type};
use crate::keys::Caller;
use crate::ledger::Filter;
use crate::store::Entry;
use crate::tokens::{MintOutcome, Minted, ServedBase, TokenRequest};

/// The longest that a token lasts, in days.
const MAX_DAYS: u64 = 3650;
/// Rows of a page.
const ROWS: u64 = 50;

/// Which page of a list.
#[derive(Deserialize)]
pub(super) struct At {
    after: Option<String>,
}

/// `GET /tokens`.
pub(super) async fn list(State(app): State<Arc<App>>, by: SignedIn, Query(at): Query<At>) -> Result<Response, Shown> {
    Ok(shown(&app, &by, at.after, None).await?)
}

async fn shown(app: &App, by: &SignedIn, after: Option<String>, minted: Option<&Minted>) -> Result<Response, Problem> {
    let filter = Filter { rows: ROWS, after, ..Filter::default() };
    let page = app.tokens.list(&by.caller, filter).await?;
    let (now, entries) = (edge::now(), app.store.list());
    let mut products: Vec<&str> = entries.iter().map(|entry| entry.listed().product.as_str()).collect();
    products.sort_unstable();
    products.dedup();
    Ok(views::page(&Tokens {
        frame: Frame { at: "tokens", name: &by.caller.name, form: &by.form },
        rows: page.rows.iter().map(|row| TokenLine::new(row, now)).collect(),
        next: page.next,
        products,
        tenant: by.caller.tenant.as_deref(),
        minted: minted.map(|minted| minted.token.expose()),
    }))
}

/// The form.
#[derive(Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    tenant: String,
    product: String,
    days: String,
    #[serde(default)]
    uses: String,
    #[serde(default)]
    serial: String,
}

/// `POST /tokens`: the token is shown this once.
pub(super) async fn generate(State(app): State<Arc<App>>, sent: Sent<Wish>) -> Result<Response, Shown> {
    let Sent { by, fields: wish } = sent;
    let days = number(&wish.days, "days", 1, MAX_DAYS)?;
    let uses = match wish.uses.trim() {
        "" => None,
        text => Some(number(text, "devices", 1, 1_000_000)?),
    };
    let serial = Some(wish.serial.trim().to_owned()).filter(|serial| !serial.is_empty());
    let minted = mint(&app, &by.caller, &wish.tenant, &wish.product, days, uses, serial).await?;
    Ok(shown(&app, &by, None, Some(&minted)).await?)
}

/// Mints a token as `POST /v1/tokens` does. A key of one tenant needs not say which.
pub(super) async fn mint(
    app: &App,
    caller: &Caller,
    tenant: &str,
    product: &str,
    days: u64,
    uses: Option<u64>,
    serial: Option<String>,
) -> Result<Minted, Problem> {
    let tenant = match (tenant.trim(), &caller.tenant) {
        ("", Some(own)) => own.clone(),
        (given, _) => given.to_owned(),
    };
    let request = TokenRequest { tenant, product: product.to_owned(), life_secs: days * 86_400, uses, serial };
    let entries = app.store.list();
    let served: Vec<ServedBase<'_>> = entries.iter().map(|entry| served(entry)).collect();
    let minted = app.tokens.mint(caller, &request, &served, None, edge::now(), &SystemEntropy).await?;
    match minted {
        MintOutcome::New(minted) | MintOutcome::Before(minted) => Ok(minted),
        MintOutcome::OtherRequest => Err(Problem::new(Type::Conflict, "another token has this id")),
    }
}

fn served(entry: &Entry) -> ServedBase<'_> {
    let listed = entry.listed();
    ServedBase { product: &listed.product, name: &listed.file_name, keys: entry.base().policy().pinned() }
}

/// `POST /tokens/{id}/revoke`.
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    sent: Sent<Nothing>,
) -> Result<Response, Shown> {
    let caller = &sent.by.caller;
    app.tokens.revoke(caller, &id, edge::now()).await?;
    tracing::info!(key = caller.key_id, token = id, "a token was revoked");
    Ok(Redirect::to("/tokens").into_response())
}

/// A number of a form.
pub(super) fn number(text: &str, what: &str, least: u64, most: u64) -> Result<u64, Problem> {
    let wrong = || Problem::new(Type::BadRequest, format!("the number of {what} must be {least} to {most}"));
    text.trim().parse().ok().filter(|number| (least..=most).contains(number)).ok_or_else(wrong)
}
