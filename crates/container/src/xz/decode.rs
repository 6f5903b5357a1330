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
