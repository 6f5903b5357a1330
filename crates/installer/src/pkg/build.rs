//! Writing a base, from front to back; the head, whose length is known, is filled in last.

use std::collections::BTreeMap;
use std::io::{self, Read, SeekFrom, Write};

use container::bom::{self, Cksum};
use container::cpio::{self, Header};
use container::gzip::Writer as Gzip;
use container::stream::pieces;
use container::xar::{self, CHECKSUM_BYTES, File, FileData, Toc};
use sha1::{Digest, Sha1};

use super::bundle::{Bundle, application_folder};
use super::documents::{Documents, component, documents, script_files};
use super::names::TOC_XML_BYTES;
use super::scripts;
use crate::format::{BuildError, Job, Output, Progress};
use crate::payload::{Node, Payload};

/// libdeflate's, for files a little smaller than those of gzip's 6, which `pkgbuild` takes.
const GZIP_LEVEL: u32 = 6;

pub(super) fn build(job: &Job<'_>, out: &mut dyn Output) -> Result<(), BuildError> {
    let bundle = Bundle::new(job.product, job.agent)?;
    let prefix = &prefix(job.payload, &application_folder(job.product));
    let Documents { distribution, package_info } = documents(job.product, &bundle, job.payload, prefix)?;
    let files = script_files(job.product, &bundle)?;
    let secs = job.epoch.secs();

    let start = out.stream_position().map_err(BuildError::write("write the installer"))?;
    let mut heap = Heap { at: CHECKSUM_BYTES, out };
    heap.skip_head().map_err(BuildError::write("write the installer"))?;
    let distribution = heap.zlib(distribution.as_bytes())?;
    let package_info = heap.zlib(package_info.as_bytes())?;
    let (payload, entries) = heap.payload(job, prefix)?;
    let bom = bom::write(&entries).map_err(BuildError::write("write Bom"))?;
    let bom = heap.zlib(&bom)?;
    let scripts = scripts::Packed::new(&files, secs).and_then(|packed| packed.whole(None));
    let scripts = scripts.map_err(BuildError::write("write Scripts"))?;
    let scripts = heap.plain(&scripts)?;

    let members = Members { component: component(job.product), distribution, package_info, payload, bom, scripts };
    let failed = BuildError::write;
    let time = job.epoch.civil().to_string();
    let head = members.head(time.trim_end_matches('Z')).map_err(failed("write the table of contents"))?;
    let end = heap.out.stream_position().map_err(failed("write the installer"))?;
    heap.out.seek(SeekFrom::Start(start)).map_err(failed("write the installer"))?;
    heap.out.write_all(&head).map_err(failed("write the table of contents"))?;
    heap.out.seek(SeekFrom::Start(end)).map_err(failed("write the installer"))?;
    Ok(())
}

/// What every path of the payload starts with but the folders above it: the install location, where nothing lies outside of it.
fn prefix(payload: &Payload, location: &str) -> String {
    let prefix = format!("{location}/");
    let is_above = |path: &str| prefix.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    let is_inside = payload.iter().all(|(path, _)| path.starts_with(&prefix) || is_above(path));
    if is_inside { prefix } else { String::new() }
}

/// The members of an installer, in the order of the heap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Members {
    /// The component's folder.
    pub(super) component: String,
    pub(super) distribution: FileData,
    pub(super) package_info: FileData,
    pub(super) payload: FileData,
    pub(super) bom: FileData,
    pub(super) scripts: FileData,
}

impl Members {
    /// Everything before the heap's first member, without signatures.
    pub(super) fn head(&self, creation_time: &str) -> io::Result<Vec<u8>> {
        xar::head(&self.toc(creation_time), TOC_XML_BYTES)
    }

    /// The table of contents, without signatures.
    pub(super) fn toc(&self, creation_time: &str) -> Toc {
        let file = |name: &str, data| xar::Node::File(File { name: name.to_owned(), data });
        let nodes = vec![
            file("Bom", self.bom),
            file("Payload", self.payload),
            file("Scripts", self.scripts),
            file("PackageInfo", self.package_info),
        ];
        let component = xar::Node::Directory { name: self.component.clone(), nodes };
        let nodes = vec![file("Distribution", self.distribution), component];
        Toc { creation_time: creation_time.to_owned(), nodes }
    }
}

/// The heap that is being written, member after member.
struct Heap<'a> {
    out: &'a mut dyn Output,
    /// Where the next member starts.
    at: u64,
}

impl Heap<'_> {
    /// Leaves room for a head, which is as long as any other.
    fn skip_head(&mut self) -> io::Result<()> {
        let none = FileData::plain(0, 0, [0; 20]);
        let (component, distribution, package_info, payload, bom, scripts) =
            (String::new(), none, none, none, none, none);
        let head = Members { component, distribution, package_info, payload, bom, scripts }.head("")?;
        self.out.write_all(&vec![0; head.len()])
    }

    fn zlib(&mut self, content: &[u8]) -> Result<FileData, BuildError> {
        let failed = BuildError::write("write the installer");
        let (packed, data) = match FileData::zlib(self.at, content) {
            Ok(both) => both,
            Err(error) => return Err(failed(error)),
        };
        self.out.write_all(&packed).map_err(failed)?;
        self.at += data.length;
        Ok(data)
    }

    fn plain(&mut self, content: &[u8]) -> Result<FileData, BuildError> {
        let data = FileData::plain(self.at, content.len() as u64, Sha1::digest(content).into());
        self.out.write_all(content).map_err(BuildError::write("write the installer"))?;
        self.at += data.length;
        Ok(data)
    }

    /// Streams the payload, and collects on the way what the bill of materials says of it.
    fn payload(&mut self, job: &Job<'_>, prefix: &str) -> Result<(FileData, Vec<bom::Entry>), BuildError> {
        let failed = BuildError::write;
        let sink = Hashed { out: &mut *self.out, len: 0, sha1: Sha1::new() };
        let gzip = Gzip::new(sink, GZIP_LEVEL).map_err(failed("write Payload"))?;
        let mut archive = cpio::Writer::new(gzip, job.epoch.secs());
        let children = children(job.payload, prefix);
        let links = |path: &str| children.get(path).copied().unwrap_or(0) + 2;
        let mut entries = Vec::new();
        let mtime = u32::try_from(job.epoch.secs()).unwrap_or(u32::MAX);
        let mut note = |path: &str, kind, mode: u32| {
            let permissions = (mode & 0o7777) as u16;
            entries.push(bom::Entry { path: path.to_owned(), kind, permissions, uid: 0, gid: 0, mtime });
        };
        let root = Header { name: ".", mode: cpio::DIRECTORY | 0o755, links: links(""), size: 0 };
        archive.entry(&root).map_err(failed("write Payload"))?;
        note(".", bom::Kind::Directory, 0o755);
        for (path, node) in job.payload.iter().filter_map(|(path, node)| Some((path.strip_prefix(prefix)?, node))) {
            let name = &format!("./{path}");
            match node {
                Node::Folder { mode } => {
                    let header = Header { name, mode: cpio::DIRECTORY | mode, links: links(path), size: 0 };
                    archive.entry(&header).map_err(failed("write Payload"))?;
                    note(path, bom::Kind::Directory, *mode);
                }
                Node::Link { target } => {
                    let size = target.len() as u64;
                    let header = Header { name, mode: cpio::SYMLINK | 0o755, links: 1, size };
                    archive.entry(&header).map_err(failed("write Payload"))?;
                    archive.write_all(target.as_bytes()).map_err(failed("write Payload"))?;
                    note(path, bom::Kind::Link { target: target.clone() }, 0o755);
                }
                Node::File { mode, source } => {
                    let size = source.len();
                    let header = Header { name, mode: cpio::REGULAR | mode, links: 1, size };
                    archive.entry(&header).map_err(failed("write Payload"))?;
                    let mut content = source.open().map_err(failed("open a file of the payload"))?;
                    let cksum = stream(&mut content, &mut archive, job.progress)?;
                    note(path, bom::Kind::File { size, cksum }, *mode);
                }
            }
        }
        let gzip = archive.finish().map_err(failed("write Payload"))?;
        let packed = gzip.finish().map_err(failed("write Payload"))?;
        let (len, sha1) = (packed.len, packed.sha1.finalize().into());
        let data = FileData::plain(self.at, len, sha1);
        self.at += len;
        Ok((data, entries))
    }
}

/// How many things lie directly in each folder, the root's name being empty.
fn children<'a>(payload: &'a Payload, prefix: &str) -> BTreeMap<&'a str, u32> {
    let mut count = BTreeMap::new();
    for path in payload.iter().filter_map(|(path, _)| path.strip_prefix(prefix)) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        *count.entry(folder).or_insert(0) += 1;
    }
    count
}

/// Copies a file into the archive and gives its checksum.
fn stream(from: &mut dyn Read, to: &mut impl Write, progress: &dyn Progress) -> Result<u32, BuildError> {
    let mut cksum = Cksum::default();
    pieces(from, BuildError::write("read a file of the payload"), |piece| {
        cksum.update(piece);
        to.write_all(piece).map_err(BuildError::write("write Payload"))?;
        progress.advance(piece.len() as u64);
        Ok(())
    })?;
    Ok(cksum.finish())
}

/// Counts and hashes what goes through it.
struct Hashed<W> {
    out: W,
    len: u64,
    sha1: Sha1,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.out.write(buf)?;
        self.len += n as u64;
        self.sha1.update(container::stream::moved(buf, n)?);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
