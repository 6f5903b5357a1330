//! wrk as a client: as many rows as it counted answers, each of a token of its own; and a link is used as often as it may.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use super::server::Server;
use crate::support::{both, judge, root, run};

/// wrk's threads, with a connection each.
const THREADS: usize = 16;

/// What wrk has counted.
struct Counted {
    /// Answers.
    answers: usize,
    /// Those with the status 200.
    ok: usize,
}

/// Runs it at an address until every thread has so many answers.
fn wrk(program: &Path, url: &str, each: usize, key: Option<&Path>) -> Counted {
    let mut command = Command::new(program);
    let threads = THREADS.to_string();
    command.args(["-t", &threads, "-c", &threads, "-d", "120s", "--timeout", "30s", "-s"]);
    command.arg(root().join("tests/service/wrk.lua")).args([url, "--", &each.to_string()]).args(key);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let finished = said.filter(|line| line == "finished").take(THREADS).count();
    run("kill", ["-INT", &child.id().to_string()]);
    let said = child.wait_with_output().unwrap();
    let text = both(&said);
    assert_eq!(finished, THREADS, "{text}");
    let result = text.lines().find_map(|line| line.strip_prefix("result ")).unwrap_or_else(|| panic!("{text}"));
    let numbers: Vec<usize> = result.split(' ').map(|number| number.parse().unwrap()).collect();
    let [requests, answers, ok, broken] = numbers[..] else { panic!("{text}") };
    assert!(said.status.success() && broken == 0 && requests == answers && answers == THREADS * each, "{text}");
    Counted { answers, ok }
}

#[test]
fn wrk_gets_an_installer_for_each_token_and_the_ledger_has_a_row_for_each_answer() {
    let Some(program) = judge("wrk") else { return };
    let server = Server::start();
    let key = server.path("admin.header");
    let counted = wrk(&program, &format!("{}/v1/installers", server.url), 60, Some(&key));
    assert_eq!(counted.ok, counted.answers);
    server.until("every row has its end", || server.ledger("").iter().all(|row| row["outcome"] == "done"));
    let rows = server.ledger("");
    let tokens: BTreeSet<_> = rows.iter().map(|row| row["token_fingerprint"].as_str().unwrap()).collect();
    assert_eq!((rows.len(), tokens.len()), (counted.answers, counted.answers));
    assert!(rows.iter().all(|row| row["bytes"] == row["size"]));
}

#[test]
fn wrk_uses_a_link_as_often_as_it_may() {
    const USES: usize = 100;
    let Some(program) = judge("wrk") else { return };
    let server = Server::start();
    let wish = json!({ "product": "Example Agent", "platform": "macos", "token": "t1.acme.0123456789", "uses": USES });
    let link = server.post("admin", "/v1/links", &wish, &[]);
    assert_eq!(link.status, 201, "{}", link.text());
    let counted = wrk(&program, link.json()["url"].as_str().unwrap(), 20, None);
    assert_eq!(counted.ok, USES);
    server.until("every row has its end", || server.ledger("").iter().all(|row| row["outcome"] == "done"));
    assert_eq!(server.ledger("").len(), USES);
}
