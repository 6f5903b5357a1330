//! A package of another tool's, signed by a third one, takes a token beside its signature: prepared, stamped, verified, and judged again.

use std::fs;
use std::path::Path;

use xshell::{Shell, cmd};

use super::case::FOLDER;
use super::contents;
use crate::failure::{AtPath, Result};

/// What became of it, in few words; `named` is `named` and the product's name.
pub(super) fn stamped(sh: &Shell, stampwright: &Path, file: &Path, named: &str) -> Result<String> {
    let folder = contents::fresh(sh, "token")?;
    let keys = keys(sh, stampwright)?;
    let (certificate, key) = (keys.join("signer.pem"), keys.join("signer.key"));
    let (issuer, public) = (keys.join("issuer.key"), keys.join("issuer.jwks.json"));
    let at = |name: &str| folder.join(name);
    let (signed, prepared, token, out) = (at("signed.msi"), at("prepared.msi"), at("token"), at("stamped.msi"));
    let record = at("prepared.msi.prepare.json");
    let product = named.trim_start_matches("named ");
    // It does not read what embala lays out; then this program signs, and its file must be one that osslsigncode reads.
    let theirs =
        cmd!(sh, "osslsigncode sign -certs {certificate} -key {key} -h sha256 -add-msi-dse -in {file} -out {signed}");
    if !theirs.quiet().ignore_status().output()?.status.success() {
        let _ = fs::remove_file(&signed);
        cmd!(sh, "{stampwright} --quiet sign {file} --certs {certificate} --key {key} -o {signed}")
            .quiet()
            .ignore_status()
            .run()?;
    }
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
        ("judged", cmd!(sh, "osslsigncode verify -CAfile {certificate} -in {out}")),
    ];
    for (done, step) in steps {
        if !step.quiet().ignore_status().output()?.status.success() {
            return Ok(format!("not {done}"));
        }
    }
    Ok("takes a token".to_owned())
}

/// A signer and an issuer of tokens, made once.
fn keys(sh: &Shell, stampwright: &Path) -> Result<std::path::PathBuf> {
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
