//! One compressed stream, decoded to its end and not further.
//!
//! dpkg decodes the first xz stream or zstd frame of a member and silently ignores what follows; other programs go
//! on. A file that means different things to different readers is refused here: after the one stream there must be
//! nothing.

use std::io::{self, Read};

use crate::reader::{Malformed, Problem};

/// A decoder of one stream that can say whether its source still holds anything after the end.
pub(crate) trait OneStream: Read {
    /// The stream's name in errors.
    const STRUCTURE: &'static str;
    /// How many bytes are at hand behind the end of the stream; 0 only where there are none.
    fn left(&mut self) -> io::Result<usize>;
}

/// Reads one stream; bytes after its end are an error, and so is an end before its end.
pub(crate) struct ToTheEnd<D> {
    decoder: D,
    decoded: u64,
    ended: bool,
}

impl<D> ToTheEnd<D> {
    pub(crate) const fn new(decoder: D) -> Self {
        Self { decoder, decoded: 0, ended: false }
    }
}

impl<D: OneStream> Read for ToTheEnd<D> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() || self.ended {
            return Ok(0);
        }
        let n = self.decoder.read(buf).map_err(|e| match e.kind() {
            io::ErrorKind::Interrupted => e,
            // The system's trouble, not the stream's.
            _ if e.raw_os_error().is_some() => e,
            io::ErrorKind::UnexpectedEof => wrong::<D>(self.decoded, Problem::Data { what: "the stream ends early" }),
            _ => wrong::<D>(self.decoded, Problem::Data { what: "the stream is damaged" }),
        })?;
        self.decoded += n as u64;
        if n == 0 {
            self.ended = true;
            let left = self.decoder.left()?;
            if left > 0 {
                let what = "more bytes follow the end of the stream, which dpkg would silently ignore";
                return Err(wrong::<D>(self.decoded, Problem::Data { what }));
            }
        }
        Ok(n)
    }
}

/// Here the offset counts decoded bytes: a decoder that reads ahead does not know better.
fn wrong<D: OneStream>(offset: u64, problem: Problem) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, Malformed { structure: D::STRUCTURE, offset, problem })
}
