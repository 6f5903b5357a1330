//! Streams, a piece at a time: what copies, hashes or compares one needs a loop that is right once, and bounded memory.

use std::io::{self, Read};

use crate::read_at::PIECE_BYTES;

/// Most streams on the way of a stamp are shorter, and a large buffer costs more than they do.
const FIRST_PIECE_BYTES: usize = 8 << 10;

/// Gives everything that a stream still has to `take`, and says how many bytes that were. Interrupted reads are repeated. `failed` says
/// what a failed read is; what `take` fails with is given back as it is.
pub fn pieces<E>(
    stream: &mut (impl Read + ?Sized),
    failed: impl FnOnce(io::Error) -> E,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<u64, E> {
    let mut buffer = vec![0; FIRST_PIECE_BYTES];
    let mut len_bytes = 0;
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(len_bytes),
            Ok(n) => {
                // A reader that claims more than there is room for breaks its contract.
                let Some(piece) = buffer.get(..n) else { return Err(failed(io::ErrorKind::InvalidData.into())) };
                take(piece)?;
                len_bytes += n as u64;
                if n == FIRST_PIECE_BYTES {
                    buffer.resize(PIECE_BYTES, 0);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

/// The `n` bytes of a buffer that a reader or a writer says it has moved. Empty bytes in place of these would make a wrong digest.
///
/// # Errors
/// It says that it has moved more than it was given, which breaks its contract.
pub fn moved(buffer: &[u8], n: usize) -> io::Result<&[u8]> {
    buffer.get(..n).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Interrupts every other read and gives seven bytes at most.
    struct Halting<'a>(&'a [u8], bool);

    impl Read for Halting<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 { Err(io::ErrorKind::Interrupted.into()) } else { (&mut self.0).take(7).read(buf) }
        }
    }

    #[test]
    fn a_stream_is_read_to_its_end() {
        let bytes: &[u8] = &(0..1000_u32).map(|i| i.to_le_bytes()[0]).collect::<Vec<u8>>();
        let mut out = Vec::new();
        let len = pieces(
            &mut Halting(bytes, false),
            |error| error,
            |piece| {
                out.extend_from_slice(piece);
                Ok(())
            },
        );
        assert_eq!((len.unwrap(), out.as_slice()), (1000, bytes));
    }

    #[test]
    fn a_failed_take_ends_it() {
        let mut taken = 0;
        let end = pieces(
            &mut [0_u8; 10].as_slice(),
            |_| "read",
            |_| {
                taken += 1;
                Err("take")
            },
        );
        assert_eq!((end, taken), (Err("take"), 1));
    }
}
