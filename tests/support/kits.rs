//! Installers and kits in a folder, made by the program as a person makes them.

use std::path::{Path, PathBuf};
use std::process::Output;

use installer::{Kind, Token};
use serde_json::Value;

use super::once;
use super::product::{MANIFEST, Small, build};
use super::{both, output, program};

pub const TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.eyJ0ZW5hbnQiOiJhY21lIn0.c2lnbmF0dXJl_~+/=:-";

/// A product's base of one kind and its stamp, as files, with the token beside them.
pub struct Made {
    pub small: Small,
    pub base: PathBuf,
    pub stamped: PathBuf,
    pub token: PathBuf,
}

impl Made {
    /// Of the small product.
    pub fn of(kind: Kind) -> Self {
        Self::with(kind, MANIFEST)
    }

    /// Of another manifest; the installers are called `base/Example-Agent.*` and `stamped/Example-Agent.*`.
    pub fn with(kind: Kind, manifest: &str) -> Self {
        let small = Small::with(manifest).unwrap();
        let format = installer::formats::by_kind(kind).unwrap();
        let agent = small.product.agents_for(kind.platform()).next().unwrap();
        let bytes = build(format, &small.product, agent).unwrap();
        let put = |folder: &str, bytes: &[u8]| {
            let path = small.folder.path().join(folder).join(format!("Example-Agent.{}", kind.extension()));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let base = put("base", &bytes);
        let mut stamp = Vec::new();
        let opened = once::open(bytes.as_slice()).unwrap();
        let splice = once::stamp(&opened, &Token::parse(TOKEN.as_bytes()).unwrap()).unwrap();
        splice.write_to(*opened.bytes(), &mut stamp).unwrap();
        let stamped = put("stamped", &stamp);
        let token = small.folder.path().join("token");
        std::fs::write(&token, TOKEN).unwrap();
        Self { base, stamped, token, small }
    }

    /// Runs `stampwright kit`; gives the folder and what the program said.
    pub fn kit(&self, installer: &Path, systems: &str, more: &[&str]) -> (PathBuf, Output) {
        let out = self.small.folder.path().join("kit");
        let mut command = program();
        command.arg("kit").arg(installer).args(["--for", systems, "-o"]).arg(&out).args(more);
        let said = output(&mut command);
        (out, said)
    }

    /// The same, which must succeed.
    pub fn good_kit(&self, installer: &Path, systems: &str, more: &[&str]) -> PathBuf {
        let (out, said) = self.kit(installer, systems, more);
        assert!(said.status.success(), "{}", both(&said));
        out
    }
}

/// A JSON document of a kit.
pub fn json(path: &Path) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

/// Every file below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// That nothing of a kit can be read by others, and that no text of it has the token.
pub fn assert_private(folder: &Path, may_have_token: &[&str]) {
    for path in files(folder) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            assert_eq!(mode(path.parent().unwrap()), 0o700, "{}", path.display());
        }
        let bytes = std::fs::read(&path).unwrap();
        let has = bytes.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes());
        let may = may_have_token.iter().any(|ending| path.to_str().unwrap().ends_with(ending));
        assert!(!has || may, "{} has the token in clear", path.display());
    }
}
