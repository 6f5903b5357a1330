//! A package of another tool's, signed by a third one, takes a token beside its signature: prepared, stamped, verified, and judged again.

use std::fs;
use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use super::case::FOLDER;
use super::{contents, judge};
use crate::failure::{AtPath, Result};
use crate::judges;
use crate::sign::{INSTALLER, Throwaway};

/// What became of it, in few words; `named` is `named` and the product's name.
pub(super) fn stamped(sh: &Shell, stampwright: &Path, file: &Path, named: &str) -> Result<String> {
    let folder = contents::fresh(sh, "token")?;
    let keys = keys(sh, stampwright)?;
    let kind = if file.extension().is_some_and(|extension| extension == "pkg") { "pkg" } else { "msi" };
    let at = |name: &str| folder.join(format!("{name}.{kind}"));
    let (signed, prepared, token, out) = (at("signed"), at("prepared"), folder.join("token"), at("stamped"));
    let (issuer, public) = (keys.join("issuer.key"), keys.join("issuer.jwks.json"));
    let record = folder.join(format!("prepared.{kind}.prepare.json"));
    let product = named.trim_start_matches("named ");
    let certificate = if kind == "pkg" {
        pkg_signed(sh, stampwright, &keys, file, &signed)?
    } else {
        msi_signed(sh, stampwright, &keys, file, &signed)?
    };
    let steps = [
        (
            "prepared",
            cmd!(sh, "{stampwright} prepare {signed} --issuer-keys {public} --keys-pinned-in-agent -o {prepared}"),
        ),
        (
            "minted",
            cmd!(
                sh,
                "{stampwright} token mint --key {issuer} --tenant acme --product {product} --expires 30d -o {token}"
            ),
        ),
        ("stamped", cmd!(sh, "{stampwright} stamp {prepared} --token-file {token} -o {out}")),
        ("verified", cmd!(sh, "{stampwright} verify {out} --prepared {record} --token-file {token}")),
    ];
    for (done, step) in steps {
        if !step.quiet().ignore_status().output()?.status.success() {
            return Ok(format!("not {done}"));
        }
    }
    let is_judged_well = if kind == "pkg" {
        let python = judges::from_pypi(sh, "judges", &judges::FROM_PYPI)?.join("python");
        judge::ask(sh, &python, "apple-platform-py", &out)? == "signatures hold"
    } else {
        let judged = cmd!(sh, "osslsigncode verify -CAfile {certificate} -in {out}");
        judged.quiet().ignore_status().output()?.status.success()
    };
    Ok(if is_judged_well { "takes a token" } else { "not judged" }.to_owned())
}

/// Signs an MSI with another tool; where that does not read it, as what embala lays out, this program signs, and that one must read the file.
fn msi_signed(sh: &Shell, stampwright: &Path, keys: &Path, file: &Path, signed: &Path) -> Result<PathBuf> {
    let (certificate, key) = (keys.join("signer.pem"), keys.join("signer.key"));
    let theirs =
        cmd!(sh, "osslsigncode sign -certs {certificate} -key {key} -h sha256 -add-msi-dse -in {file} -out {signed}");
    if !theirs.quiet().ignore_status().output()?.status.success() {
        let _ = fs::remove_file(signed);
        cmd!(sh, "{stampwright} --quiet sign {file} --certs {certificate} --key {key} -o {signed}")
            .quiet()
            .ignore_status()
            .run()?;
    }
    Ok(certificate)
}

/// Signs a flat package; another tool judges what became of it.
fn pkg_signed(sh: &Shell, stampwright: &Path, keys: &Path, file: &Path, signed: &Path) -> Result<PathBuf> {
    let Throwaway { key, certificate } = Throwaway::with_usage(sh, &keys.join("installer"), INSTALLER)?;
    cmd!(sh, "{stampwright} --quiet sign {file} --certs {certificate} --key {key} -o {signed}")
        .quiet()
        .ignore_status()
        .run()?;
    Ok(certificate)
}

/// A signer and an issuer of tokens, made once.
fn keys(sh: &Shell, stampwright: &Path) -> Result<PathBuf> {
    let keys = sh.current_dir().join(FOLDER).join("keys");
    let issuer = keys.join("issuer");
    if keys.join("issuer.key").is_file() {
        return Ok(keys);
    }
    fs::create_dir_all(&keys).at("create", &keys)?;
    let (certificate, key) = (keys.join("signer.pem"), keys.join("signer.key"));
    let extensions =
        ["extendedKeyUsage=codeSigning", "keyUsage=digitalSignature", "basicConstraints=critical,CA:FALSE"]
            .map(|extension| ["-addext", extension]);
    let extensions = extensions.as_flattened();
    let request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=World/O=Example"];
    cmd!(sh, "openssl {request...} {extensions...} -keyout {key} -out {certificate}").quiet().ignore_stderr().run()?;
    cmd!(sh, "{stampwright} token keygen -o {issuer}").quiet().ignore_stdout().run()?;
    Ok(keys)
}
