//! Reads a whole frame.

use std::io::{self, BufRead, BufReader, Read};

use zstd::stream::raw::DParameter;
use zstd::stream::read::Decoder;

use crate::decoded::{OneStream, ToTheEnd};

/// A window of 32 MiB at most, as log2; level 19 needs 8 MiB.
const MAX_WINDOW_LOG: u32 = 25;

/// Decodes one zstd frame; a second frame (a skippable one, too) or anything else after it is an error, and so is a
/// window of more than 32 MiB.
pub fn decode<R: Read>(compressed: R) -> io::Result<impl Read> {
    let mut decoder = Decoder::with_buffer(BufReader::new(compressed))?.single_frame();
    decoder.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG))?;
    Ok(ToTheEnd::new(decoder))
}

impl<R: Read> OneStream for Decoder<'static, BufReader<R>> {
    const STRUCTURE: &'static str = "zstd frame, decoded";

    fn left(&mut self) -> io::Result<usize> {
        Ok(self.get_mut().fill_buf()?.len())
    }
}
