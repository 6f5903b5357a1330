//! Writes a base in one pass over the payload.
//!
//! Both headers come before the payload and have its digests and sizes in them. Their lengths are known beforehand, because each
//! of these values has one length: so their place is kept and filled at the end.

use std::io::{self, SeekFrom, Write};

use container::cpio::newc;
use container::digest::{Algorithm, hex};
use container::midstate::{Midstate, Sha256};
use container::rpm::{LeadKind, lead};

use super::bulk::Bulk;
use super::codec::Codec;
use super::files::{Files, Row};
use super::header::{self, RELEASE};
use crate::format::{BuildError, Job, Output};
use crate::payload::{Node, Source};

/// The sizes in both headers have 32 bits. Room for the headers, the cpio's own entries and a token is left.
const MAX_PAYLOAD_BYTES: u64 = u32::MAX as u64 - (64 << 20);

/// An error of what writes the payload.
struct Failed(BuildError);

impl From<io::Error> for Failed {
    fn from(source: io::Error) -> Self {
        Self(BuildError::Write { verb: "write the package", source })
    }
}

impl From<BuildError> for Failed {
    fn from(error: BuildError) -> Self {
        Self(error)
    }
}

/// Writes a base.
pub(super) fn build(job: &Job<'_>, out: &mut dyn Output) -> Result<(), BuildError> {
    package(job, out).map_err(|Failed(error)| error)
}

fn package(job: &Job<'_>, out: &mut dyn Output) -> Result<(), Failed> {
    let total = job.payload.total_bytes();
    if total > MAX_PAYLOAD_BYTES {
        let limit = MAX_PAYLOAD_BYTES;
        return Err(BuildError::TooLarge { what: "the payload", found: total, limit }.into());
    }
    let codec = Codec::from(job.product.rpm_compression());
    let mut files = Files::new(job.product, job.payload)?;
    let mut header = header::header(job, &files, codec)?;
    let nothing = Midstate::new([0; 32], 0).ok_or_else(|| io::Error::other("no state"))?;
    let empty = Bulk { len: 0, decoded: 0, midstate: nothing, crc: 0 };
    let has_slot = job.product.token_slot();
    header::put_payload(&mut header, has_slot.then_some(&empty), &[0; 32]);
    let front = front(job, &header.finish()?, 0, 0)?;
    let start = out.stream_position()?;
    out.write_all(&front)?;

    let payload = payload(job, &mut files, codec, out)?;
    files.put_contents(&mut header);
    header::put_payload(&mut header, has_slot.then_some(&payload.bulk), &payload.digest);
    let written = self::front(job, &header.finish()?, payload.len, payload.decoded_len)?;
    if written.len() != front.len() {
        return Err(io::Error::other("the headers changed their length").into());
    }
    let end = out.stream_position()?;
    out.seek(SeekFrom::Start(start))?;
    out.write_all(&written)?;
    out.seek(SeekFrom::Start(end))?;
    Ok(out.flush()?)
}

/// Lead, signature header, header.
fn front(job: &Job<'_>, header: &[u8], payload_len: u64, decoded_len: u64) -> io::Result<Vec<u8>> {
    let name = format!("{}-{}-{RELEASE}", job.product.package(), job.product.version().debian());
    let signature = header::signature(header, payload_len, decoded_len, None)?;
    Ok([&lead(LeadKind::Binary, &name)[..], &signature, header].concat())
}

/// What was written.
struct Payload {
    bulk: Bulk,
    digest: [u8; 32],
    len: u64,
    decoded_len: u64,
}

/// Writes the payload, takes the digests of the files on the way and puts them into their rows.
fn payload(job: &Job<'_>, files: &mut Files, codec: Codec, out: &mut dyn Output) -> Result<Payload, Failed> {
    let digesting = Digesting { out, digest: Sha256::default() };
    let mut out = Counting { out: codec.compressor(digesting, job.agent.arch)?, len: 0 };
    let mtime = u32::try_from(job.epoch.secs()).unwrap_or(u32::MAX);
    for (inode, (path, row)) in (1..).zip(&mut files.0) {
        if row.is_ghost() {
            continue;
        }
        let entry = newc::Header { path, inode, mode: row.mode, links: 1, mtime, size: row.size };
        newc::header(&mut out, &entry)?;
        content(job, path, row, &mut out)?;
        let padding = newc::padding(out.len);
        out.write_all(padding)?;
    }
    let decoded = out.len;
    let before = &out.out.settle()?.digest;
    let (len, midstate) = (before.len(), before.midstate());
    let trailer = newc::trailer();
    let (digesting, crc) = out.out.finish_with_tail(&trailer)?;
    let bulk = Bulk { len, decoded, midstate, crc };
    let len = digesting.digest.len();
    Ok(Payload { bulk, digest: digesting.digest.finish(), len, decoded_len: decoded + trailer.len() as u64 })
}

fn content(job: &Job<'_>, path: &str, row: &mut Row, out: &mut impl Write) -> Result<(), Failed> {
    match job.payload.get(path) {
        Some(Node::File { source, .. }) => row.digest = copy(job, path, source, out)?,
        Some(Node::Link { target }) => out.write_all(target.as_bytes())?,
        Some(Node::Folder { .. }) | None => {}
    }
    Ok(())
}

fn copy(job: &Job<'_>, path: &str, source: &Source, out: &mut impl Write) -> Result<String, Failed> {
    let unreadable = |error| BuildError::Read {
        path: match source {
            Source::Disk { path, .. } => path.clone(),
            Source::Bytes(_) => path.into(),
        },
        source: error,
    };
    let mut input = source.open().map_err(unreadable)?;
    let mut digest = Algorithm::Sha256.hasher();
    container::stream::pieces(
        &mut *input,
        |error| Failed::from(unreadable(error)),
        |piece| {
            digest.update(piece);
            out.write_all(piece)?;
            job.progress.advance(piece.len() as u64);
            Ok(())
        },
    )?;
    Ok(hex(&digest.finish()))
}

/// Digests what is written through it.
struct Digesting<'o> {
    out: &'o mut dyn Output,
    digest: Sha256,
}

impl Write for Digesting<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.out.write(buf)?;
        self.digest.update(container::stream::moved(buf, n)?);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Counts what is written through it.
struct Counting<W> {
    out: W,
    len: u64,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.out.write(buf)?;
        self.len += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
