//! Writing what stands before the members: header, table of contents, checksum.

use std::io::{self, Write};

use sha1::{Digest, Sha1};

use super::header::{CHECKSUM_BYTES, HEADER_BYTES, MAGIC};
use crate::digest::hex;
use crate::xml::escape;

/// The longest stored block of deflate.
const MAX_BLOCK_BYTES: usize = 0xFFFF;

/// A table of contents.
#[derive(Debug, Clone)]
pub struct Toc {
    /// When the archive was made, e.g. `2024-01-01T00:00:00`; UTC.
    pub creation_time: String,
    /// What it contains.
    pub nodes: Vec<Node>,
}

/// A file or a folder in the table of contents.
#[derive(Debug, Clone)]
pub enum Node {
    /// A folder.
    Directory {
        /// Its name: one part of a path.
        name: String,
        /// What lies in it.
        nodes: Vec<Node>,
    },
    /// A file.
    File(File),
}

/// A file in the table of contents.
#[derive(Debug, Clone)]
pub struct File {
    /// Its name: one part of a path.
    pub name: String,
    /// Its content.
    pub data: FileData,
}

/// Where a file's content lies and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileData {
    /// Where it starts in the heap.
    pub offset: u64,
    /// Its length in the heap.
    pub length: u64,
    /// Its length unpacked.
    pub size: u64,
    /// Whether it is stored or compressed.
    pub stored: Stored,
    /// SHA-1 of what is in the heap.
    pub archived_sha1: [u8; 20],
    /// SHA-1 of what is unpacked.
    pub extracted_sha1: [u8; 20],
}

/// How a file lies in the heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// As it is.
    Plain,
    /// As a zlib stream.
    Zlib,
}

impl FileData {
    /// Content that is stored as it is.
    #[must_use]
    pub const fn plain(offset: u64, length: u64, sha1: [u8; 20]) -> Self {
        Self { offset, length, size: length, stored: Stored::Plain, archived_sha1: sha1, extracted_sha1: sha1 }
    }

    /// Small content, compressed: what to put into the heap at `offset`, and its description.
    pub fn zlib(offset: u64, content: &[u8]) -> io::Result<(Vec<u8>, Self)> {
        let packed = zlib(content, flate2::Compression::best())?;
        let (length, size) = (packed.len() as u64, content.len() as u64);
        let (archived_sha1, extracted_sha1) = (Sha1::digest(&packed).into(), Sha1::digest(content).into());
        Ok((packed, Self { offset, length, size, stored: Stored::Zlib, archived_sha1, extracted_sha1 }))
    }
}

/// Header, table of contents and the checksum at the start of the heap: all that stands before heap offset
/// [`CHECKSUM_BYTES`].
///
/// The XML is padded with spaces to `xml_bytes` and lies in the zlib stream uncompressed, so that the length of the
/// whole depends on nothing else: an archive can be written from front to back, its head last, and another version of
/// it has its heap in the same place.
pub fn head(toc: &Toc, xml_bytes: usize) -> io::Result<Vec<u8>> {
    let mut xml = toc.xml();
    let room = xml_bytes.checked_sub(xml.len());
    let room = room.ok_or_else(|| io::Error::other("the table of contents is longer than its room"))?;
    xml.extend(std::iter::repeat_n(' ', room));
    Ok(framed(xml.as_bytes(), &stored(xml.as_bytes())))
}

/// Header, table of contents and checksum, from the table's XML.
pub(super) fn pack(xml: &[u8], level: flate2::Compression) -> io::Result<Vec<u8>> {
    Ok(framed(xml, &zlib(xml, level)?))
}

/// Header, the packed table of contents, and its checksum.
fn framed(xml: &[u8], packed: &[u8]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend(HEADER_BYTES.to_be_bytes());
    out.extend(1_u16.to_be_bytes());
    out.extend((packed.len() as u64).to_be_bytes());
    out.extend((xml.len() as u64).to_be_bytes());
    out.extend(1_u32.to_be_bytes());
    out.extend(packed);
    out.extend(Sha1::digest(packed));
    out
}

/// A zlib stream of stored blocks (RFC 1950, RFC 1951 §3.2.4). A deflate library clears a quarter of a megabyte before it stores four kilobytes.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 16);
    // 32 KiB window, fastest level, a multiple of 31.
    out.extend([0x78, 0x01]);
    let mut blocks = bytes.chunks(MAX_BLOCK_BYTES).peekable();
    while let Some(block) = blocks.next() {
        let len = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(len.to_le_bytes());
        out.extend((!len).to_le_bytes());
        out.extend(block);
    }
    out.extend(adler32(bytes).to_be_bytes());
    out
}

/// The checksum at the end of a zlib stream (RFC 1950 §8.2).
fn adler32(bytes: &[u8]) -> u32 {
    // 5552 is the most bytes whose sums stay within 32 bits.
    let (mut a, mut b) = (1_u32, 0_u32);
    for piece in bytes.chunks(5552) {
        for byte in piece {
            a += u32::from(*byte);
            b += a;
        }
        (a, b) = (a % 65521, b % 65521);
    }
    b << 16 | a
}

impl Toc {
    /// The XML, before it is padded.
    #[must_use]
    pub fn xml(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<xar>\n <toc>\n");
        let time = escape(&self.creation_time);
        line(&mut out, 2, &format!("<creation-time>{time}</creation-time>"));
        let checksum = format!("<checksum style=\"sha1\"><offset>0</offset><size>{CHECKSUM_BYTES}</size></checksum>");
        line(&mut out, 2, &checksum);
        let mut id = 0;
        for node in &self.nodes {
            node.xml(&mut out, 2, &mut id, &time);
        }
        out.push_str(" </toc>\n</xar>\n");
        out
    }
}

impl Node {
    fn xml(&self, out: &mut String, depth: usize, id: &mut u32, time: &str) {
        *id += 1;
        let (name, kind, mode) = match self {
            Self::Directory { name, .. } => (name, "directory", "0755"),
            Self::File(file) => (&file.name, "file", "0644"),
        };
        line(out, depth, &format!("<file id=\"{id}\">"));
        if let Self::File(file) = self {
            file.data.xml(out, depth + 1);
        }
        line(out, depth + 1, &format!("<mtime>{time}Z</mtime>"));
        line(out, depth + 1, "<group>wheel</group><gid>0</gid><user>root</user><uid>0</uid>");
        line(out, depth + 1, &format!("<mode>{mode}</mode><type>{kind}</type><name>{}</name>", escape(name)));
        if let Self::Directory { nodes, .. } = self {
            for node in nodes {
                node.xml(out, depth + 1, id, time);
            }
        }
        line(out, depth, "</file>");
    }
}

impl FileData {
    fn xml(&self, out: &mut String, depth: usize) {
        let Self { offset, length, size, .. } = self;
        let style = match self.stored {
            Stored::Plain => "application/octet-stream",
            Stored::Zlib => "application/x-gzip",
        };
        line(out, depth, "<data>");
        line(out, depth + 1, &format!("<length>{length}</length><offset>{offset}</offset><size>{size}</size>"));
        line(out, depth + 1, &format!("<encoding style=\"{style}\"/>"));
        for (name, sum) in [("extracted", self.extracted_sha1), ("archived", self.archived_sha1)] {
            line(out, depth + 1, &format!("<{name}-checksum style=\"sha1\">{}</{name}-checksum>", hex(&sum)));
        }
        line(out, depth, "</data>");
    }
}

fn line(out: &mut String, depth: usize, text: &str) {
    out.extend(std::iter::repeat_n(' ', depth));
    out.push_str(text);
    out.push('\n');
}

fn zlib(bytes: &[u8], level: flate2::Compression) -> io::Result<Vec<u8>> {
    let mut z = flate2::write::ZlibEncoder::new(Vec::new(), level);
    z.write_all(bytes)?;
    z.finish()
}
