//! The examples of `docs/`, run as they stand there.

use super::Desk;
use crate::support::{judge, root};

/// The first block of a language in a page.
fn block(page: &str, language: &str) -> String {
    let text = std::fs::read_to_string(root().join("docs").join(page)).unwrap();
    let start = format!("```{language}\n");
    let (_, rest) = text.split_once(&start).unwrap_or_else(|| panic!("{page} has no {language}"));
    rest.split_once("```").unwrap().0.to_owned()
}

/// A server's example stamps as the program does, and raises the program's sentence.
fn stamps(interpreter: &str, arguments: &str, language: &str, file: &str) {
    let Some(interpreter) = judge(interpreter) else { return };
    let desk = Desk::new();
    desk.write(file, block("server.md", language));
    let interpreter = format!("GOCACHE=$PWD/cache {} {arguments}", interpreter.display());
    desk.ends(0, "stampwright stamp bases/Example-Agent.deb --token-file token -o right");
    let example = format!("TOKEN=t1.example-tenant.0123456789abcdef {interpreter} {file}");
    desk.ends(0, &format!("{example} bases/Example-Agent.deb out && cmp out right"));
    let said = desk.ends(1, &format!("{example} token out"));
    assert!(said.contains("token: installer: it is neither"), "{said}");
    assert!(!said.contains("0123456789abcdef"), "{said}");
}

#[test]
fn the_server_in_python_stamps() {
    stamps("python3", "", "python", "server.py");
}

#[test]
fn the_server_in_javascript_stamps() {
    stamps("node", "", "js", "server.mjs");
}

#[test]
fn the_server_in_go_stamps() {
    stamps("go", "run", "go", "server.go");
}

#[test]
fn the_pipeline_of_the_page_builds_and_verifies() {
    let desk = Desk::new();
    desk.ends(0, "rm -rf bases");
    desk.write("ci.sh", block("ci.md", "sh"));
    desk.ends(0, "VERSION=2.3.4 sh ci.sh");
    // A second run finds the first one's files, and nothing that is no installer.
    desk.ends(0, "VERSION=2.3.4 sh ci.sh");
    desk.ends(
        0,
        "cd bases && sha256sum -c --quiet ../SHA256SUMS && stampwright inspect Example-Agent.msi | grep -q 2.3.4",
    );
    // The manifest's example is one that the manifest takes.
    let signing = block("ci.md", "toml").replace("${CERTS}", ".");
    let mut manifest = String::from_utf8(desk.read("stampwright.toml")).unwrap();
    manifest.push_str(&signing);
    desk.write("signing.toml", manifest);
    let said = desk.ends(3, "PIN=1 stampwright check --product signing.toml");
    assert!(said.contains("authenticode.pem: No such file"), "{said}");
}

/// The steps of `action.yml` that are scripts, as a runner would start them.
#[test]
fn the_action_builds_verifies_and_takes_no_script_for_an_input() {
    let desk = Desk::new();
    desk.ends(0, "rm -rf bases");
    let action = std::fs::read_to_string(root().join("action.yml")).unwrap();
    assert!(action.contains("using: composite") && action.matches("shell: bash").count() == 2, "{action}");
    let (_, step) = action.split_once("      run: |\n").unwrap();
    assert!(!step.contains("${{"), "an input in a script");
    desk.write("step.sh", step.lines().map(|line| format!("{}\n", line.trim_start())).collect::<String>());
    let inputs = "PRODUCT=stampwright.toml FORMATS=deb OUTPUT=out TOKEN_ENV=TOKEN";
    desk.ends(0, &format!("{inputs} COMMAND=build STAMPWRIGHT_VERSION=3.0.0 bash step.sh"));
    desk.ends(0, "stampwright inspect out/Example-Agent.deb | grep -q 3.0.0");
    desk.ends(0, &format!("{inputs} COMMAND=make STAMPWRIGHT_VERSION= TOKEN=t1.abc bash step.sh"));
    desk.ends(0, "stampwright inspect out/Example-Agent.deb | grep -q '6 bytes, fingerprint'");
    desk.ends(2, &format!("{inputs} COMMAND='build; touch owned' STAMPWRIGHT_VERSION= bash step.sh"));
    desk.ends(
        1,
        &format!("{inputs} OUTPUT='$(touch owned)' COMMAND=build STAMPWRIGHT_VERSION='; touch owned' bash step.sh"),
    );
    assert!(!desk.has("owned"), "an input was run");
    desk.ends(0, &format!("{inputs} COMMAND=build STAMPWRIGHT_VERSION=v3.1.0 bash step.sh"));
    desk.ends(0, "stampwright inspect out/Example-Agent.deb | grep -q 3.1.0");
    let said = desk.ends(1, &format!("{inputs} COMMAND=make TOKEN= STAMPWRIGHT_VERSION= bash step.sh"));
    assert!(said.contains("token is empty"), "{said}");
    let said = desk.ends(3, &format!("{inputs} PRODUCT=no.toml COMMAND=build STAMPWRIGHT_VERSION= bash step.sh"));
    assert!(said.contains("open no.toml"), "{said}");

    // The gate: what was built is damaged before it is verified. The first of the two, so that the last one's status hides nothing.
    let damaging = "mkdir -p fake && cat > fake/stampwright << 'EOF'\n#!/bin/sh\nreal \"$@\" || exit\n\
                    [ \"$1\" != build ] || printf x >> out/Example-Agent-arm64.deb\nEOF\n\
                    chmod 755 fake/stampwright && ln -s \"$(command -v stampwright)\" fake/real";
    desk.ends(0, damaging);
    let gate = format!("PATH=\"$PWD/fake:$PATH\" {inputs} STAMPWRIGHT_VERSION= COMMAND=build bash step.sh");
    let said = desk.ends(1, &gate);
    assert!(said.contains("error: out/Example-Agent-arm64.deb: "), "{said}");
    assert!(said.contains("out/Example-Agent.deb: ok"), "{said}");
}

/// Every file that the image is made of is in the tree and reaches the engine, and nothing that is built or secret does.
#[test]
fn the_image_is_made_of_what_is_there() {
    let read =
        |name: &str| std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let (image, ignored) = (read("Containerfile"), read(".dockerignore"));
    let ignored: Vec<&str> = ignored.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    for folder in [".git", "target", "samples", "fuzz/target", "fuzz/corpus", "payloads/*/target"] {
        assert!(ignored.contains(&folder), "{folder} goes to the engine");
    }
    // What cargo needs to read the workspace and to compile the program.
    for needed in ["Cargo.toml", "Cargo.lock", "src", "crates", "xtask", "templates", "payloads", "tests"] {
        assert!(root().join(needed).exists() && !ignored.contains(&needed), "{needed}");
    }
    let mut stages = Vec::new();
    let mut made = String::new();
    for line in image.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["FROM", _, "AS", name] => stages.push((*name).to_owned()),
            ["COPY", from, source, _] if from.starts_with("--from=") => {
                assert!(stages.iter().any(|stage| *from == format!("--from={stage}")), "{line}");
                let source = source.trim_end_matches('/');
                assert!(made.contains(source), "{line}: no step has made {source}");
            }
            ["COPY", source, _] => assert!(root().join(source).exists(), "{line}"),
            [] | ["FROM" | "WORKDIR" | "USER" | "ENTRYPOINT", ..] => {}
            _ => made += line,
        }
    }
    assert!(image.contains("USER 65534:65534") && made.contains("--locked"), "{image}");
}
