//! LZMA streams in their oldest file form (`.lzma`, "LZMA alone"), read only: `data.tar.lzma` of debs from before xz.
//!
//! ```text
//! 0    properties    one byte: lc, lp, pb
//! 1    dictionary    u32, little-endian
//! 5    size          u64, little-endian; all ones: unknown, the stream has an end marker
//! 13   LZMA data     no checksum
//! ```
//!
//! `lzma-rust2` decodes; it reads ahead, so what is left of its source is found by taking it apart at the end.

use std::io::{self, BufReader, Chain, Cursor, Read};

use lzma_rust2::LzmaReader;

use crate::decoded::{OneStream, ToTheEnd};

/// A decoder's memory in KiB: enough for a dictionary of 32 MiB.
const MAX_MEMORY_KIB: u32 = 40 << 10;

/// Decodes one stream; anything after it is an error, and so is a dictionary of more than 32 MiB.
pub fn decode<R: Read>(compressed: R) -> io::Result<impl Read> {
    let mut decoder = LzmaReader::new_mem_limit(compressed, MAX_MEMORY_KIB, None)?;
    decoder.set_relaxed_end_condition(false);
    Ok(ToTheEnd::new(Stream::Decoding(Box::new(decoder))))
}

enum Stream<R> {
    Decoding(Box<LzmaReader<R>>),
    Ended(BufReader<Chain<Cursor<Vec<u8>>, R>>),
    /// Only while the one becomes the other.
    Between,
}

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Self::Decoding(decoder) = self else { return Ok(0) };
        let n = decoder.read(buf)?;
        if n == 0
            && let Self::Decoding(decoder) = std::mem::replace(self, Self::Between)
        {
            let (rest, ahead) = decoder.into_parts();
            *self = Self::Ended(BufReader::new(Cursor::new(ahead).chain(rest)));
        }
        Ok(n)
    }
}

impl<R: Read> OneStream for Stream<R> {
    const STRUCTURE: &'static str = "lzma stream, decoded";

    fn left(&mut self) -> io::Result<usize> {
        match self {
            Self::Ended(source) => Ok(io::BufRead::fill_buf(source)?.len()),
            Self::Decoding(_) | Self::Between => Ok(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use lzma_rust2::{LzmaOptions, LzmaWriter};

    use super::*;

    #[test]
    fn one_stream_and_nothing_else() {
        let text: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
        for size in [Some(text.len() as u64), None] {
            let options = LzmaOptions::with_preset(1);
            let mut encoder = LzmaWriter::new_use_header(Vec::new(), &options, size).unwrap();
            encoder.write_all(&text).unwrap();
            let packed = encoder.finish().unwrap();
            let read = |bytes: &[u8]| {
                let mut out = Vec::new();
                decode(bytes)?.read_to_end(&mut out).map(|_| out)
            };
            assert!(read(&packed).unwrap() == text);
            assert!(read(&[packed.as_slice(), b"x"].concat()).is_err(), "{size:?}");
            for at in 0..packed.len() - 5 {
                assert!(read(&packed[..at]).is_err(), "{at} {size:?}");
            }
            let mut large = packed.clone();
            large[1..5].copy_from_slice(&(1_u32 << 30).to_le_bytes());
            assert!(read(&large).is_err());
        }
    }
}
