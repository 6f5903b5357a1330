//! Building a base, beside those who build the same kind of file: wixl, dpkg-deb, rpmbuild, nfpm, embala where it is installed, and for the
//! flat package the first half of the usual recipe (cpio and gzip; its BOM and XAR would come on top). All compress the same agent; ours also reads its base back, so
//! dpkg-deb runs once more with what proves as much.

use std::fs;

use xshell::cmd;

use super::measure::{Measured, Way, in_turns};
use super::setup::{Bench, FOLDER};
use crate::failure::{AtPath, Result};

/// One kind of installer at one compression, everybody side by side; ours comes first.
pub(super) struct Comparison {
    /// What is built.
    pub(super) title: &'static str,
    /// Who needed what.
    pub(super) measured: Vec<Measured>,
}

/// How Debian's and our words for a compression differ.
pub(super) const COMPRESSIONS: [(&str, &str); 3] = [("gzip", "deb, gzip"), ("xz", "deb, xz"), ("zstd", "deb, zstd")];

/// Builds MSIs and flat packages in turns.
pub(super) fn run(bench: &Bench<'_>) -> Result<Vec<Comparison>> {
    let mut msi = vec![(
        "wixl".to_owned(),
        format!("exec wixl -a x64 -o {FOLDER}/wixl.msi {}", write(bench, "wixl.wxs", WXS)?),
        "wixl.msi".to_owned(),
    )];
    let payload = "cpio --quiet -o --format odc --owner 0:80 | gzip -6";
    let mut pkg = vec![(
        "cpio and gzip -6".to_owned(),
        format!("cd samples/macos-arm64 && find . | {payload} > ../../{FOLDER}/Payload"),
        "Payload".to_owned(),
    )];
    if let Some([embala_msi, embala_pkg]) = embala(bench)? {
        msi.push(embala_msi);
        pkg.push(embala_pkg);
    }
    Ok(vec![
        compare(bench, "msi, MSZIP", "msi", "msi", &manifest(bench, "gzip", "")?, &msi)?,
        compare(bench, "pkg, gzip", "pkg", "pkg", &manifest(bench, "gzip", "")?, &pkg)?,
    ])
}

/// Builds debs in turns.
pub(super) fn debs(bench: &Bench<'_>) -> Result<Vec<Comparison>> {
    let mut comparisons = Vec::new();
    let tree = debian_tree(bench)?;
    let agent = "samples/linux-x64/node";
    let nfpm = bench.venv.join("nfpm").display().to_string();
    for (compression, title) in COMPRESSIONS {
        let config = write(bench, &format!("nfpm-{compression}.yaml"), &NFPM.replace("COMPRESSION", compression))?;
        let mut peers = Vec::new();
        for level in dpkg_levels(compression) {
            let (line, output) = dpkg_deb(&tree, compression, level);
            peers.push((format!("dpkg-deb{level}"), format!("exec {line}"), output));
        }
        if let Some(level) = dpkg_levels(compression).last() {
            let (line, output) = dpkg_deb(&tree, compression, level);
            let line = format!(
                "{line} >&2 && rm -rf {FOLDER}/unpacked && dpkg-deb --extract {FOLDER}/{output} {FOLDER}/unpacked && \
                 exec cmp {agent} {FOLDER}/unpacked/usr/lib/theonermm-agent/agent"
            );
            peers.push((format!("dpkg-deb{level}, unpacked and compared"), line, output));
        }
        let output = format!("nfpm-{compression}.deb");
        let line = format!("exec {nfpm} package --config {config} --packager deb --target {FOLDER}/{output}");
        peers.push(("nfpm".to_owned(), line, output));
        let product = manifest(bench, compression, "")?;
        comparisons.push(compare(bench, title, "deb", &format!("deb-{compression}"), &product, &peers)?);
    }
    Ok(comparisons)
}

/// embala, which makes both from one file, each in a run of its own.
fn embala(bench: &Bench<'_>) -> Result<Option<[(String, String, String); 2]>> {
    let sh = bench.sh;
    if cmd!(sh, "embala --version").quiet().ignore_stdout().ignore_stderr().run().is_err() {
        eprintln!("embala is not installed, and so not measured (cargo install embala)");
        return Ok(None);
    }
    let samples = sh.current_dir().join("samples").display().to_string();
    let config = write(bench, "embala.toml", &EMBALA.replace("SAMPLES", &samples))?;
    let line = |format: &str, name: &str| {
        let line = format!("exec embala build --config {config} --formats {format} --out-dir {FOLDER}/embala");
        ("embala".to_owned(), line, format!("embala/{name}"))
    };
    Ok(Some([line("msi", "theonermm-agent-1.4.2-x86_64.msi"), line("pkg", "theonermm-agent-1.4.2.pkg")]))
}

/// dpkg-deb's own level, and of zstd also the one that makes a file of the size of ours.
fn dpkg_levels(compression: &str) -> &'static [&'static str] {
    if compression == "zstd" { &["", " -z9"] } else { &[""] }
}

/// The line that has dpkg-deb build at a level, and its file.
fn dpkg_deb(tree: &str, compression: &str, level: &str) -> (String, String) {
    let output = format!("dpkg-{compression}{}.deb", level.trim_start());
    (format!("dpkg-deb --root-owner-group -Z{compression}{level} --build {tree} {FOLDER}/{output}"), output)
}

pub(super) fn compare(
    bench: &Bench<'_>,
    title: &'static str,
    format: &str,
    folder: &str,
    product: &str,
    peers: &[(String, String, String)],
) -> Result<Comparison> {
    eprintln!("building {title}, in turns with {} other(s)", peers.len());
    let (line, base) = ours(bench, format, folder, product);
    let mut ways = vec![Way { name: "stampwright build".to_owned(), line, output: base }];
    ways.extend(peers.iter().map(|(name, line, output)| Way {
        name: name.clone(),
        line: line.clone(),
        output: format!("{FOLDER}/{output}"),
    }));
    Ok(Comparison { title, measured: in_turns(bench.sh, &ways, bench.effort.builds)? })
}

/// The line that builds a base of ours, and where the base will be.
pub(super) fn ours(bench: &Bench<'_>, format: &str, folder: &str, product: &str) -> (String, String) {
    let program = bench.stampwright.display();
    let line = format!("exec {program} build --product {product} --format {format} -o {FOLDER}/{folder}");
    (line, format!("{FOLDER}/{folder}/TheOneRMM-Agent.{format}"))
}

/// The sample product with another compression. The benchmark's folder is as deep as the manifest's own, so its paths hold.
pub(super) fn manifest(bench: &Bench<'_>, compression: &str, more: &str) -> Result<String> {
    let path = bench.sh.current_dir().join("payloads/theonermm/stampwright.toml");
    let text = fs::read_to_string(&path).at("read", &path)?;
    // A table that the product's own manifest has already would be refused when it is read.
    let text =
        format!("{text}\n{more}\n[deb]\ncompression = \"{compression}\"\n[rpm]\ncompression = \"{compression}\"\n");
    let size = if more.is_empty() { "" } else { "-large" };
    write(bench, &format!("{compression}{size}.toml"), &text)
}

pub(super) fn write(bench: &Bench<'_>, name: &str, text: &str) -> Result<String> {
    let path = format!("{FOLDER}/{name}");
    let full = bench.sh.current_dir().join(&path);
    if let Some(folder) = full.parent() {
        fs::create_dir_all(folder).at("create", folder)?;
    }
    fs::write(&full, text).at("write", &full)?;
    Ok(path)
}

fn debian_tree(bench: &Bench<'_>) -> Result<String> {
    let sh = bench.sh;
    let tree = format!("{FOLDER}/tree");
    write(bench, "tree/DEBIAN/control", CONTROL)?;
    write(
        bench,
        "tree/lib/systemd/system/theonermm-agent.service",
        "[Service]\nExecStart=/usr/lib/theonermm-agent/agent\n",
    )?;
    let agent = format!("{tree}/usr/lib/theonermm-agent/agent");
    cmd!(sh, "install -D -m 0755 samples/linux-x64/node {agent}").quiet().run()?;
    Ok(tree)
}

const CONTROL: &str = "Package: theonermm-agent
Version: 1.4.2
Architecture: amd64
Maintainer: TheOneRMM <packages@theonermm.example>
Description: Remote monitoring and management for this device
";

const NFPM: &str = "name: theonermm-agent
arch: amd64
version: 1.4.2
maintainer: TheOneRMM <packages@theonermm.example>
description: Remote monitoring and management for this device
contents:
  - src: samples/linux-x64/node
    dst: /usr/lib/theonermm-agent/agent
deb:
  compression: COMPRESSION
";

const EMBALA: &str = r#"[package]
name = "theonermm-agent"
display-name = "TheOneRMM Agent"
version = "1.4.2"
identifier = "com.theonermm.agent"
publisher = "TheOneRMM"
description = "Remote monitoring and management for this device"

[msi]
arch = "x86_64"
main-executable = "agent.exe"
files = [{ src = "SAMPLES/windows-x64/node.exe", dest = "agent.exe" }]
service = { name = "theonermm-agent", start = "auto", executable = "agent.exe" }

[pkg]
install-location = "/Applications/TheOneRMM Agent"
files = [{ src = "SAMPLES/macos-arm64/node", dest = "agent", mode = 0o755 }]
"#;

const WXS: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
  <Product Id="*" Name="TheOneRMM Agent" Language="1033" Version="1.4.2" Manufacturer="TheOneRMM"
           UpgradeCode="A1C7E1B0-6F60-4C3E-9C55-6E0D5B1F0A11">
    <Package InstallerVersion="500" Compressed="yes" InstallScope="perMachine"/>
    <Media Id="1" Cabinet="agent.cab" EmbedCab="yes"/>
    <Directory Id="TARGETDIR" Name="SourceDir">
      <Directory Id="ProgramFiles64Folder">
        <Directory Id="INSTALLDIR" Name="TheOneRMM Agent">
          <Component Id="Agent" Guid="5B0F7C1E-3F0B-4B57-8F65-0C7B8F9D2E21" Win64="yes">
            <File Id="Agent" Name="agent.exe" Source="samples/windows-x64/node.exe" KeyPath="yes"/>
            <ServiceInstall Id="Service" Name="theonermm-agent" Type="ownProcess" Start="auto" ErrorControl="normal"/>
          </Component>
        </Directory>
      </Directory>
    </Directory>
    <Feature Id="Main"><ComponentRef Id="Agent"/></Feature>
  </Product>
</Wix>
"#;
