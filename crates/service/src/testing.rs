//! A small product for this crate's tests: one agent for Linux in two versions, built once.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use stampwright::{Base, BuildPlan, Epoch, Kind, Token, UnsignedAgent, build, input};

/// A folder with the product in it.
pub(crate) struct Sample {
    _folder: tempfile::TempDir,
    deb: PathBuf,
    other_deb: PathBuf,
}

/// When the tests take place.
pub(crate) const NOW: u64 = 1_800_000_000;

const MANIFEST: &str = r#"
[product]
name = "Example Agent"
file-stem = "Example-Agent"
version = "VERSION"
publisher = "Example Ltd"
summary = "watches this device"
license = "MIT"
maintainer = "Example <packages@example.com>"

[[agent]]
platform = "linux"
arch = "x64"
path = "agent"
"#;

impl Sample {
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Sample> = OnceLock::new();
        SHARED.get_or_init(Self::new)
    }

    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("agent"), agent()).unwrap();
        let build = |version: &str| {
            let manifest = folder.path().join("stampwright.toml");
            std::fs::write(&manifest, MANIFEST.replace("VERSION", version)).unwrap();
            let bases = folder.path().join(version);
            let product = input::product(&manifest).unwrap();
            let plan = BuildPlan::new(product, vec![Kind::Deb], &bases, Epoch::DEFAULT, UnsignedAgent::Allow).unwrap();
            PathBuf::from(&build(&plan, &()).unwrap().files[0].file)
        };
        let (deb, other_deb) = (build("1.4.2"), build("1.10.0"));
        Self { _folder: folder, deb, other_deb }
    }

    pub(crate) fn deb(&self) -> &Path {
        &self.deb
    }

    pub(crate) fn other_deb(&self) -> &Path {
        &self.other_deb
    }

    pub(crate) fn stamped(&self, token: &[u8]) -> Vec<u8> {
        let base = Base::open(&self.deb).unwrap();
        let token = base.accept(Token::parse(token).unwrap(), NOW).unwrap();
        let mut out = Vec::new();
        base.stamp(&token).unwrap().write_to(&mut out).unwrap();
        out
    }
}

/// A static program for x86-64 (System V gABI, chapters 4 and 5) and bytes that do not compress.
fn agent() -> Vec<u8> {
    let (base, header, rest) = (0x40_0000_u64, 64 + 56, 300_000);
    let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    out.extend([2_u16, 62].into_iter().flat_map(u16::to_le_bytes));
    out.extend(1_u32.to_le_bytes());
    out.extend([base + header, 64, 0].into_iter().flat_map(u64::to_le_bytes));
    out.extend(0_u32.to_le_bytes());
    out.extend([64_u16, 56, 1, 64, 0, 0].into_iter().flat_map(u16::to_le_bytes));
    let len = header + 2 + rest;
    out.extend([1_u32, 5].into_iter().flat_map(u32::to_le_bytes));
    out.extend([0, base, base, len, len, 0x1_0000].into_iter().flat_map(u64::to_le_bytes));
    out.extend([0xEB, 0xFE]);
    let step = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    out.extend(std::iter::successors(Some(1_u32), step).map(|state| (state >> 24) as u8).take(300_000));
    out
}
