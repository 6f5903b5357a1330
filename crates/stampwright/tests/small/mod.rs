// A small product with one agent for Linux, built once per folder: for the examples of the documentation, which include this file.

/// A folder with the product in it; it goes when it is dropped.
struct Small(tempfile::TempDir);

impl Small {
    const MANIFEST: &'static str = r#"
        [product]
        name = "Example Agent"
        file-stem = "Example-Agent"
        version = "1.4.2"
        publisher = "Example Ltd"
        summary = "watches this device"
        license = "MIT"
        maintainer = "Example <packages@example.com>"

        [[agent]]
        platform = "linux"
        arch = "x64"
        path = "agent"
    "#;

    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("agent"), Self::agent()).unwrap();
        std::fs::write(folder.path().join("stampwright.toml"), Self::MANIFEST).unwrap();
        Self(folder)
    }

    /// Its base, built by this crate.
    fn deb(&self) -> std::path::PathBuf {
        use stampwright::{BuildPlan, Epoch, Kind, UnsignedAgent, build, input};
        let product = input::product(&self.0.path().join("stampwright.toml")).unwrap();
        let folder = self.0.path().join("bases");
        let plan = BuildPlan::new(product, vec![Kind::Deb], &folder, Epoch::DEFAULT, UnsignedAgent::Allow).unwrap();
        let made = build(&plan, &()).unwrap();
        made.files[0].file.clone().into()
    }

    /// A static program for x86-64 (System V gABI, chapters 4 and 5) and bytes that do not compress.
    fn agent() -> Vec<u8> {
        let (base, header) = (0x40_0000_u64, 64 + 56);
        let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        for half in [2_u16, 62] {
            out.extend(half.to_le_bytes());
        }
        out.extend(1_u32.to_le_bytes());
        for word in [base + header, 64, 0] {
            out.extend(word.to_le_bytes());
        }
        out.extend(0_u32.to_le_bytes());
        for half in [64_u16, 56, 1, 64, 0, 0] {
            out.extend(half.to_le_bytes());
        }
        let len = header + 2 + 50_000;
        out.extend([1_u32, 5].into_iter().flat_map(u32::to_le_bytes));
        for word in [0, base, base, len, len, 0x1_0000] {
            out.extend(word.to_le_bytes());
        }
        out.extend([0xEB, 0xFE]);
        let step = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        out.extend(std::iter::successors(Some(1_u32), step).map(|state| (state >> 24) as u8).take(50_000));
        out
    }
}
