//! The compressions that a deb's members can have, as one type each for writing, stamping and reading.

use std::io::{self, Read, Seek, Write};

use container::read_at::{Cursor, Window};
use container::reader::{Malformed, Problem};
use container::{Error, ReadAt, bzip2, gzip, lzma, xz, zst};

use super::tar::BLOCK_BYTES;
use crate::product::{Arch, Compression};

/// libdeflate's, for files of the size that gzip -9 makes.
const GZIP_LEVEL: u32 = 6;
/// A tenth smaller than at dpkg-deb's own choice, level 3: a base is built once and downloaded by thousands. With [`zst`]'s window it makes
/// files of the size that `dpkg-deb -z9` makes (30.8 MB of 99) in three quarters of level 9's time, which would save another hundredth.
const ZSTD_LEVEL: i32 = 7;

/// How a member is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Gzip,
    Xz,
    Zstd,
    /// Not at all. This and the two below are read, not written.
    Plain,
    Bzip2,
    Lzma,
}

impl From<Compression> for Codec {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::Gzip => Self::Gzip,
            Compression::Xz => Self::Xz,
            Compression::Zstd => Self::Zstd,
        }
    }
}

impl Codec {
    /// What dpkg takes for `data.tar` (deb(5)).
    pub(super) const OF_DATA: [Self; 6] = [Self::Gzip, Self::Xz, Self::Zstd, Self::Plain, Self::Bzip2, Self::Lzma];
    /// What dpkg takes for `control.tar`.
    pub(super) const OF_CONTROL: [Self; 4] = [Self::Gzip, Self::Xz, Self::Zstd, Self::Plain];

    /// The ending of a member's name.
    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Gzip => "gz",
            Self::Xz => "xz",
            Self::Zstd => "zst",
            Self::Plain => "",
            Self::Bzip2 => "bz2",
            Self::Lzma => "lzma",
        }
    }

    /// The codec of a member called `stem.EXTENSION`, or just `stem`.
    pub(super) fn from_member_name(name: &str, stem: &str, among: &[Self]) -> Option<Self> {
        let rest = name.strip_prefix(stem)?;
        let extension = if rest.is_empty() { "" } else { rest.strip_prefix('.').filter(|rest| !rest.is_empty())? };
        among.iter().copied().find(|codec| codec.extension() == extension)
    }

    /// Whether its streams have a last block that can be replaced.
    pub(super) const fn has_tail(self) -> bool {
        matches!(self, Self::Gzip | Self::Xz | Self::Zstd)
    }

    /// Starts a compressed payload.
    pub(super) fn compressor<W: Write + Seek>(self, out: W, arch: Arch) -> io::Result<Compressor<W>> {
        let code = if arch == Arch::Arm64 { xz::Code::Arm64 } else { xz::Code::X86 };
        Ok(match self {
            Self::Gzip => Compressor::Gzip(gzip::TailWriter::new(out, GZIP_LEVEL)?),
            Self::Xz => Compressor::Xz(xz::Writer::new(out, code)?),
            Self::Zstd => Compressor::Zstd(zst::Writer::new(out, ZSTD_LEVEL)?),
            Self::Plain | Self::Bzip2 | Self::Lzma => return Err(io::ErrorKind::Unsupported.into()),
        })
    }

    /// Decodes a member from its start to its end.
    pub(super) fn decode<'a>(self, member: Window<&'a dyn ReadAt>) -> io::Result<Box<dyn Read + 'a>> {
        let compressed = Cursor::new(member);
        Ok(match self {
            Self::Gzip => Box::new(gzip::decode(compressed)),
            Self::Xz => Box::new(xz::decode(compressed)),
            Self::Zstd => Box::new(zst::decode(compressed)?),
            Self::Plain => Box::new(compressed),
            Self::Bzip2 => Box::new(bzip2::decode(compressed)),
            Self::Lzma => Box::new(lzma::decode(compressed)?),
        })
    }

    /// Finds a member's tail, a whole number of tar blocks, with the same effort for every length of the member: for
    /// reading back what was just written. Only zstd has neither index nor header that say where it is.
    pub(super) fn tail_from_end(self, file: &dyn ReadAt, offset: u64, len: u64) -> Result<Tail, Error> {
        match self {
            Self::Zstd => Ok(Tail::Zstd(zst::Tail::open_from_end(file, offset, len, BLOCK_BYTES)?)),
            _ => self.tail(file, offset, len),
        }
    }

    /// Finds a member's replaceable tail.
    pub(super) fn tail(self, file: &dyn ReadAt, offset: u64, len: u64) -> Result<Tail, Error> {
        Ok(match self {
            Self::Gzip => Tail::Gzip(gzip::Tail::open(file, offset, len)?),
            Self::Xz => Tail::Xz(xz::Tail::open(file, offset, len)?),
            Self::Zstd => Tail::Zstd(zst::Tail::open(file, offset, len)?),
            Self::Plain | Self::Bzip2 | Self::Lzma => {
                let problem = Problem::Text {
                    what: "it is not compressed by gzip, xz or zstd, whose last block can be replaced",
                };
                return Err(Malformed { structure: "deb member", offset, problem }.into());
            }
        })
    }
}

/// Compresses a payload.
pub(super) enum Compressor<W> {
    Gzip(gzip::TailWriter<W>),
    Xz(xz::Writer<W>),
    Zstd(zst::Writer<W>),
}

impl<W: Write + Seek> Compressor<W> {
    /// Ends it with a tail that can be replaced.
    pub(super) fn finish_with_tail(self, tail: &[u8]) -> io::Result<W> {
        match self {
            Self::Gzip(inner) => inner.finish_with_tail(tail),
            Self::Xz(inner) => inner.finish_with_tail(tail),
            Self::Zstd(inner) => inner.finish_with_tail(tail),
        }
    }
}

impl<W: Write + Seek> Write for Compressor<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(inner) => inner.write(buf),
            Self::Xz(inner) => inner.write(buf),
            Self::Zstd(inner) => inner.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A member's replaceable tail.
#[derive(Debug)]
pub(super) enum Tail {
    Gzip(gzip::Tail),
    Xz(xz::Tail),
    Zstd(zst::Tail),
}

impl Tail {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Gzip(tail) => tail.bytes(),
            Self::Xz(tail) => tail.bytes(),
            Self::Zstd(tail) => tail.bytes(),
        }
    }

    /// How many bytes of the member stay, and what follows them.
    pub(super) fn replace(&self, tail: &[u8]) -> io::Result<(u64, Vec<u8>)> {
        match self {
            Self::Gzip(this) => this.replace(tail),
            Self::Xz(this) => this.replace(tail),
            Self::Zstd(this) => this.replace(tail),
        }
    }
}
