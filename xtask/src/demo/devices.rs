//! The end of the story: devices enroll with the reference agent against the service of the demonstration, on this machine, without root.
//!
//! A device is a folder into which the downloaded deb is unpacked, with the token where the deb's script puts it. Installations by msiexec, dpkg and
//! rpm are in `installed`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use xshell::{Shell, cmd};

use super::agent::Agent;
use super::setup::FOLDER;
use crate::debian::{self, program};
use crate::failure::{AtPath, Result};
use crate::serving::{Serving, field, said, text};

const AGENT: Agent = Agent { product: "Reference Agent", stem: "Reference-Agent", package: "reference-agent" };

/// Enrolls two devices, revokes the token, and shows what a third one is told.
pub(super) fn run(sh: &Shell, stampwright: &Path, service: &Serving) -> Result {
    debian::ensure(sh, &[program("curl", "curl"), program("dpkg-deb", "dpkg")])?;
    let folder = sh.current_dir().join(FOLDER).join("devices");
    if folder.exists() {
        fs::remove_dir_all(&folder).at("remove", &folder)?;
    }
    println!("\nfrom the download to the device list, with the reference agent");
    // The root is that of the folder which the deb is unpacked into, from the program's own.
    let more = json!({ "root": "../../.." });
    AGENT.publish(sh, stampwright, service, &folder.join("product"), (&["deb"], more))?;
    let wish = json!({ "tenant": "acme", "product": AGENT.product, "uses": 10 });
    let id = text(&service.ask(sh, "POST", "/v1/tokens", Some(&wish))?, "id")?;
    println!("minted     token {id} for acme, good for 10 devices");
    let wish = json!({ "product": AGENT.product, "platform": "linux", "token_id": id });
    let link = service.ask(sh, "POST", "/v1/links", Some(&wish))?;
    let (url, name) = (text(&link, "url")?, text(&link, "file_name")?);
    let file = folder.join(&name);
    cmd!(sh, "curl -sS --fail -o {file} {url}").quiet().run()?;
    println!("downloaded {FOLDER}/devices/{name}, with the token inside");

    for name in ["one", "two"] {
        let device = Device::unpack(sh, &folder.join(name), &file)?;
        let (is_well, events) = device.once(sh)?;
        println!("device     {name}: {}", events.join(", then "));
        if !is_well || device.token.exists() {
            return Err(said(format!("device {name} did not enroll, or has kept its token")));
        }
    }
    println!("           the token is gone from both");
    let listed = list(sh, service)?;
    if listed != 2 {
        return Err(said(format!("the list has {listed} enrolled devices of 2")));
    }
    service.ask(sh, "POST", &format!("/v1/tokens/{id}/revoke"), Some(&json!({})))?;
    println!("revoked    token {id}");
    let third = Device::unpack(sh, &folder.join("three"), &file)?;
    let (is_well, events) = third.once(sh)?;
    println!("device     three, with the same file: {}", events.join(", then "));
    if is_well || !events.iter().any(|event| event.ends_with("token-revoked")) {
        return Err(said("device three was not refused for its revoked token".to_owned()));
    }
    let doctor = third.agent(sh, "doctor").ignore_status().read()?;
    println!("doctor     of device three:");
    doctor.lines().for_each(|line| println!("           {line}"));
    if !doctor.contains("cause: the token was revoked [token-revoked]") {
        return Err(said("doctor does not name the revoked token".to_owned()));
    }
    Ok(())
}

/// Prints the devices; gives how many of them are enrolled.
fn list(sh: &Shell, service: &Serving) -> Result<usize> {
    let devices = service.ask(sh, "GET", "/v1/devices", None)?;
    let devices = devices.as_array().map(Vec::as_slice).unwrap_or_default();
    for (number, device) in devices.iter().enumerate() {
        let word = |name: &str| field(device, name).as_str().unwrap_or_default().to_owned();
        println!(
            "{:<11}{}  {}  {}  by token {}",
            if number == 0 { "list" } else { "" },
            text(device, "id")?,
            word("tenant"),
            word("status"),
            word("token_id")
        );
    }
    Ok(devices.iter().filter(|device| field(device, "status").as_str() == Some("enrolled")).count())
}

/// A device: a folder, in place of a root.
struct Device {
    program: PathBuf,
    token: PathBuf,
}

impl Device {
    fn unpack(sh: &Shell, root: &Path, deb: &Path) -> Result<Self> {
        cmd!(sh, "dpkg-deb -x {deb} {root}").quiet().run()?;
        // What the deb's script does as root.
        let (staged, etc) = (root.join("usr/lib/reference-agent/enrollment-token"), root.join("etc/reference-agent"));
        let token = etc.join("enrollment-token");
        fs::create_dir_all(&etc).at("create", &etc)?;
        fs::copy(&staged, &token).at("copy from", &staged)?;
        Ok(Self { program: root.join("usr/lib/reference-agent/reference-agent"), token })
    }

    fn agent<'a>(&self, sh: &'a Shell, command: &str) -> xshell::Cmd<'a> {
        let program = &self.program;
        // A proxy of this machine does not lead to the service.
        cmd!(sh, "{program} {command}").env("NO_PROXY", "127.0.0.1").quiet()
    }

    /// Lets the agent enroll and check in; gives whether it did, and what it said.
    fn once(&self, sh: &Shell) -> Result<(bool, Vec<String>)> {
        let output = self.agent(sh, "once").ignore_status().output()?;
        let said = String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect();
        Ok((output.status.success(), said))
    }
}
