//! Reads a whole member.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

use crate::decoded::{OneStream, ToTheEnd};

/// Decodes one gzip member; a second member or anything else after it is an error. Memory: the deflate window.
pub fn decode<R: Read>(compressed: R) -> impl Read {
    ToTheEnd::new(GzDecoder::new(BufReader::new(compressed)))
}

impl<R: Read> OneStream for GzDecoder<BufReader<R>> {
    const STRUCTURE: &'static str = "gzip stream, decoded";

    fn left(&mut self) -> io::Result<usize> {
        Ok(self.get_mut().fill_buf()?.len())
    }
}
