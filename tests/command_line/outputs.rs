//! Every output of the program follows one rule, wherever it goes and whoever runs it.

use std::os::unix::fs::{FileTypeExt, MetadataExt};

use super::{Desk, User};

const STAMP: &str = "stampwright stamp bases/Example-Agent.deb --token-file token";

/// Runs a test as each user.
fn as_each(test: impl Fn(&Desk, User)) {
    for user in Desk::users() {
        let desk = Desk::of(user);
        desk.ends(0, &format!("{STAMP} -o right.deb"));
        test(&desk, user);
    }
}

#[test]
fn streams_are_written_to_as_streams() {
    as_each(|desk, _| {
        let right = desk.read("right.deb");
        let before = std::fs::symlink_metadata("/dev/stdout").unwrap().ino();
        for (line, to) in [
            ("mkfifo pipe; cat pipe > a & STAMP -o pipe; wait", "a"),
            ("STAMP -o /dev/stdout > b", "b"),
            ("STAMP -o /dev/stdout | cat > c", "c"),
            ("STAMP -o - | cat > d", "d"),
            ("STAMP -o /dev/fd/3 3> e", "e"),
            ("STAMP -o /proc/self/fd/3 3>> f", "f"),
            ("STAMP -o >(cat > g); while ! cmp -s g right.deb; do sleep 0.05; done", "g"),
            ("ln -s /dev/stdout link; STAMP -o link > h", "h"),
            // A container without a folder for scratch files.
            ("TMPDIR=/nowhere STAMP -o - > i", "i"),
            ("TMPDIR=/nowhere STAMP -o - | cat > j", "j"),
        ] {
            desk.ends(0, &line.replace("STAMP", STAMP));
            assert!(desk.read(to) == right, "{line}: other bytes");
        }
        assert!(std::fs::metadata(desk.file("pipe")).unwrap().file_type().is_fifo(), "the FIFO is gone");
        assert_eq!(std::fs::symlink_metadata("/dev/stdout").unwrap().ino(), before, "/dev/stdout was replaced");
        // A document goes to a stream as well, and installers that a signer or a list makes.
        desk.ends(0, &format!("{STAMP} -o i --receipt /dev/stdout > receipt"));
        desk.ends(0, &format!("{STAMP} -o i --receipt - | cmp - receipt"));
        assert!(!desk.has("-"), "a file called - was written");
        desk.ends(0, "printf 'token\\nt1.a\\n' > list; stampwright stamp bases/Example-Agent.deb --batch list -o /dev/fd/3 --zip 3> z");
        desk.ends(0, "TMPDIR=/nowhere stampwright stamp bases/Example-Agent.deb --batch list -o - --zip | cmp - z");
        assert!(desk.read("z").starts_with(b"PK"));
        desk.ends(0, "stampwright init - | grep -q '^.product.$'");
    });
}

/// Errors are documents then, and the receipt has its file.
#[test]
fn documents_on_standard_output_leave_it_to_the_installer() {
    let desk = Desk::new();
    desk.ends(0, "stampwright stamp bases/Example-Agent.deb --token-file token -o right.deb --receipt right.json");
    let call = "stampwright stamp bases/Example-Agent.deb --token-file token --json --receipt r.json";
    desk.ends(0, &format!("{call} -o - > out.deb && cmp out.deb right.deb"));
    let digest = |name: &str| serde_json::from_slice::<serde_json::Value>(&desk.read(name)).unwrap()["sha256"].clone();
    assert_eq!(digest("r.json"), digest("right.json"));
    let refused = desk.ends(1, "stampwright stamp right.deb --token-file token --json --receipt r.json -o -");
    assert!(refused.contains("\"error\": {"), "{refused}");
}

#[test]
fn a_full_device_is_said_and_an_empty_one_takes_everything() {
    as_each(|desk, _| {
        let said = desk.ends(3, &format!("{STAMP} -o /dev/full"));
        assert!(said.contains("write /dev/full: No space left on device"), "{said}");
        let said = desk.ends(3, &format!("{STAMP} -o full --receipt /dev/full"));
        assert!(said.contains("/dev/full"), "{said}");
        desk.ends(0, &format!("{STAMP} -o /dev/null --receipt /dev/null"));
        assert!(std::fs::metadata("/dev/full").unwrap().file_type().is_char_device());
        assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    });
}

#[test]
fn a_link_stays_and_what_it_leads_to_is_replaced() {
    as_each(|desk, _| {
        desk.ends(0, "mkdir there; echo old > there/file; ln -s there/file link; ln -s there/new fresh");
        for link in ["link", "fresh"] {
            desk.ends(0, &format!("{STAMP} -o {link}"));
            assert!(std::fs::symlink_metadata(desk.file(link)).unwrap().file_type().is_symlink(), "{link} is gone");
            assert!(desk.read(link) == desk.read("right.deb"));
        }
        assert_eq!(std::fs::metadata(desk.file("there/file")).unwrap().mode() & 0o777, 0o600);
        let said = desk.ends(1, &format!("ln -s two one; ln -s one two; {STAMP} -o one"));
        assert!(said.contains("links lead to each other"), "{said}");
    });
}

#[test]
fn an_input_and_another_output_are_refused() {
    as_each(|desk, _| {
        desk.ends(0, "ln bases/Example-Agent.deb hard; ln -s bases/Example-Agent.deb soft");
        let base = desk.read("bases/Example-Agent.deb");
        for output in ["bases/Example-Agent.deb", "./bases/../bases/Example-Agent.deb", "hard", "soft", "token"] {
            let said = desk.ends(2, &format!("{STAMP} -o {output}"));
            assert!(said.contains("is an input, and would be overwritten"), "{output}: {said}");
        }
        let said = desk.ends(2, &format!("{STAMP} -o - >> bases/Example-Agent.deb"));
        assert!(said.contains("is an input"), "{said}");
        for (output, receipt) in [("x", "x"), ("x", "./x"), ("-", "-"), ("-", "/dev/stdout"), ("/dev/stdout", "-")] {
            desk.ends(2, &format!("{STAMP} -o {output} --receipt {receipt} > out"));
            assert!(!desk.has("x") && desk.read("out").is_empty(), "{output} {receipt}");
        }
        desk.ends(2, &format!("{STAMP} -o x --receipt bases/Example-Agent.deb"));
        // Other commands have the same rule.
        desk.ends(0, "stampwright token keygen -o issuer -q");
        for line in [
            "stampwright sign bases/Example-Agent.msi -o bases/Example-Agent.msi --sign-file-command 'true {out}'",
            "stampwright prepare bases/Example-Agent.msi -o bases/Example-Agent.msi",
            "stampwright token mint --key issuer.key --tenant t --product p -o issuer.key",
            "cp agent-x64 dist.deb; mkdir d; sed 's,\"agent-x64\",\"d/Example-Agent.deb\",' stampwright.toml > m.toml; \
             cp agent-x64 d/Example-Agent.deb; stampwright build --product m.toml --format deb -o d",
        ] {
            let said = desk.ends(2, line);
            assert!(said.contains("is an input, and would be overwritten"), "{line}: {said}");
        }
        assert!(desk.read("bases/Example-Agent.deb") == base, "the base was changed");
    });
}

#[test]
fn what_cannot_be_written_is_known_before_anything_is_made() {
    as_each(|desk, user| {
        desk.ends(0, "mkdir -p shut folder there/Example-Agent.msi; chmod 555 shut");
        for (line, status) in [
            ("STAMP -o folder", 2),
            ("STAMP -o new/", 2),
            ("STAMP -o new/x", 3),
            ("STAMP -o x --receipt folder", 2),
            ("STAMP -o x --receipt nowhere/x.json", 3),
            ("stampwright build --format deb,msi -o there", 2),
            ("stampwright build -o -", 2),
            ("stampwright build -o token", 2),
            ("stampwright extract right.deb -o /dev/stdout", 2),
            ("stampwright prepare bases/Example-Agent.msi -o -", 2),
        ] {
            desk.ends(status, &line.replace("STAMP", STAMP));
            assert!(!desk.has("x") && !desk.has("there/Example-Agent.deb"), "{line} left something");
        }
        // Root writes everywhere.
        let is_allowed = user == User::Own && Desk::users().len() == 2;
        desk.ends(if is_allowed { 0 } else { 3 }, &format!("{STAMP} -o shut/x"));
        desk.ends(if is_allowed { 0 } else { 3 }, &format!("{STAMP} -o y --receipt shut/r.json"));
        assert_eq!(desk.has("y"), is_allowed, "an installer without its receipt");
        desk.ends(0, "chmod 755 shut");
    });
}

#[test]
fn a_terminal_gets_no_installer() {
    as_each(|desk, _| {
        // `script` gives the program a terminal.
        for output in ["-", "/dev/stdout"] {
            let said = desk.ends(2, &format!("script -qec '{STAMP} -o {output}' /dev/null"));
            assert!(said.contains("is a terminal, and this is no text"), "{said}");
            assert!(!said.contains("debian-binary"), "{said}");
        }
        let said = desk.ends(0, "script -qec 'stampwright init -' /dev/null");
        assert!(said.contains("[product]"), "{said}");
    });
}

#[test]
fn what_a_killed_run_left_goes_with_the_next_run() {
    as_each(|desk, _| {
        desk.ends(0, "mkdir out; echo t1.secret > out/.stampwright-dead; mkdir out/.stampwright-gone; touch out/.stampwright-gone/x");
        // Another run holds these.
        desk.ends(
            0,
            "touch out/.stampwright-live; mkdir out/.stampwright-busy; ln -s /etc/passwd out/.stampwright-link",
        );
        let holders = ["live", "busy"].map(|name| {
            let line = format!("exec flock out/.stampwright-{name} sh -c 'touch held-{name}; exec sleep 60'");
            desk.command(&line).spawn().unwrap()
        });
        while !(desk.has("held-live") && desk.has("held-busy")) {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        desk.ends(0, &format!("{STAMP} -o out/x.deb"));
        for holder in holders {
            let mut holder = holder;
            // `flock` has started the one that sleeps; both end with the lock's file.
            holder.kill().unwrap();
            holder.wait().unwrap();
        }
        assert!(!desk.has("out/.stampwright-dead") && !desk.has("out/.stampwright-gone"));
        assert!(desk.has("out/.stampwright-live") && desk.has("out/.stampwright-busy"));
        assert!(desk.has("out/.stampwright-link") && std::path::Path::new("/etc/passwd").exists());
    });
}

#[test]
fn a_run_that_is_killed_leaves_nothing_after_the_next() {
    let desk = Desk::new();
    // A signing command that never answers holds the run until it is killed.
    let line = format!("exec {STAMP} -o out/x.deb --sign-file-command \"sh -c 'touch held; exec sleep 60' {{out}}\"");
    desk.ends(0, "mkdir out");
    let mut run = desk.command(&line).spawn().unwrap();
    while !desk.has("held") {
        assert!(run.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    let left = |desk: &Desk| std::fs::read_dir(desk.file("out")).unwrap().count();
    assert!(left(&desk) > 0, "the run had nothing on its way");
    desk.ends(0, &format!("{STAMP} -o out/y.deb"));
    assert_eq!(left(&desk), 1, "only the new installer");
}

#[test]
fn the_umask_counts_for_what_has_no_token() {
    as_each(|desk, _| {
        for (mask, base) in [("022", 0o644), ("077", 0o600), ("027", 0o640), ("002", 0o664)] {
            desk.ends(
                0,
                &format!("umask {mask}; stampwright build --format deb -o made-{mask}; {STAMP} -o s --receipt r"),
            );
            let mode = |name: &str| std::fs::metadata(desk.file(name)).unwrap().mode() & 0o777;
            assert_eq!(mode(&format!("made-{mask}/Example-Agent.deb")), base, "{mask}");
            assert_eq!((mode("s"), mode("r")), (0o600, base), "{mask}");
        }
    });
}
