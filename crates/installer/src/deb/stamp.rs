//! Puts a token into a base: the two tails and the sizes of the members that they end.

use container::ar::{self, Member, SIZE_FIELD};
use container::{Malformed, Problem, ReadAt};

use super::codec::{Codec, Tail};
use super::control;
use super::mark::{LAYOUT, Mark};
use super::names::token_path;
use super::read::{Package, Part};
use super::tar::{self, Kind};
use crate::format::{StampError, Stamper};
use crate::policy::AcceptedToken;
use crate::secret::SecretBytes;
use crate::splice::{Segment, Splice};
use crate::token::Token;

/// An opened base.
pub(super) struct DebStamper {
    base_len: u64,
    control: Place,
    data: Place,
    mark: Mark,
    /// The control file before and after the mark.
    text: (String, String),
}

/// A member that ends with a tail.
struct Place {
    member: Member,
    /// The header up to the size, and what follows the size.
    header: (Vec<u8>, Vec<u8>),
    tail: Tail,
}

impl DebStamper {
    pub(super) fn open(package: &Package<'_>) -> Result<Self, StampError> {
        let file = package.file;
        let fields = package.control()?;
        let not_ours = |found: String| StampError::NotABase {
            what: "the mark in the field Replaces",
            found,
            expected: "that of a base of layout 1",
        };
        let relation = fields.get("Replaces").unwrap_or_default().to_owned();
        let mark = Mark::parse(&relation).filter(|mark| Some(mark.package.as_str()) == fields.get("Package"));
        let mark = mark.ok_or(StampError::NotOurs("the mark in the field Replaces"))?;
        if mark.layout != LAYOUT {
            return Err(not_ours(format!("of layout {}", mark.layout)));
        }
        let control = Place::open(file, &package.control)?;
        let data = Place::open(file, &package.data)?;
        let field = format!("\nReplaces: {relation}\n");
        let text = fields.text().split_once(&field).map(|(before, after)| (before.to_owned(), after.to_owned()));
        let text = text.ok_or_else(|| not_ours("not on a line of its own".to_owned()))?;
        let slot = Self { base_len: file.len(), control, data, mark, text };
        slot.check_tails()?;
        Ok(slot)
    }

    /// Both tails must be, byte for byte, what this version writes there: else a stamp would take something away.
    fn check_tails(&self) -> Result<(), StampError> {
        let wrong = |offset| {
            let problem = Problem::Mismatch { what: "the end of the member and the layout of a base" };
            StampError::from(Malformed { structure: "deb member", offset, problem })
        };
        let expected = self.control_tail(&self.mark).map_err(io)?;
        if self.control.tail.bytes() != expected {
            return Err(wrong(self.control.member.offset));
        }
        let found = self.data.tail.bytes();
        let expected_end = match &self.mark.fingerprint {
            None => found == tar::END,
            // What the token is, the reader finds out.
            Some(_) => found.len() > tar::END.len() && found.ends_with(&tar::END),
        };
        if expected_end { Ok(()) } else { Err(wrong(self.data.member.offset)) }
    }

    fn control_tail(&self, mark: &Mark) -> std::io::Result<Vec<u8>> {
        let text = format!("{}\nReplaces: {}\n{}", self.text.0, mark.relation(), self.text.1);
        control::tail(&text, self.control.member.mtime)
    }

    fn data_tail(&self, token: &Token) -> std::io::Result<SecretBytes> {
        let mut tail = SecretBytes::with_capacity(2 * Token::MAX_BYTES);
        let len = token.len() as u64;
        tar::header(&mut tail, &token_path(&self.mark.package), Kind::File(len), 0o600, self.data.member.mtime)?;
        tail.extend_from_slice(token.expose().as_bytes());
        tail.extend_from_slice(tar::padding(len));
        tail.extend_from_slice(&tar::END);
        Ok(tail)
    }
}

impl Stamper for DebStamper {
    fn is_stamped(&self) -> bool {
        self.mark.fingerprint.is_some()
    }

    fn stamp(&self, token: &AcceptedToken) -> Result<Splice, StampError> {
        let token = token.token();
        let mark = Mark::stamp(&self.mark.package, token);
        let control = self.control_tail(&mark).map_err(io)?;
        let data = self.data_tail(token).map_err(io)?;
        let mut segments = vec![Segment::Keep(0..self.control.member.header)];
        segments.extend(self.control.with_tail(&control)?);
        segments.extend(self.data.with_tail(&data)?);
        Ok(Splice::new(self.base_len, segments)?)
    }
}

impl Place {
    fn open(file: &dyn ReadAt, part: &Part) -> Result<Self, StampError> {
        let member = part.member.clone();
        let header = container::read_at::read_vec(file, "ar member header", member.header, 60, 60)?;
        let (before, rest) = header.split_at(SIZE_FIELD.start as usize);
        let (_, after) = rest.split_at((SIZE_FIELD.end - SIZE_FIELD.start) as usize);
        let header = (before.to_vec(), after.to_vec());
        let codec: Codec = part.codec;
        let tail = codec.tail(file, member.offset, member.len)?;
        Ok(Self { member, header, tail })
    }

    /// The member, header and padding included, with another tail.
    fn with_tail(&self, tail: &[u8]) -> Result<[Segment; 4], StampError> {
        let (keep, put) = self.tail.replace(tail).map_err(io)?;
        let len = keep + put.len() as u64;
        let put = SecretBytes::new(put);
        let size = ar::size_field(len).map_err(|_| StampError::TooLarge { found: len, limit: 9_999_999_999 })?;
        let mut header = self.header.0.clone();
        header.extend(size);
        header.extend(&self.header.1);
        let padding = if len.is_multiple_of(2) { &b""[..] } else { b"\n" };
        let start = self.member.offset;
        Ok([
            Segment::Put(SecretBytes::new(header)),
            Segment::Keep(start..start + keep),
            Segment::Put(put),
            Segment::put(padding),
        ])
    }
}

/// The only I/O of a stamp is writing to memory: an error is a value that does not fit its field.
fn io(source: std::io::Error) -> StampError {
    crate::format::ReadError::Io { verb: "make the stamp", source }.into()
}
