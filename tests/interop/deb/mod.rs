//! dpkg, apt, lintian and a booted systemd judge Debian packages.

mod booted;
mod self_update;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use installer::format::{Format, Kind};
use installer::product::Compression;
use installer::{Product, Token, formats};

use crate::support::once;
use crate::support::product::{MANIFEST, Small, build};
use crate::support::{both, judge, output, run};

const COMPRESSIONS: [Compression; 3] = [Compression::Xz, Compression::Gzip, Compression::Zstd];

fn format() -> &'static dyn Format {
    formats::by_kind(Kind::Deb).unwrap()
}

/// A base for the product's first Linux agent, or a stamp of it, as a file.
fn package(product: &Product, token: Option<&Token>, path: &Path) -> PathBuf {
    let agent = product.agents_for(Kind::Deb.platform()).next().unwrap();
    let bytes = build(format(), product, agent).unwrap();
    let bytes = match token {
        None => bytes,
        Some(token) => {
            let base = once::open(bytes.as_slice()).unwrap();
            let mut stamped = Vec::new();
            once::stamp(&base, token).unwrap().write_to(*base.bytes(), &mut stamped).unwrap();
            stamped
        }
    };
    fs::write(path, bytes).unwrap();
    path.to_path_buf()
}

fn token(text: &str) -> Token {
    Token::parse(text.as_bytes()).unwrap()
}

#[test]
fn dpkg_deb_reads_bases_and_stamps_in_every_compression() {
    let Some(judge) = judge("dpkg-deb") else { return };
    let small = Small::new();
    for compression in COMPRESSIONS {
        let product = small.product.clone().with_compression(compression);
        for token in [None, Some(token("tenant-7.secret"))] {
            let folder = tempfile::tempdir().unwrap();
            let deb = package(&product, token.as_ref(), &folder.path().join("agent.deb"));
            let fields = run(&judge, ["-f".as_ref(), deb.as_os_str()]);
            for field in ["Package: example-agent\n", "Version: 1.4.2\n", "Architecture: amd64\n"] {
                assert!(fields.contains(field), "{compression:?}: {fields}");
            }
            let list = run(&judge, ["-c".as_ref(), deb.as_os_str()]);
            let listed = |line: &str| {
                list.lines().any(|found| {
                    found.starts_with(line.split_once(' ').unwrap().0)
                        && found.ends_with(line.split_once(' ').unwrap().1)
                })
            };
            assert!(listed("-rwxr-xr-x ./usr/lib/example-agent/example-agent"), "{compression:?}: {list}");
            assert!(listed("-rw-r----- ./etc/example-agent/agent.conf"), "{compression:?}: {list}");
            let staged = "-rw------- ./usr/lib/example-agent/enrollment-token";
            assert_eq!(listed(staged), token.is_some(), "{compression:?}: {list}");
            assert!(list.lines().all(|line| line.contains(" root/root ")), "{list}");

            let out = folder.path().join("out");
            run(&judge, ["-x".as_ref(), deb.as_os_str(), out.as_os_str()]);
            let installed = |path: &str| fs::read(out.join(path)).unwrap();
            let agent = fs::read(small.folder.path().join("agent-x64")).unwrap();
            assert!(installed("usr/lib/example-agent/example-agent") == agent, "{compression:?}: another agent");
            if let Some(token) = token {
                let path = "usr/lib/example-agent/enrollment-token";
                assert_eq!(installed(path), token.expose().as_bytes(), "{compression:?}");
                let mode = fs::metadata(out.join(path)).unwrap().permissions().mode();
                assert_eq!(mode & 0o7777, 0o600);
            }
            let control = folder.path().join("control");
            run(&judge, ["-e".as_ref(), deb.as_os_str(), control.as_os_str()]);
            for script in ["postinst", "prerm", "postrm"] {
                run("sh", ["-n".as_ref(), control.join(script).as_os_str()]);
            }
        }
    }
}

#[test]
fn lintian_has_nothing_to_say_of_what_we_write() {
    let Some(judge) = judge("lintian") else { return };
    // A description that begins with the summary is the product's own fault.
    let manifest = MANIFEST.replace("Watches this device,\nand", "An agent for administrators,\nwhich watches");
    let small = Small::with(&manifest).unwrap();
    for token in [None, Some(token("tenant-7.secret"))] {
        let folder = tempfile::tempdir().unwrap();
        let deb = package(&small.product, token.as_ref(), &folder.path().join("example-agent_1.4.2_amd64.deb"));
        let said = both(&output(std::process::Command::new(&judge).args(["--info", "--allow-root"]).arg(&deb)));
        // What is not ours: the agent itself is the vendor's and has no manual page.
        let theirs = |line: &str| line.contains("[usr/lib/example-agent/example-agent]");
        let found = said.lines().filter(|line| (line.starts_with("E:") || line.starts_with("W:")) && !theirs(line));
        let found: Vec<&str> = found.collect();
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

/// A product whose texts mean something to shells, units, control files and changelogs.
#[test]
fn texts_stay_texts() {
    let Some(judge) = judge("dpkg-deb") else { return };
    let manifest = MANIFEST
        .replace(
            "name = \"Example Agent\"",
            "name = '''M & 'S' \"x\" [y] %h $(id) `id` é\\'''\nfolder = \"Example Agent\"",
        )
        .replace("summary = \"watches this device\"", "summary = 'a: %h $(id) \\'")
        .replace("Watches this device,\n", "Watches this device,\n\n.\n  Package: other\n");
    let small = Small::with(&manifest).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let deb = package(&small.product, Some(&token("t")), &folder.path().join("agent.deb"));
    assert_eq!(run(&judge, ["-f".as_ref(), deb.as_os_str(), "Package".as_ref()]), "example-agent\n");
    let control = folder.path().join("control");
    run(&judge, ["-e".as_ref(), deb.as_os_str(), control.as_os_str()]);
    for script in ["postinst", "prerm", "postrm"] {
        run("sh", ["-n".as_ref(), control.join(script).as_os_str()]);
    }
    let out = folder.path().join("out");
    run(&judge, ["-x".as_ref(), deb.as_os_str(), out.as_os_str()]);
    let unit = fs::read_to_string(out.join("usr/lib/systemd/system/example-agent.service")).unwrap();
    assert!(unit.contains("\nDescription=a: %%h $(id) \\ \n"), "{unit}");
}
