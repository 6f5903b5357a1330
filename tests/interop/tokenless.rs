//! Products without a place for a token: the program itself as a deb and an rpm, which dpkg and rpm install and which run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::rpm_root::Root;
use crate::support::{both, judge, output, program, run};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The packages of the program that is being built.
fn packages(folder: &Path) -> (PathBuf, PathBuf) {
    let completion = run(program().get_program(), ["completions", "bash"]);
    fs::write(folder.join("completion"), completion).unwrap();
    let manifest = format!(
        "[product]\nname = \"Stampwright\"\nfile-stem = \"stampwright\"\nversion = \"1.2.3\"\npublisher = \"Example\"\n\
         summary = \"builds installers\"\nlicense = \"MIT\"\nmaintainer = \"Example <x@example.com>\"\n[token]\nslot = false\n\
         [linux]\ncommand = \"stampwright\"\n[deb]\nsection = \"devel\"\ncompression = \"gzip\"\n\
         [[agent]]\nplatform = \"linux\"\narch = \"x64\"\npath = '{}'\n[[file]]\nplatform = \"linux\"\nsource = \"completion\"\n\
         destination = \"/usr/share/bash-completion/completions/stampwright\"\n",
        Path::new(program().get_program()).display()
    );
    fs::write(folder.join("stampwright.toml"), manifest).unwrap();
    let out = folder.join("out");
    let mut build = program();
    build.args(["build", "--product", text(&folder.join("stampwright.toml")), "-o", text(&out)]);
    let said = output(&mut build);
    assert!(said.status.success(), "{}", both(&said));
    (out.join("stampwright.deb"), out.join("stampwright.rpm"))
}

#[test]
fn the_program_installs_itself_and_runs() {
    let (Some(dpkg), Some(root)) = (judge("dpkg"), Root::new()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (deb, rpm) = packages(folder.path());
    let Some(()) = root.distribution(&rpm) else { return };
    let own = Path::new(program().get_program()).to_path_buf();

    // rpm, into a root: what it links to is there, and so is the link that people type.
    for file in [&deb, &rpm] {
        let said = output(program().args(["verify", text(file)]));
        assert!(said.status.success(), "{}", both(&said));
        let shown = both(&output(program().args(["inspect", text(file)])));
        assert!(shown.contains("not a base of Stampwright"), "{shown}");
        fs::write(folder.path().join("token"), "t").unwrap();
        let token = folder.path().join("token");
        let said = output(program().args([
            "stamp",
            text(file),
            "--token-file",
            text(&token),
            "-o",
            text(&folder.path().join("no")),
        ]));
        assert!(!said.status.success(), "{}", both(&said));
    }
    let scripts = root.rpm(&["-qp", "--scripts", text(&rpm)]);
    assert!(!scripts.contains("scriptlet"), "{scripts}");
    root.copy(&own, "tmp/for-its-libraries");
    root.rpm(&["-U", text(&rpm)]);
    assert_eq!(root.rpm(&["-V", "stampwright"]), "");
    let says = |folder: &Path| run("chroot", [text(folder), "/usr/bin/stampwright", "--version"]);
    assert_eq!(says(&root.path("")), run(&own, ["--version"]));
    root.rpm(&["-e", "stampwright"]);
    assert_eq!(root.named("stampwright"), "");

    // dpkg, into the same root; its dependencies are the host's business.
    let other = tempfile::tempdir().unwrap();
    let admin = other.path().join("admin");
    for folder in ["updates", "info", "triggers"] {
        fs::create_dir_all(admin.join(folder)).unwrap();
    }
    for file in ["status", "available"] {
        fs::write(admin.join(file), "").unwrap();
    }
    let mut command = Command::new(dpkg);
    command.args(["--force-depends", "--force-not-root", "--log=/dev/null"]);
    command
        .arg(format!("--admindir={}", text(&admin)))
        .arg(format!("--instdir={}", text(&root.path(""))))
        .args(["-i", text(&deb)]);
    let said = output(&mut command);
    assert!(said.status.success(), "{}", both(&said));
    assert_eq!(says(&root.path("")), run(&own, ["--version"]));
    assert!(!root.path("etc/stampwright").exists() && !root.path("var/lib/stampwright").exists());
}

#[test]
fn lintian_has_nothing_against_a_plain_package() {
    let Some(lintian) = judge("lintian") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (deb, _) = packages(folder.path());
    let said = output(Command::new(lintian).args(["--allow-root", "--fail-on", "none", text(&deb)]));
    let words = both(&said);
    // The program is not stripped here, its manual pages are made for a release, and a text in it is a path of dpkg's.
    let accepted = [
        "unstripped-binary-or-object",
        "no-manual-page",
        "initial-upload-closes-no-bugs",
        "hardening-no",
        "embedded-library",
        "uses-dpkg-database-directly",
    ];
    let others: Vec<&str> = words
        .lines()
        .filter(|line| {
            (line.starts_with("E:") || line.starts_with("W:")) && !accepted.iter().any(|one| line.contains(one))
        })
        .collect();
    assert_eq!(others, [""; 0]);
}
