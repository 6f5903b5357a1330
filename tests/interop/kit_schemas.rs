//! What a kit has for Graph, Jamf and Macs, held against tables of the vendors' schemas (`tests/schemas/`): a key that they do not know, one that
//! they demand, a wrong type. Graph's own metadata is what the service checks by, and stronger than the types and SDKs that are made from it.

use std::path::Path;

use installer::Kind;
use serde_json::{Value, json};

use crate::support::agents::Cpu;
use crate::support::agents::macho::{self, Signing};
use crate::support::kits::{Made, files, json};
use crate::support::product::MANIFEST;
use crate::support::schemas::Schema;

use super::kit_graph;
use super::kit_macos::plist;

/// A table, held against a right document and against all that is one mistake away from it.
fn holds(schema: &Schema, kind: &str, name: &str, document: &Value) {
    assert_eq!(schema.faults(kind, document), [""; 0], "{name}: {document:#}");
    let mut places = Vec::new();
    walk(document, &mut String::new(), &mut places);
    for place in &places {
        let mut wrong = document.clone();
        let value = wrong.pointer_mut(place).unwrap();
        match value {
            Value::Object(object) => _ = object.insert("unheardOf".to_owned(), json!(1)),
            Value::String(_) | Value::Null => *value = json!(1),
            _ => *value = json!("1"),
        }
        assert!(!schema.faults(kind, &wrong).is_empty(), "{name}: anything is taken at {place}");
    }
    assert!(places.len() > 5, "{name}: {places:?}");
}

/// The places of all values, but those in preferences, which are the agent's own.
fn walk(value: &Value, at: &mut String, places: &mut Vec<String>) {
    if at.ends_with("/mcx_preference_settings") {
        return;
    }
    places.push(at.clone());
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(object) => object.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(n, value)| (n.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (key, value) in inner {
        let len = at.len();
        *at += &format!("/{}", key.replace('~', "~0").replace('/', "~1"));
        walk(value, at, places);
        at.truncate(len);
    }
}

/// Those keys are missed that a table demands.
fn misses(schema: &Schema, kind: &str, document: &Value, keys: &[&str]) {
    for key in keys {
        let mut wrong = document.clone();
        assert!(wrong.as_object_mut().unwrap().remove(*key).is_some(), "{key}: {document:#}");
        let faults = schema.faults(kind, &wrong);
        assert!(faults.iter().any(|fault| fault.ends_with(&format!("{key} is missing"))), "{key}: {faults:?}");
    }
}

#[test]
fn graphs_metadata_knows_every_body() {
    let schema = Schema::parse(include_str!("../schemas/graph-v1.txt"), "@odata.type");
    let mut kinds = std::collections::BTreeSet::new();
    for found in kit_graph::bodies().iter().filter(|body| kit_graph::is_v1(body)) {
        let kind = if found.kind == "commit" { "commit" } else { "entity" };
        holds(&schema, kind, &found.name, &found.body);
        kinds.insert(found.kind.clone());
        if found.kind == "win32LobApp" {
            misses(&schema, kind, &found.body, &["installCommandLine", "uninstallCommandLine", "rules"]);
            // A rule must say which one it is, and be one.
            for wrong in [json!(null), json!("#microsoft.graph.win32LobAppRule"), json!("#microsoft.graph.win32LobApp")]
            {
                let mut body = found.body.clone();
                body["rules"][0]["@odata.type"] = wrong;
                assert!(!schema.faults(kind, &body).is_empty(), "{body:#}");
            }
            let mut body = found.body.clone();
            body["installExperience"]["runAsAccount"] = json!("machine");
            assert!(!schema.faults(kind, &body).is_empty(), "{body:#}");
        }
        // What is beta's.
        if found.kind == "windowsMobileMSI" {
            let mut body = found.body.clone();
            body["identityVersion"] = json!("1.4.2");
            assert!(!schema.faults(kind, &body).is_empty(), "{body:#}");
        }
    }
    let all = ["commit", "macOSLobApp", "mobileAppContentFile", "win32LobApp", "windowsMobileMSI"];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), all);
}

/// A profile of Apple's schema, with what its tables do not say.
fn profile(schema: &Schema, path: &Path) -> Option<String> {
    let profile = plist(path)?;
    let name = path.file_name().unwrap().to_str().unwrap();
    holds(schema, "profile", name, &profile);
    misses(schema, "profile", &profile, &["PayloadContent", "PayloadIdentifier", "PayloadUUID"]);
    let payload = &profile["PayloadContent"][0];
    let services = payload["Services"].as_object();
    for identity in services.into_iter().flat_map(|all| all.values()).flat_map(|all| all.as_array().unwrap()) {
        let both = ["Allowed", "Authorization"].map(|key| identity.get(key).is_some());
        assert_eq!(both.iter().filter(|is_there| **is_there).count(), 1, "{name}: {identity}");
    }
    Some(payload["PayloadType"].as_str().unwrap().to_owned())
}

#[test]
fn apples_schema_knows_every_key() {
    let schema = Schema::parse(include_str!("../schemas/apple.txt"), "PayloadType");
    // An agent with a team, so that there are all three profiles.
    let agent = tempfile::tempdir().unwrap();
    let path = agent.path().join("agent");
    std::fs::write(&path, macho::program(&[Cpu::Arm64], &Signing::identity())).unwrap();
    let manifest =
        MANIFEST.replace("arch = \"universal\"\npath = \"agent-macos\"", &format!("arch = \"arm64\"\npath = {path:?}"));
    for manifest in [MANIFEST, &manifest] {
        let made = Made::with(Kind::Pkg, manifest);
        let token = ["--token-file", made.token.to_str().unwrap(), "--tenant", "acme"];
        let kit = made.good_kit(&made.base, "jamf,intune", &token);
        let mut kinds = Vec::new();
        for path in files(&kit).iter().filter(|path| path.extension().is_some_and(|end| end == "mobileconfig")) {
            let Some(kind) = profile(&schema, path) else { return };
            kinds.push(kind);
        }
        kinds.sort();
        kinds.dedup();
        let all = [
            "com.apple.ManagedClient.preferences",
            "com.apple.TCC.configuration-profile-policy",
            "com.apple.servicemanagement",
        ];
        assert_eq!(kinds, all);
    }
    let made = Made::of(Kind::Pkg);
    let kit = made.good_kit(&made.stamped, "jamf", &["--package-url", "https://example.com/a.pkg"]);
    let manifest = plist(&kit.join("jamf/manifest.plist")).unwrap();
    holds(&schema, "manifest", "manifest.plist", &manifest);
    misses(&schema, "item", &manifest["items"][0], &["assets", "metadata"]);
    misses(&schema, "asset", &manifest["items"][0]["assets"][0], &["kind", "url"]);
    // Apple: chunks have their size beside them, and a place that is reached over TLS.
    let asset = &manifest["items"][0]["assets"][0];
    assert_eq!(asset.get("sha256s").is_some(), asset.get("sha256-size").is_some());
    assert!(asset["url"].as_str().unwrap().starts_with("https://"), "{asset}");
}

#[test]
fn jamfs_schema_knows_every_key() {
    let schema = Schema::parse(include_str!("../schemas/jamf.txt"), "");
    let made = Made::of(Kind::Pkg);
    let kit = made.good_kit(&made.stamped, "jamf", &["--package-url", "https://example.com/a.pkg"]).join("jamf/api");
    let package = json(&kit.join("packages.json"));
    holds(&schema, "package", "packages.json", &package);
    let demanded = ["packageName", "fileName", "categoryId", "priority", "fillUserTemplate", "rebootRequired"];
    misses(&schema, "package", &package, &demanded);
    misses(&schema, "package", &package, &["osInstall", "suppressUpdates", "suppressFromDock", "suppressEula"]);
    misses(&schema, "package", &package, &["suppressRegistration"]);
    let deploy = json(&kit.join("deploy-package.json"));
    holds(&schema, "installPackage", "deploy-package.json", &deploy);
    let demanded = ["url", "hash", "hashType", "bundleId", "bundleVersion", "title", "sizeInBytes"];
    misses(&schema, "packageManifest", &deploy["manifest"], &demanded);
    let mut wrong = deploy;
    wrong["manifest"]["hashType"] = json!("SHA-256");
    assert!(!schema.faults("installPackage", &wrong).is_empty(), "{wrong}");
}
