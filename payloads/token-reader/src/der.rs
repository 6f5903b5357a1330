//! The little of DER (X.690) that leads to the slot: definite lengths in their shortest form, tags of one byte.

/// Bytes that are consumed from the front, element by element.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(&'a [u8]);

/// SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
/// SET.
pub const SET: u8 = 0x31;
/// INTEGER.
pub const INTEGER: u8 = 0x02;
/// BOOLEAN.
pub const BOOLEAN: u8 = 0x01;
/// OCTET STRING.
pub const OCTETS: u8 = 0x04;
/// OBJECT IDENTIFIER.
pub const OID: u8 = 0x06;
/// A constructed context-specific element with this number, below 31.
#[must_use]
pub const fn context(number: u8) -> u8 {
    0xA0 | number
}

impl<'a> Reader<'a> {
    /// Starts at the front of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is left.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// The next element's tag, if there is one.
    #[must_use]
    pub fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// Takes the next element, whatever it is: its tag and its content.
    pub fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        // 31 in the low bits would be a tag of several bytes.
        if tag & 0x1F == 0x1F {
            return None;
        }
        let (&first, rest) = rest.split_first()?;
        let (len, rest) = match first {
            0..=0x7F => (usize::from(first), rest),
            // One to four bytes of length, the shortest form only; 0x80 would be an indefinite length.
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
                let len = digits.iter().fold(0_u64, |len, digit| len << 8 | u64::from(*digit));
                if len < 0x80 || digits.first() == Some(&0) {
                    return None;
                }
                (usize::try_from(len).ok()?, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// Takes the next element, which must have this tag.
    pub fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        if self.tag()? != tag {
            return None;
        }
        self.any().map(|(_, content)| content)
    }

    /// Takes the next element if it has this tag; `None`: it is there and cannot be read.
    pub fn optional(&mut self, tag: u8) -> Option<Option<&'a [u8]>> {
        if self.tag() == Some(tag) { self.take(tag).map(Some) } else { Some(None) }
    }
}
