//! Applications: each kind of change in one that was sealed, by name.

use std::fs;
use std::path::{Path, PathBuf};

use super::agents::Cpu;
use super::agents::app::{App, info};
use super::*;

const FILES: &[(&str, &[u8])] = &[
    ("Resources/a.txt", b"a text"),
    ("Resources/de.lproj/words.strings", b"Wort"),
    ("Library/LaunchServices/x & y", b"more"),
    ("embedded.provisionprofile", b"profile"),
];

/// A sealed application with something of everything, and the folder that it lies in.
fn app(app: &App<'_>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Example.app");
    app.write(&path, &[Cpu::X64, Cpu::Arm64]);
    (folder, path)
}

fn full() -> App<'static> {
    let links = &[("Resources/link", "a.txt")];
    App { files: FILES, links, helpers: &["MacOS/helper", "Helpers/other"], framework: true, ..App::default() }
}

fn verdict(path: &Path) -> Result<Agent, AgentProblem> {
    check(path, expect(Platform::Macos, Arch::Universal)).map_err(|error| error.problem)
}

fn says(path: &Path) -> String {
    verdict(path).unwrap_err().to_string()
}

fn put(path: PathBuf, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_whole_application_is_taken() {
    for version in [1, 2] {
        let content = if version == 2 { full() } else { App { files: &FILES[..2], version, ..App::default() } };
        let (_folder, path) = app(&content);
        let agent = verdict(&path).unwrap();
        assert_eq!((agent.format, agent.needs_wrapper), (AgentFormat::App, false));
        assert_eq!((agent.version.as_deref(), agent.minimum_os.as_deref()), (Some("1.2.3"), Some("11.0")));
    }
}

#[test]
fn the_seals_of_the_signature_come_first() {
    let (_folder, path) = app(&App::default());
    let change = |name: &str, from: &str, to: &str| {
        let file = path.join(name);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace(from, to)).unwrap();
        text
    };
    let info = change("Contents/Info.plist", "1.2.3", "9.9.9");
    assert_eq!(says(&path), "is not a usable application: Contents/Info.plist: it is not the file that was signed");
    fs::write(path.join("Contents/Info.plist"), info).unwrap();
    change("Contents/_CodeSignature/CodeResources", "files2", "files3");
    let sealed = "is not a usable application: Contents/_CodeSignature/CodeResources:";
    assert_eq!(says(&path), format!("{sealed} it is not the file that was signed"));
    fs::remove_file(path.join("Contents/_CodeSignature/CodeResources")).unwrap();
    assert_eq!(says(&path), format!("{sealed} it is missing, so nothing in the folder is signed"));
    fs::remove_file(path.join("Contents/MacOS/Example")).unwrap();
    assert!(says(&path).starts_with("is not a usable application: Contents/MacOS/Example:"));

    let elsewhere = check(&path, expect(Platform::Linux, Arch::X64)).unwrap_err().to_string();
    assert_eq!(elsewhere, format!("agent {} is not a Linux executable: it is a folder", path.display()));
}

#[test]
fn what_was_changed_or_taken_away_is_named() {
    for (name, _) in FILES {
        let (_folder, path) = app(&full());
        let file = path.join("Contents").join(name);
        fs::write(&file, b"something else").unwrap();
        assert_eq!(says(&path), format!("has a broken seal: Contents/{name} was changed"));
        let hint = verdict(&path).unwrap_err().hint().unwrap();
        assert_eq!(hint, "the application was changed after it was signed; get it again");
        fs::remove_file(&file).unwrap();
        if name.contains(".lproj/") {
            verdict(&path).unwrap(); // languages may be taken away
        } else {
            assert_eq!(says(&path), format!("has a broken seal: Contents/{name} is missing"));
        }
    }
}

#[test]
fn what_was_added_is_named() {
    for name in [
        "Resources/._a.txt",
        "Resources/new.txt",
        "Resources/de.lproj/more.strings",
        "__MACOSX/._Info.plist",
        "MacOS/other",
        "_CodeSignature/guest",
        "Frameworks/Kit.framework/Versions/A/guest",
        "Frameworks/Kit.framework/guest",
        "Frameworks/Kit.framework/Versions/guest",
    ] {
        let (_folder, path) = app(&full());
        put(path.join("Contents").join(name), b"guest");
        assert_eq!(says(&path), format!("has a broken seal: Contents/{name} was added"));
        let is_litter = verdict(&path).unwrap_err().hint().unwrap().starts_with("delete what was added");
        assert_eq!(is_litter, name.contains("._") || name.contains("__MACOSX"), "{name}");
    }
    // beside Contents nothing is sealed
    for name in ["__MACOSX/x", "._Contents", "notes.txt"] {
        let (_folder, path) = app(&full());
        put(path.join(name), b"guest");
        let first = name.split('/').next().unwrap();
        assert_eq!(says(&path), format!("has a broken seal: {first} was added"));
    }
    let (_folder, path) = app(&full());
    for name in 0..9 {
        put(path.join(format!("Contents/Resources/._{name}")), b"guest");
    }
    assert!(says(&path).ends_with("Contents/Resources/._4 was added, and 4 more"), "{}", says(&path));
}

#[test]
fn what_the_rules_leave_out_may_be_there() {
    let (_folder, path) = app(&full());
    for name in [".DS_Store", "Contents/.DS_Store", "Contents/Resources/.DS_Store", "Contents/CodeResources", "Icon\r"]
    {
        put(path.join(name), b"left by the Finder, or a stapled ticket");
    }
    put(path.join("Contents/_MASReceipt/receipt"), b"receipt");
    verdict(&path).unwrap();
    // version 1 seals the resources and nothing else
    let (_folder, path) = app(&App { files: &FILES[..2], version: 1, ..App::default() });
    put(path.join("Contents/Library/new"), b"new");
    verdict(&path).unwrap();
    put(path.join("Contents/Resources/new"), b"new");
    assert_eq!(says(&path), "has a broken seal: Contents/Resources/new was added");
}

#[cfg(unix)]
#[test]
fn links_point_where_they_did_and_stay_links() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (_folder, path) = app(&full());
    let link = path.join("Contents/Resources/link");
    let swap = |target: &str| {
        fs::remove_file(&link).unwrap();
        symlink(target, &link).unwrap();
    };
    swap("../../../elsewhere");
    assert_eq!(says(&path), "has a broken seal: Contents/Resources/link was changed");
    fs::remove_file(&link).unwrap();
    fs::write(&link, b"a text").unwrap();
    assert_eq!(says(&path), "has a broken seal: Contents/Resources/link was changed");
    swap("a.txt");
    verdict(&path).unwrap();
    // a file that became a link to the same content
    let file = path.join("Contents/Resources/a.txt");
    fs::rename(&file, path.join("Contents/Resources/.DS_Store")).unwrap();
    symlink(".DS_Store", &file).unwrap();
    assert_eq!(says(&path), "has a broken seal: Contents/Resources/a.txt was changed");
    // a program beside Contents is not what the Finder leaves
    let (_folder, path) = app(&full());
    put(path.join(".DS_Store"), b"#!/bin/sh");
    fs::set_permissions(path.join(".DS_Store"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(says(&path), "has a broken seal: .DS_Store was added");
}

#[test]
fn code_inside_must_be_the_code_that_was_sealed() {
    let (_folder, path) = app(&full());
    let helper = path.join("Contents/MacOS/helper");
    let good = fs::read(&helper).unwrap();
    let mut bad = good.clone();
    let at = bad.len() - 0x1000 - 8;
    bad[at] ^= 1;
    fs::write(&helper, &bad).unwrap();
    let place = "has a broken seal: Contents/MacOS/helper";
    assert_eq!(says(&path), format!("{place} has a code signature that does not hold or cannot be read"));
    fs::write(&helper, b"#!/bin/sh\n").unwrap();
    assert_eq!(says(&path), format!("{place} is sealed as code and has no code signature"));
    // well signed, by the same signer, and another program
    fs::write(&helper, fs::read(path.join("Contents/MacOS/Example")).unwrap()).unwrap();
    assert_eq!(says(&path), format!("{place} is not the code that was sealed"));
    fs::write(&helper, &good).unwrap();
    verdict(&path).unwrap();
    put(path.join("Contents/Frameworks/Kit.framework/Versions/A/Resources/data"), b"changed");
    let inside = "Contents/Frameworks/Kit.framework/Versions/A/Resources/data";
    assert_eq!(says(&path), format!("has a broken seal: {inside} was changed"));
    let info = "Contents/Frameworks/Kit.framework/Versions/A/Resources/Info.plist";
    put(path.join(info), &info_of_kit("5"));
    assert_eq!(says(&path), format!("has a broken seal: {info} was changed"));
    fs::remove_dir_all(path.join("Contents/Frameworks/Kit.framework")).unwrap();
    assert_eq!(says(&path), "has a broken seal: Contents/Frameworks/Kit.framework is missing");
}

fn info_of_kit(version: &str) -> Vec<u8> {
    info("Kit", "FMWK", version)
}

#[test]
fn info_plist_may_be_binary_and_of_any_case() {
    // CFBundleExecutable = Example, CFBundleShortVersionString = 2.0
    let objects: [&[u8]; 5] = [
        b"\xd2\x01\x02\x03\x04",
        b"\x5f\x10\x12CFBundleExecutable",
        b"\x5f\x10\x1aCFBundleShortVersionString",
        b"\x57Example",
        b"\x532.0",
    ];
    let mut binary = b"bplist00".to_vec();
    let mut table = Vec::new();
    for object in objects {
        table.push(binary.len() as u8);
        binary.extend(object);
    }
    let table_at = binary.len() as u8;
    binary.extend(table);
    binary.extend([
        0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, table_at,
    ]);
    for info_name in ["Info.plist", "info.plist"] {
        let (_folder, path) = app(&App { info: Some(binary.clone()), info_name, ..full() });
        assert_eq!(verdict(&path).unwrap().version.as_deref(), Some("2.0"));
    }
    let (_folder, path) = app(&App { info: Some(b"bplist00".to_vec()), ..full() });
    assert!(says(&path).starts_with("is not a usable application: Contents/Info.plist: "), "{}", says(&path));
    let (_folder, path) = app(&App { info: Some(binary), ..full() });
    put(path.join("Contents/info.plist"), &info("Example", "APPL", "1"));
    assert!(says(&path).ends_with("plist: it is there twice, in different cases"), "{}", says(&path));
}
