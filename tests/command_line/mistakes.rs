//! The mistakes of a first day: the status, that nothing is said on standard output, the sentence, and what to do next.

use super::Desk;

struct Mistake {
    line: &'static str,
    status: i32,
    says: &'static str,
    /// The next step; empty where the sentence says it.
    next: &'static str,
}

const fn mistake(line: &'static str, status: i32, says: &'static str, next: &'static str) -> Mistake {
    Mistake { line, status, says, next }
}

const MISTAKES: [Mistake; 58] = [
    mistake("", 2, "Usage: stampwright", "Commands:"),
    mistake("stmap base.deb", 2, "unrecognized subcommand 'stmap'", "'stamp'"),
    mistake("make", 2, "required arguments were not provided", "--token-file"),
    mistake("make --token-file token", 2, "required arguments were not provided", "--output <DIR>"),
    mistake("make --product no.toml --token-file token -o d", 3, "open no.toml: No such file", "stampwright init"),
    mistake("make --token-file no -o d", 3, "open no: No such file or directory", ""),
    mistake("make --token t1.secret -o d", 2, "unexpected argument '--token' found", "'--token-"),
    mistake("make --token-env NOT_SET -o d", 1, "--token-env: the environment has no variable of this name", "export"),
    mistake("make --token-env t1.example-tenant.abc -o d", 1, "the environment has no variable", "not its value"),
    mistake(
        "sign base.deb -o x --pkcs12 token --key-password-env t1.example-tenant.abc",
        1,
        "--key-password-env: the environment has no variable",
        "not its value",
    ),
    mistake(
        "stamp base.deb --token-file token --to s3://out/a.deb --base-object s3://bases/a.deb --s3-credentials-env",
        1,
        "--s3-credentials-env: the environment has no variable AWS_ACCESS_KEY_ID",
        "--s3-credentials",
    ),
    mistake(
        "stamp base.deb --token-file token --to s3://out/a.deb --base-object s3://bases/a.deb --s3-credentials token",
        1,
        "token: the store's credentials: the file has no profile [default]",
        "",
    ),
    mistake("make --token-file token --format dmg -o d", 2, "invalid value 'dmg'", "msi, pkg, deb, rpm"),
    mistake("make --token-file token -o stampwright.toml", 2, "stampwright.toml is a file, must be a folder", ""),
    mistake("make --token-file . -o d", 3, "read .: Is a directory", ""),
    mistake("make --token-file agent-x64 -o d", 1, "agent-x64: token has a control character at byte 1", ""),
    mistake("make --token-file token -o d --key k", 2, "required arguments were not provided", "--certs"),
    mistake("make --token-file token -o d --sign-command x", 2, "required arguments were not provided", "--certs"),
    mistake("build --product agent-x64 -o d", 1, "agent-x64: is not UTF-8 text", "TOML"),
    mistake("build --product . -o d", 3, "read .: Is a directory", ""),
    mistake("build -o -", 2, "- is a stream, must be a folder", ""),
    mistake("stamp --token-file token -o x", 2, "required arguments were not provided", "<BASE>"),
    mistake("stamp base.deb -o x", 2, "required arguments were not provided", "--token-file"),
    mistake("stamp base.deb --token-file token", 2, "required arguments were not provided", "--output"),
    mistake("stamp base.deb --token-file token -o base.deb", 2, "base.deb is an input", "another name"),
    mistake("stamp base.deb --token-file token -o token", 2, "token is an input", "another name"),
    mistake("stamp base.deb --token-file token -o bases", 2, "bases is a folder, must be a file", ""),
    mistake("stamp base.deb --token-file token -o new/x", 3, "write to new: No such file", "make the folder"),
    mistake("stamp base.deb --token-file token -o x --receipt x", 2, "x: one output for two things", "its own file"),
    mistake("stamp base.deb --token-file token -o x --receipt n/x", 3, "write to n: No such file", "make the folder"),
    mistake("stamp base.deb --token-file base.deb -o x", 1, "base.deb: token is longer than 4096 bytes", ""),
    mistake("stamp agent-x64 --token-file token -o x", 1, "agent-x64: installer: it is neither", ""),
    mistake("stamp bases --token-file token -o x", 1, "bases: not a regular file", ""),
    mistake("stamp no.deb --token-file token -o x", 3, "open no.deb: No such file or directory", ""),
    mistake(
        "stamp stamped.deb --token-file token -o x",
        1,
        "stamped.deb: the installer is already stamped",
        "--restamp",
    ),
    mistake("stamp base.deb --token-file utf16 -o x", 1, "utf16: token is in UTF-16", "-Encoding ascii"),
    mistake("stamp base.deb --token-file mark -o x", 1, "mark: token is in UTF-8 with a byte order mark", "PowerShell"),
    mistake("stamp base.deb --token-file empty -o x", 1, "empty: token is empty", ""),
    mistake("stamp base.deb --batch no.csv -o d", 3, "open no.csv: No such file or directory", ""),
    mistake("stamp base.deb --batch token -o d", 1, "no column has the header \"token\"", "--column"),
    mistake("inspect no.deb", 3, "open no.deb: No such file or directory", ""),
    mistake("verify no.deb", 3, "open no.deb: No such file or directory", ""),
    mistake("verify 'bases/*.deb'", 3, "open bases/*.deb: No such file", "leave the quotation marks out"),
    mistake("verify stamped.deb --base stamped.deb", 1, "the installer is already stamped", "--base is the installer"),
    mistake("prepare bases/Example-Agent.rpm -o x", 1, "an rpm takes no token beside its signature", "stamp --certs"),
    mistake(
        "check --set service.restart-delay-secs=soon",
        1,
        "--set: service.restart-delay-secs: cannot be set",
        "whole number",
    ),
    mistake("verify base.deb --profile gpo", 2, "base.deb: the profile gpo is for msi, this is deb", ""),
    mistake("extract no.deb -o d", 3, "open no.deb: No such file or directory", ""),
    mistake("extract base.deb -o bases", 1, "bases is not empty", "nothing was changed"),
    mistake("kit no.msi --for gpo -o d", 3, "open no.msi: No such file or directory", ""),
    mistake("kit base.deb --for intune -o d", 2, "base.deb: intune takes no deb", ""),
    mistake("kit bases/Example-Agent.msi --for gpo -o d", 1, "the installer has no token", "--token-file"),
    mistake("sign base.deb -o x", 2, "a key is needed", "--key"),
    mistake("sign bases/Example-Agent.msi -o x --key no --certs no", 3, "open no: No such file", ""),
    mistake("prepare bases/Example-Agent.msi -o x", 1, "the installer is not signed", "sign the base first"),
    mistake("init stampwright.toml", 1, "stampwright.toml is there already", "nothing was changed"),
    mistake("token mint --key no --tenant t --product p -o x", 3, "open no: No such file or directory", ""),
    mistake("token verify token --issuer-keys issuer.jwks.json", 1, "token: the token is not signed", "token mint"),
];

#[test]
fn a_newcomer_is_told_what_is_wrong_and_what_to_do() {
    let desk = Desk::new();
    desk.ends(0, "cp bases/Example-Agent.deb base.deb; stampwright token keygen -o issuer -q");
    desk.ends(0, "stampwright stamp base.deb --token-file token -o stamped.deb");
    desk.ends(0, "stampwright build --format rpm -o bases -q");
    desk.write("utf16", b"\xFF\xFEt\x001\x00\n\x00");
    desk.write("mark", b"\xEF\xBB\xBFt1.a\n");
    desk.write("empty", b"");
    let before: Vec<_> = std::fs::read_dir(desk.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    for Mistake { line, status, says, next } in MISTAKES {
        let output = desk.run(&format!("stampwright {line}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{line}: {said}");
        // A dry run says how much it has found.
        let is_right = |found: &str| {
            if line.starts_with("check") { found == "0 can be made, 1 problem\n" } else { found.is_empty() }
        };
        assert!(
            is_right(&String::from_utf8_lossy(&output.stdout)),
            "{line}: {}",
            String::from_utf8_lossy(&output.stdout)
        );
        assert!(said.contains(says) && said.contains(next), "{line}: {said}");
        assert!(!said.contains("t1.example-tenant") && !said.contains("panicked"), "{line}: {said}");
    }
    for entry in std::fs::read_dir(desk.path()).unwrap() {
        let name = entry.unwrap().file_name();
        // A folder to build into is made, and stays empty.
        let is_empty = std::fs::read_dir(desk.path().join(&name)).is_ok_and(|mut entries| entries.next().is_none());
        assert!(before.contains(&name) || is_empty, "{name:?} was left");
    }
}
