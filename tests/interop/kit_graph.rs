//! The bodies for Microsoft Graph before Microsoft's own types: TypeScript's compiler with the types of both endpoints, and the Python SDKs,
//! which read each body and must write it again with nothing left over.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use installer::Kind;
use serde_json::Value;

use crate::support::kits::{Made, files, json};
use crate::support::product::MANIFEST;
use crate::support::{both, judge, missing, output, root, run};

/// Where `cargo xtask judges` puts what Microsoft publishes.
fn published(part: &str) -> Option<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let path = target.join("kit-judges").join(part);
    if path.exists() {
        return Some(path);
    }
    missing(part);
    None
}

/// An endpoint's bodies: what the other one does not know is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    V1,
    Beta,
}

/// A body: its file's name, its type without `#microsoft.graph.`, and itself.
pub(super) struct Body {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) body: Value,
}

/// The bodies of kits of every sort.
pub(super) fn bodies() -> Vec<Body> {
    let mut found = Vec::new();
    let mut take = |label: &str, kit: &Path| {
        for path in files(&kit.join("intune/graph")) {
            let body = json(&path);
            let name = format!("{label}.{}", path.file_name().unwrap().to_str().unwrap());
            let kind = body["@odata.type"].as_str().map(|kind| kind.trim_start_matches("#microsoft.graph.").to_owned());
            // The commit is an action: it has a body and no type.
            let kind = kind.unwrap_or_else(|| "commit".to_owned());
            found.push(Body { name, kind, body });
        }
    };
    let msi = Made::of(Kind::Msi);
    take("stamped", &msi.good_kit(&msi.stamped, "intune", &[]));
    let msi = Made::of(Kind::Msi);
    take("base", &msi.good_kit(&msi.base, "intune", &["--token-file", msi.token.to_str().unwrap()]));
    let x64 = "[[agent]]\nplatform = \"windows\"\narch = \"x64\"\npath = \"agent-x64.exe\"\n\n";
    assert!(MANIFEST.contains(x64));
    let arm = Made::with(Kind::Msi, &MANIFEST.replace(x64, ""));
    take("arm64", &arm.good_kit(&arm.stamped, "intune", &[]));
    for oldest in ["11.0", "14.0", "26.0", "27.0"] {
        let more = format!("minimum-version = \"{oldest}\"\n");
        let pkg = Made::with(Kind::Pkg, &format!("{MANIFEST}{more}"));
        take(&format!("macos-{oldest}"), &pkg.good_kit(&pkg.stamped, "intune", &[]));
    }
    assert!(found.len() >= 20, "{} bodies", found.len());
    found
}

/// Whether version 1.0 knows all of it.
pub(super) fn is_v1(body: &Body) -> bool {
    let oldest = &body.body["minimumSupportedOperatingSystem"];
    let is_new = ["v14_0", "v15_0", "v26_0", "v27_0"].iter().any(|flag| oldest.get(flag).is_some());
    body.kind != "macOSPkgApp" && body.body.get("allowedArchitectures").is_none() && !is_new
}

/// One TypeScript file for an endpoint, with a constant for each body.
fn typescript(bodies: &[Body], endpoint: Endpoint) -> String {
    let package = match endpoint {
        Endpoint::V1 => "@microsoft/microsoft-graph-types",
        Endpoint::Beta => "@microsoft/microsoft-graph-types-beta",
    };
    let mut out = format!(
        "import type * as G from \"{package}\";\n\
         // The types have no @odata.type, and only the abstract rule.\n\
         type OD<T> = T extends (infer U)[] ? OD<U>[] : T extends object ? {{[K in keyof T]: OD<T[K]>}} & {{\"@odata.type\"?: string}} : T;\n\
         type Rule = G.Win32LobAppProductCodeRule | G.Win32LobAppRegistryRule;\n\
         type Win32 = Omit<G.Win32LobApp, \"rules\"> & {{rules?: Rule[]}};\n"
    );
    let chosen = bodies.iter().filter(|body| endpoint == Endpoint::Beta || is_v1(body));
    for (n, body) in chosen.enumerate() {
        let of = match body.kind.as_str() {
            "win32LobApp" => "Win32".to_owned(),
            "commit" => "{fileEncryptionInfo: G.FileEncryptionInfo}".to_owned(),
            kind => {
                let (first, rest) = kind.split_at(1);
                format!("G.{}{rest}", first.to_uppercase())
            }
        };
        out += &format!("// {}\nexport const b{n}: OD<{of}> = {};\n", body.name, body.body);
    }
    out
}

#[test]
fn microsofts_types_take_every_body() {
    let (Some(node), Some(_)) = (published("node"), judge("node")) else { return };
    let bodies = bodies();
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(node.join("node_modules"), folder.path().join("node_modules")).unwrap();
    let check = |text: &str| {
        fs::write(folder.path().join("bodies.ts"), text).unwrap();
        let flags =
            ["--strict", "--noEmit", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext"];
        let tsc = folder.path().join("node_modules/.bin/tsc");
        output(Command::new(tsc).args(flags).arg("bodies.ts").current_dir(folder.path()))
    };
    for endpoint in [Endpoint::V1, Endpoint::Beta] {
        // The types of beta lag behind its SDK: they do not know macOS 26 yet.
        let known = |body: &&Body| !body.name.starts_with("macos-26") && !body.name.starts_with("macos-27");
        let of_endpoint: Vec<Body> = bodies.iter().filter(known).map(Body::again).collect();
        let text = typescript(&of_endpoint, endpoint);
        let said = check(&text);
        assert!(said.status.success(), "{endpoint:?}: {}", both(&said));
        // The judge is one: it sees a wrong member, a wrong word and a wrong type.
        for (right, wrong) in [
            ("\"runAsAccount\":\"system\"", "\"runAsAccount\":\"machine\""),
            ("\"displayName\":", "\"displayTitle\":"),
            ("\"isDependency\":false", "\"isDependency\":\"no\""),
        ] {
            assert!(text.contains(right), "{right}");
            assert!(!check(&text.replacen(right, wrong, 1)).status.success(), "{endpoint:?} takes {wrong}");
        }
    }
}

impl Body {
    fn again(&self) -> Self {
        Self { name: self.name.clone(), kind: self.kind.clone(), body: self.body.clone() }
    }
}

/// Reads each body into the SDK's class and writes it again: what is not known, or is no member of its enumeration, is gone then.
const KIOTA: &str = r##"
import importlib, json, re, sys
from kiota_serialization_json.json_parse_node import JsonParseNode
from kiota_serialization_json.json_serialization_writer import JsonSerializationWriter

def module(kind):
    return "".join("_" + c.lower() if c.isupper() else c for c in kind)

def known(value, at=""):
    """Everything in a model must be a field of it."""
    if isinstance(value, list):
        for n, item in enumerate(value): known(item, f"{at}[{n}]")
    elif hasattr(value, "additional_data"):
        assert not value.additional_data, f"{at}: not known: {sorted(value.additional_data)}"
        for name, inner in vars(value).items():
            if name != "backing_store": known(inner, f"{at}.{name}")

def flags(model, key):
    """Words that can be several: they are read as a list, which the SDK does not write."""
    found = getattr(model, module(key), None)
    return ",".join(word.value for word in found) if isinstance(found, list) and found else None

def same(before, after, at, model=None):
    if isinstance(before, dict):
        assert isinstance(after, dict), at
        for key, value in before.items():
            if value is None or key == "@odata.type" and key not in after: continue
            if key not in after and value == flags(model, key): continue
            assert key in after, f"{at}: {key} is left over"
            same(value, after[key], f"{at}.{key}")
    elif isinstance(before, list):
        assert len(before) == len(after), at
        for n, (a, b) in enumerate(zip(before, after)): same(a, b, f"{at}[{n}]")
    else:
        assert before == after, f"{at}: {before!r} became {after!r}"

package, *paths = sys.argv[1:]
for path in paths:
    body = json.load(open(path))
    kind = body.get("@odata.type", "").removeprefix("#microsoft.graph.")
    if not kind:
        body, kind = body["fileEncryptionInfo"], "fileEncryptionInfo"
    models = importlib.import_module(f"{package}.generated.models.{module(kind)}")
    node = JsonParseNode(json.loads(json.dumps(body)))
    value = node.get_object_value(getattr(models, kind[0].upper() + kind[1:]))
    known(value, path)
    writer = JsonSerializationWriter()
    value.serialize(writer)
    same(body, json.loads(writer.get_serialized_content()), path, value)
print(len(paths))
"##;

#[test]
fn microsofts_sdks_read_every_body_and_leave_nothing_over() {
    let Some(python) = published("venv/bin/python") else { return };
    let folder = tempfile::tempdir().unwrap();
    let bodies = bodies();
    for (package, endpoint) in [("msgraph", Endpoint::V1), ("msgraph_beta", Endpoint::Beta)] {
        let mut arguments = vec!["-c".to_owned(), KIOTA.to_owned(), package.to_owned()];
        // The SDK of beta knows macOS 26 and not 27.
        let known = |body: &&Body| (endpoint == Endpoint::Beta || is_v1(body)) && !body.name.starts_with("macos-27");
        for body in bodies.iter().filter(known) {
            let path = folder.path().join(&body.name);
            fs::write(&path, body.body.to_string()).unwrap();
            arguments.push(path.to_str().unwrap().to_owned());
        }
        assert!(arguments.len() > 10, "{package}: {} bodies", arguments.len());
        run(&python, &arguments);
        // The judge is one.
        let first = bodies.iter().find(|body| body.kind == "win32LobApp" && is_v1(body)).unwrap();
        for (right, wrong) in
            [("\"system\"", "\"machine\""), ("\"displayName\"", "\"displayTitle\""), ("\"x64\"", "\"x65\"")]
        {
            let path = folder.path().join("wrong.json");
            let text = first.body.to_string();
            assert!(text.contains(right), "{right}");
            fs::write(&path, text.replacen(right, wrong, 1)).unwrap();
            let said = output(Command::new(&python).args(["-c", KIOTA, package]).arg(&path));
            assert!(!said.status.success(), "{package} takes {wrong}");
        }
    }
}

/// A tool that uploads Win32 apps reads the archive, and finds what the bodies say.
#[test]
fn an_uploader_reads_the_archive() {
    const READ: &str = "import dataclasses, json, sys, pathlib\n\
        from napt.upload.intunewin import parse_intunewin\n\
        found = parse_intunewin(pathlib.Path(sys.argv[1]))\n\
        print(json.dumps(dataclasses.asdict(found), default=str))";
    let Some(python) = published("venv/bin/python") else { return };
    let msi = Made::of(Kind::Msi);
    let kit = msi.good_kit(&msi.stamped, "intune", &[]).join("intune");
    let archive = files(&kit).into_iter().find(|path| path.extension().is_some_and(|end| end == "intunewin")).unwrap();
    let found = run(&python, ["-c", READ, archive.to_str().unwrap()]);
    let commit = json(&kit.join("graph/win32LobApp.commit.json"));
    let info = commit["fileEncryptionInfo"].as_object().unwrap();
    for key in ["encryptionKey", "macKey", "initializationVector", "mac", "fileDigest"] {
        let value = info[key].as_str().unwrap();
        assert!(found.contains(value), "{key}: {found}");
    }
    let content = json(&kit.join("graph/win32LobApp.contentFile.json"));
    assert!(found.contains(&content["size"].to_string()), "{found}");
}
