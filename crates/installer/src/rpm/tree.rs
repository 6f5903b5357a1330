//! What gets installed where rpm is the package manager.

use super::names::{after_rpm_path, agent_path, keys_path, live_token_path, state_path, token_path};
use crate::format::BuildError;
use crate::payload::{Payload, Source};
use crate::product::{AgentFile, Platform, Product, Service};
use crate::systemd::{unit, unit_name};
use crate::template::{Escape, render};

/// Folders that belong to the system's own packages (`filesystem`, `systemd`, `setup` and their like), with modes of their own:
/// a package that listed them too could conflict. All above them are the system's as well.
const SYSTEM_FOLDERS: [&str; 50] = [
    "boot",
    "etc/cron.d",
    "etc/cron.daily",
    "etc/default",
    "etc/init.d",
    "etc/ld.so.conf.d",
    "etc/logrotate.d",
    "etc/modprobe.d",
    "etc/modules-load.d",
    "etc/opt",
    "etc/pam.d",
    "etc/pki/ca-trust/source/anchors",
    "etc/polkit-1/rules.d",
    "etc/profile.d",
    "etc/rsyslog.d",
    "etc/ssl/certs",
    "etc/sudoers.d",
    "etc/sysconfig",
    "etc/sysctl.d",
    "etc/systemd/system",
    "etc/systemd/system-preset",
    "etc/tmpfiles.d",
    "etc/udev/rules.d",
    "etc/xdg/autostart",
    "opt",
    "srv",
    "usr/bin",
    "usr/include",
    "usr/lib/modules-load.d",
    "usr/lib/sysctl.d",
    "usr/lib/systemd/system",
    "usr/lib/systemd/system-preset",
    "usr/lib/systemd/user",
    "usr/lib/sysusers.d",
    "usr/lib/tmpfiles.d",
    "usr/lib/udev/rules.d",
    "usr/lib64",
    "usr/libexec",
    "usr/local/bin",
    "usr/sbin",
    "usr/share/applications",
    "usr/share/bash-completion/completions",
    "usr/share/doc",
    "usr/share/fish/vendor_completions.d",
    "usr/share/licenses",
    "usr/share/man/man1",
    "usr/share/man/man8",
    "usr/share/zsh/site-functions",
    "var/lib",
    "var/log",
];

/// Whether a folder is the system's, not the package's.
pub(super) fn is_system_folder(path: &str) -> bool {
    SYSTEM_FOLDERS
        .iter()
        .any(|folder| folder.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// The tree: the agent, its unit and preset, the product's own files.
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
        let path = format!("usr/lib/systemd/system-preset/80-{package}.preset");
        payload.file(&path, 0o644, Source::bytes(preset(service)?))?;
        // Beside the agent and not in the two scriptlets that call it: a stamp writes and digests those anew.
        let after = include_str!("../../../../templates/rpm/after-rpm.sh");
        payload.file(&after_rpm_path(package), 0o755, Source::bytes(after.as_bytes()))?;
    }
    if let Some(keys) = product.issuer_keys() {
        payload.file(&keys_path(package), 0o644, Source::bytes(keys))?;
    }
    let license = product.license_text().unwrap_or("The license's text comes with the product.");
    payload.file(&format!("usr/share/licenses/{package}/LICENSE"), 0o644, Source::bytes(license.as_bytes()))?;
    if let Some(command) = product.command() {
        payload.link(&format!("usr/bin/{command}"), &format!("../libexec/{package}/{}", product.executable()))?;
    }
    let own = [token_path(package), state_path(package), live_token_path(package)];
    let is_own = |destination: &&str| product.token_slot() && own.iter().any(|own| own == destination);
    if let Some(destination) = product.destinations_for(Platform::Linux).find(is_own) {
        return Err(BuildError::own_place(destination, "the enrollment token and its state live"));
    }
    for link in product.links_for(Platform::Linux) {
        payload.link(&link.destination, &link.target)?;
    }
    for file in product.files_for(Platform::Linux) {
        payload.file(&file.destination, file.mode, Source::disk(&file.source)?)?;
    }
    Ok(payload)
}

fn preset(service: &Service) -> Result<String, BuildError> {
    let values = serde_json::json!({ "unit": unit_name(service) });
    let template = include_str!("../../../../templates/rpm/preset.hbs");
    Ok(render("rpm/preset.hbs", template, Escape::Plain, &values)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_folders_are_not_the_packages() {
        for system in ["usr", "usr/lib", "usr/lib/systemd/system", "etc", "opt", "var/lib", "usr/libexec"] {
            assert!(is_system_folder(system), "{system}");
        }
        for own in ["usr/libexec/x", "opt/vendor", "usr/li", "usr/lib/systemd/system/x.service.d", "etc/x"] {
            assert!(!is_system_folder(own), "{own}");
        }
    }
}
