//! The formats, in the order in which they are listed everywhere: a closed table, no registry.

use container::reader::{Malformed, Problem};
use container::{ReadAt, read_at};

use crate::format::{Format, Installer, Kind, ReadError};

/// Every format there is.
pub static FORMATS: [&dyn Format; 4] = [&crate::msi::Msi, &crate::pkg::Pkg, &crate::deb::Deb, &crate::rpm::Rpm];

/// The format of that kind.
#[must_use]
pub fn by_kind(kind: Kind) -> Option<&'static dyn Format> {
    FORMATS.into_iter().find(|format| format.kind() == kind)
}

/// Finds out what a file is and opens it.
pub fn open<'f>(file: &'f dyn ReadAt) -> Result<Box<dyn Installer + 'f>, ReadError> {
    recognise(file)?.open(file)
}

/// Finds out what a file is by its first bytes.
pub fn recognise(file: &dyn ReadAt) -> Result<&'static dyn Format, ReadError> {
    const HEAD_BYTES: u64 = 16;
    let head = read_at::read_vec(file, "installer", 0, file.len().min(HEAD_BYTES), HEAD_BYTES as usize)?;
    FORMATS.into_iter().find(|format| format.recognises(&head)).ok_or_else(|| {
        let what = "it is neither an MSI, nor a flat package, nor a Debian package, nor an RPM package";
        Malformed { structure: "installer", offset: Malformed::NOWHERE, problem: Problem::Data { what } }.into()
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::payload::Node;
    use crate::product::{Platform, Product};

    const MANIFEST: &str = r#"
[product]
name = "Probe"
file-stem = "Probe"
version = "1.4.2"
publisher = "Example"
summary = "tells which token it was left"
homepage = "https://example.com/?a=1%202"
license = "MIT"
maintainer = "Example <packages@example.com>"
[service]
description = "Probe 100% \\"
arguments = ["--name", "a b"]
restart = "on-failure"
[[agent]]
platform = "linux"
arch = "x64"
path = "agent"
"#;

    /// The unit of each format that has one is the same but for where the agent lies.
    #[test]
    fn every_format_has_the_same_unit() {
        let folder = tempfile::tempdir().unwrap();
        let mut agent = vec![0; 300];
        agent[..20].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0");
        std::fs::write(folder.path().join("agent"), agent).unwrap();
        let product = Product::load(&folder.path().join("stampwright.toml"), MANIFEST).unwrap();
        let agent = product.agents_for(Platform::Linux).next().unwrap();
        let mut units = Vec::new();
        for format in FORMATS.into_iter().filter(|format| format.kind().platform() == Platform::Linux) {
            let payload = format.payload(&product, agent).unwrap();
            let (_, node) = payload.iter().find(|(path, _)| path.ends_with(".service")).unwrap();
            let Node::File { source, .. } = node else { panic!("no file") };
            let mut text = String::new();
            source.open().unwrap().read_to_string(&mut text).unwrap();
            let (start, rest) = text.split_once("ExecStart=/usr/").unwrap();
            let (_, arguments) = rest.split_once("/probe ").unwrap();
            units.push(format!("{start}{arguments}"));
        }
        assert_eq!(units.len(), 2);
        assert_eq!(units[0], units[1]);
    }
}
