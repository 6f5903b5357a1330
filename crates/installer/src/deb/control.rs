//! The control archive: what dpkg is told about the package.
//!
//! Its length does not depend on the digests in `md5sums`, because nothing in it is compressed (a gzip member can be
//! that): so it can be written twice, once to keep its place before the payload and once when the payload's digests
//! are known, and the payload is read only once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Cursor, Write};
use std::path::Path;

use container::gzip;
use container::read_at::FileAt;
use serde::Serialize;

use super::mark::Mark;
use super::names::PRODUCT_NAME;
use super::tar::{self, Kind};
use super::tree::{continued, default_path};
use crate::agent;
use crate::epoch::Epoch;
use crate::format::{BuildError, Job};
use crate::payload::{Node, Payload};
use crate::product::{Arch, ExtraFile, Platform, Product};
use crate::systemd::unit_name;
use crate::template::{Escape, render};

/// MD5 of each file, by path.
pub(super) type Digests = BTreeMap<String, [u8; 16]>;

/// The field with the issuer keys, a JWKS on one line: a stamp must know them and does not read the payload, where the agent has them.
pub(super) const ISSUER_KEYS: &str = "X-Issuer-Keys";

/// Deflate's level for stored blocks.
const STORED: u32 = 0;

/// The files of the control archive, except `control` itself and the digests.
pub(super) struct Control {
    text: String,
    scripts: Vec<(&'static str, String)>,
    conffiles: Vec<String>,
    epoch: Epoch,
}

impl Control {
    pub(super) fn new(job: &Job<'_>, payload: &Payload) -> Result<Self, BuildError> {
        let conffiles = payload.files().filter(|(path, _, _)| path.starts_with("etc/"));
        Ok(Self {
            text: text(job, payload)?,
            scripts: scripts(job.product)?,
            conffiles: conffiles.map(|(path, _, _)| path.to_owned()).collect(),
            epoch: job.epoch,
        })
    }

    /// The whole archive. `control` is its replaceable tail.
    pub(super) fn archive(&self, digests: &Digests) -> io::Result<Vec<u8>> {
        let mut out = gzip::TailWriter::new(Cursor::new(Vec::new()), STORED)?;
        let mtime = self.epoch.secs();
        tar::header(&mut out, "", Kind::Folder, 0o755, mtime)?;
        let mut files = vec![("md5sums", 0o644, self.md5sums(digests))];
        if !self.conffiles.is_empty() {
            let lines = self.conffiles.iter().map(|path| format!("/{path}\n"));
            files.push(("conffiles", 0o644, lines.collect()));
        }
        files.extend(self.scripts.iter().map(|(name, script)| (*name, 0o755, script.clone())));
        for (name, mode, content) in files {
            tar::header(&mut out, name, Kind::File(content.len() as u64), mode, mtime)?;
            out.write_all(content.as_bytes())?;
            out.write_all(tar::padding(content.len() as u64))?;
        }
        Ok(out.finish_with_tail(&tail(&self.text, mtime)?)?.into_inner())
    }

    /// What dpkg and debsums compare with later: everything but conffiles, which have their digests elsewhere, and
    /// the token, which is not the base's.
    fn md5sums(&self, digests: &Digests) -> String {
        let mut out = String::new();
        for (path, digest) in digests.iter().filter(|(path, _)| !self.conffiles.contains(path)) {
            for byte in digest {
                let _ = write!(out, "{byte:02x}");
            }
            let _ = writeln!(out, "  {path}");
        }
        out
    }
}

/// The last entry of the control archive and its end.
pub(super) fn tail(text: &str, mtime: u64) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    tar::header(&mut out, "control", Kind::File(text.len() as u64), 0o644, mtime)?;
    out.extend(text.as_bytes());
    out.extend(tar::padding(text.len() as u64));
    out.extend(tar::END);
    Ok(out)
}

/// Debian's name of an architecture.
pub(super) const fn architecture(arch: Arch) -> Option<&'static str> {
    match arch {
        Arch::X64 => Some("amd64"),
        Arch::Arm64 => Some("arm64"),
        Arch::Universal => None,
    }
}

/// The control file (Policy §5.3).
fn text(job: &Job<'_>, payload: &Payload) -> Result<String, BuildError> {
    let (product, arch) = (job.product, job.agent.arch);
    let architecture = architecture(arch).ok_or_else(|| BuildError::Product {
        field: "agent.arch",
        problem: format!("\"{arch}\" is not an architecture of Debian"),
        hint: None,
    })?;
    let summary = product.summary();
    let description = match product.description() {
        Some(text) => continued(text),
        None => format!(" {} by {}.", product.name(), product.publisher()),
    };
    let mut fields = vec![
        ("Package", product.package().to_owned()),
        ("Version", product.version().debian()),
        ("Architecture", architecture.to_owned()),
        ("Maintainer", product.maintainer().to_owned()),
        ("Installed-Size", installed_size_kib(payload).to_string()),
    ];
    let linked = agent::packages(&open(&job.agent.path)?).map_err(BuildError::source(&job.agent.path))?;
    let depends = depends(product, linked);
    if !depends.is_empty() {
        fields.push(("Depends", depends.join(", ")));
    }
    if product.token_slot() {
        fields.push(("Replaces", Mark::base(product.package()).relation()));
    }
    fields.push(("Section", product.section().to_owned()));
    fields.push(("Priority", "optional".to_owned()));
    if product.token_slot() {
        fields.push((PRODUCT_NAME, product.name().to_owned()));
    }
    if let Some(keys) = product.issuer_keys() {
        fields.push((ISSUER_KEYS, on_one_line(keys)?));
    }
    fields.extend(product.homepage().map(|homepage| ("Homepage", homepage.to_owned())));
    fields.push(("Description", format!("{summary}\n{description}")));
    Ok(fields.into_iter().map(|(name, value)| format!("{name}: {value}\n")).collect())
}

/// A JSON document without the white space between its parts.
fn on_one_line(json: &[u8]) -> Result<String, BuildError> {
    let document: Result<serde_json::Value, _> = serde_json::from_slice(json);
    document.map(|document| document.to_string()).map_err(|error| BuildError::Product {
        field: "token.issuer-keys",
        problem: format!("is not JSON: {error}"),
        hint: None,
    })
}

/// What the manifest says, and what the agent is linked to beside that: a package that the manifest names is its
/// business, version and all.
fn depends(product: &Product, linked: Vec<String>) -> Vec<String> {
    let name = |relation: &str| relation.split([' ', '(', '|', ':']).next().unwrap_or_default().to_owned();
    let named: Vec<String> =
        product.depends().iter().flat_map(|relation| relation.split('|')).map(str::trim).map(name).collect();
    let further = linked.into_iter().filter(|relation| !named.contains(&name(relation)));
    product.depends().iter().cloned().chain(further).collect()
}

fn open(path: &Path) -> Result<FileAt, BuildError> {
    let read = |source| BuildError::Read { path: path.to_path_buf(), source };
    FileAt::new(File::open(path).map_err(read)?).map_err(read)
}

/// As dpkg-gencontrol counts: each file in whole KiB, one for everything else.
fn installed_size_kib(payload: &Payload) -> u64 {
    let one = |node: &Node| if let Node::File { source, .. } = node { source.len().div_ceil(1024) } else { 1 };
    payload.iter().map(|(_, node)| one(node)).sum()
}

fn scripts(product: &Product) -> Result<Vec<(&'static str, String)>, BuildError> {
    #[derive(Serialize)]
    struct Data<'a> {
        package: &'a str,
        name: &'a str,
        unit: Option<String>,
        token_slot: bool,
        token_required: bool,
        configs: Vec<Config>,
        /// What both scripts do when the service itself runs them.
        later: &'static str,
    }
    let data = Data {
        package: product.package(),
        name: product.name(),
        unit: product.service().map(unit_name),
        token_slot: product.token_slot(),
        token_required: product.token_required(),
        configs: configs(product),
        later: include_str!("../../../../templates/deb/later.sh"),
    };
    let fill = |name, text| render(name, text, Escape::Shell, &data);
    let mut scripts = Vec::new();
    if data.token_slot || data.unit.is_some() || !data.configs.is_empty() {
        scripts.push(("postinst", fill("deb/postinst.hbs", include_str!("../../../../templates/deb/postinst.hbs"))?));
        scripts.push(("postrm", fill("deb/postrm.hbs", include_str!("../../../../templates/deb/postrm.hbs"))?));
    }
    if data.unit.is_some() {
        scripts.push(("prerm", fill("deb/prerm.hbs", include_str!("../../../../templates/deb/prerm.hbs"))?));
    }
    Ok(scripts)
}

/// A configuration file, for the scripts.
#[derive(Serialize)]
struct Config {
    source: String,
    target: String,
    /// The folder that goes with it if it is empty; none of the system's own.
    folder: Option<String>,
    mode: String,
}

fn folder_of(destination: &str) -> Option<String> {
    let (folder, _) = destination.rsplit_once('/')?;
    folder.contains('/').then(|| format!("/{folder}"))
}

fn configs(product: &Product) -> Vec<Config> {
    let files = product.files_for(Platform::Linux).filter(|file| file.config);
    let of = |file: &ExtraFile| Config {
        source: format!("/{}", default_path(product.package(), &file.destination)),
        target: format!("/{}", file.destination),
        folder: folder_of(&file.destination),
        mode: format!("{:04o}", file.mode),
    };
    files.map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::tests::GOOD;

    #[test]
    fn what_the_manifest_names_is_its_business() {
        let manifest = format!("{GOOD}\n[linux]\ndepends = [\"ca-certificates\", \"libc6 (>= 2.31) | musl\"]\n");
        let product = Product::load(Path::new("stampwright.toml"), &manifest).unwrap();
        let linked = vec!["libc6 (>= 2.28)".to_owned(), "libstdc++6 (>= 9)".to_owned()];
        assert_eq!(depends(&product, linked), ["ca-certificates", "libc6 (>= 2.31) | musl", "libstdc++6 (>= 9)"]);
    }
}
