//! Reads a whole member.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

use crate::decoded::{OneStream, ToTheEnd};

/// Decodes one gzip member; a second member or anything else after it is an error. Memory: the deflate window.
pub fn decode<R: Read>(compressed: R) -> impl Read {
    // zlib-rs 0.6.8 copies a table of 8 KiB for each word of a CRC over less than 64 bytes: small reads must not reach it.
    BufReader::new(ToTheEnd::new(GzDecoder::new(BufReader::new(compressed))))
}

impl<R: Read> OneStream for GzDecoder<BufReader<R>> {
    const STRUCTURE: &'static str = "gzip stream, decoded";

    fn left(&mut self) -> io::Result<usize> {
        Ok(self.get_mut().fill_buf()?.len())
    }
}
