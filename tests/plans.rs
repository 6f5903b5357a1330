//! Stamps that programs in other languages put together from a plan, against those that we write.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::product::bases;
use crate::support::{both, judge, output, program, root};

/// A plan of every base, and the stamp that it must become, in a folder: `NAME.json`, `NAME`, `base-NAME`.
fn plans() -> (tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("token"), "enroll-3f9a.7c21~b8").unwrap();
    let mut names = Vec::new();
    for base in bases() {
        let name = base.name();
        let given = format!("base-{name}");
        fs::write(folder.path().join(&given), &base.bytes).unwrap();
        let stamp = |more: &[&str]| {
            // An rpm's release is the clock's otherwise, and two stamps may fall into two seconds.
            let release: &[&str] = if name.ends_with(".rpm") { &["--release", "7"] } else { &[] };
            let arguments = [&["stamp", &given, "--token-file", "token"], release, more].concat();
            let said = output(program().args(arguments).current_dir(folder.path()));
            assert!(said.status.success(), "{name}: {}", both(&said));
            said.stdout
        };
        stamp(&["-o", &name]);
        fs::write(folder.path().join(format!("{name}.json")), stamp(&["--plan"])).unwrap();
        names.push(name);
    }
    (folder, names)
}

fn assembles(interpreter: &str, script: &str) {
    let Some(interpreter) = judge(interpreter) else { return };
    let (folder, names) = plans();
    let script = root().join("tests/assemblers").join(script);
    let run = |base: &str, plan: &str, out: &str| {
        let mut command = Command::new(&interpreter);
        output(command.arg(&script).args([base, plan, out]).current_dir(folder.path()))
    };
    for name in &names {
        let (base, plan) = (format!("base-{name}"), format!("{name}.json"));
        let said = run(&base, &plan, "assembled");
        assert!(said.status.success(), "{name}: {}", both(&said));
        let same = fs::read(folder.path().join("assembled")).unwrap() == fs::read(folder.path().join(name)).unwrap();
        assert!(same, "{name}: another installer");
        fs::remove_file(folder.path().join("assembled")).unwrap();
        // Another base is refused, and nothing is written.
        let said = run(name, &plan, "assembled");
        assert!(!said.status.success() && !folder.path().join("assembled").exists(), "{name}: {}", both(&said));
    }
}

#[test]
fn python_assembles_a_plan() {
    assembles("python3", "assemble.py");
}

#[test]
fn javascript_assembles_a_plan() {
    assembles("node", "assemble.mjs");
}

#[test]
fn a_plan_is_what_its_schema_says() {
    let schema: Value = serde_json::from_slice(&fs::read(root().join("docs/plan.schema.json")).unwrap()).unwrap();
    let (folder, names) = plans();
    for name in names {
        let plan = fs::read(folder.path().join(format!("{name}.json"))).unwrap();
        let plan: Value = serde_json::from_slice(&plan).unwrap();
        fits(&plan, &schema, &name);
        let kept = |step: &Value| step.get("keep").map(|range| range[1].as_u64().unwrap() - range[0].as_u64().unwrap());
        let steps = plan["segments"].as_array().unwrap();
        let bulk: u64 = steps.iter().filter_map(kept).sum();
        assert!(bulk > 0 && bulk < plan["size"].as_u64().unwrap(), "{name}: {bulk} bytes are kept");
    }
}

/// As much of JSON Schema as the schema uses.
fn fits(value: &Value, schema: &Value, at: &str) {
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        let keys = |schema: &Value| schema["required"].as_array().unwrap().clone();
        let fitting =
            choices.iter().filter(|choice| keys(choice).iter().all(|key| value.get(key.as_str().unwrap()).is_some()));
        let fitting: Vec<&Value> = fitting.collect();
        assert_eq!(fitting.len(), 1, "{at}: {value}");
        return fits(value, fitting[0], at);
    }
    if let Some(constant) = schema.get("const") {
        assert_eq!(value, constant, "{at}");
    }
    match schema["type"].as_str().unwrap() {
        "object" => {
            let object = value.as_object().unwrap_or_else(|| panic!("{at}: {value}"));
            let properties = schema["properties"].as_object().unwrap();
            for key in schema["required"].as_array().unwrap() {
                assert!(object.contains_key(key.as_str().unwrap()), "{at}: no {key}");
            }
            for (key, value) in object {
                let known = properties.get(key).unwrap_or_else(|| panic!("{at}: {key} is not in the schema"));
                fits(value, known, &format!("{at}.{key}"));
            }
        }
        "array" => {
            let items = value.as_array().unwrap_or_else(|| panic!("{at}: {value}"));
            let within = |bound: &str, holds: fn(usize, usize) -> bool| {
                schema.get(bound).and_then(Value::as_u64).is_none_or(|n| holds(items.len(), n as usize))
            };
            assert!(within("minItems", |len, n| len >= n) && within("maxItems", |len, n| len <= n), "{at}: {value}");
            items.iter().for_each(|item| fits(item, &schema["items"], at));
        }
        "integer" => assert!(value.is_u64(), "{at}: {value}"),
        "string" => assert!(value.is_string(), "{at}: {value}"),
        other => panic!("{at}: the schema has the type {other}"),
    }
}
