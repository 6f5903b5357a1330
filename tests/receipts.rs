//! Receipts: what the program says of what it made, against what is there; and that it makes all or nothing of a product.

use std::fs;
use std::path::{Path, PathBuf};

use installer::proof::{hex, sha256};
use serde_json::Value;

use crate::support::agents::{self, Cpu};
use crate::support::product::{MANIFEST, write_agents};
use crate::support::{both, output, program};

fn digest(path: &Path) -> String {
    hex(&sha256(&mut fs::File::open(path).unwrap()).unwrap().1)
}

/// Runs a command of the program in `folder` and gives what it prints.
fn answers(folder: &Path, arguments: &[&str]) -> Value {
    let said = output(program().args(arguments).current_dir(folder));
    assert!(said.status.success(), "{arguments:?}: {}", both(&said));
    serde_json::from_slice(&said.stdout).unwrap()
}

#[test]
fn receipts_have_the_digests_of_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_agents(folder);
    agents::app::write(&folder.join("Example.app"), &[Cpu::X64, Cpu::Arm64]);
    let manifest = MANIFEST.replace("agent-macos", "Example.app").replace("1.4.2", "1.2.3");
    fs::write(folder.join("stampwright.toml"), manifest).unwrap();
    fs::write(folder.join("token"), "enroll-3f9a.7c21~b8").unwrap();

    let built = answers(folder, &["build", "--product", "stampwright.toml", "-o", "bases", "--json"]);
    let made =
        answers(folder, &["make", "--product", "stampwright.toml", "--token-file", "token", "-o", "dist", "--json"]);
    let linux = ["agent-x64", "agent-arm64"];
    let others = ["agent-x64.exe", "agent-arm64.exe", "Example.app/Contents/MacOS/Example"];
    // The Linux agents are in debs and rpms.
    let agents: Vec<&str> = others.into_iter().chain(linux).chain(linux).collect();
    let receipts = |document: &Value| document["files"].as_array().unwrap().clone();
    assert_eq!(receipts(&built).len(), agents.len());
    for ((base, stamp), agent) in receipts(&built).iter().zip(&receipts(&made)).zip(agents) {
        for receipt in [base, stamp] {
            let file = PathBuf::from(receipt["file"].as_str().unwrap());
            assert_eq!(receipt["sha256"], digest(&folder.join(&file)), "{}", file.display());
            assert_eq!(receipt["size"], fs::metadata(folder.join(&file)).unwrap().len());
            assert_eq!(receipt["agent"]["sha256"], digest(&folder.join(agent)), "{agent}");
            assert_eq!(receipt["agent"]["len_bytes"], fs::metadata(folder.join(agent)).unwrap().len());
            assert_eq!((&receipt["product"], &receipt["mode"]), (&"Example Agent".into(), &"plain".into()));
            let arch = if agent.contains("arm64") { "arm64" } else { "x64" };
            let arch = if agent.contains(".app") { "universal" } else { arch };
            assert_eq!(receipt["arch"], arch, "{agent}");
        }
        assert_eq!(stamp["base"]["sha256"], base["sha256"], "make starts from the same base as build");
        assert!(stamp["checks"].as_u64().unwrap() > base["checks"].as_u64().unwrap());
    }
    assert_eq!(made["files"][2]["agent"]["executable"], "Contents/MacOS/Example");
}

/// One installer that cannot be built stops all of them before the first is there.
#[test]
fn nothing_is_built_of_a_product_that_does_not_fit_together() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_agents(folder);
    for (agent, sentence) in [
        ("Example.app", "product.version is 1.4.2, but the application's version is 1.2.3"),
        ("Example", "agent.path is a folder whose name does not end in .app"),
    ] {
        agents::app::write(&folder.join(agent), &[Cpu::X64, Cpu::Arm64]);
        fs::write(folder.join("stampwright.toml"), MANIFEST.replace("agent-macos", agent)).unwrap();
        let said =
            output(program().args(["build", "--product", "stampwright.toml", "-o", "bases"]).current_dir(folder));
        assert_eq!(said.status.code(), Some(1), "{}", both(&said));
        assert!(both(&said).contains(sentence), "{}", both(&said));
        assert!(!folder.join("bases").exists(), "{sentence}");
    }
}
