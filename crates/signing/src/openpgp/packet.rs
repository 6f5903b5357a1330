//! Packets, read (RFC 4880 §4).

use container::reader::{Malformed, Problem, Reader};

/// More packets than any key block has.
const MAX_PACKETS: usize = 4096;

/// One packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet<'a> {
    pub(super) tag: u8,
    pub(super) body: &'a [u8],
    /// Where its body starts.
    pub(super) offset: u64,
}

impl<'a> Packet<'a> {
    /// A reader of its body, as a structure of this name.
    pub(super) const fn reader(&self, structure: &'static str) -> Reader<'a> {
        Reader::new(structure, self.offset, self.body)
    }
}

/// All packets, to the last byte.
pub(super) fn packets(bytes: &[u8]) -> Result<Vec<Packet<'_>>, Malformed> {
    let mut reader = Reader::new("openpgp packet", 0, bytes);
    let mut found = Vec::new();
    while !reader.is_empty() {
        let at = reader.clone();
        if found.len() == MAX_PACKETS {
            let problem = Problem::Value { field: "number of packets", found: 4097, expected: "4096 at most" };
            return Err(at.wrong(problem));
        }
        let first = reader.u8()?;
        let (tag, len) = match first {
            0xc0.. => (first & 0x3f, new_length(&mut reader)?),
            0x80..=0xbf => (first >> 2 & 0x0f, old_length(&mut reader, first & 3)?),
            _ => return Err(at.wrong(Problem::Missing { what: "the first bit of a packet's tag" })),
        };
        let offset = reader.offset();
        found.push(Packet { tag, body: reader.take(len)?, offset });
    }
    Ok(found)
}

fn old_length(reader: &mut Reader<'_>, kind: u8) -> Result<usize, Malformed> {
    let at = reader.clone();
    Ok(match kind {
        0 => reader.u8()?.into(),
        1 => reader.u16_be()?.into(),
        2 => reader.u32_be()? as usize,
        _ => return Err(at.wrong(Problem::Data { what: "the packet has no length" })),
    })
}

fn new_length(reader: &mut Reader<'_>) -> Result<usize, Malformed> {
    let at = reader.clone();
    let first = reader.u8()?;
    match first {
        224..=254 => Err(at.wrong(Problem::Data { what: "the packet comes in parts" })),
        _ => length(first, reader),
    }
}

/// The rest of a length whose first byte is not that of a part (§4.2.2, §5.2.3.1).
fn length(first: u8, reader: &mut Reader<'_>) -> Result<usize, Malformed> {
    Ok(match first {
        0..192 => first.into(),
        192..=254 => ((usize::from(first) - 192) << 8) + usize::from(reader.u8()?) + 192,
        255 => reader.u32_be()? as usize,
    })
}

/// A subpacket's length, and a reader of its bytes.
pub(super) fn subpacket<'a>(reader: &mut Reader<'a>) -> Result<Reader<'a>, Malformed> {
    let first = reader.u8()?;
    let len = length(first, reader)?;
    reader.sub("openpgp subpacket", len)
}

/// A number (§3.2), without zeros in front.
pub(super) fn number<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let bits = usize::from(reader.u16_be()?);
    let bytes = reader.take(bits.div_ceil(8))?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Ok(bytes.get(zeros..).unwrap_or_default())
}
