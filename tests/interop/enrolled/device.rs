//! A device as a folder (`"root"` in `agent.json`): it needs no root and no installation.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::Vendor;
use crate::support::{both, output};

const FOLDER: &str = "usr/lib/enrolled-agent";

/// A device of the vendor.
pub(super) struct Device {
    pub(super) root: PathBuf,
}

impl Device {
    pub(super) fn new(vendor: &Vendor, name: &str, token: &str) -> Self {
        let device = Self { root: vendor.path(name) };
        let folder = device.root.join(FOLDER);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(vendor.path("reference-agent"), folder.join("reference-agent")).unwrap();
        fs::copy(vendor.path("agent.json"), folder.join("agent.json")).unwrap();
        device.set("root", "../../..");
        device.write("enrollment-token", token);
        device
    }

    /// In the agent's configuration.
    pub(super) fn set(&self, key: &str, value: &str) {
        let path = self.root.join(FOLDER).join("agent.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        config[key] = json!(value);
        fs::write(path, config.to_string()).unwrap();
    }

    /// Into the folder of the package's settings.
    pub(super) fn write(&self, name: &str, text: &str) {
        let etc = self.root.join("etc/enrolled-agent");
        fs::create_dir_all(&etc).unwrap();
        fs::write(etc.join(name), text).unwrap();
    }

    pub(super) fn state(&self) -> String {
        fs::read_to_string(self.root.join("var/lib/enrolled-agent/enrollment-state")).unwrap_or_default()
    }

    pub(super) fn agent(&self, arguments: &[&str]) -> String {
        self.agent_with(Command::new(self.program()), arguments)
    }

    pub(super) fn program(&self) -> PathBuf {
        self.root.join(FOLDER).join("reference-agent")
    }

    /// The agent by a command that ends with it, or is it.
    pub(super) fn agent_with(&self, mut command: Command, arguments: &[&str]) -> String {
        both(&output(command.args(arguments).env("NO_PROXY", "127.0.0.1")))
    }

    /// The agent's next steps end with this, and doctor names the cause.
    #[track_caller]
    pub(super) fn is_out(&self, said: &str, cause: &str) {
        let once = self.agent(&["once"]);
        assert!(once.contains(said), "{said} is not in: {once}");
        let doctor = self.agent(&["doctor"]);
        let first = doctor.lines().find(|line| line.starts_with("cause:")).unwrap_or_default();
        assert!(first.ends_with(&format!("[{cause}]")), "{cause}: {doctor}");
    }

    #[track_caller]
    pub(super) fn enrolls(&self) {
        let once = self.agent(&["once"]);
        assert!(once.contains("enrolled as dev-") && once.contains("checked in"), "{once}");
        assert_eq!(self.state(), "enrolled\n");
        let doctor = self.agent(&["doctor"]);
        assert!(doctor.contains("healthy:"), "{doctor}");
    }
}
