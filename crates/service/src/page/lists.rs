//! Bases, and the ledger.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::session::SignedIn;
use super::views::{self, BaseLine, Bases, Frame, LedgerPage, Shown, StampLine};
use crate::app::App;
use crate::http::{Problem, Type};
use crate::keys::{Caller, Scope};
use crate::ledger::Filter;
use crate::tokens::TokenError;

/// Rows of a page.
const ROWS: u64 = 50;

/// `GET /bases`.
pub(super) async fn bases(State(app): State<Arc<App>>, by: SignedIn) -> Result<Response, Shown> {
    if !may_see_bases(&by.caller) {
        return Err(Problem::new(Type::Forbidden, "the key has neither the scope read nor the scope stamp").into());
    }
    let entries = app.store.list();
    let frame = Frame { at: "bases", name: &by.caller.name, form: &by.form };
    Ok(views::page(&Bases { frame, bases: entries.iter().map(|entry| BaseLine::new(entry.listed())).collect() }))
}

/// As for `GET /v1/bases`.
pub(super) fn may_see_bases(caller: &Caller) -> bool {
    caller.scopes.allow(Scope::Read) || caller.scopes.allow(Scope::Stamp)
}

/// Which rows of the ledger.
#[derive(Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    token: String,
    #[serde(default)]
    tenant: String,
    after: Option<String>,
}

/// `GET /ledger`.
pub(super) async fn ledger(
    State(app): State<Arc<App>>,
    by: SignedIn,
    Query(wish): Query<Wish>,
) -> Result<Response, Shown> {
    Ok(shown(&app, &by, wish).await?)
}

async fn shown(app: &App, by: &SignedIn, wish: Wish) -> Result<Response, Problem> {
    by.caller.may(Scope::Read).map_err(TokenError::from)?;
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let tenant = match (&by.caller.tenant, given(&wish.tenant)) {
        (Some(own), Some(asked)) if *own != asked => {
            return Err(Problem::new(Type::Forbidden, "the key is for another tenant"));
        }
        (Some(own), _) => Some(own.clone()),
        (None, asked) => asked,
    };
    let filter = Filter { tenant, token: given(&wish.token), after: wish.after, rows: ROWS, ..Filter::default() };
    let page = app.ledger.stamps(filter).await?;
    Ok(views::page(&LedgerPage {
        frame: Frame { at: "ledger", name: &by.caller.name, form: &by.form },
        rows: page.rows.iter().map(StampLine::new).collect(),
        token: wish.token,
        tenant: wish.tenant,
        next: page.next,
    }))
}
