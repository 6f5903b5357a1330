//! The compressions that a payload of ours can have, as one type each for writing, stamping and reading back.

use std::io::{self, Write};

use container::{Error, ReadAt, gzip, xz, zst};

use super::bulk::Bulk;
use crate::product::{Arch, Compression};

/// As in a deb: libdeflate's, for files of the size that gzip -9 makes.
const GZIP_LEVEL: u32 = 6;
/// As in a deb: a tenth smaller than at level 3.
const ZSTD_LEVEL: i32 = 7;

/// How a payload is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Gzip,
    Xz,
    Zstd,
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
    const ALL: [Self; 3] = [Self::Gzip, Self::Xz, Self::Zstd];

    /// The value of `PAYLOADCOMPRESSOR`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        }
    }

    /// The value of `PAYLOADFLAGS`: the level, which only people read.
    pub(super) const fn level(self) -> &'static str {
        match self {
            Self::Gzip | Self::Xz => "6",
            Self::Zstd => "7",
        }
    }

    /// What an rpm must be able to do to read it, and since which version it is: a name and a version of `rpmlib(…)`.
    pub(super) const fn capability(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Gzip => None,
            Self::Xz => Some(("rpmlib(PayloadIsXz)", "5.2-1")),
            Self::Zstd => Some(("rpmlib(PayloadIsZstd)", "5.4.18-1")),
        }
    }

    /// The codec of that name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name() == name)
    }

    /// Starts a payload.
    pub(super) fn compressor<W: Write>(self, out: W, arch: Arch) -> io::Result<Compressor<W>> {
        let code = if arch == Arch::Arm64 { xz::Code::Arm64 } else { xz::Code::X86 };
        Ok(match self {
            Self::Gzip => Compressor::Gzip(gzip::PrefixWriter::new(out, GZIP_LEVEL)?),
            Self::Xz => Compressor::Xz(xz::Writer::new(out, code)?),
            Self::Zstd => Compressor::Zstd(zst::Writer::new(out, ZSTD_LEVEL)?),
        })
    }

    /// The tail of the payload that is the `len` bytes at `offset`, with the same effort for every length: its place is known.
    pub(super) fn tail(self, file: &dyn ReadAt, offset: u64, len: u64, bulk: &Bulk) -> Result<Tail, Error> {
        Ok(match self {
            Self::Gzip => {
                let prefix = gzip::Prefix { tail_offset: bulk.len, len: bulk.decoded, crc: bulk.crc };
                Tail::Gzip(gzip::Tail::at(file, offset, len, prefix)?)
            }
            Self::Xz => Tail::Xz(xz::Tail::open(file, offset, len)?),
            Self::Zstd => Tail::Zstd(zst::Tail::at(file, offset, len, bulk.len)?),
        })
    }
}

/// Compresses a payload.
pub(super) enum Compressor<W> {
    Gzip(gzip::PrefixWriter<W>),
    Xz(xz::Writer<W>),
    Zstd(zst::Writer<W>),
}

impl<W: Write> Compressor<W> {
    /// Writes out all that comes before the tail.
    pub(super) fn settle(&mut self) -> io::Result<&mut W> {
        match self {
            Self::Gzip(inner) => inner.settle(),
            Self::Xz(inner) => inner.settle(),
            Self::Zstd(inner) => inner.settle(),
        }
    }

    /// Ends it with a tail that can be replaced. Gives the CRC32 of what comes before the tail, where the codec has one.
    pub(super) fn finish_with_tail(self, tail: &[u8]) -> io::Result<(W, u32)> {
        match self {
            Self::Gzip(inner) => inner.finish_with_tail(tail).map(|(out, prefix)| (out, prefix.crc)),
            Self::Xz(inner) => inner.finish_with_tail(tail).map(|out| (out, 0)),
            Self::Zstd(inner) => inner.finish_with_tail(tail).map(|out| (out, 0)),
        }
    }
}

impl<W: Write> Write for Compressor<W> {
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

/// A payload's replaceable tail.
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

    /// How many bytes of the payload stay, and what follows them.
    pub(super) fn replace(&self, tail: &[u8]) -> io::Result<(u64, Vec<u8>)> {
        match self {
            Self::Gzip(this) => this.replace(tail),
            Self::Xz(this) => this.replace(tail),
            Self::Zstd(this) => this.replace(tail),
        }
    }
}
