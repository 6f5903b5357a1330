//! The manifest's rules, each with the sentence that a person reads.

use std::path::Path;

use super::*;

/// A manifest with nothing wrong.
pub(crate) const GOOD: &str = r#"
[product]
name = "Example Agent"
file-stem = "Example-Agent"
version = "1.4.2"
publisher = "Example"
summary = "watches this device"
licence = "MIT"
maintainer = "Example <packages@example.com>"

[service]
arguments = ["--service"]

[[agent]]
platform = "linux"
arch = "amd64"
path = "Cargo.toml"
"#;

fn load(text: &str) -> Result<Product, String> {
    Product::load(Path::new("stampwright.toml"), text).map_err(|error| error.to_string())
}

#[test]
fn what_is_not_said_has_a_default() {
    let product = load(GOOD).unwrap();
    assert_eq!(product.package(), "example-agent");
    assert_eq!(product.executable(), "example-agent");
    assert_eq!(product.folder(), "Example Agent");
    assert!(product.token_required());
    let service = product.service().unwrap();
    assert_eq!((service.name.as_str(), service.display_name.as_str()), ("example-agent", "Example Agent"));
    assert_eq!(service.arguments(Platform::Macos), ["--service"]);
    assert_eq!(product.file_name(&product.agents()[0], "deb"), "Example-Agent.deb");
}

/// Replaces one text of the good manifest and gives the error.
fn with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    load(&GOOD.replace(from, to)).expect_err(to)
}

#[test]
fn each_error_says_file_line_and_key() {
    assert_eq!(
        with("\"1.4.2\"", "\"1.4\""),
        "stampwright.toml:5: product.version: \"1.4\" must be three numbers up to 255.255.65535, e.g. 1.4.2"
    );
    assert_eq!(
        with("\"Example\"", "\"Example\\n\""),
        "stampwright.toml:6: product.publisher: \"Example\\n\" must not start or end with white space"
    );
    assert!(with("licence =", "license =").starts_with("stampwright.toml:8: unknown field `license`, expected"));
    assert!(with("\"linux\"", "\"windows\"").contains(":15: windows.upgrade-code: is missing"));
    assert!(with("Cargo.toml", "nowhere").contains(":17: agent[0].path: \"nowhere\" cannot be opened:"));
}

#[test]
fn all_problems_are_said_at_once() {
    let text = GOOD.replace("1.4.2", "x").replace("\"MIT\"", "\"\"").replace("Example-Agent", "a/b");
    let lines = load(&text).unwrap_err();
    assert_eq!(lines.lines().count(), 3, "{lines}");
}

#[test]
fn a_name_that_is_no_folder_needs_one() {
    let error = with("\"Example Agent\"", "\"Agent: \\\"one\\\"\"");
    assert!(error.contains("hint: it is also a folder"), "{error}");
    let text = GOOD.replace("\"Example Agent\"", "\"Agent: \\\"one\\\"\"\nfolder = \"Agent one\"");
    assert_eq!(load(&text).unwrap().folder(), "Agent one");
}

#[test]
fn destinations_stay_where_they_belong() {
    let file = |platform: &str, destination: &str| {
        format!(
            "{GOOD}\n[[file]]\nplatform = \"{platform}\"\nsource = \"Cargo.toml\"\ndestination = \"{destination}\"\n"
        )
    };
    assert!(load(&file("linux", "/etc/example/agent.conf")).is_ok());
    assert!(load(&file("windows", "conf/agent.conf")).is_ok());
    for (platform, wrong) in [
        ("linux", "etc/x"),
        ("linux", "/etc/../x"),
        ("linux", "/etc//x"),
        ("windows", "/x"),
        ("windows", "../x"),
        ("windows", "a:b"),
        ("macos", "/a/./b"),
    ] {
        assert!(load(&file(platform, wrong)).unwrap_err().contains("destination"), "{wrong}");
    }
}

#[test]
fn the_schema_knows_every_key() {
    let schema = manifest::schema().to_string();
    for key in ["file-stem", "upgrade-code", "bundle-id", "restart-delay-secs", "licence-file", "compression"] {
        assert!(schema.contains(key), "{key}");
    }
}
