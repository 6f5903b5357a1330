//! What a call changes in a manifest, where it finds it, and what a dry run says of it.

use super::Desk;
use crate::support::agents::{Cpu, pe};
use crate::support::keys;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_version_comes_from_the_call_the_environment_or_the_manifest() {
    let desk = Desk::new();
    let version = |line: &str| {
        desk.ends(0, &format!("rm -rf out; {line} -q && stampwright inspect out/Example-Agent.deb | grep ^version"))
    };
    let build = "stampwright build --format deb -o out";
    assert!(version(build).contains("1.4.2"));
    assert!(version(&format!("{build} --set product.version=1.5.0")).contains("1.5.0"));
    assert!(version(&format!("STAMPWRIGHT_VERSION=1.6.0 {build}")).contains("1.6.0"));
    assert!(version(&format!("STAMPWRIGHT_VERSION=1.6.0 {build} --set product.version=1.7.0")).contains("1.7.0"));
    desk.ends(0, "sed -i 's/\"1.4.2\"/\"${RELEASE}\"/; s,\"agent-x64\",\"${DIR:-.}/agent-x64\",' stampwright.toml");
    assert!(version(&format!("RELEASE=1.8.0 {build}")).contains("1.8.0"));
    let said = desk.ends(1, build);
    assert!(said.contains("stampwright.toml:5: product.version: the variable RELEASE is not set"), "{said}");
    let said = desk.ends(1, &format!("RELEASE=one {build}"));
    assert!(said.contains("product.version: \"one\" must be three or four numbers"), "{said}");
    let said = desk.ends(1, &format!("RELEASE=1.8.0 DIR=nowhere {build}"));
    assert!(said.contains("nowhere/agent-x64\" cannot be opened"), "{said}");
    let said = desk.ends(1, &format!("RELEASE=1.8.0 {build} --set product.colour=red"));
    assert!(said.contains("unknown field `colour`"), "{said}");
    let said = desk.ends(1, &format!("RELEASE=1.8.0 {build} --set 'agent[9].path=x'"));
    assert!(said.contains("agent[9].path: cannot be set: there are 5"), "{said}");
    desk.ends(2, &format!("{build} --set version"));
}

#[test]
fn a_manifest_is_found_in_a_folder_above() {
    let desk = Desk::new();
    desk.ends(0, "mkdir -p a/b && cd a/b && stampwright build --format deb -o out && test -f out/Example-Agent.deb");
    let said = desk.ends(3, "mkdir -p /tmp/no-manifest.$$ && cd /tmp/no-manifest.$$ && stampwright build -o out");
    assert!(said.contains("there is no stampwright.toml here or in a folder above"), "{said}");
    desk.ends(0, "rmdir /tmp/no-manifest.*");
}

#[test]
fn a_dry_run_says_every_problem_and_makes_nothing() {
    let desk = Desk::new();
    desk.ends(0, "rm -rf bases");
    let good = desk.ends(0, "stampwright check --token-file token");
    assert!(good.contains("Example-Agent.msi: msi for x64 of agent-x64.exe: "), "{good}");
    assert!(good.contains("8 can be made, 0 problems") || good.contains("7 can be made, 0 problems"), "{good}");
    // Two agents are wrong, and the key.
    desk.ends(0, "cp agent-arm64.exe agent-x64.exe; cp agent-x64 agent-macos");
    let output = desk.run("stampwright check --key none.key --certs none.pem");
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stderr);
    for part in ["agent-x64.exe is for arm64", "agent-macos is not a macOS executable", "open none.pem"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(text(&output.stdout).contains(", 3 problems"), "{output:?}");
    let output = desk.run("stampwright check --json");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), document["ok"].as_bool()), (Some(1), Some(false)));
    assert_eq!(document["problems"].as_array().unwrap().len(), 2);
    assert_eq!(document["files"][0]["arch"], "arm64");
    let made = ["msi", "pkg", "deb", "rpm"].iter().any(|ending| desk.has(&format!("Example-Agent.{ending}")));
    assert!(!made, "a dry run has made something");
}

#[test]
fn what_is_worth_knowing_of_an_agent_that_is_taken_is_said() {
    let desk = Desk::new();
    let mut followed = pe::unsigned(Cpu::X64);
    pe::sign_and_append(&mut followed, b"settings of an updater");
    desk.write("agent-x64.exe", followed);
    let note = "bytes follow the agent's code signature in its place, and nothing covers them";
    let said = text(&desk.run("stampwright check --format msi").stderr);
    assert!(said.contains(&format!("note: agent-x64.exe: 27 {note}")), "{said}");
    let said = text(&desk.run("stampwright build --format msi -o out").stderr);
    assert!(said.contains(&format!("warning[agent-uncovered]: agent-x64.exe: code signature: 27 {note}")), "{said}");
}

#[test]
fn a_dry_run_says_what_is_wrong_with_manifest_token_signers_and_formats_together() {
    let desk = Desk::new();
    desk.write("bad-token", "two words\n");
    let manifest = text(&desk.read("stampwright.toml"));
    // Keys that are none, values of another type, values that are wrong, a variable, and what the call sets.
    let wrong = manifest
        .replace("[windows]\n", "[windows]\ncolour = 1\n")
        .replace("mode = \"0640\"", "mode = 640")
        .replace("com.example.agent", "agent");
    desk.write("wrong.toml", wrong);
    let check = "stampwright check --product wrong.toml --token-file bad-token --set product.version=one";
    let output = desk.run(check);
    let said = text(&output.stderr);
    for part in [
        "bad-token: token has a space at byte 4",
        ": windows.colour: unknown field `colour`",
        ": file[0].mode: is a whole number, must be a text",
        ": macos.bundle-id: \"agent\" must be a bundle id",
        "error: --set: product.version: \"one\" must be three or four numbers",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert_eq!(
        (output.status.code(), text(&output.stdout).as_str()),
        (Some(1), "0 can be made, 5 problems\n"),
        "{said}"
    );
    let said = desk.ends(1, "STAMPWRIGHT_VERSION=one stampwright check");
    assert!(said.contains("error: STAMPWRIGHT_VERSION: product.version: \"one\" must be"), "{said}");
    let set = "--set service.restart-delay-secs=7 --set token.required=false --set 'deb.depends=[\"adduser\"]'";
    let said = desk.ends(
        0,
        &format!("stampwright build --format deb -o typed {set} -q && dpkg-deb -f typed/Example-Agent.deb Depends"),
    );
    assert!(said.contains("adduser"), "{said}");

    // Both signers, and a format that no agent is for.
    let linux: String = manifest
        .split("[[agent]]")
        .filter(|part| !part.contains("platform = \"macos\""))
        .collect::<Vec<_>>()
        .join("[[agent]]");
    let signing =
        "\n[windows.signing]\nkey = \"a.key\"\ncerts = \"a.pem\"\n[rpm.signing]\nkey = \"b.key\"\ncerts = \"b.pem\"\n";
    desk.write("signers.toml", format!("{linux}{signing}"));
    let said = desk.ends(3, "stampwright check --product signers.toml --format msi,pkg,rpm --token-file bad-token");
    for part in ["bad-token: token has a space", "has no agent for macOS, so no pkg", "open a.pem", "open b.pem"] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert!(said.contains("4 can be made, 4 problems"), "{said}");
}

#[test]
fn what_is_good_to_know_is_said_by_every_command_that_makes_something() {
    let desk = Desk::new();
    let mut manifest = text(&desk.read("stampwright.toml"));
    manifest +=
        "\n[[file]]\nplatform = \"macos\"\nsource = \"agent.conf\"\ndestination = \"/Library/Example/agent.conf\"\n";
    desk.write("stampwright.toml", manifest);
    for command in [
        "check --format pkg",
        "build --format pkg -o a",
        "make --format pkg --token-file token -o b",
        "build --format pkg --json -o c",
    ] {
        let output = desk.run(&format!("stampwright {command}"));
        let said = text(&output.stderr);
        assert!(output.status.success(), "{command}: {said}");
        let note = "note: file[4].destination: /Library/Example/agent.conf is outside of /Applications";
        assert_eq!(said.matches(note).count(), 1, "{command}: {said}");
    }
    assert!(desk.run("stampwright build --format pkg -o a -q").stderr.is_empty());
}

#[test]
fn a_signature_that_fails_is_said_of_the_installer_by_its_name() {
    let Some(keys) = keys::keys() else { return };
    let desk = Desk::new();
    let sign = format!("--certs '{}' --sign-command false", keys.text("rsa2048.pem"));
    let said = desk.ends(3, &format!("stampwright make --format msi --token-file token -o dist {sign}"));
    assert!(said.contains("error: dist/Example-Agent.msi: the signing command false: ended with"), "{said}");
    assert!(!said.contains(".stampwright-") && !desk.has("dist/Example-Agent.msi"), "{said}");
}

#[test]
fn each_format_has_a_signer_of_its_own_by_reference() {
    let Some(keys) = keys::keys() else { return };
    let desk = Desk::new();
    for name in ["rsa2048", "installer"] {
        for ending in ["key", "pem"] {
            let file = format!("{name}.{ending}");
            std::fs::copy(keys.path(&file), desk.file(&file)).unwrap();
            desk.mode(&file, 0o600);
        }
    }
    let mut manifest = text(&desk.read("stampwright.toml"));
    manifest.push_str("\n[windows.signing]\ncerts = \"rsa2048.pem\"\nkey = \"rsa2048.key\"\n");
    manifest.push_str("[macos.signing]\ncerts = \"installer.pem\"\nkey = \"${KEYS:-.}/installer.key\"\n");
    desk.write("stampwright.toml", &manifest);
    let checked = desk.ends(0, "stampwright check --format msi,pkg,deb");
    assert_eq!(checked.matches(", signed").count(), 3, "{checked}");
    desk.ends(0, "stampwright make --token-file token --format msi,pkg,deb -o dist -q");
    for (file, signed) in [("Example-Agent.msi", true), ("Example-Agent.pkg", true), ("Example-Agent.deb", false)] {
        let said = desk.ends(0, &format!("stampwright inspect dist/{file} | grep ^signature"));
        assert_eq!(said.contains("none"), !signed, "{file}: {said}");
    }
    let said = desk.ends(0, "stampwright build --format msi -o unsigned");
    assert!(said.contains("note: the signers of the manifest sign for make; build signs nothing"), "{said}");
    // A command for one format sees no other format's secret, nor its own.
    let secrets = format!(
        "{}\n[rpm.signing]\nsign-file-command = \"sh -c 'env > seen; exit 1' {{out}}\"\nkey-password-env = \"RPM_PIN\"\n",
        manifest.replace(
            "[macos.signing]\n",
            "key-password-env = \"WIN_PIN\"\n[macos.signing]\nkey-password-env = \"MAC_PIN\"\n"
        )
    );
    desk.write("secrets.toml", secrets);
    let line = "T=t1.secret WIN_PIN=pin-one MAC_PIN=pin-two RPM_PIN=pin-three OTHER=stays \
                stampwright make --product secrets.toml --format rpm --token-env T -o rpms";
    let said = desk.ends(3, line);
    assert!(said.contains("the signing command sh: ended with"), "{said}");
    let seen = text(&desk.read("seen"));
    assert!(seen.contains("OTHER=stays"), "{seen}");
    assert!(!seen.contains("pin-") && !seen.contains("t1.secret"), "{seen}");
    assert!(!desk.has("rpms/Example-Agent.rpm"), "an rpm that was not signed");
    for (line, part) in [
        ("pkcs12 = \"x\"", "is a second signer"),
        ("sign-command = \"x\"", "is a second signer"),
        ("password = \"secret\"", "unknown field `password`"),
    ] {
        let wrong = manifest.replace("[macos.signing]\n", &format!("[macos.signing]\n{line}\n"));
        desk.write("wrong.toml", wrong);
        let said = desk.ends(1, "stampwright check --product wrong.toml");
        assert!(said.contains(part), "{said}");
    }
    // A table without a signer is no wish for an unsigned installer.
    for table in ["", "description = \"x\"\n", "certs = \"rsa2048.pem\"\n", "key-password-env = \"PIN\"\n"] {
        desk.write("wrong.toml", format!("{}\n[rpm.signing]\n{table}", manifest));
        for command in ["check", "make --token-file token -o none", "build -o none"] {
            let said = desk.ends(1, &format!("stampwright {command} --product wrong.toml"));
            assert!(said.contains(": rpm.signing: names no signer, and the installers would not be signed"), "{said}");
        }
    }
    assert!(!desk.has("none"), "something was made");
}

#[test]
fn intune_means_the_profile_of_the_file() {
    let desk = Desk::new();
    desk.ends(0, "stampwright make --token-file token --format msi,pkg -o dist -q");
    for (file, name) in [("msi", "intune-windows"), ("pkg", "intune-macos")] {
        let said = desk.run(&format!("stampwright verify dist/Example-Agent.{file} --profile intune"));
        assert!(text(&said.stdout).contains(&format!(": {name}: ")), "{said:?}");
    }
    desk.ends(0, "stampwright rules intune | grep -q 'Microsoft Intune, macOS'");
    // One vocabulary in every document, and nothing of a sample product in the schema.
    for (file, arch) in [("dist/Example-Agent.msi", "x64"), ("bases/Example-Agent.deb", "x64")] {
        let said = desk.run(&format!("stampwright inspect {file} --json"));
        let document: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
        assert_eq!((&document["arch"], &document["product"]), (&arch.into(), &"Example Agent".into()), "{file}");
    }
    let schema = text(&desk.run("stampwright schema").stdout);
    assert!(schema.contains("amd64") && !schema.contains("OneRMM"), "{schema}");
}

#[test]
fn a_table_stands_for_a_folder_a_pattern_or_one_architecture() {
    let desk = Desk::new();
    desk.ends(0, "mkdir -p tree/a/b conf && echo 1 > tree/one && echo 2 > tree/a/b/two && chmod 755 tree/one");
    // Signs of patterns in the names of files.
    desk.ends(0, "echo odd > 'odd[1].txt' && echo one > odd1.txt");
    desk.ends(0, "echo x > conf/x.rules && echo y > conf/y.rules && echo z > conf/z.txt && echo only > x64.txt");
    let mut manifest = text(&desk.read("stampwright.toml"));
    let file = |source: &str, destination: &str, more: &str| {
        format!("\n[[file]]\nplatform = \"linux\"\nsource = \"{source}\"\ndestination = \"{destination}\"\n{more}")
    };
    manifest += &file("tree", "/opt/example/tree", "");
    manifest += &file("conf/*.rules", "/opt/example/rules", "mode = \"0600\"\n");
    manifest += &file("odd[1].txt", "/opt/example/odd.txt", "");
    manifest += &file("odd[[]?].t*", "/opt/example/odds", "");
    manifest += &file("x64.txt", "/opt/example/arch.txt", "arch = \"x64\"\n");
    manifest += &file("nowhere/*.so", "/opt/example/so", "optional = true\n");
    manifest += &file("nowhere", "/opt/example/none", "optional = true\n");
    let link = |destination: &str, target: &str, more: &str| {
        format!("\n[[file]]\nplatform = \"linux\"\ndestination = \"{destination}\"\nlink = \"{target}\"\n{more}")
    };
    manifest += &link("/usr/bin/example-tool", "../lib/example-agent/tool", "arch = \"x64\"\n");
    manifest += &link("/opt/example/current", "/opt/example/tree", "");
    desk.write("stampwright.toml", &manifest);
    desk.ends(0, "stampwright build --format deb,rpm -o all -q");
    // Other people's programs see the links.
    let listed =
        desk.ends(0, "dpkg-deb --contents all/Example-Agent.deb; rpm -qlvp --nosignature all/Example-Agent.rpm");
    for part in ["/usr/bin/example-tool -> ../lib/example-agent/tool", "/opt/example/current -> /opt/example/tree"] {
        assert_eq!(listed.matches(part).count(), 2, "{part}\n{listed}");
    }
    let other = desk.ends(
        0,
        "dpkg-deb --contents all/Example-Agent-arm64.deb; rpm -qlvp --nosignature all/Example-Agent-arm64.rpm",
    );
    assert!(!other.contains("example-tool") && other.matches("current -> ").count() == 2, "{other}");
    desk.ends(0, "for file in all/*; do stampwright stamp $file --token-file token -o stamped && stampwright verify stamped --base $file || exit 1; done");
    for format in ["deb", "rpm"] {
        let line = format!(
            "stampwright extract all/Example-Agent.{format} -o {format} -q; cd {format}/payload/opt/example && find . -type f -printf '%m %P\\n' | sort -k 2"
        );
        assert_eq!(
            desk.ends(0, &line),
            "644 arch.txt\n644 odd.txt\n644 odds/odd[1].txt\n600 rules/x.rules\n600 rules/y.rules\n644 tree/a/b/two\n755 tree/one\n",
            "{format}"
        );
        let other = format!(
            "stampwright extract all/Example-Agent-arm64.{format} -o {format}-arm -q; ! test -e {format}-arm/payload/opt/example/arch.txt && test -e {format}-arm/payload/opt/example/tree/one"
        );
        desk.ends(0, &other);
    }
    for (more, part) in [
        (file("nowhere/*.so", "/opt/x", ""), "stands for no file"),
        (file("x64.txt", "/opt/example/arch.txt", ""), "is there twice"),
        (file("[", "/opt/x", ""), "is no pattern"),
        (link("/opt/example/arch.txt", "x", ""), "is there twice"),
        (link("/opt/x", "", ""), "file[13].link: \"\" is empty"),
        (link("/opt/x", "a\\tb", ""), "file[13].link: \"a\\tb\" must not have a line ending, tab"),
        (link("/opt/x", &"y".repeat(201), ""), "must have at most 200 characters"),
        (link("/opt/x", "y", "mode = \"0644\"\n"), "is there beside mode, config or optional"),
        (link("/opt/x", "y", "source = \"x64.txt\"\n"), "is there beside source"),
        (link("/opt/x", "y", "").replace("linux", "windows"), "file[13].link: \"y\" is for macOS and Linux only"),
        (link("/usr/bin/x", "y", "").replace("linux", "macos"), "which is sealed"),
        (link("/opt/x", "y", "").replace("link = \"y\"\n", ""), "file[13].source: is missing, and there is no link"),
        (
            link("/var/lib/example-agent/enrollment-state", "/tmp/x", ""),
            "is where the enrollment token and its state live",
        ),
    ] {
        desk.write("wrong.toml", format!("{manifest}{more}"));
        let said = desk.ends(1, "stampwright check --product wrong.toml");
        assert!(said.contains(part), "{said}");
    }
    desk.ends(0, "ln -s . tree/circle");
    let said = desk.ends(1, "stampwright check");
    assert!(said.contains("has a link to a folder"), "{said}");
}
