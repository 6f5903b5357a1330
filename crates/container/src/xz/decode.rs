//! Reads a whole stream.

use std::io::{self, BufRead, BufReader, Read};

use lzma_rust2::XzReader;

use crate::decoded::{OneStream, ToTheEnd};

/// A decoder's memory in KiB: enough for a dictionary of 64 MiB, which is xz's level 9, the highest.
const MAX_MEMORY_KIB: u32 = 72 << 10;

/// Decodes one xz stream; a second stream, stream padding or anything else after it is an error, and so is a
/// dictionary of more than 64 MiB.
pub fn decode<R: Read>(compressed: R) -> impl Read {
    ToTheEnd::new(XzReader::new_mem_limit(BufReader::new(compressed), false, MAX_MEMORY_KIB))
}

impl<R: Read> OneStream for XzReader<BufReader<R>> {
    const STRUCTURE: &'static str = "xz stream, decoded";

    fn left(&mut self) -> io::Result<usize> {
        Ok(self.inner_mut().fill_buf()?.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Code, Writer};
    use super::*;

    /// A stream whose block says that it needs a dictionary of this size (xz format, 5.3.1), which the header's checksum covers.
    fn with_dictionary(property: u8) -> Vec<u8> {
        let mut bytes = Writer::new(Vec::new(), Code::Other).unwrap().finish_with_tail(b"tail").unwrap();
        let at = bytes.windows(3).position(|part| part[..2] == [0x21, 1]).unwrap() + 2;
        bytes[at] = property;
        let end = 12 + 4 * usize::from(bytes[12]);
        let sum = crc32fast::hash(&bytes[12..end]).to_le_bytes();
        bytes[end..end + 4].copy_from_slice(&sum);
        bytes
    }

    #[test]
    fn every_level_of_xz_is_read_and_no_larger_dictionary() {
        let read = |property| {
            let mut text = String::new();
            decode(with_dictionary(property).as_slice()).read_to_string(&mut text).map(|_| text)
        };
        // 64 MiB and 96 MiB
        assert_eq!(read(28).unwrap(), "tail");
        assert!(read(29).is_err());
    }
}
