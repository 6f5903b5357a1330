//! The end of the story as it is on devices: what the service hands out is installed by msiexec, dpkg and rpm, the system starts the service,
//! and the device is in the list within two minutes. The systems are made inside of this one, which takes root.

mod booted;
mod list;
mod product;
mod windows;

use std::fs;
use std::path::Path;

use xshell::{Shell, cmd};

use super::setup::FOLDER;
use crate::debian::{self, program};
use crate::failure::{AtPath, Failure, Result};
use crate::serving::Serving;
use crate::systems::debian_root::TRIXIE;

/// Three devices; without root the step is named and left out.
pub(super) fn run(sh: &Shell, stampwright: &Path, service: &Serving) -> Result {
    if cmd!(sh, "id -u").quiet().read()? != "0" {
        println!("\nnot as root: no system is made in which an MSI, a deb and an rpm would be installed");
        return Ok(());
    }
    debian::ensure(
        sh,
        &[
            program("curl", "curl"),
            program("mmdebstrap", "mmdebstrap"),
            program("unshare", "util-linux"),
            program("systemd-nspawn", "systemd-container"),
        ],
    )?;
    let folder = sh.current_dir().join(FOLDER).join("installed");
    if folder.exists() {
        fs::remove_dir_all(&folder).at("remove", &folder)?;
    }
    println!("\nfrom the download to the device list, installed as on devices");
    product::publish(sh, stampwright, service, &folder.join("product"))?;
    eprintln!("making a Debian 13 with rpm and Wine 10, if there is none");
    let trixie = TRIXIE.make(&sh.current_dir().join("target/judges"));
    let trixie = trixie.map_err(|problem| Failure::answer("mmdebstrap", problem))?;
    windows::run(sh, service, &trixie, &folder)?;
    booted::run(sh, service, &trixie, &folder)
}
