//! Wrapping a large MSI for Intune, beside what the same bytes cost with the usual tools: `zip`, then `openssl enc` and an HMAC, then a
//! stored `zip`. Ours is the whole command: it checks the MSI, makes bodies and pages, and reads the archive back.

use xshell::cmd;

use super::builds;
use super::measure::{Measured, Way, in_turns};
use super::setup::{Bench, FOLDER};
use crate::debian::{self, program};
use crate::failure::Result;

/// Incompressible bytes that make an MSI of 72 MB out of the sample's 29.
const BULK_BYTES: u64 = 43_000_000;
const MSI: &str = "TheOneRMM-Agent.msi";

/// Measures both.
pub(super) fn run(bench: &Bench<'_>) -> Result<Vec<Measured>> {
    let sh = bench.sh;
    debian::ensure(sh, &[program("zip", "zip"), program("openssl", "openssl")])?;
    eprintln!("wrapping an MSI of 72 MB, in turns with zip and openssl");
    let bytes = BULK_BYTES.to_string();
    let cut = format!("head -c {bytes} {FOLDER}/bulk.bin > {FOLDER}/kit-bulk.bin");
    cmd!(sh, "sh -c {cut}").quiet().run()?;
    let file = "[[file]]\nplatform = \"windows\"\nsource = \"kit-bulk.bin\"\ndestination = \"bulk.bin\"\n";
    let product = builds::manifest(bench, "gzip", file)?;
    let (line, base) = builds::ours(bench, "msi", "kit-base", &product);
    cmd!(sh, "sh -c {line}").quiet().ignore_stderr().run()?;
    let (stampwright, token) = (&bench.stampwright, &bench.token);
    let folder = format!("{FOLDER}/kit-stamped");
    let stamped = format!("{folder}/{MSI}");
    cmd!(sh, "mkdir -p {folder}").quiet().run()?;
    cmd!(sh, "{stampwright} stamp {base} --token-file {token} -o {stamped}").quiet().ignore_stderr().run()?;

    let program = bench.stampwright.display();
    let ours = format!("{FOLDER}/kit");
    let peers = format!("{FOLDER}/kit-peers");
    // The key stands in the line, as in every recipe of the kind; it is of no use to anybody.
    let key = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    let peer = format!(
        "rm -rf {peers} && mkdir {peers} && cp {stamped} {peers}/ && cd {peers} && zip -q -6 inner.zip {MSI} \
         && openssl enc -aes-256-cbc -K {key} -iv 00112233445566778899aabbccddeeff -in inner.zip -out inner.enc \
         && openssl dgst -sha256 -mac HMAC -macopt hexkey:{key} -binary -out mac inner.enc \
         && cat mac inner.enc > IntunePackage.intunewin && zip -q -0 peer.intunewin IntunePackage.intunewin"
    );
    let ways = [
        Way {
            name: "stampwright kit --for intune".to_owned(),
            line: format!("rm -rf {ours} && exec {program} kit {stamped} --for intune -o {ours}"),
            output: format!("{ours}/intune/TheOneRMM-Agent.intunewin"),
        },
        Way {
            name: "zip -6, openssl enc and dgst, zip -0".to_owned(),
            line: peer,
            output: format!("{peers}/peer.intunewin"),
        },
    ];
    in_turns(sh, &ways, bench.effort.builds)
}
