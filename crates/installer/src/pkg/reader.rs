//! An installer that is being read, on the way that Installer goes: header, table of contents, members.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::OnceLock;

use container::cpio::{Entry, Limits, Reader};
use container::digest::hex;
use container::read_at::Cursor;
use container::reader::{Malformed, Problem};
use container::xar::{self, Archive, Data, MemberKind, Trailer};
use container::{ReadAt, gzip, xml};

use super::names::TOKEN_NAME;
use super::package_info::{Distribution, PackageInfo};
use crate::claims::IssuerKeys;
use crate::format::{Inspection, Kind, ReadError, TokenSummary};
use crate::secret::SecretBytes;
use crate::slot::SlotFound;
use crate::token::Token;

/// The documents are some kilobytes; a `Bom` of 100,000 paths has 12 MB.
const MAX_DOCUMENT_BYTES: usize = 1 << 20;
const MAX_BOM_BYTES: usize = 24 << 20;
/// `Scripts`, packed. Ours has 3 KB, but others bring programs along.
const MAX_SCRIPTS_BYTES: u64 = 64 << 20;
/// A script of more than this is not kept.
const MAX_SCRIPT_BYTES: u64 = 1 << 20;

/// A flat package whose table of contents has been read.
pub(super) struct PackageReader<'a> {
    pub(super) file: &'a dyn ReadAt,
    pub(super) archive: Archive,
    /// The folders that have a `PackageInfo`, each with a `/` at its end; empty for a package that is itself one.
    pub(super) components: Vec<String>,
    /// What is in `Scripts`, once it was read.
    scripts: OnceLock<Vec<Script>>,
    /// What is behind the archive, once it was looked at.
    pub(super) slot: OnceLock<Option<SlotFound>>,
}

const NO_PACKAGE: Problem = Problem::Text {
    what: "it is a XAR archive without a Distribution and without a PackageInfo, not an installer package",
};
const NO_COMPONENT: Problem = Problem::Missing { what: "a component with a PackageInfo" };

/// One file of `Scripts`.
pub(super) struct Script {
    pub(super) entry: Entry,
    pub(super) content: SecretBytes,
}

impl<'a> PackageReader<'a> {
    pub(super) fn open(file: &'a dyn ReadAt) -> Result<Self, ReadError> {
        let archive = xar::open(file)?;
        let infos = archive.members.iter().filter_map(|member| member.path.strip_suffix("PackageInfo"));
        let components: Vec<String> =
            infos.filter(|folder| folder.is_empty() || folder.ends_with('/')).map(str::to_owned).collect();
        if components.is_empty() && archive.member("Distribution").is_none() {
            return Err(wrong(NO_PACKAGE).into());
        }
        Ok(Self { file, archive, components, scripts: OnceLock::new(), slot: OnceLock::new() })
    }

    /// The one component.
    pub(super) fn component(&self) -> Result<&str, Malformed> {
        match self.components.as_slice() {
            [only] => Ok(only),
            [] => Err(wrong(NO_COMPONENT)),
            _ => Err(wrong(Problem::Twice { what: "a component" })),
        }
    }

    /// A member of the one component.
    pub(super) fn member(&self, name: &str) -> Result<&Data, Malformed> {
        self.archive.data(&format!("{}{name}", self.component()?))
    }

    pub(super) fn document(&self, path: &str) -> Result<xml::Element, ReadError> {
        let structure = if path == "Distribution" { "Distribution" } else { "PackageInfo" };
        let text = self.archive.read(self.file, self.archive.data(path)?, MAX_DOCUMENT_BYTES)?;
        Ok(xml::parse(structure, &text)?)
    }

    pub(super) fn distribution(&self) -> Result<Distribution, ReadError> {
        Ok(Distribution::read(&self.document("Distribution")?)?)
    }

    pub(super) fn package_info(&self, component: &str) -> Result<PackageInfo, ReadError> {
        Ok(PackageInfo::read(&self.document(&format!("{component}PackageInfo"))?)?)
    }

    pub(super) fn bom_of(&self, component: &str) -> Result<Vec<u8>, ReadError> {
        Ok(self.archive.read(self.file, self.archive.data(&format!("{component}Bom"))?, MAX_BOM_BYTES)?)
    }

    /// Whether a component has that member, with content.
    pub(super) fn has(&self, path: &str) -> bool {
        matches!(self.archive.member(path).map(|m| &m.kind), Some(MemberKind::File(Some(_))))
    }

    pub(super) fn trailer(&self) -> Result<Trailer, ReadError> {
        Ok(xar::trailer(self.file, self.archive.end)?)
    }

    /// The archive in a member, `Payload` or `Scripts`, unpacked as a stream.
    pub(super) fn unpacked(&self, data: &Data) -> Result<Box<dyn Read + 'a>, ReadError> {
        Ok(Box::new(gzip::decode(Cursor::new(self.archive.archived(self.file, data)?))))
    }

    /// What is in `Scripts`; nothing where there is no such member. Files of more than a megabyte come without
    /// content.
    pub(super) fn scripts(&self) -> Result<&[Script], ReadError> {
        match self.scripts.get() {
            Some(scripts) => Ok(scripts),
            None => {
                let scripts = self.read_scripts()?;
                Ok(self.scripts.get_or_init(|| scripts))
            }
        }
    }

    /// The scripts of the one component; archives of several are other tools', and have no token among them.
    fn read_scripts(&self) -> Result<Vec<Script>, ReadError> {
        match self.components.as_slice() {
            [only] => self.scripts_of(only),
            _ => Ok(Vec::new()),
        }
    }

    /// What is in the `Scripts` of a component.
    pub(super) fn scripts_of(&self, component: &str) -> Result<Vec<Script>, ReadError> {
        let path = format!("{component}Scripts");
        if !self.has(&path) {
            return Ok(Vec::new());
        }
        let data = self.archive.data(&path)?;
        if data.length > MAX_SCRIPTS_BYTES {
            let problem = Problem::Value { field: "length", found: data.length, expected: "64 MiB at most" };
            return Err(
                Malformed { structure: "Scripts", offset: self.archive.heap_offset + data.offset, problem }.into()
            );
        }
        self.archive.verify(self.file, data)?;
        let limits = Limits { entries: 1000, total_bytes: 256 << 20, ..Limits::default() };
        let mut archive = Reader::with_limits(self.unpacked(data)?, limits);
        let mut scripts = Vec::new();
        let mut kept = 0;
        while let Some(entry) = archive.next_entry()? {
            kept += entry.size;
            let small = entry.size <= MAX_SCRIPT_BYTES && kept <= 16 * MAX_SCRIPT_BYTES;
            let content = if small { archive.data(MAX_SCRIPT_BYTES)? } else { Vec::new() };
            scripts.push(Script { entry, content: SecretBytes::new(content) });
        }
        Ok(scripts)
    }

    pub(super) fn token_in_scripts(&self) -> Result<Option<Token>, ReadError> {
        let scripts = self.scripts()?;
        let Some(script) = scripts.iter().find(|script| script.entry.path == TOKEN_NAME) else { return Ok(None) };
        match Token::parse(&script.content) {
            Ok(token) if token.len() == script.content.len() => Ok(Some(token)),
            // the writer adds no line ending, so one that is there is not ours
            Ok(_) => Err(wrong(Problem::Text { what: "the enrollment token ends in a line ending" }).into()),
            Err(source) => Err(ReadError::Token { place: "Scripts/enrollment-token", source }),
        }
    }

    pub(super) fn keys_in_scripts(&self) -> Result<Option<Vec<u8>>, ReadError> {
        let scripts = self.scripts()?;
        let keys = scripts.iter().find(|script| script.entry.path == IssuerKeys::FILE_NAME);
        Ok(keys.map(|script| script.content.to_vec()))
    }

    pub(super) fn describe(&self) -> Result<Inspection, ReadError> {
        let is_product = self.has("Distribution");
        let distribution = if is_product { self.distribution()? } else { Distribution::default() };
        let infos = self.components.iter().map(|component| self.package_info(component));
        let infos: Vec<PackageInfo> = infos.collect::<Result<_, _>>()?;
        let first = infos.first().ok_or_else(|| wrong(NO_COMPONENT))?;
        let all = |text: fn(&PackageInfo) -> &str| {
            let mut found: Vec<&str> = infos.iter().map(text).collect();
            found.dedup();
            found.join(", ")
        };
        let mut details = BTreeMap::from([
            ("identifier", all(|info| &info.identifier)),
            ("install-location", all(|info| &info.install_location)),
            ("minimum-macos", distribution.minimum_macos.clone()),
            ("toc-checksum", hex(&self.archive.toc_checksum)),
            ("generator", all(|info| &info.generator)),
        ]);
        if let ([_], [bundle]) = (infos.as_slice(), first.bundles.as_slice()) {
            details.insert("bundle-id", bundle.id.clone());
            details.insert("bundle-version", bundle.version.clone());
        }
        if infos.len() > 1 {
            details.insert("components", infos.len().to_string());
        }
        if !is_product {
            details.insert("kind", "component package, without a Distribution".to_owned());
        }
        if self.trailer()?.ticket.is_some() {
            details.insert("notarization", "ticket stapled".to_owned());
        }
        // A document that does not say it has no line for it.
        details.retain(|_, value| !value.is_empty());
        Ok(Inspection {
            kind: Kind::Pkg,
            product: [distribution.title, first.identifier.clone()]
                .into_iter()
                .find(|name| !name.is_empty())
                .unwrap_or_default(),
            version: if distribution.product_version.is_empty() {
                first.version.clone()
            } else {
                distribution.product_version
            },
            arch: distribution.architectures.join(","),
            token: self.token_in_scripts()?.as_ref().map(TokenSummary::from),
            signed: !self.archive.signatures.is_empty(),
            is_ours: infos.iter().any(PackageInfo::is_ours),
            details,
        })
    }

    /// Whether this tool has built one of the components, any version of it; one that cannot be read is not ours.
    pub(super) fn is_ours(&self) -> bool {
        self.components.iter().filter_map(|path| self.package_info(path).ok()).any(|info| info.is_ours())
    }
}

/// Reads a stream to its end, piece by piece.
pub(super) fn each_chunk(from: &mut dyn Read, offset: u64, mut see: impl FnMut(&[u8])) -> Result<(), ReadError> {
    let mut buf = vec![0; 256 << 10];
    loop {
        let n = from.read(&mut buf).map_err(|source| match source.kind() {
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput | std::io::ErrorKind::UnexpectedEof => {
                let problem = Problem::Data { what: "the compressed stream is damaged" };
                ReadError::Malformed(Malformed { structure: "Payload", offset, problem })
            }
            _ => ReadError::Io { verb: "read Payload", source },
        })?;
        match buf.get(..n) {
            Some(part) if n > 0 => see(part),
            _ => return Ok(()),
        }
    }
}

const fn wrong(problem: Problem) -> Malformed {
    Malformed { structure: "flat package", offset: Malformed::NOWHERE, problem }
}
