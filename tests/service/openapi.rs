//! The document of the interface, by a judge that makes requests of it: of every kind that it allows, and of those that it does not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::server::Server;
use crate::support::{self, product};

const HEADER: &str = "headers = { Authorization = \"Bearer ${API_KEY}\" }\n";
/// What there is for paths with an id or a secret, so that their requests come further than to a 404. The key is an environment variable.
const CONFIG: &str = r#"
headers = { Authorization = "Bearer ${API_KEY}" }

[[operations]]
include-path = "/d/{secret}"
parameters = { "path.secret" = "SECRET" }

[[operations]]
include-path-regex = "^/v1/links/"
parameters = { "path.id" = "LINK" }

[[operations]]
include-path-regex = "^/v1/tokens/"
parameters = { "path.id" = "TOKEN" }

[[operations]]
include-path-regex = "^/v1/installers/"
parameters = { "path.id" = "1" }
"#;

#[test]
fn what_the_document_says_is_what_is_served() {
    let Some(program) = schemathesis() else { return };
    let server = Server::start();
    let (id, _) = server.mint("acme");
    let wish = json!({ "product": "Example Agent", "platform": "macos", "token_id": id, "uses": 100_000 });
    let link = server.post("admin", "/v1/links", &wish, &[]).json();
    assert_eq!(
        server
            .post(
                "admin",
                "/v1/installers",
                &json!({ "product": "Example Agent", "platform": "macos", "token_id": id }),
                &[]
            )
            .status,
        200
    );
    let (url, link) = (link["url"].as_str().unwrap(), link["id"].as_str().unwrap());
    let secret = url.split_once("/d/").unwrap().1;
    let config = CONFIG.replace("SECRET", secret).replace("LINK", link).replace("TOKEN", &id);
    let said = holds(&server, &program, &config, "/openapi.json", &[]);
    // It got in, everywhere.
    assert!(!said.contains("Authentication failed") && said.contains("generated"), "{said}");
    // A request by link whose secret is the right one leaves no trace of it.
    assert!(!server.log().contains(secret) && !server.log().contains(&admin_key(&server)));
}

/// The same for what admins ask the enrollment server.
#[test]
fn what_the_document_of_enrollment_says_is_what_is_served() {
    let Some(program) = schemathesis() else { return };
    let server = Server::start_with("[enrollment]\nenabled = true\n", |_| {});
    let said = holds(&server, &program, HEADER, "/v1/enroll/openapi.json", &[]);
    // What an agent asks takes its own key, which no judge has.
    let others =
        said.matches("Authentication failed").count() - said.matches("Authentication failed: 1 operation ").count();
    assert!(others == 0 && said.contains("generated"), "{said}");
    assert!(!server.log().contains(&admin_key(&server)));
}

/// The façade's handles.
const OF_A_HANDLE: &str = r#"
[[operations]]
include-path-regex = "^/(status|download)/"
parameters = { "path.token" = "HANDLE" }
"#;

/// The same of the façade's paths, where they are.
#[test]
fn what_the_document_says_of_the_facade_is_what_is_served() {
    const FACADE: &str = "[facade]\nenabled = true\nproduct = \"Example Agent\"\nurl = \"https://fleet.example.com\"\n\
                          uses = 100000\n";
    let Some(program) = schemathesis() else { return };
    let server = Server::start_with(FACADE, |folder| {
        product::bases().iter().for_each(|base| fs::write(folder.join(base.name()), &base.bytes).unwrap());
    });
    let wish = json!({ "type": "deb", "enroll_secret": "t1.acme.0123456789", "url": "https://fleet.example.com" });
    let made = server.post("admin", "/generate", &wish, &[]).json();
    let handle = made["token"].as_str().unwrap();
    let config = format!("{HEADER}{}", OF_A_HANDLE.replace("HANDLE", handle));
    let only = ["--include-path-regex", "^/(generate|status|download)"];
    let said = holds(&server, &program, &config, "/openapi.json", &only);
    assert!(!said.contains("Authentication failed") && said.contains("generated"), "{said}");
    // Installers were downloaded by it, not only refused.
    assert!(server.ledger("").iter().any(|row| row["outcome"] == "done"), "{said}");
    assert!(!server.log().contains(handle) && !server.log().contains(&admin_key(&server)));
}

fn schemathesis() -> Option<PathBuf> {
    let program = support::judges_folder().with_file_name("api-judges").join("venv/bin/schemathesis");
    if !program.is_file() {
        support::missing("schemathesis");
        return None;
    }
    Some(program)
}

fn admin_key(server: &Server) -> String {
    fs::read_to_string(server.path("data/admin.key")).unwrap().trim().to_owned()
}

/// Asks the service all that its document says, and gives what the judge says of it.
fn holds(server: &Server, program: &Path, config: &str, document: &str, more: &[&str]) -> String {
    let file = server.path("schemathesis.toml");
    fs::write(&file, config).unwrap();
    let mut judge = Command::new(program);
    judge.current_dir(server.folder.path()).env("API_KEY", admin_key(server)).arg("--config-file").arg(&file);
    judge.args(["run", &format!("{}{document}", server.url), "--phases", "coverage,fuzzing", "-n", "10"]);
    // The same requests every time. What has an expiry is more than a schema can say, so valid data may be refused; a revoked key
    // would end the run.
    judge.args(["--seed", "1", "--no-color", "--continue-on-failure", "--checks", "all"]);
    judge.args(["--exclude-checks", "positive_data_acceptance", "--exclude-path-regex", "/revoke$"]).args(more);
    let output = support::output(&mut judge);
    assert!(output.status.success(), "{}", support::both(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
