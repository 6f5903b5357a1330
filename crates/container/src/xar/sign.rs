//! Room for signatures: the head of an archive that has them, made from that of one that does not.
//!
//! ```text
//! before   header │ table of contents │ checksum │                       │ members
//! after    header │ table of contents │ checksum │ RSA, CMS: their rooms │ members, the same bytes
//! ```
//!
//! The table of contents says where the signatures are and how long, and names their certificates, before it is signed; so all of that
//! must be known first. The members keep their order and their bytes: only their offsets in the table of contents change.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_xml::events::{BytesText, Event};
use quick_xml::{Reader, Writer};
use sha1::{Digest, Sha1};

use super::header::{CHECKSUM_BYTES, HEADER_BYTES};
use super::write::pack;
use crate::reader::{Malformed, Problem};
use crate::xml::{self, Element};

/// What must be known of signatures before they are made.
#[derive(Debug, Clone, Copy)]
pub struct Room<'a> {
    /// The certificates that the table of contents names, DER, leaf first.
    pub certificates: &'a [Vec<u8>],
    /// Bytes of the RSA signature.
    pub rsa_bytes: u64,
    /// Bytes for the CMS signature; a shorter one is followed by zeros.
    pub cms_bytes: u64,
}

impl Room<'_> {
    /// Where the first member starts in the heap.
    #[must_use]
    pub const fn members_start(&self) -> u64 {
        CHECKSUM_BYTES + self.rsa_bytes + self.cms_bytes
    }

    /// The elements of the checksum and the two signatures.
    fn elements(&self) -> String {
        let certificates: String = self
            .certificates
            .iter()
            .map(|der| format!("<X509Certificate>{}</X509Certificate>", STANDARD.encode(der)))
            .collect();
        let key = format!(
            "<KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data>{certificates}</X509Data></KeyInfo>"
        );
        let element = |name: &str, style: &str, offset: u64, size: u64| {
            format!("\n  <{name} style=\"{style}\"><offset>{offset}</offset><size>{size}</size>{key}</{name}>")
        };
        format!(
            "<checksum style=\"sha1\"><offset>0</offset><size>{CHECKSUM_BYTES}</size></checksum>{}{}",
            element("signature", "RSA", CHECKSUM_BYTES, self.rsa_bytes),
            element("x-signature", "CMS", CHECKSUM_BYTES + self.rsa_bytes, self.cms_bytes),
        )
    }
}

/// A head with room for signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    /// Header, table of contents and checksum; the signatures follow, then the members.
    pub head: Vec<u8>,
    /// The checksum: what the signatures are over.
    pub sha1: [u8; 20],
    /// Where the members started in the heap before.
    pub old_members: u64,
}

/// How the table of contents lies in the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// As small as it gets.
    Small,
    /// Stored, and padded so that the XML without what the signatures need has this many bytes: the length of the head then depends on
    /// the room alone.
    Padded(usize),
}

/// The head of an archive with this table of contents (XML), with `room` for signatures; signatures that it has are left out.
pub fn signed_head(toc: &[u8], room: &Room<'_>, packing: Packing) -> Result<SignedHead, Malformed> {
    let old_members = members_start(toc)?;
    let elements = room.elements();
    let mut text = rewrite(toc, &elements, |offset| offset.saturating_sub(old_members) + room.members_start())?;
    let level = match packing {
        Packing::Small => flate2::Compression::best(),
        Packing::Padded(bytes) => {
            let wanted = bytes.saturating_add(elements.len());
            if text.len() > wanted {
                return Err(wrong(Problem::Truncated { needed: text.len() as u64, found: wanted as u64 }));
            }
            text.resize(wanted, b' ');
            flate2::Compression::none()
        }
    };
    let head = pack(&text, level).map_err(|_| wrong(Problem::Data { what: "it cannot be compressed" }))?;
    // What is signed is the checksum of this part, so a head without it must not come to a digest of nothing.
    let packed = head.get(usize::from(HEADER_BYTES)..head.len().saturating_sub(CHECKSUM_BYTES as usize));
    let packed =
        packed.ok_or_else(|| wrong(Problem::Truncated { needed: HEADER_BYTES.into(), found: head.len() as u64 }))?;
    let sha1 = Sha1::digest(packed).into();
    Ok(SignedHead { head, sha1, old_members })
}

/// Where the members start in the heap. Checksum and signatures must lie before them, or moving the members would break something.
fn members_start(toc: &[u8]) -> Result<u64, Malformed> {
    let root = xml::parse("xar table of contents", toc)?;
    let toc = root.child("toc").ok_or_else(|| wrong(Problem::Missing { what: "the toc element" }))?;
    let number = |element: &Element, name| -> Result<u64, Malformed> {
        let text = element.text_of(name).unwrap_or_default();
        text.parse().map_err(|_| wrong(Problem::Text { what: "an offset or a length is not a number" }))
    };
    let (mut start, mut end) = (u64::MAX, 0);
    for element in toc.descendants().filter(|e| matches!(e.name.as_str(), "data" | "ea")) {
        if number(element, "length")? != 0 {
            start = start.min(number(element, "offset")?);
        }
    }
    for element in toc.children.iter().filter(|e| matches!(e.name.as_str(), "checksum" | "signature" | "x-signature")) {
        end = end.max(number(element, "offset")?.saturating_add(number(element, "size")?));
    }
    if start == u64::MAX {
        start = end;
    }
    if start < end {
        return Err(wrong(Problem::Text { what: "a signature lies behind the first member" }));
    }
    Ok(start)
}

/// Copies the XML with `elements` in place of the checksum and of all signatures, and each member's offset moved.
fn rewrite(toc: &[u8], elements: &str, moved: impl Fn(u64) -> u64) -> Result<Vec<u8>, Malformed> {
    let malformed = || wrong(Problem::Text { what: "the XML is not well-formed" });
    let text = std::str::from_utf8(toc).map_err(|_| wrong(Problem::Text { what: "the document is not UTF-8" }))?;
    let mut reader = Reader::from_str(text);
    let mut writer = Writer::new(Vec::new());
    let mut open: Vec<String> = Vec::new();
    // How deep the element lies that is being left out.
    let mut skipped: Option<usize> = None;
    loop {
        let event = reader.read_event().map_err(|_| malformed())?;
        let is_ours = |name: &str, open: &[String]| {
            let replaced = matches!(name, "checksum" | "signature" | "x-signature" | "signature-creation-time");
            replaced && matches!(open, [xar, toc] if xar == "xar" && toc == "toc")
        };
        let mut out = Some(event);
        match out.as_ref() {
            Some(Event::Start(start)) => {
                let name = start.name().as_ref().to_owned();
                if skipped.is_none() && is_ours(&name, &open) {
                    skipped = Some(open.len());
                    if name == "checksum" {
                        raw(&mut writer, elements).map_err(|_| malformed())?;
                    }
                }
                open.push(name);
            }
            Some(Event::Empty(start)) if skipped.is_none() && is_ours(start.name().as_ref(), &open) => out = None,
            Some(Event::Text(number)) => {
                if let [.., data, offset] = open.as_slice()
                    && offset == "offset"
                    && matches!(data.as_str(), "data" | "ea")
                {
                    let value = number.trim().parse().map_err(|_| malformed())?;
                    out = Some(Event::Text(BytesText::from_escaped(moved(value).to_string())));
                }
            }
            Some(Event::End(_)) => {
                open.pop();
                if skipped == Some(open.len()) {
                    skipped = None;
                    out = None;
                }
            }
            Some(Event::Eof) => return Ok(writer.into_inner()),
            _ => {}
        }
        if let Some(event) = out.filter(|_| skipped.is_none()) {
            writer.write_event(event).map_err(|_| malformed())?;
        }
    }
}

fn raw(writer: &mut Writer<Vec<u8>>, text: &str) -> io::Result<()> {
    io::Write::write_all(writer.get_mut(), text.as_bytes())
}

const fn wrong(problem: Problem) -> Malformed {
    Malformed { structure: "xar table of contents", offset: HEADER_BYTES as u64, problem }
}
