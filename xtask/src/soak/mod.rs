//! `cargo xtask soak`: a thousand tokens and ten thousand downloads against a running service. At the end the ledger has a row for each, whole and by
//! its token, nothing runs any more, and the memory is what it was after the first tenth. Then service and database end at every message between them
//! (a test that is too long for the test command), and ten thousand clients go in the middle (`gone`).

mod gone;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use xshell::{Shell, cmd};

use crate::debian::{self, program};
use crate::demo;
use crate::failure::{AtPath, Failure, Result};
use crate::serving::{Serving, base, field, said, text};

const FOLDER: &str = "target/soak";
const TOKENS: usize = 1000;
/// Downloads of each token.
const EACH: usize = 10;
/// Clients at once, each with one connection.
const CLIENTS: usize = 4;
/// Bytes of the product's program.
const BULK: usize = 200 << 10;
/// The same of the product whose downloads are left in the middle.
const LARGE: usize = 24 << 20;
/// What the service may need more at the end than after the first tenth: the databases' caches fill.
const MAX_GROWTH_KIB: u64 = 16 << 10;

/// The part of the tests that takes minutes: service and database end at every message between them.
const ENDS: &str = "service::killed_postgres::an_end_at_any_message_loses_nothing_that_was_told";

/// `program` is run instead of a release build; `only_gone` leaves everything else out.
pub(crate) fn run(sh: &Shell, program_path: Option<&Path>, only_gone: bool) -> Result {
    debian::ensure(sh, &[program("curl", "curl")])?;
    let stampwright = program_path.map_or_else(|| demo::program(sh), |path| Ok(path.to_owned()))?;
    base(sh, &stampwright, FOLDER, "Soak", BULK)?;
    base(sh, &stampwright, FOLDER, "Large", LARGE)?;
    let serving = Serving::start(sh, &stampwright, &format!("{FOLDER}/service"), &format!("{FOLDER}/bases"))?;
    if !only_gone {
        whole(sh, &serving)?;
        cmd!(sh, "cargo test --quiet --test all -- --exact {ENDS} --ignored --nocapture")
            .env("STAMPWRIGHT_JUDGES", "required")
            .run()?;
    }
    let wish = json!({ "tenant": "acme", "product": "Large" });
    let token = text(&serving.ask(sh, "POST", "/v1/tokens", Some(&wish))?, "id")?;
    gone::run(&serving, "Large", &token)
}

/// Downloads that come to their end.
fn whole(sh: &Shell, serving: &Serving) -> Result {
    let ids = mint(sh, serving)?;
    println!("{TOKENS} tokens were minted: {} KiB", serving.resident_kib()?);

    let (first, rest) = ids.split_at(TOKENS / 10);
    download(serving, first)?;
    let early_kib = serving.resident_kib()?;
    println!("{} downloads: {early_kib} KiB", first.len() * EACH);
    download(serving, rest)?;
    let late_kib = serving.resident_kib()?;
    println!("{} downloads: {late_kib} KiB", ids.len() * EACH);

    settled(serving)?;
    let rows = count(sh, serving, &ids)?;
    println!("{rows} rows in the ledger, each whole, {EACH} of each token");
    if late_kib > early_kib + MAX_GROWTH_KIB {
        return Err(said(format!("it has grown from {early_kib} to {late_kib} KiB, by more than {MAX_GROWTH_KIB}")));
    }
    Ok(())
}

/// One request of curl's configuration, with the administrator's key. The body of the answer goes to a file.
fn request(serving: &Serving, path: &str, body: Option<&Value>, output: &str) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "url = \"{}{path}\"\nheader = \"@{}/key.header\"\noutput = \"{output}\"\nwrite-out = \"%{{http_code}} %{{size_download}}\\n\"\n",
        serving.address, serving.folder
    );
    if let Some(body) = body {
        let text = body.to_string().replace('\\', "\\\\").replace('"', "\\\"");
        let _ = write!(out, "header = \"content-type: application/json\"\ndata = \"{text}\"\n");
    }
    out
}

/// Sends them one after another over one connection; gives each one's status and length.
fn send(requests: &[String]) -> Result<Vec<(u16, u64)>> {
    let sh = Shell::new()?;
    sh.change_dir(crate::root::root());
    let said = cmd!(sh, "curl -sS -K -").stdin(requests.join("next\n")).quiet().read()?;
    let line = |line: &str| {
        let (status, length) = line.split_once(' ')?;
        Some((status.parse().ok()?, length.parse().ok()?))
    };
    said.lines().map(|text| line(text).ok_or_else(|| Failure::answer("curl", text))).collect()
}

fn mint(sh: &Shell, serving: &Serving) -> Result<Vec<String>> {
    let folder = new_folder(sh, serving, "tokens")?;
    let wish = json!({ "tenant": "acme", "product": "Soak" });
    let requests: Vec<String> =
        (0..TOKENS).map(|n| request(serving, "/v1/tokens", Some(&wish), &format!("{folder}/{n}"))).collect();
    expect(&send(&requests)?, TOKENS, 201)?;
    (0..TOKENS).map(|n| text(&document(sh, &format!("{folder}/{n}"))?, "id")).collect()
}

fn download(serving: &Serving, ids: &[String]) -> Result {
    let requests: Vec<String> = ids
        .iter()
        .flat_map(|id| {
            let wish = json!({ "product": "Soak", "token_id": id });
            (0..EACH).map(move |_| request(serving, "/v1/installers", Some(&wish), "/dev/null"))
        })
        .collect();
    let got: Result<Vec<_>> = thread::scope(|scope| {
        let parts = requests.chunks(requests.len().div_ceil(CLIENTS));
        let clients: Vec<_> = parts.map(|part| scope.spawn(|| send(part))).collect();
        let joined = clients.into_iter().map(|client| client.join().map_err(|_| said("a client panicked"))?);
        joined.collect()
    });
    let got = got?.concat();
    expect(&got, requests.len(), 200)?;
    let lengths: Vec<u64> = got.iter().map(|(_, length)| *length).collect();
    match lengths.iter().min() {
        // The tokens differ in nothing that has a length.
        Some(least) if *least > BULK as u64 && lengths.iter().max() == Some(least) => Ok(()),
        _ => Err(said(format!("downloads of {:?} to {:?} bytes", lengths.iter().min(), lengths.iter().max()))),
    }
}

/// Waits until nothing runs and every end is written down.
fn settled(serving: &Serving) -> Result {
    for _ in 0..100 {
        let metrics = serving.metrics()?;
        let is_quiet = metrics.lines().any(|line| line.ends_with("downloads_running 0"));
        thread::sleep(Duration::from_millis(200));
        if is_quiet {
            return Ok(());
        }
    }
    Err(said("downloads still run"))
}

/// The rows of each token, which must be whole.
fn count(sh: &Shell, serving: &Serving, ids: &[String]) -> Result<usize> {
    let folder = new_folder(sh, serving, "rows")?;
    let requests = ids.iter().flat_map(|id| {
        let rows =
            request(serving, &format!("/v1/installers?token_id={id}&limit=1000"), None, &format!("{folder}/{id}"));
        [rows, request(serving, &format!("/v1/tokens/{id}"), None, &format!("{folder}/{id}.token"))]
    });
    expect(&send(&requests.collect::<Vec<_>>())?, ids.len() * 2, 200)?;
    let mut found = 0;
    for id in ids {
        let rows = document(sh, &format!("{folder}/{id}"))?;
        let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
        let is_whole = |row: &Value| field(row, "outcome") == "done" && field(row, "bytes") == field(row, "size");
        if rows.len() != EACH || !rows.iter().all(is_whole) {
            return Err(said(format!("the token {id} has {} rows, or one that is not whole", rows.len())));
        }
        if *field(&document(sh, &format!("{folder}/{id}.token"))?, "installers") != json!(EACH) {
            return Err(said(format!("the token {id} counts other than {EACH} installers")));
        }
        found += rows.len();
    }
    // A download that can be resumed is no link of its user.
    if serving.ask(sh, "GET", "/v1/links", None)? != json!([]) {
        return Err(said("there are links"));
    }
    Ok(found)
}

fn expect(got: &[(u16, u64)], number: usize, status: u16) -> Result {
    let right = got.iter().filter(|(found, _)| *found == status).count();
    if right == number {
        Ok(())
    } else {
        Err(said(format!("{right} answers with the status {status}, expected {number}")))
    }
}

fn new_folder(sh: &Shell, serving: &Serving, name: &str) -> Result<String> {
    let folder = format!("{}/{name}", serving.folder);
    let full = sh.current_dir().join(&folder);
    fs::create_dir_all(&full).at("create", &full)?;
    Ok(folder)
}

fn document(sh: &Shell, path: &str) -> Result<Value> {
    let full = sh.current_dir().join(path);
    let text = fs::read(&full).at("read", &full)?;
    serde_json::from_slice(&text).map_err(|_| said(format!("{path} is no JSON")))
}
