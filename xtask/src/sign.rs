//! Signs what the tests build, because an agent without a signature is refused. The certificate is made on the spot, vouches for
//! nothing and is good for tests only.

use std::fs;
use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use crate::failure::{AtPath, Result};

/// What a Windows program or installer is signed with.
pub(crate) const CODE_SIGNING: &str = "codeSigning";
/// What a macOS package is signed with: Apple's Developer ID Installer.
pub(crate) const INSTALLER: &str = "critical,1.2.840.113635.100.4.13";

/// A key and its self-signed certificate, in PEM.
pub(crate) struct Throwaway {
    pub(crate) key: PathBuf,
    pub(crate) certificate: PathBuf,
}

impl Throwaway {
    /// The pair for code signing in `folder`, made if it is not there.
    pub(crate) fn in_folder(sh: &Shell, folder: &Path) -> Result<Self> {
        Self::with_usage(sh, folder, CODE_SIGNING)
    }

    /// The pair for this extended key usage in `folder`, made if it is not there.
    pub(crate) fn with_usage(sh: &Shell, folder: &Path, usage: &str) -> Result<Self> {
        let pair = Self { key: folder.join("key.pem"), certificate: folder.join("certificate.pem") };
        if pair.key.is_file() && pair.certificate.is_file() {
            return Ok(pair);
        }
        fs::create_dir_all(folder).at("create", folder)?;
        let (key, certificate) = (&pair.key, &pair.certificate);
        let subject = "/CN=Throwaway test signer/O=Stampwright tests";
        let extended = format!("extendedKeyUsage={usage}");
        let usage = [&extended, "keyUsage=critical,digitalSignature", "basicConstraints=critical,CA:FALSE"];
        let usage = usage.iter().flat_map(|line| ["-addext", line]);
        cmd!(sh, "openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj {subject} {usage...}")
            .args(["-keyout".as_ref(), key.as_os_str(), "-out".as_ref(), certificate.as_os_str()])
            .quiet()
            .ignore_stderr()
            .run()?;
        cmd!(sh, "chmod 600 {key}").quiet().run()?;
        Ok(pair)
    }

    /// Signs a Windows program with Authenticode.
    pub(crate) fn sign(&self, sh: &Shell, from: &Path, to: &Path) -> Result {
        if to.exists() {
            fs::remove_file(to).at("remove", to)?; // osslsigncode refuses to overwrite
        }
        let Self { key, certificate } = self;
        cmd!(sh, "osslsigncode sign -certs {certificate} -key {key} -h sha256 -in {from} -out {to}")
            .quiet()
            .ignore_stdout()
            .run()?;
        Ok(())
    }
}

/// Signs a Mach-O ad hoc: a code directory without a certificate.
pub(crate) fn sign_ad_hoc(sh: &Shell, python: &Path, from: &Path, to: &Path) -> Result {
    let script = "import sys, apple_platform; apple_platform.sign(sys.argv[1], sys.argv[2])";
    cmd!(sh, "{python} -c {script} {from} {to}").quiet().ignore_stdout().run()?;
    Ok(())
}
