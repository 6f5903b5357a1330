//! RPM packages: ours beside rpmbuild, nfpm and, where it is installed, cargo-generate-rpm, each packing the same agent.

use xshell::cmd;

use super::builds::{self, Comparison};
use super::setup::{Bench, FOLDER};
use crate::failure::Result;

/// A compression: our word, the title, and the words of rpmbuild and nfpm with the level that comes nearest to our size; rpmbuild's on all
/// cores where it can. nfpm has no levels of xz.
pub(super) const COMPRESSIONS: [(&str, &str, &str, &str); 3] = [
    ("gzip", "rpm, gzip", "w9.gzdio", "gzip:9"),
    ("xz", "rpm, xz", "w6T0.xzdio", "xz"),
    ("zstd", "rpm, zstd", "w9T0.zstdio", "zstd:19"),
];

/// Builds with everybody in turns.
pub(super) fn run(bench: &Bench<'_>) -> Result<Vec<Comparison>> {
    let sh = bench.sh;
    let has_cargo_generate_rpm =
        cmd!(sh, "cargo generate-rpm --help").quiet().ignore_stdout().ignore_stderr().run().is_ok();
    if !has_cargo_generate_rpm {
        eprintln!("cargo-generate-rpm is not installed, and so not measured (cargo install cargo-generate-rpm)");
    }
    let agent = sh.current_dir().join("samples/linux-x64/node");
    let spec = builds::write(bench, "agent.spec", &SPEC.replace("AGENT", &agent.display().to_string()))?;
    let crate_manifest = CRATE.replace("AGENT", &agent.display().to_string());
    builds::write(bench, "generate-rpm/Cargo.toml", &crate_manifest)?;
    builds::write(bench, "generate-rpm/src/main.rs", "fn main() {}\n")?;
    let top = sh.current_dir().join(FOLDER).join("rpmbuild").display().to_string();
    let nfpm = bench.venv.join("nfpm").display().to_string();
    let mut comparisons = Vec::new();
    for (compression, title, payload, nfpm_word) in COMPRESSIONS {
        let config =
            builds::write(bench, &format!("nfpm-rpm-{compression}.yaml"), &NFPM.replace("COMPRESSION", nfpm_word))?;
        let rpmbuild = format!(
            "exec rpmbuild --quiet --define '_topdir {top}' --define '_binary_payload {payload}' --define 'debug_package %{{nil}}' \
             --define '__os_install_post %{{nil}}' -bb {spec}"
        );
        let nfpm_output = format!("nfpm-{compression}.rpm");
        let mut peers = vec![
            ("rpmbuild".to_owned(), rpmbuild, "rpmbuild/RPMS/x86_64/theonermm-agent-1.4.2-1.x86_64.rpm".to_owned()),
            (
                "nfpm".to_owned(),
                format!("exec {nfpm} package --config {config} --packager rpm --target {FOLDER}/{nfpm_output}"),
                nfpm_output,
            ),
        ];
        if has_cargo_generate_rpm {
            let output = format!("generate-{compression}.rpm");
            let line = format!(
                "cd {FOLDER}/generate-rpm && exec cargo generate-rpm --payload-compress {compression} --output ../{output}"
            );
            peers.push(("cargo-generate-rpm".to_owned(), line, output));
        }
        let product = builds::manifest(bench, compression, "")?;
        comparisons.push(builds::compare(bench, title, "rpm", &format!("rpm-{compression}"), &product, &peers)?);
    }
    Ok(comparisons)
}

const SPEC: &str = "\
Name: theonermm-agent
Version: 1.4.2
Release: 1
Summary: Remote monitoring and management for this device
License: MIT
AutoReqProv: no
%description
Remote monitoring and management for this device.
%install
mkdir -p %{buildroot}/usr/libexec/theonermm-agent
cp -l AGENT %{buildroot}/usr/libexec/theonermm-agent/agent
%files
/usr/libexec/theonermm-agent
";

const NFPM: &str = "\
name: theonermm-agent
arch: amd64
version: 1.4.2
maintainer: TheOneRMM <packages@theonermm.example>
description: Remote monitoring and management for this device
license: MIT
contents:
  - src: samples/linux-x64/node
    dst: /usr/libexec/theonermm-agent/agent
rpm:
  compression: COMPRESSION
";

const CRATE: &str = r#"[package]
name = "theonermm-agent"
version = "1.4.2"
edition = "2021"
license = "MIT"
description = "Remote monitoring and management for this device"
[workspace]
[package.metadata.generate-rpm]
assets = [{ source = "AGENT", dest = "/usr/libexec/theonermm-agent/agent", mode = "755" }]
auto-req = "no"
"#;
