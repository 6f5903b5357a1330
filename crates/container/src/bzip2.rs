//! bzip2 streams, read only: `data.tar.bz2` of debs from before xz.
//!
//! The `bzip2` crate decodes with libbz2-rs-sys, which is Rust; what this module adds is that one stream is all there may be.

use std::io::{self, BufRead, BufReader, Read};

use ::bzip2::bufread::BzDecoder;

use crate::decoded::{OneStream, ToTheEnd};

/// Decodes one bzip2 stream; anything after it is an error. Memory: 4 MB.
pub fn decode<R: Read>(compressed: R) -> impl Read {
    ToTheEnd::new(BzDecoder::new(BufReader::new(compressed)))
}

impl<R: Read> OneStream for BzDecoder<BufReader<R>> {
    const STRUCTURE: &'static str = "bzip2 stream, decoded";

    fn left(&mut self) -> io::Result<usize> {
        Ok(self.get_mut().fill_buf()?.len())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn one_stream_and_nothing_else() {
        let text: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
        let mut encoder = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::fast());
        encoder.write_all(&text).unwrap();
        let packed = encoder.finish().unwrap();
        let read = |bytes: &[u8]| {
            let mut out = Vec::new();
            decode(bytes).read_to_end(&mut out).map(|_| out)
        };
        assert!(read(&packed).unwrap() == text);
        assert!(read(&[packed.as_slice(), b"x"].concat()).is_err());
        assert!(read(&packed.repeat(2)).is_err());
        for at in 0..packed.len() {
            assert!(read(&packed[..at]).is_err(), "{at}");
        }
    }
}
