//! Small products whose agents are made by the tests, and their bases, built once for the whole run.

use std::fmt::Write as _;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use installer::format::{Format, Job};
use installer::product::AgentFile;
use installer::{Epoch, Payload, Product, formats};
use tempfile::TempDir;

use super::agents::{self, Cpu};

/// A product in a scratch folder that goes when it is dropped.
pub struct Small {
    pub folder: TempDir,
    pub product: Product,
}

/// What a test's product is called; the rest is the same for all.
pub const MANIFEST: &str = r#"
[product]
name = "Example Agent"
file-stem = "Example-Agent"
version = "1.4.2"
publisher = "Example Ltd"
summary = "watches this device"
description = """
Watches this device,
and says so.
"""
homepage = "https://example.com/agent"
license = "MIT"
maintainer = "Example <packages@example.com>"

[service]
arguments = ["--service", "two words"]

[[agent]]
platform = "windows"
arch = "x64"
path = "agent-x64.exe"

[[agent]]
platform = "windows"
arch = "arm64"
path = "agent-arm64.exe"

[[agent]]
platform = "macos"
arch = "universal"
path = "agent-macos"

[[agent]]
platform = "linux"
arch = "x64"
path = "agent-x64"

[[agent]]
platform = "linux"
arch = "arm64"
path = "agent-arm64"

[[file]]
platform = "linux"
source = "agent.conf"
destination = "/etc/example-agent/agent.conf"
mode = "0640"

[[file]]
platform = "windows"
source = "agent.conf"
destination = "conf/agent.conf"

[[file]]
platform = "linux"
source = "rules.bin"
destination = "/usr/share/example-agent/rules.bin"

[[file]]
platform = "windows"
source = "rules.bin"
destination = "rules.bin"

[windows]
upgrade-code = "{0B6B1E3D-6E3B-4C53-9D3C-6F2B8E6C9A01}"

[macos]
bundle-id = "com.example.agent"
"#;

impl Small {
    /// The product of [`MANIFEST`].
    pub fn new() -> Self {
        Self::with(MANIFEST).unwrap()
    }

    /// A product of another manifest beside the same agents. The error is what a person reads.
    pub fn with(manifest: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        write_agents(folder.path());
        let path = folder.path().join("stampwright.toml");
        std::fs::write(&path, manifest).unwrap();
        let product = Product::load(&path, manifest).map_err(|error| error.to_string())?;
        Ok(Self { folder, product })
    }

    /// The manifest's path, for the command line.
    pub fn manifest(&self) -> PathBuf {
        self.folder.path().join("stampwright.toml")
    }
}

/// Writes the agents and files that [`MANIFEST`] names.
pub fn write_agents(folder: &Path) {
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
    write("agent-x64.exe", &agents::windows(Cpu::X64));
    write("agent-arm64.exe", &agents::windows(Cpu::Arm64));
    write("agent-macos", &agents::macos(&[Cpu::X64, Cpu::Arm64]));
    write("agent-x64", &agents::linux(Cpu::X64));
    write("agent-arm64", &agents::linux(Cpu::Arm64));
    write("agent.conf", b"# nothing to configure\n");
    write("rules.bin", &noise(150_000));
}

/// Bytes that do not compress, so that a base has a bulk: a linear congruential generator's upper bits.
fn noise(len: usize) -> Vec<u8> {
    let step = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(1_u32), step).map(|state| (state >> 24) as u8).take(len).collect()
}

/// One installer of a product, without a token.
pub struct Installer {
    pub small: &'static Small,
    pub format: &'static dyn Format,
    pub agent: AgentFile,
    pub bytes: Vec<u8>,
}

impl Installer {
    /// Its file name, for messages.
    pub fn name(&self) -> String {
        self.small.product.file_name(&self.agent, self.format.kind().extension())
    }

    /// What went in.
    pub fn payload(&self) -> Payload {
        self.format.payload(&self.small.product, &self.agent).unwrap()
    }

    /// Builds it again.
    pub fn build(&self) -> Vec<u8> {
        self.build_at(Epoch::DEFAULT)
    }

    /// Builds it with another date.
    pub fn build_at(&self, epoch: Epoch) -> Vec<u8> {
        build_at(self.format, &self.small.product, &self.agent, epoch).unwrap()
    }
}

/// Builds a base in memory. The error is what a person reads.
pub fn build(format: &dyn Format, product: &Product, agent: &AgentFile) -> Result<Vec<u8>, String> {
    build_at(format, product, agent, Epoch::DEFAULT)
}

fn build_at(format: &dyn Format, product: &Product, agent: &AgentFile, epoch: Epoch) -> Result<Vec<u8>, String> {
    let payload = format.payload(product, agent).map_err(|error| error.to_string())?;
    let job = Job { product, agent, payload: &payload, epoch, progress: &() };
    let mut out = Cursor::new(Vec::new());
    format.build(&job, &mut out).map_err(|error| error.to_string())?;
    Ok(out.into_inner())
}

/// A base of every format for every agent of the small product.
pub fn bases() -> &'static [Installer] {
    static SMALL: OnceLock<Small> = OnceLock::new();
    static BASES: OnceLock<Vec<Installer>> = OnceLock::new();
    BASES.get_or_init(|| {
        let small = SMALL.get_or_init(Small::new);
        let mut bases = Vec::new();
        for format in formats::FORMATS {
            for agent in small.product.agents_for(format.kind().platform()) {
                let bytes = build(format, &small.product, agent).unwrap();
                bases.push(Installer { small, format, agent: agent.clone(), bytes });
            }
        }
        assert!(!bases.is_empty());
        bases
    })
}

/// The manifest with a value of its `[product]` table replaced.
pub fn manifest_with(key: &str, value: &str) -> String {
    let mut out = String::new();
    for line in MANIFEST.lines() {
        if line.starts_with(&format!("{key} = ")) {
            writeln!(out, "{key} = {}", toml_string(value)).unwrap();
        } else {
            writeln!(out, "{line}").unwrap();
        }
    }
    out
}

/// A TOML basic string of any text.
pub fn toml_string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => write!(out, "\\u{:04X}", u32::from(c)).unwrap(),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
