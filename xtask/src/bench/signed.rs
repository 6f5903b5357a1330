//! Stamps of signed bases: into a slot, and signed anew, beside what others do to a signed file of the same size. All keys are thrown away.

use std::fs;

use xshell::cmd;

use super::builds::Comparison;
use super::measure::{Way, in_turns};
use super::setup::{Bench, FOLDER};
use super::stamps::{Inside, inside};
use crate::failure::{AtPath, Result};
use crate::sign::{CODE_SIGNING, INSTALLER, Throwaway};

/// Where keys and signed bases are.
const SIGNED: &str = "target/bench/signed";
/// Signs with apple-platform; a key that it has made before.
const APPLE: &str = "import sys, apple_platform; apple_platform.sign(sys.argv[1], sys.argv[2], \
                     signer=apple_platform.Signer(p12=apple_platform.P12Key(sys.argv[3], 'pw')), timestamp_url='none')";
/// Makes that key.
const APPLE_KEY: &str = "import sys; from apple_platform import certificates; \
                         open(sys.argv[1], 'wb').write(certificates.generate_self_signed('Bench', \
                         profile='developer-id-installer').to_p12('pw'))";

/// Stamps of one signed base.
pub(super) struct Signed {
    /// As processes.
    pub(super) processes: Comparison,
    /// Inside a process, into the slot.
    pub(super) slot: Inside,
    /// Inside a process, signed anew; what the key needs comes on top.
    pub(super) resign: Inside,
}

/// Stamps signed bases of both sizes.
pub(super) fn run(bench: &Bench<'_>) -> Result<Vec<Signed>> {
    let sh = bench.sh;
    let folder = sh.current_dir().join(SIGNED);
    fs::create_dir_all(&folder).at("create", &folder)?;
    keys(bench)?;
    let mut all = Vec::new();
    for (title, format, folder) in [
        ("msi, signed", "msi", "msi"),
        ("msi, signed, ten times as large", "msi", "msi-large"),
        ("pkg, signed", "pkg", "pkg"),
        ("pkg, signed, ten times as large", "pkg", "pkg-large"),
    ] {
        eprintln!("stamping {title}");
        let base = format!("{FOLDER}/{folder}/TheOneRMM-Agent.{format}");
        let [signed, prepared] = bases(bench, format, folder, &base)?;
        let ways = match format {
            "msi" => msi(bench, &base, &signed, &prepared),
            _ => pkg(bench, &base, &signed, &prepared),
        };
        let [token, keys] = ["jws", "issuer.jwks.json"].map(|name| sh.current_dir().join(SIGNED).join(name));
        let token = format!("--token-file={}", token.display());
        let keys = format!("--issuer-keys={}", keys.display());
        all.push(Signed {
            processes: Comparison { title, measured: in_turns(sh, &ways, bench.effort.builds)? },
            slot: inside(bench, &prepared, &[token.clone(), keys])?,
            resign: inside(bench, &signed, &[token, "--resign".to_owned()])?,
        });
    }
    Ok(all)
}

/// Two certificates with their keys, an issuer of tokens, and a token.
fn keys(bench: &Bench<'_>) -> Result {
    let (sh, program) = (bench.sh, &bench.stampwright);
    for (name, usage) in [("code", CODE_SIGNING), ("installer", INSTALLER)] {
        Throwaway::with_usage(sh, &sh.current_dir().join(SIGNED).join(name), usage)?;
    }
    let python = bench.venv.join("python");
    cmd!(sh, "{python} -c {APPLE_KEY} {SIGNED}/apple.p12").quiet().run()?;
    for stale in ["issuer.key", "issuer.jwks.json", "jws"] {
        let path = sh.current_dir().join(SIGNED).join(stale);
        let _ = fs::remove_file(path);
    }
    cmd!(sh, "{program} token keygen -o {SIGNED}/issuer").quiet().ignore_stderr().run()?;
    cmd!(sh, "{program} token mint --key {SIGNED}/issuer.key --tenant acme -o {SIGNED}/jws")
        .args(["--product", "TheOneRMM Agent"])
        .quiet()
        .ignore_stderr()
        .run()?;
    Ok(())
}

/// The signed and the prepared base.
fn bases(bench: &Bench<'_>, format: &str, name: &str, base: &str) -> Result<[String; 2]> {
    let (sh, program) = (bench.sh, &bench.stampwright);
    let [signed, prepared] = ["base", "prepared"].map(|what| format!("{SIGNED}/{name}-{what}.{format}"));
    let key = if format == "msi" { "code" } else { "installer" };
    cmd!(sh, "{program} sign {base} --certs {SIGNED}/{key}/certificate.pem --key {SIGNED}/{key}/key.pem -o {signed}")
        .quiet()
        .ignore_stderr()
        .run()?;
    cmd!(sh, "{program} prepare {signed} -o {prepared} --issuer-keys {SIGNED}/issuer.jwks.json --keys-pinned-in-agent")
        .quiet()
        .ignore_stderr()
        .run()?;
    Ok([signed, prepared])
}

fn way(name: &str, output: &str, line: String) -> Way {
    Way { name: name.to_owned(), line, output: output.to_owned() }
}

/// Ours: into the slot, and signed anew.
fn ours(bench: &Bench<'_>, key: &str, signed: &str, prepared: &str, format: &str) -> [Way; 2] {
    let program = bench.stampwright.display();
    let out = format!("{SIGNED}/out.{format}");
    let token = format!("--token-file {SIGNED}/jws -o {out}");
    let signer = format!("--resign --certs {SIGNED}/{key}/certificate.pem --key {SIGNED}/{key}/key.pem");
    [
        way("stampwright stamp, prepared base", &out, format!("exec {program} stamp {prepared} {token}")),
        way("stampwright stamp --resign", &out, format!("exec {program} stamp {signed} {token} {signer}")),
    ]
}

fn msi(bench: &Bench<'_>, base: &str, signed: &str, prepared: &str) -> Vec<Way> {
    let out = format!("{SIGNED}/theirs.msi");
    let sign = format!(
        "exec osslsigncode sign -certs {SIGNED}/code/certificate.pem -key {SIGNED}/code/key.pem -h sha256 -add-msi-dse"
    );
    let add = "exec osslsigncode add -addUnauthenticatedBlob -add-msi-dse";
    let mut ways: Vec<Way> = ours(bench, "code", signed, prepared, "msi").into();
    ways.push(way("osslsigncode sign", &out, format!("{sign} -in {base} -out {out}")));
    ways.push(way("osslsigncode add -addUnauthenticatedBlob", &out, format!("{add} -in {signed} -out {out}")));
    ways.push(way("cp", &out, format!("exec cp {signed} {out}")));
    ways
}

fn pkg(bench: &Bench<'_>, base: &str, signed: &str, prepared: &str) -> Vec<Way> {
    let out = format!("{SIGNED}/theirs.pkg");
    let python = bench.venv.join("python").display().to_string();
    let mut ways: Vec<Way> = ours(bench, "installer", signed, prepared, "pkg").into();
    let sign = format!("exec {python} -c \"{APPLE}\" {base} {out} {SIGNED}/apple.p12");
    ways.push(way("apple_platform sign", &out, sign));
    ways.push(way("cp", &out, format!("exec cp {signed} {out}")));
    ways
}
