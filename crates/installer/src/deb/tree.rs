//! What gets installed on Debian, and the documents that every package has.

use serde::Serialize;

use super::names::{agent_path, keys_path, state_path, token_path};
use crate::epoch::Epoch;
use crate::format::BuildError;
use crate::payload::{Payload, Source};
use crate::product::{AgentFile, Platform, Product};
use crate::systemd::{unit, unit_name};
use crate::template::{Escape, render};

/// The tree: the agent, its unit, the product's own files.
pub(super) fn payload(product: &Product, agent: &AgentFile) -> Result<Payload, BuildError> {
    let mut payload = Payload::new();
    let package = product.package();
    payload.file(&agent_path(package, product.executable()), 0o755, Source::disk(&agent.path)?)?;
    if let Some(service) = product.service() {
        let path = format!("usr/lib/systemd/system/{}", unit_name(service));
        payload.file(
            &path,
            0o644,
            Source::bytes(unit(product, service, &agent_path(package, product.executable()))?),
        )?;
    }
    if let Some(keys) = product.issuer_keys() {
        payload.file(&keys_path(package), 0o644, Source::bytes(keys))?;
    }
    if let Some(command) = product.command() {
        payload.link(&format!("usr/bin/{command}"), &format!("../lib/{package}/{}", product.executable()))?;
    }
    let own = [token_path(package), state_path(package), format!("etc/{package}/enrollment-token")];
    let is_own = |destination: &&str| product.token_slot() && own.iter().any(|own| own == destination);
    if let Some(destination) = product.destinations_for(Platform::Linux).find(is_own) {
        return Err(BuildError::own_place(destination, "the enrollment token and its state live"));
    }
    for link in product.links_for(Platform::Linux) {
        payload.link(&link.destination, &link.target)?;
    }
    for file in product.files_for(Platform::Linux) {
        let source = Source::disk(&file.source)?;
        if file.config {
            payload.file(&default_path(package, &file.destination), file.mode, source)?;
        } else {
            payload.file(&file.destination, file.mode, source)?;
        }
    }
    Ok(payload)
}

/// Where the default of a configuration file lies. It is no conffile of dpkg's, which asks about an edited one and stops where there
/// is no terminal; `postinst` keeps what was edited (Debian Policy, 10.7.3).
pub(super) fn default_path(package: &str, destination: &str) -> String {
    format!("usr/share/{package}/config/{destination}")
}

/// The tree with the documents in it; these have a date.
pub(super) fn with_documents(payload: &Payload, product: &Product, epoch: Epoch) -> Result<Payload, BuildError> {
    let mut payload = payload.clone();
    let package = product.package();
    payload.file(&format!("usr/share/doc/{package}/copyright"), 0o644, Source::bytes(copyright(product, epoch)?))?;
    let changelog =
        gzipped(changelog(product, epoch)?.as_bytes()).map_err(BuildError::write("compress the changelog"))?;
    payload.file(&format!("usr/share/doc/{package}/changelog.gz"), 0o644, Source::bytes(changelog))?;
    let (token_slot, service) = (product.token_slot(), product.service().is_some());
    if token_slot || service {
        let overrides = include_str!("../../../../templates/deb/lintian-overrides.hbs");
        let issuer_keys = product.issuer_keys().is_some();
        let values = serde_json::json!({
            "package": package, "issuer_keys": issuer_keys, "token_slot": token_slot, "service": service,
        });
        let overrides = render("deb/lintian-overrides.hbs", overrides, Escape::Plain, &values)?;
        payload.file(&format!("usr/share/lintian/overrides/{package}"), 0o644, Source::bytes(overrides))?;
    }
    Ok(payload)
}

fn copyright(product: &Product, epoch: Epoch) -> Result<String, BuildError> {
    #[derive(Serialize)]
    struct Data<'a> {
        name: &'a str,
        maintainer: &'a str,
        homepage: Option<&'a str>,
        year: u16,
        publisher: &'a str,
        license: String,
        license_text: String,
    }
    let text = product.license_text().unwrap_or("The license's text comes with the product.");
    let data = Data {
        name: product.name(),
        maintainer: product.maintainer(),
        homepage: product.homepage(),
        year: epoch.civil().year,
        publisher: product.publisher(),
        // SPDX writes OR and AND, DEP-5 or and and; a name has no spaces.
        license: product.license().replace(" OR ", " or ").replace(" AND ", " and "),
        license_text: continued(text),
    };
    let template = include_str!("../../../../templates/deb/copyright.hbs");
    Ok(render("deb/copyright.hbs", template, Escape::Plain, &data)?)
}

fn changelog(product: &Product, epoch: Epoch) -> Result<String, BuildError> {
    let data = serde_json::json!({
        "package": product.package(),
        "version": product.version().debian(),
        "name": product.name(),
        "maintainer": product.maintainer(),
        "date": epoch.civil().rfc2822(),
    });
    let template = include_str!("../../../../templates/deb/changelog.hbs");
    Ok(render("deb/changelog.hbs", template, Escape::Plain, &data)?)
}

/// Lines as the continuation of a control field (Policy §5.6.13): each after a space, an empty one as a dot.
pub(super) fn continued(text: &str) -> String {
    let line = |line: &str| {
        let line: String = line.trim_end().chars().filter(|c| !c.is_control() || *c == '\t').collect();
        if line.is_empty() { " .".to_owned() } else { format!(" {line}") }
    };
    text.trim().lines().map(line).collect::<Vec<_>>().join("\n")
}

fn gzipped(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    use std::io::Write;
    let mut out = container::gzip::Writer::new(Vec::new(), 9)?;
    out.write_all(bytes)?;
    out.finish()
}
