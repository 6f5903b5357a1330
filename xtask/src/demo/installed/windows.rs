//! A Windows device: Windows Installer as Wine 10 has it, in a Debian 13, and its service.

use std::fs;
use std::path::Path;
use std::time::Instant;

use xshell::Shell;

use super::list::listed;
use super::product::{AGENT, download};
use crate::demo::agent::PUBLISHER;
use crate::failure::{AtPath, Failure, Result};
use crate::serving::{Serving, said};
use crate::systems::debian_root;
use crate::systems::wine::Prefix;

/// Installs the MSI that is downloaded, waits until the device is listed, and removes it.
pub(super) fn run(sh: &Shell, service: &Serving, trixie: &Path, folder: &Path) -> Result {
    let file = download(sh, service, folder, "windows", "msi")?;
    let (root, target, prefix) = (trixie.to_owned(), sh.current_dir().join("target"), folder.join("prefix"));
    let program = move |name: &str| debian_root::enter(&root, &target, name);
    let wine = Prefix::open(program, prefix.clone(), folder).at("start Wine with", &prefix)?;
    let run = |arguments: &[&str]| wine.run(arguments).at("run Wine with", &prefix);
    let expect = |arguments: &[&str]| match run(arguments)? {
        (0, _) => Ok(()),
        (status, text) => Err(Failure::answer(arguments.join(" "), format!("{status}: {text}"))),
    };
    let begin = Instant::now();
    expect(&["msiexec", "/i", &file.name, "/qn"])?;
    listed(sh, service, &file.token, begin, "msiexec, a Windows service under Wine 10")?;
    let (state, values) = (run(&["sc", "query", AGENT.package])?.1, run(&["reg", "query", &key()])?.1);
    if !state.contains("RUNNING") || values.contains("EnrollmentToken") || !values.contains("enrolled") {
        return Err(said(format!("the service does not run, or the token is still there: {state}{values}")));
    }
    println!("           its service runs, and the token is gone from the registry");
    expect(&["msiexec", "/x", &file.name, "/qn"])?;
    let state = wine.drive("ProgramData").join(PUBLISHER).join(AGENT.product);
    if state.exists() {
        return Err(said(format!("a removal has left {}", state.display())));
    }
    drop(wine);
    fs::remove_dir_all(&prefix).at("remove", &prefix)
}

fn key() -> String {
    format!(r"HKLM\SOFTWARE\{PUBLISHER}\{}", AGENT.product)
}
