//! The manual's shell sessions, run as they stand there.
//!
//! Each `console` block of the README and of `tests/transcripts/*.md` is run in a scratch folder that has the small
//! product in it: `stampwright.toml`, its agents, and a file `token`. What a command prints on either output, and a line
//! `[exit N]` where it does not end with 0, must be what the page says. Output is reproducible, so sizes and digests
//! are part of it. `STAMPWRIGHT_BLESS=1 cargo test transcripts` writes what was printed into the pages.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{self, product::Small};

#[test]
fn every_session_runs_as_it_stands() {
    let mut pages = vec![support::root().join("README.md")];
    let folder = support::root().join("tests/transcripts");
    pages.extend(std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    pages.sort();
    let bless = std::env::var_os("STAMPWRIGHT_BLESS").is_some();
    let mut sessions = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        let (run, blocks) = replay(&text);
        sessions += blocks;
        if bless {
            std::fs::write(&page, run).unwrap();
        } else if run != text {
            panic!("{}: the session runs differently:\n{}", page.display(), difference(&text, &run));
        }
    }
    assert!(sessions >= 2, "there are only {sessions} sessions");
}

/// The page with every session's output replaced by what its commands print now, and the number of sessions.
fn replay(page: &str) -> (String, usize) {
    let small = Small::new();
    for (name, token) in
        [("token", "t1.example-tenant.0123456789abcdef\n"), ("other-token", "t2.another-tenant.fedcba9876543210\n")]
    {
        let path = small.folder.path().join(name);
        std::fs::write(&path, token).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let mut out = String::new();
    let (mut blocks, mut inside) = (0, false);
    for line in page.lines() {
        if line == "```console" {
            inside = true;
            blocks += 1;
        } else if line == "```" {
            inside = false;
        } else if inside {
            if let Some(command) = line.strip_prefix("$ ") {
                writeln!(out, "{line}").unwrap();
                out.push_str(&shell(command, small.folder.path()));
            }
            continue;
        }
        writeln!(out, "{line}").unwrap();
    }
    (out, blocks)
}

fn shell(command: &str, folder: &Path) -> String {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_stampwright"));
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {command}")])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", program.parent().unwrap().display()))
        .env("SOURCE_DATE_EPOCH", "1704067200")
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    if let Some(code) = output.status.code().filter(|code| *code != 0) {
        writeln!(text, "[exit {code}]").unwrap();
    }
    text
}

/// The first line that differs, with both versions.
fn difference(page: &str, run: &str) -> String {
    let at = page.lines().zip(run.lines()).take_while(|(a, b)| a == b).count();
    let line = |text: &str| text.lines().nth(at).unwrap_or("(end)").to_owned();
    format!("line {}\n  page: {}\n  now:  {}", at + 1, line(page), line(run))
}
