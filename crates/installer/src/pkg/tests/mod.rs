//! The format, tested on small products whose agents are made here.

#![allow(clippy::ptr_arg, reason = "a &Vec becomes a &dyn ReadAt, a slice does not")]

mod findings;
mod foreign;
mod hostile;
mod scripts;
mod shapes;

use std::io::Cursor;
use std::path::Path;

use tempfile::TempDir;

use super::Pkg;
use crate::epoch::Epoch;
use crate::format::{Format, Job};
use crate::once::Once;
use crate::policy::AcceptedToken;
use crate::product::Product;
use crate::report::Report;
use crate::token::Token;

const MANIFEST: &str = r#"
[product]
name = "Example Agent"
file-stem = "Example-Agent"
version = "1.4.2"
publisher = "Example Ltd"
summary = "watches this device"
license = "MIT"
maintainer = "Example <packages@example.com>"

[service]
arguments = ["--service", "two words"]

[[agent]]
platform = "macos"
arch = "universal"
path = "agent"

[macos]
bundle-id = "com.example.agent"
minimum-version = "12.0"
"#;

/// A thin Mach-O program without commands.
fn thin(cpu: u32) -> Vec<u8> {
    [0xfeed_facf, cpu, 0, 2, 0, 0, 0, 0].map(u32::to_le_bytes).concat()
}

/// Both processors in one file.
fn universal() -> Vec<u8> {
    let (arm, intel) = (thin(0x0100_000c), thin(0x0100_0007));
    let mut out =
        [0xcafe_babe, 2, 0x0100_000c, 0, 4096, 32, 12, 0x0100_0007, 0, 8192, 32, 12].map(u32::to_be_bytes).concat();
    out.resize(4096, 0);
    out.extend(arm);
    out.resize(8192, 0);
    out.extend(intel);
    out
}

/// A product in a scratch folder, whose agent is a bare executable.
fn product(manifest: &str) -> (TempDir, Product) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("agent"), universal()).unwrap();
    std::fs::write(folder.path().join("issuer.jwks.json"), crate::claims::SAMPLE_KEYS).unwrap();
    let product = load(folder.path(), manifest);
    (folder, product)
}

fn load(folder: &Path, manifest: &str) -> Product {
    Product::load(&folder.join("stampwright.toml"), manifest).unwrap()
}

fn build(product: &Product) -> Result<Vec<u8>, String> {
    let agent = &product.agents()[0];
    let payload = Pkg.payload(product, agent).map_err(|error| error.to_string())?;
    let job = Job { product, agent, payload: &payload, epoch: Epoch::DEFAULT, progress: &() };
    let mut out = Cursor::new(Vec::new());
    Pkg.build(&job, &mut out).map_err(|error| error.to_string())?;
    Ok(out.into_inner())
}

fn base() -> Vec<u8> {
    let (_folder, product) = product(MANIFEST);
    build(&product).unwrap()
}

fn stamp(base: &Vec<u8>, token: &str) -> Vec<u8> {
    let token = Token::parse(token.as_bytes()).unwrap();
    let splice = Pkg.stamper(base).unwrap().stamp(&AcceptedToken::unchecked(&token)).unwrap();
    let mut out = Vec::new();
    splice.write_to(base.as_slice(), &mut out).unwrap();
    out
}

/// The findings of `verify` that are errors: id and message.
fn errors(file: &Vec<u8>) -> Vec<String> {
    let mut report = Report::new();
    Pkg.verify(file, &mut report).unwrap();
    let errors = report.findings().iter().filter(|f| f.severity == crate::report::Severity::Error);
    errors.map(|finding| format!("{} {}: {}", finding.id, finding.place, finding.message)).collect()
}
