//! Programs that come from Debian packages: looked for on the PATH first, installed by name where they are missing.

use xshell::{Shell, cmd};

use crate::failure::{Failure, Result};

/// Another apt or dpkg may be at work: an upgrade at night, a test beside this one. Without this apt fails at once.
const WAIT_FOR_THE_LOCK: [&str; 2] = ["-o", "DPkg::Lock::Timeout=600"];

/// A program and the package that brings it.
pub(crate) struct Need {
    /// How to see that it is there.
    pub(crate) probe: Probe,
    /// The package's name in Debian 12.
    pub(crate) package: &'static str,
}

/// How to see that something is installed.
pub(crate) enum Probe {
    /// A program on the PATH.
    Program(&'static str),
    /// A package that brings no program of its own, by dpkg's word.
    Package,
    /// A module of the Python on the PATH.
    PythonModule(&'static str),
}

/// A need for a program that is named otherwise than its package.
pub(crate) const fn program(program: &'static str, package: &'static str) -> Need {
    Need { probe: Probe::Program(program), package }
}

/// Installs what is missing of `needs`, or fails with the command that would.
pub(crate) fn ensure(sh: &Shell, needs: &[Need]) -> Result {
    let mut missing: Vec<&str> = needs.iter().filter(|need| !is_there(sh, need)).map(|need| need.package).collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    install(sh, &missing)
}

/// Is this program on the PATH?
pub(crate) fn has_program(sh: &Shell, name: &str) -> bool {
    let Ok(path) = sh.var("PATH") else { return false };
    path.split(':').any(|folder| std::path::Path::new(folder).join(name).is_file())
}

fn is_there(sh: &Shell, need: &Need) -> bool {
    let package = need.package;
    match need.probe {
        Probe::Program(name) => has_program(sh, name),
        Probe::Package => {
            let field = "${db:Status-Status}";
            let status = cmd!(sh, "dpkg-query -W -f {field} {package}").quiet().ignore_stderr().read();
            status.is_ok_and(|status| status == "installed")
        }
        Probe::PythonModule(module) => {
            let import = format!("import {module}");
            has_program(sh, "python3") && cmd!(sh, "python3 -c {import}").quiet().ignore_stderr().run().is_ok()
        }
    }
}

fn install(sh: &Shell, packages: &[&str]) -> Result {
    let list = packages.join(" ");
    let missing = || Failure::Missing {
        what: list.clone(),
        command: format!("sudo apt-get update && sudo apt-get install -y --no-install-recommends {list}"),
    };
    if !has_program(sh, "apt-get") {
        return Err(missing());
    }
    let is_root = cmd!(sh, "id -u").quiet().read()? == "0";
    let may_sudo =
        !is_root && has_program(sh, "sudo") && cmd!(sh, "sudo -n true").quiet().ignore_stderr().run().is_ok();
    let become_root: &[&str] = match (is_root, may_sudo) {
        (true, _) => &[],
        (false, true) => &["sudo", "-n"],
        (false, false) => return Err(missing()),
    };
    eprintln!("installing {list}");
    let mut apt = vec!["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"];
    apt.extend(WAIT_FOR_THE_LOCK);
    let prefix: Vec<&str> = become_root.iter().chain(&apt).copied().collect();
    // One unreachable source must not stop an installation that the others can serve: install has the last word.
    if let Err(refusal) = run(sh, &prefix, &["update"]) {
        eprintln!("apt-get update: {refusal}");
    }
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(packages);
    run(sh, &prefix, &arguments)
}

/// Runs apt and shows its words only when it fails: hundreds of lines of unpacking are no help.
fn run(sh: &Shell, prefix: &[&str], arguments: &[&str]) -> Result {
    let Some((first, rest)) = prefix.split_first() else { return Ok(()) };
    let output = cmd!(sh, "{first} {rest...} {arguments...}").quiet().ignore_status().output()?;
    if output.status.success() {
        return Ok(());
    }
    let words = [output.stdout, output.stderr].concat();
    Err(Failure::answer("apt-get", String::from_utf8_lossy(&words).trim().to_owned()))
}
