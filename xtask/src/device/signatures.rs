//! What Windows and macOS say of a signed base, of the same with a slot, and of a stamp in it: the three must be one to them. The keys are
//! made for the run; on Windows the certificate becomes a trusted root of the machine, so this is for machines that are thrown away.

use std::fs;
use std::path::Path;

use xshell::{Shell, cmd};

use crate::failure::{AtPath, Failure, Result};

/// The product in `payloads/probe`.
const PRODUCT: &str = "Probe Agent";

/// Signs, prepares and stamps `base` in `folder`, and asks.
pub(super) fn run(sh: &Shell, base: &Path, folder: &str) -> Result {
    let ending = base.extension().and_then(|ending| ending.to_str()).filter(|ending| ["msi", "pkg"].contains(ending));
    let wrong = || Failure::answer(base.display().to_string(), "it is neither an .msi nor a .pkg");
    let ending = ending.ok_or_else(wrong)?.to_owned();
    let folder = format!("{folder}/signatures");
    fs::create_dir_all(&folder).at("create", Path::new(&folder))?;
    let usage = if ending == "msi" { "codeSigning" } else { "critical,1.2.840.113635.100.4.13" };
    let usage = format!("extendedKeyUsage={usage}");
    cmd!(sh, "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=Throwaway/O=Example -addext {usage}")
        .args(["-addext", "keyUsage=critical,digitalSignature"])
        .args(["-keyout", &format!("{folder}/key.pem"), "-out", &format!("{folder}/cert.pem")])
        .run()?;
    let [signed, prepared, stamped] = ["signed", "prepared", "stamped"].map(|name| format!("{folder}/{name}.{ending}"));
    let key = ["--certs", &format!("{folder}/cert.pem"), "--key", &format!("{folder}/key.pem"), "--allow-open-key"];
    cmd!(sh, "cargo run --quiet -- sign {base} -o {signed}").args(key).run()?;
    cmd!(sh, "cargo run --quiet -- token keygen -o {folder}/issuer").run()?;
    cmd!(
        sh,
        "cargo run --quiet -- token mint --key {folder}/issuer.key --tenant acme -o {folder}/token --allow-open-key"
    )
    .args(["--product", PRODUCT])
    .run()?;
    cmd!(sh, "cargo run --quiet -- prepare {signed} -o {prepared} --keys-pinned-in-agent")
        .args(["--issuer-keys", &format!("{folder}/issuer.jwks.json")])
        .run()?;
    cmd!(sh, "cargo run --quiet -- stamp {prepared} --token-file {folder}/token -o {stamped}").run()?;
    if ending == "msi" {
        windows(sh, &folder, [&signed, &prepared, &stamped])
    } else {
        macos(sh, [&signed, &prepared, &stamped])
    }
}

/// `Valid` for the three, and not for a file with another byte.
fn windows(sh: &Shell, folder: &str, files: [&str; 3]) -> Result {
    cmd!(sh, "certutil -addstore -f Root {folder}/cert.pem").run()?;
    let damaged = format!("{folder}/damaged.msi");
    let mut bytes = fs::read(files[2]).at("read", Path::new(files[2]))?;
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    fs::write(&damaged, bytes).at("write", Path::new(&damaged))?;
    for (file, expected) in files.map(|file| (file, true)).into_iter().chain([(damaged.as_str(), false)]) {
        let script = format!("(Get-AuthenticodeSignature -LiteralPath '{file}').Status");
        let said = cmd!(sh, "powershell -NoProfile -Command {script}").read()?;
        println!("{file}: {said}");
        if (said.trim() == "Valid") != expected {
            return Err(Failure::answer("Get-AuthenticodeSignature", format!("{file}: {said}")));
        }
    }
    Ok(())
}

/// The same words for the three: the certificate is not trusted, but there is one, and nothing is damaged.
fn macos(sh: &Shell, files: [&str; 3]) -> Result {
    let mut first = None;
    for file in files {
        let said = cmd!(sh, "pkgutil --check-signature {file}").ignore_status().read()?;
        println!("{said}");
        // The first line names the file.
        let words: Vec<&str> = said.lines().skip(1).collect();
        let words = words.join("\n");
        if !words.contains("Throwaway") || *first.get_or_insert_with(|| words.clone()) != words {
            return Err(Failure::answer("pkgutil", format!("{file}: {words}")));
        }
    }
    Ok(())
}
