//! Reading an archive: strict on what is where, lenient on elements it does not know.

use std::collections::BTreeSet;
use std::io::{self, Read};

use sha1::{Digest, Sha1};
use sha2::{Sha256, Sha512};

use super::header::{HEADER_BYTES, MAGIC};
use crate::digest::hex;
use crate::read_at::{Cursor, ReadAt, Window, read_vec};
use crate::reader::{Error, Malformed, Problem, Reader};
use crate::stream;
use crate::xml::{self, Element};

/// The largest table of contents, compressed and inflated. One with every certificate of Apple's has 20 KB.
const MAX_TOC_BYTES: usize = 4 << 20;
/// The most members.
const MAX_MEMBERS: usize = 20_000;
/// Folders may not lie deeper than this.
const MAX_DEPTH: usize = 16;

/// An archive whose table of contents has been read and agrees with its checksum.
#[derive(Debug, Clone)]
pub struct Archive {
    /// Where the heap starts in the file.
    pub heap_offset: u64,
    /// Where the last extent ends in the file; what lies behind is not the archive's.
    pub end: u64,
    /// The checksum of the compressed table of contents: what a signature covers and a ticket is issued for.
    pub toc_checksum: Vec<u8>,
    /// The checksum's name in the table of contents, e.g. `sha1`.
    pub checksum_style: String,
    /// When the archive says it was made.
    pub creation_time: Option<String>,
    /// The signatures over the table of contents.
    pub signatures: Vec<Signature>,
    /// All files and folders, folders before what lies in them.
    pub members: Vec<Member>,
    /// Where extended attributes lie in the heap, and their lengths.
    pub attributes: Vec<(u64, u64)>,
}

/// A signature element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// `RSA` or `CMS`.
    pub style: String,
    /// Where it lies in the heap.
    pub offset: u64,
    /// Its length.
    pub size: u64,
    /// The certificates, in base64 as they stand there.
    pub certificates: Vec<String>,
}

/// A file or a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its path, e.g. `agent.pkg/Payload`.
    pub path: String,
    /// What it is.
    pub kind: MemberKind,
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberKind {
    /// A folder.
    Directory,
    /// A file with its content; an empty file may have none.
    File(Option<Data>),
    /// A link or something else that a package has no use for.
    Other,
}

/// Where a file's content lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// Where it starts in the heap.
    pub offset: u64,
    /// Its length in the heap.
    pub length: u64,
    /// Its length unpacked.
    pub size: u64,
    /// How it lies there.
    pub encoding: Encoding,
    /// The checksum of what is in the heap: style and hex.
    pub archived_checksum: Option<(String, String)>,
    /// The checksum of what is unpacked: style and hex.
    pub extracted_checksum: Option<(String, String)>,
}

/// How a file lies in the heap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Plain,
    /// As a zlib stream.
    Zlib,
    /// In a way that this reader does not unpack.
    Other(String),
}

/// The table of contents' XML.
pub fn table_of_contents(file: &(impl ReadAt + ?Sized)) -> Result<Vec<u8>, Error> {
    let head = read_vec(file, "xar header", 0, HEADER_BYTES.into(), HEADER_BYTES.into())?;
    let header = Header::parse(&head)?;
    let packed = read_vec(file, "xar table of contents", header.size, header.packed, MAX_TOC_BYTES)?;
    Ok(inflate(&packed, header.size, header.unpacked)?)
}

/// Reads header and table of contents and checks the table's checksum and every extent.
pub fn open(file: &(impl ReadAt + ?Sized)) -> Result<Archive, Error> {
    let head = read_vec(file, "xar header", 0, HEADER_BYTES.into(), HEADER_BYTES.into())?;
    let header = Header::parse(&head)?;
    let packed = read_vec(file, "xar table of contents", header.size, header.packed, MAX_TOC_BYTES)?;
    let text = inflate(&packed, header.size, header.unpacked)?;
    let root = xml::parse("xar table of contents", &text)?;
    let toc = root.child("toc").filter(|_| root.name == "xar").ok_or_else(|| missing("the toc element"))?;
    let heap_offset = header.size + header.packed;
    let mut archive = Archive::from_toc(toc, heap_offset)?;
    archive.end = heap_offset + extents(toc, &archive, file.len() - heap_offset)?;
    let checksum = toc.child("checksum").ok_or_else(|| missing("the checksum element"))?;
    archive.check_toc(file, header.checksum, checksum, &packed)?;
    Ok(archive)
}

impl Archive {
    fn from_toc(toc: &Element, heap_offset: u64) -> Result<Self, Malformed> {
        let mut signatures = Vec::new();
        for element in toc.children.iter().filter(|e| matches!(e.name.as_str(), "signature" | "x-signature")) {
            let certificates =
                element.descendants().filter(|e| e.name == "X509Certificate").map(|e| e.text.clone()).collect();
            let style = element.attribute("style").ok_or_else(|| missing("the style of a signature"))?.to_owned();
            let (offset, size) = (number(element, "offset")?, number(element, "size")?);
            signatures.push(Signature { style, offset, size, certificates });
        }
        let mut members = Vec::new();
        collect(toc, "", 0, &mut members)?;
        let mut seen = BTreeSet::new();
        if !members.iter().all(|m: &Member| seen.insert(m.path.as_str())) {
            return Err(toc_wrong(Problem::Twice { what: "a member" }));
        }
        Ok(Self {
            heap_offset,
            end: heap_offset,
            toc_checksum: Vec::new(),
            checksum_style: String::new(),
            creation_time: toc.text_of("creation-time").map(str::to_owned),
            signatures,
            members,
            attributes: toc
                .descendants()
                .filter(|element| element.name == "ea" && element.child("offset").is_some())
                .map(|element| Ok((number(element, "offset")?, number(element, "length")?)))
                .collect::<Result<_, Malformed>>()?,
        })
    }

    fn check_toc(
        &mut self,
        file: &(impl ReadAt + ?Sized),
        kind: u32,
        element: &Element,
        packed: &[u8],
    ) -> Result<(), Error> {
        let style = element.attribute("style").unwrap_or_default().to_ascii_lowercase();
        let computed = match (kind, style.as_str()) {
            (1, "sha1") => Sha1::digest(packed).to_vec(),
            (3, "sha256") => Sha256::digest(packed).to_vec(),
            (3 | 4, "sha512") => Sha512::digest(packed).to_vec(),
            _ => {
                let expected = "1 (sha1), 3 (sha256) or 4 (sha512), and the same in the table of contents";
                return Err(toc_wrong(Problem::Value { field: "checksum kind", found: kind.into(), expected }).into());
            }
        };
        let (offset, size) = (number(element, "offset")?, number(element, "size")?);
        let stored = read_vec(file, "xar checksum", self.heap_offset.saturating_add(offset), size, 64)?;
        if stored != computed {
            return Err(toc_wrong(Problem::Mismatch { what: "the checksum and the table of contents" }).into());
        }
        self.toc_checksum = computed;
        self.checksum_style = style;
        Ok(())
    }

    /// The member of this path.
    #[must_use]
    pub fn member(&self, path: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.path == path)
    }

    /// The content of the file of this path.
    pub fn data(&self, path: &str) -> Result<&Data, Malformed> {
        match self.member(path).map(|m| &m.kind) {
            Some(MemberKind::File(Some(data))) => Ok(data),
            _ => Err(toc_wrong(Problem::NoMember { path: path.to_owned() })),
        }
    }

    /// A content as it lies in the heap.
    pub fn archived<T: ReadAt>(&self, file: T, data: &Data) -> Result<Window<T>, Malformed> {
        Window::new("xar member", file, self.heap_offset + data.offset, data.length)
    }

    /// A small content unpacked, refused beyond `limit` bytes, and checked against its checksums.
    pub fn read(&self, file: &(impl ReadAt + ?Sized), data: &Data, limit: usize) -> Result<Vec<u8>, Error> {
        let offset = self.heap_offset + data.offset;
        let stored = read_vec(file, "xar member", offset, data.length, limit)?;
        let wrong = |problem| Malformed { structure: "xar member", offset, problem };
        let damaged = || wrong(Problem::Data { what: "the zlib stream is damaged" });
        check(data.archived_checksum.as_ref(), &stored).map_err(wrong)?;
        let content = match &data.encoding {
            Encoding::Plain => stored,
            Encoding::Zlib => {
                let mut out = Vec::new();
                let most = limit as u64 + 1;
                let z = flate2::read::ZlibDecoder::new(stored.as_slice());
                z.take(most).read_to_end(&mut out).map_err(|_| damaged())?;
                out
            }
            Encoding::Other(_) => {
                return Err(wrong(Problem::Text { what: "the encoding is not one that is read here" }).into());
            }
        };
        if content.len() as u64 != data.size || content.len() > limit {
            return Err(wrong(Problem::Mismatch { what: "the size and the content" }).into());
        }
        check(data.extracted_checksum.as_ref(), &content).map_err(wrong)?;
        Ok(content)
    }

    /// Checks a content of any length against the checksum of what lies in the heap.
    pub fn verify(&self, file: &(impl ReadAt + ?Sized), data: &Data) -> Result<(), Error> {
        let offset = self.heap_offset + data.offset;
        let wrong = |problem| Malformed { structure: "xar member", offset, problem };
        let Some((style, expected)) = &data.archived_checksum else {
            return Err(wrong(Problem::Missing { what: "the archived checksum" }).into());
        };
        let mut stream = Cursor::new(self.archived(file, data)?);
        let failed = Error::io("read a xar member");
        let computed = match style.to_ascii_lowercase().as_str() {
            "sha1" => hash::<Sha1>(&mut stream),
            "sha256" => hash::<Sha256>(&mut stream),
            "sha512" => hash::<Sha512>(&mut stream),
            _ => return Err(wrong(Problem::Text { what: "the checksum is not one that is read here" }).into()),
        };
        if !computed.map_err(failed)?.eq_ignore_ascii_case(expected) {
            return Err(wrong(Problem::Mismatch { what: "the checksum and the content" }).into());
        }
        Ok(())
    }
}

/// The numbers of the header.
struct Header {
    size: u64,
    packed: u64,
    unpacked: u64,
    checksum: u32,
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new("xar header", 0, bytes);
        let wrong = |problem| Malformed { structure: "xar header", offset: 0, problem };
        if r.take(4)? != MAGIC {
            return Err(wrong(Problem::Text { what: "the magic is not xar!" }));
        }
        let (size, version) = (r.u16_be()?, r.u16_be()?);
        if size < HEADER_BYTES {
            return Err(wrong(Problem::Value { field: "size", found: size.into(), expected: "at least 28" }));
        }
        if version != 1 {
            return Err(wrong(Problem::Value { field: "version", found: version.into(), expected: "1" }));
        }
        Ok(Self { size: size.into(), packed: r.u64_be()?, unpacked: r.u64_be()?, checksum: r.u32_be()? })
    }
}

fn inflate(packed: &[u8], offset: u64, size: u64) -> Result<Vec<u8>, Malformed> {
    let wrong = |problem| Malformed { structure: "xar table of contents", offset, problem };
    if size > MAX_TOC_BYTES as u64 {
        return Err(wrong(Problem::Value { field: "length", found: size, expected: "4 MiB at most" }));
    }
    let mut out = Vec::new();
    let mut z = flate2::read::ZlibDecoder::new(packed);
    let read = z.by_ref().take(size + 1).read_to_end(&mut out);
    read.map_err(|_| wrong(Problem::Data { what: "the zlib stream is damaged" }))?;
    // Bytes behind the stream are Apple's own now and then; the checksum covers them.
    if out.len() as u64 != size {
        return Err(wrong(Problem::Mismatch { what: "the lengths in the header and the zlib stream" }));
    }
    Ok(out)
}

/// Checks that no two extents overlap and none leaves the heap; gives the end of the last.
fn extents(toc: &Element, archive: &Archive, heap_bytes: u64) -> Result<u64, Malformed> {
    let mut extents: Vec<(u64, u64)> = archive.signatures.iter().map(|s| (s.offset, s.size)).collect();
    for element in toc.descendants().filter(|e| e.name == "data") {
        extents.push((number(element, "offset")?, number(element, "length")?));
    }
    extents.extend(&archive.attributes);
    if let Some(checksum) = toc.child("checksum") {
        extents.push((number(checksum, "offset")?, number(checksum, "size")?));
    }
    extents.retain(|(_, length)| *length != 0);
    extents.sort_unstable();
    let mut end = 0;
    for (offset, length) in extents {
        if offset < end {
            return Err(toc_wrong(Problem::Twice { what: "a part of the heap" }));
        }
        end = offset.saturating_add(length);
        if end > heap_bytes {
            return Err(toc_wrong(Problem::Truncated { needed: end, found: heap_bytes }));
        }
    }
    Ok(end)
}

fn collect(parent: &Element, folder: &str, depth: usize, out: &mut Vec<Member>) -> Result<(), Malformed> {
    for element in parent.all("file") {
        if depth > MAX_DEPTH || out.len() >= MAX_MEMBERS {
            return Err(toc_wrong(Problem::Text { what: "there are too many members or folders in folders" }));
        }
        let mut names = element.all("name");
        let (name, more) = (names.next().ok_or_else(|| missing("a member's name"))?, names.next());
        let plain = more.is_none() && name.attribute("enctype").is_none_or(|e| e == "plain");
        if !plain || name.text.is_empty() || matches!(name.text.as_str(), "." | "..") || name.text.contains(['/', '\0'])
        {
            return Err(toc_wrong(Problem::Text { what: "a member's name is not one part of a path" }));
        }
        let path = if folder.is_empty() { name.text.clone() } else { format!("{folder}/{}", name.text) };
        let kind = match element.text_of("type") {
            Some("directory") => MemberKind::Directory,
            Some("file") => MemberKind::File(element.child("data").map(Data::parse).transpose()?),
            _ => MemberKind::Other,
        };
        out.push(Member { path: path.clone(), kind });
        collect(element, &path, depth + 1, out)?;
    }
    Ok(())
}

impl Data {
    fn parse(element: &Element) -> Result<Self, Malformed> {
        let sum = |name| {
            let found: &Element = element.child(name)?;
            Some((found.attribute("style").unwrap_or_default().to_owned(), found.text.clone()))
        };
        let encoding = match element.child("encoding").and_then(|e| e.attribute("style")) {
            None | Some("application/octet-stream") => Encoding::Plain,
            Some("application/x-gzip") => Encoding::Zlib,
            Some(other) => Encoding::Other(other.to_owned()),
        };
        let data = Self {
            offset: number(element, "offset")?,
            length: number(element, "length")?,
            size: number(element, "size")?,
            encoding,
            archived_checksum: sum("archived-checksum"),
            extracted_checksum: sum("extracted-checksum"),
        };
        if data.encoding == Encoding::Plain && data.size != data.length {
            return Err(toc_wrong(Problem::Mismatch { what: "the lengths of a stored member" }));
        }
        Ok(data)
    }
}

fn number(element: &Element, name: &'static str) -> Result<u64, Malformed> {
    let text = element.text_of(name).ok_or_else(|| missing(name))?;
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let wrong = || toc_wrong(Problem::Text { what: "an offset or a length is not a number" });
    text.parse().ok().filter(|_| digits).ok_or_else(wrong)
}

fn check(sum: Option<&(String, String)>, content: &[u8]) -> Result<(), Problem> {
    let Some((style, expected)) = sum else { return Err(Problem::Missing { what: "the checksum" }) };
    let computed = match style.to_ascii_lowercase().as_str() {
        "sha1" => hex(&Sha1::digest(content)),
        "sha256" => hex(&Sha256::digest(content)),
        "sha512" => hex(&Sha512::digest(content)),
        _ => return Err(Problem::Text { what: "the checksum is not one that is read here" }),
    };
    let holds = computed.eq_ignore_ascii_case(expected);
    if holds { Ok(()) } else { Err(Problem::Mismatch { what: "the checksum and the content" }) }
}

fn hash<D: Digest>(content: &mut impl Read) -> io::Result<String> {
    let mut digest = D::new();
    stream::pieces(
        content,
        |error| error,
        |piece| {
            digest.update(piece);
            Ok(())
        },
    )?;
    Ok(hex(&digest.finalize()))
}

const fn toc_wrong(problem: Problem) -> Malformed {
    Malformed { structure: "xar table of contents", offset: HEADER_BYTES as u64, problem }
}

const fn missing(what: &'static str) -> Malformed {
    toc_wrong(Problem::Missing { what })
}
