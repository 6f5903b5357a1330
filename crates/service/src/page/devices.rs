//! Devices → Add devices.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;
use stampwright::Token;

use super::form::SecretText;
use super::lists::may_see_bases;
use super::sent::Sent;
use super::session::SignedIn;
use super::settings::{mint, number};
use super::views::{self, Added, BaseLine, Command, Devices, Frame, Shown, day};
use crate::app::App;
use crate::edge;
use crate::http::{Asked, Handout, Problem, Type, to_its_end};
use crate::keys::Scope;
use crate::ledger::{Added as AddedLink, Begun, StampBegun};
use crate::links::{self, Secret};
use crate::store::{Entry, Selection};

/// The longest that a link lasts, in days.
const MAX_DAYS: u64 = 365;

/// What is typed on a device of each format, by the ending of the file's name. `{url}` and `{file}` are filled in.
const COMMANDS: [(&str, &str, &str); 4] = [
    (".msi", "PowerShell as administrator", "curl.exe -fLo \"{file}\" \"{url}?direct\"\nmsiexec /i \"{file}\" /quiet"),
    (".pkg", "Terminal", "curl -fLo \"{file}\" \"{url}?direct\"\nsudo installer -pkg \"{file}\" -target /"),
    (".deb", "Shell", "curl -fLo \"{file}\" \"{url}?direct\"\nsudo apt-get install \"./{file}\""),
    (".rpm", "Shell", "curl -fLo \"{file}\" \"{url}?direct\"\nsudo dnf install \"./{file}\""),
];

/// `GET /devices`.
pub(super) async fn form(State(app): State<Arc<App>>, signed_in: SignedIn) -> Response {
    let entries = app.store.list();
    let SignedIn { caller, form, .. } = &signed_in;
    let may_see = may_see_bases(caller);
    let bases = entries.iter().filter(|_| may_see).map(|entry| BaseLine::new(entry.listed())).collect();
    let frame = Frame { at: "devices", name: &caller.name, form };
    views::page(&Devices { frame, bases, may_see, tenant: caller.tenant.as_deref() })
}

/// The form.
#[derive(Deserialize)]
pub(super) struct Wish {
    base: String,
    #[serde(default)]
    tenant: String,
    days: String,
    uses: String,
    #[serde(default)]
    token: SecretText,
    /// `link` or `file`.
    r#as: String,
}

/// `POST /devices`.
pub(super) async fn add(State(app): State<Arc<App>>, headers: HeaderMap, sent: Sent<Wish>) -> Result<Response, Shown> {
    Ok(to_its_end(async move { added(&app, &sent.by, &headers, &sent.fields).await }).await?)
}

async fn added(app: &Arc<App>, by: &SignedIn, headers: &HeaderMap, wish: &Wish) -> Result<Response, Problem> {
    let wants_file = wish.r#as == "file";
    by.caller.may(if wants_file { Scope::Stamp } else { Scope::Links }).map_err(crate::tokens::TokenError::from)?;
    let (days, uses) = (number(&wish.days, "days", 1, MAX_DAYS)?, number(&wish.uses, "devices", 1, 100_000)?);
    let selection = Selection { base: Some(wish.base.clone()), ..Selection::default() };
    let entry = app.store.select(&selection).map_err(|error| Problem::new(Type::NoBase, error))?;
    let token = if wish.token.expose().trim().is_empty() {
        let product = &entry.listed().product;
        mint(app, &by.caller, &wish.tenant, product, days, Some(uses), None).await?.token
    } else {
        Token::parse(wish.token.expose().trim().as_bytes()).map_err(|error| Problem::new(Type::TokenRefused, error))?
    };
    if wants_file { file(app, by, headers, entry, token).await } else { link(app, by, &entry, token, days, uses).await }
}

async fn file(
    app: &Arc<App>,
    by: &SignedIn,
    headers: &HeaderMap,
    entry: Arc<Entry>,
    token: Token,
) -> Result<Response, Problem> {
    let permit = app.usage().download(&by.caller.key_id, edge::now_ms());
    let busy = || Problem::new(Type::TooManyRequests, "as many downloads run as may").retry_after(5);
    let permit = permit.ok_or_else(busy)?;
    let now = edge::now();
    let handout = Handout::new(app, entry, token, &by.caller, now).await?;
    let row = handout.row(&by.caller.key_id, now);
    let id = match app.ledger.begin_stamp(row, None).await? {
        StampBegun::Begun(Begun::Started(id)) => id,
        StampBegun::Begun(Begun::Refused(status)) => return Err(Problem::token(status)),
        _ => return Err(Problem::other_token()),
    };
    handout.send(&Asked { headers, queue: None, takes_ranges: false }, id, Some(permit)).await
}

async fn link(
    app: &Arc<App>,
    by: &SignedIn,
    entry: &Arc<Entry>,
    token: Token,
    days: u64,
    uses: u64,
) -> Result<Response, Problem> {
    let internal = |error: stampwright::Error| Problem::of(Type::Internal, &error);
    let now = edge::now();
    let handout = Handout::new(app, entry.clone(), token.clone(), &by.caller, now).await?;
    let expires = now.saturating_add(days * 86_400);
    let expires = handout.token().expires.map_or(expires, |token| token.min(expires));
    let secret = Secret::new().map_err(internal)?;
    let (installer, record, by_key) = (handout.installer(), handout.token(), by.caller.key_id.as_str());
    let wanted = links::Wanted { secret: &secret, installer, token: record, by_key, uses, now, expires };
    let link = links::new_link(app, &wanted, &token)?;
    match app.ledger.add_link(link, None).await? {
        AddedLink::New => {}
        AddedLink::Refused(status) => return Err(Problem::token(status)),
        _ => return Err(Problem::other_token()),
    }
    let url = links::url(app, &secret);
    let commands = commands(&url, &entry.listed().file_name);
    let base = BaseLine::new(entry.listed());
    let frame = Frame { at: "devices", name: &by.caller.name, form: &by.form };
    Ok(views::page(&Added { frame, base, url: &url, uses, expires: day(expires), commands }))
}

fn commands(url: &str, file: &str) -> Vec<Command> {
    let fitting = COMMANDS.iter().filter(|(ending, _, _)| file.ends_with(ending));
    fitting
        .map(|(_, shell, text)| Command { shell, text: text.replace("{url}", url).replace("{file}", file) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_has_its_command() {
        let text =
            |file: &str| commands("https://x/d/S", file).into_iter().map(|command| command.text).collect::<String>();
        assert_eq!(text("A.msi"), "curl.exe -fLo \"A.msi\" \"https://x/d/S?direct\"\nmsiexec /i \"A.msi\" /quiet");
        assert!(text("A.pkg").ends_with("sudo installer -pkg \"A.pkg\" -target /"));
        assert!(text("A.deb").ends_with("sudo apt-get install \"./A.deb\""));
        assert!(text("A.rpm").ends_with("sudo dnf install \"./A.rpm\""));
    }
}
