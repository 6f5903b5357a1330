//! What is said, where, and how much of it.

use std::process::Stdio;

use super::Desk;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn results_go_to_standard_output_and_nothing_else_does() {
    let desk = Desk::new();
    for (line, part) in [
        ("stampwright make --token-file token --format deb -o dist", "made dist/Example-Agent.deb"),
        ("stampwright build --format deb -o b", "built b/Example-Agent.deb"),
        ("stampwright inspect dist/Example-Agent.deb", "fingerprint"),
        ("stampwright verify dist/Example-Agent.deb", "ok: "),
        ("stampwright token inspect token", "opaque"),
        ("stampwright extract dist/Example-Agent.deb -o parts", "extracted 27 files"),
        ("stampwright token keygen -o issuer", "wrote issuer.key"),
        ("stampwright init new.toml", "wrote new.toml"),
    ] {
        let output = desk.run(line);
        assert!(output.status.success() && text(&output.stdout).contains(part), "{line}: {output:?}");
        assert_eq!(text(&output.stderr), "", "{line}");
    }
    // A document is alone there.
    for line in [
        "stampwright make --token-file token --format deb -o dist --json",
        "stampwright verify dist/Example-Agent.deb --json",
        "stampwright stamp bases/Example-Agent.deb --token-file token -o x --json",
    ] {
        let output = desk.run(line);
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    let output = desk.run("stampwright token mint --key issuer.key --tenant t --product p -o -");
    assert!(text(&output.stderr).contains("minted token") && text(&output.stdout).lines().count() == 1);
}

#[test]
fn a_mistake_is_a_document_where_documents_were_asked_for() {
    let desk = Desk::new();
    for (line, status, kind, message) in [
        ("stampwright inspect nowhere --json", 3, "machine", "open nowhere: No such file or directory"),
        ("stampwright inspect token --json", 1, "wrong", "installer: it is neither"),
        ("stampwright stamp bases/Example-Agent.deb --token-file token -o - --json", 2, "usage", "both"),
        ("stampwright inspect --json --nonsense x", 2, "usage", "unexpected argument '--nonsense' found"),
        ("stampwright inspect --json", 2, "usage", "required arguments were not provided"),
    ] {
        let output = desk.run(line);
        assert_eq!(output.status.code(), Some(status), "{line}");
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["error"]["kind"], kind, "{line}");
        let found = document["error"]["message"].as_str().unwrap();
        assert!(found.contains(message) && !found.contains('\x1b'), "{line}: {found}");
        assert!(text(&output.stderr).contains("error: "), "{line}");
    }
    let output = desk.run("stampwright inspect token --json");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["error"]["place"], "token");
}

#[test]
fn outputs_that_are_closed_or_full_or_gone_never_panic() {
    let desk = Desk::new();
    let commands = [
        "stampwright --help",
        "stampwright schema",
        "stampwright completions bash",
        "stampwright rules",
        "stampwright inspect bases/Example-Agent.deb",
        "stampwright inspect bases/Example-Agent.deb --json",
        "stampwright verify bases/Example-Agent.deb",
        "stampwright verify nowhere",
        "stampwright make --token-file token --format deb -o made",
        "stampwright nonsense",
        "stampwright stamp bases/Example-Agent.deb --token-file token -o -",
    ];
    for command in commands {
        for to in [">&-", "2>&-", ">&- 2>&-", "> /dev/full", "2> /dev/full", "> /dev/full 2> /dev/full"] {
            let output = desk.run(&format!("{command} {to}"));
            let status = output.status.code();
            assert!(matches!(status, Some(0..=3)), "{command} {to}: {output:?}");
            if to == "> /dev/full" && !matches!(command, "stampwright verify nowhere" | "stampwright nonsense") {
                assert_eq!(status, Some(3), "{command} {to}: {output:?}");
            }
        }
        // The reader is gone.
        let output = desk.run(&format!("set -o pipefail; {command} 2> said | true; echo ${{PIPESTATUS[0]}}; cat said"));
        let said = text(&output.stdout);
        assert!(!said.contains("panicked") && !said.contains("Broken pipe"), "{command}: {said}");
    }
    // What was made is there, and what could not be said is said.
    let output = desk.run("stampwright make --token-file token --format deb -o whole > /dev/full");
    assert!(desk.has("whole/Example-Agent.deb") && desk.has("whole/Example-Agent-arm64.deb"));
    assert!(text(&output.stderr).contains("write standard output: No space left on device"), "{output:?}");
}

#[test]
fn how_much_is_said_and_in_which_colours_can_be_chosen() {
    let desk = Desk::new();
    let quiet = desk.run("stampwright make --token-file token --format deb -o dist --quiet");
    assert!(quiet.status.success() && quiet.stdout.is_empty() && quiet.stderr.is_empty(), "{quiet:?}");
    let loud = desk.run("stampwright make --token-file token --format deb -o dist -v");
    let said = text(&loud.stderr);
    assert!(said.contains("building dist/Example-Agent.deb") && said.contains("reading back dist/"), "{said}");
    let rules = text(&desk.run("stampwright verify dist/Example-Agent.deb --profile debian -v").stdout);
    assert!(rules.lines().filter(|line| line.ends_with(": holds")).count() > 10, "{rules}");

    let coloured = |line: &str| text(&desk.run(line).stderr).contains("\x1b[1m\x1b[31merror");
    assert!(coloured("stampwright inspect nowhere --color always"));
    assert!(!coloured("stampwright inspect nowhere"));
    assert!(!coloured("stampwright inspect nowhere --color=never"));
    assert!(text(&desk.run("stampwright inspect --color always --nonsense").stderr).contains("\x1b["));
    let terminal =
        |prefix: &str| text(&desk.run(&format!("{prefix} script -qec 'stampwright inspect nowhere' /dev/null")).stdout);
    assert!(terminal("TERM=xterm").contains("\x1b["), "a terminal has colours");
    assert!(!terminal("TERM=xterm NO_COLOR=1").contains("\x1b[3"), "NO_COLOR counts");
}

#[test]
fn help_fits_sixty_columns_without_breaking_words() {
    let desk = Desk::new();
    for command in
        ["", "make", "build", "stamp", "prepare", "inspect", "extract", "verify", "kit", "token mint", "sign"]
    {
        let help = text(&desk.run(&format!("COLUMNS=60 stampwright {command} --help")).stdout);
        let wide = text(&desk.run(&format!("COLUMNS=1000 stampwright {command} --help")).stdout);
        let words: std::collections::BTreeSet<&str> = wide.split_whitespace().collect();
        for line in help.lines() {
            let is_one_word = line.split_whitespace().count() <= 2;
            assert!(line.chars().count() <= 60 || is_one_word || line.starts_with("Usage:"), "{command}: {line}");
        }
        for word in help.split_whitespace() {
            assert!(words.contains(word), "{command}: {word:?} is half a word");
        }
    }
}

#[test]
fn a_token_is_asked_for_without_an_echo() {
    let desk = Desk::new();
    // The terminal echoes what is typed unless the program asks it not to.
    let line = "{ sleep 1; echo t1.typed-at-a-terminal; sleep 1; } | \
                script -qec 'stampwright stamp bases/Example-Agent.deb --token-file - -o typed.deb' /dev/null";
    let output = support_output(&desk, line);
    assert!(output.contains("token: ") && !output.contains("typed-at-a-terminal"), "{output}");
    desk.write("typed", "t1.typed-at-a-terminal\n");
    desk.ends(0, "stampwright verify typed.deb --token-file typed");
}

fn support_output(desk: &Desk, line: &str) -> String {
    let output = desk.command(line).stderr(Stdio::piped()).output().unwrap();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

#[test]
fn secrets_that_others_can_read_are_said_and_none_reaches_a_command() {
    let desk = Desk::new();
    desk.mode("token", 0o644);
    let said = desk.ends(0, "stampwright stamp bases/Example-Agent.deb --token-file token -o x");
    assert!(said.contains("warning: token: others can read this token") && said.contains("hint: chmod 600"), "{said}");
    desk.write("password", "pw\n");
    desk.mode("password", 0o640);
    let sign = "stampwright sign bases/Example-Agent.msi -o s --pkcs12 token --key-password-file password";
    let said = desk.ends(1, sign);
    assert!(said.contains("password: others can read this password"), "{said}");
    let said = desk.ends(1, &format!("{sign} --allow-open-key"));
    assert!(!said.contains("others can read"), "{said}");

    let line = "TOKEN=t1.in-the-environment PIN=1234-secret OTHER=stays stampwright stamp bases/Example-Agent.msi \
                --token-env TOKEN --key-password-env PIN -o y --sign-file-command \"sh -c 'env > seen; exit 1' {out}\"";
    // What failed is the command, not what it was given.
    desk.ends(3, line);
    let seen = text(&desk.read("seen"));
    assert!(seen.contains("OTHER=stays"), "{seen}");
    assert!(!seen.contains("t1.in-the-environment") && !seen.contains("1234-secret"), "{seen}");
}
