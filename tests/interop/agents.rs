//! The tiny agents are what they say: other people's programs read and verify them. So what the agent check learns from
//! them, it learned from files like the real ones.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::agents::cms::{Algorithm, Extras};
use crate::support::agents::macho::{Naming, Signing};
use crate::support::agents::{self, Cpu, cms, elf, macho, pe};
use crate::support::{both, judge, judges_folder, missing, output, run};

fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// The Python that has the judges' modules.
fn python() -> Option<PathBuf> {
    let python = judges_folder().join("venv/bin/python");
    if !python.is_file() {
        missing("lief, apple-platform-py");
        return None;
    }
    Some(python)
}

/// Runs a few lines of Python, with one path as `f`.
fn python_says(python: &Path, lines: &str, file: &Path) -> String {
    let code = format!("import sys\nf = sys.argv[1]\n{lines}");
    run(python, ["-c".as_ref(), code.as_ref(), file.as_os_str()]).trim().to_owned()
}

#[test]
fn osslsigncode_verifies_the_windows_agents() {
    let Some(osslsigncode) = judge("osslsigncode") else { return };
    let folder = folder(&[
        ("x64.exe", agents::windows(Cpu::X64)),
        ("arm64.exe", agents::windows(Cpu::Arm64)),
        ("signer.pem", cms::pem(&cms::certificate()).into_bytes()),
    ]);
    for name in ["x64.exe", "arm64.exe"] {
        let (file, signer) = (folder.path().join(name), folder.path().join("signer.pem"));
        let said = run(
            &osslsigncode,
            ["verify".as_ref(), "-CAfile".as_ref(), signer.as_os_str(), "-in".as_ref(), file.as_os_str()],
        );
        assert!(said.contains("Signature verification: ok"), "{said}");
        assert!(!said.contains("MISMATCH"), "{said}");
    }
}

#[test]
fn osslsigncode_finds_the_digests_of_unusual_windows_agents_right() {
    let Some(osslsigncode) = judge("osslsigncode") else { return };
    let twice = [cms::certificate(), cms::certificate()];
    let duplicate = pe::sign_with(pe::unsigned(Cpu::X64), Extras { certificates: &twice, ..Extras::default() });
    let long = pe::sign_with(pe::unsigned(Cpu::X64), Extras { digest: Some(Algorithm::Sha384), ..Extras::default() });
    let mut followed = pe::unsigned(Cpu::X64);
    pe::sign_and_append(&mut followed, b"settings of an updater");
    let folder = folder(&[("duplicate.exe", duplicate), ("sha384.exe", long), ("followed.exe", followed)]);
    for name in ["duplicate.exe", "sha384.exe", "followed.exe"] {
        let file = folder.path().join(name);
        let said =
            both(&output(Command::new(&osslsigncode).args(["verify".as_ref(), "-in".as_ref(), file.as_os_str()])));
        let digest =
            |field: &str| said.lines().find_map(|line| line.strip_prefix(field)).unwrap_or("?").trim().to_owned();
        let found = (digest("Current message digest    :"), digest("Calculated message digest :"));
        assert!(found.0.len() >= 64 && found.0 == found.1, "{name}: {said}");
    }
}

#[test]
fn lief_verifies_the_windows_agents() {
    let Some(python) = python() else { return };
    let folder = folder(&[("x64.exe", agents::windows(Cpu::X64)), ("arm64.exe", agents::windows(Cpu::Arm64))]);
    for name in ["x64.exe", "arm64.exe"] {
        let lines = "import lief\nfile = lief.PE.parse(f)\nprint(file.verify_signature())";
        assert_eq!(python_says(&python, lines, &folder.path().join(name)), "VERIFICATION_FLAGS.OK");
    }
}

#[test]
fn apple_platform_and_lief_verify_the_macos_agents() {
    let Some(python) = python() else { return };
    let folder = folder(&[
        ("arm64", agents::macos(&[Cpu::Arm64])),
        ("universal", agents::macos(&[Cpu::X64, Cpu::Arm64])),
        (
            "identifiers",
            macho::program(&[Cpu::X64, Cpu::Arm64], &Signing { own_identifiers: true, ..Signing::identity() }),
        ),
        ("left-over", macho::program(&[Cpu::Arm64], &Signing { left_over: true, ..Signing::identity() })),
        (
            "digests",
            macho::program(&[Cpu::Arm64], &Signing { alternate: Some(Naming::Digests), ..Signing::identity() }),
        ),
        ("hashes", macho::program(&[Cpu::Arm64], &Signing { alternate: Some(Naming::Hashes), ..Signing::identity() })),
    ]);
    let app = folder.path().join("Example.app");
    agents::app::write(&app, &[Cpu::X64]);
    for (file, minimum) in [
        (folder.path().join("arm64"), "[[11, 0, 0]]"),
        (folder.path().join("universal"), "[[10, 15, 0], [11, 0, 0]]"),
        (folder.path().join("identifiers"), "[[10, 15, 0], [11, 0, 0]]"),
        (folder.path().join("left-over"), "[[11, 0, 0]]"),
        (folder.path().join("digests"), "[[11, 0, 0]]"),
        (folder.path().join("hashes"), "[[11, 0, 0]]"),
        (app.join("Contents/MacOS/Example"), "[[10, 15, 0]]"),
    ] {
        assert_eq!(python_says(&python, "import apple_platform\nprint(apple_platform.verify_macho(f))", &file), "[]");
        let lines = "import lief\nfat = lief.MachO.parse(f)\nprint([list(m.build_version.minos) for m in fat])";
        assert_eq!(python_says(&python, lines, &file), minimum);
    }
    let mut tampered = agents::macos(&[Cpu::Arm64]);
    tampered[0x2000] ^= 1;
    let file = folder.path().join("tampered");
    std::fs::write(&file, tampered).unwrap();
    let said = python_says(&python, "import apple_platform\nprint(apple_platform.verify_macho(f))", &file);
    assert!(said.contains("digest mismatch"), "{said}");
}

#[test]
fn readelf_finds_the_needed_libraries() {
    let Some(readelf) = judge("readelf") else { return };
    let libraries: &[(&str, &[&str])] = &[("libm.so.6", &["GLIBC_2.29"]), ("libc.so.6", &["GLIBC_2.34"])];
    let file = elf::needing(Cpu::X64, "/lib64/ld-linux-x86-64.so.2", libraries);
    let folder = folder(&[("agent", file)]);
    let said = run(readelf, ["-l".as_ref(), "-d".as_ref(), folder.path().join("agent").as_os_str()]);
    for line in ["interpreter: /lib64/ld-linux-x86-64.so.2", "[libm.so.6]", "[libc.so.6]"] {
        assert!(said.contains(line), "{said}");
    }
}

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn the_linux_agent_runs_until_it_is_told_to_end() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::ExitStatusExt;

    let folder = folder(&[("agent", agents::linux(Cpu::X64))]);
    let path = folder.path().join("agent");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    let mut agent = Command::new(&path).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!(agent.try_wait().unwrap(), None);
    run("kill", ["-TERM", &agent.id().to_string()]);
    assert_eq!(agent.wait().unwrap().signal(), Some(15));
}
