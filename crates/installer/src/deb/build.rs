//! Writes a base in one pass over the payload.
//!
//! `control.tar.gz` comes before `data.tar` in the file and holds the digests of what is in `data.tar`. Its length is
//! known beforehand (see [`super::control`]), so its place is kept and filled at the end.

use std::io::{self, Seek, SeekFrom, Write};

use container::{ar, stream};
use md5::{Digest, Md5};

use super::codec::Codec;
use super::control::{Control, Digests};
use super::names::FORMAT_VERSION;
use super::tar::{self, Kind, MAX_FILE_BYTES};
use super::tree;
use crate::format::{BuildError, Job, Output};
use crate::payload::{Node, Payload, Source};

/// An error of the closures that write members.
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
    let payload = tree::with_documents(job.payload, job.product, job.epoch)?;
    let control = Control::new(job, &payload)?;
    let mut digests: Digests = payload.files().map(|(path, _, _)| (path.to_owned(), [0; 16])).collect();
    let place = control.archive(&digests)?;

    let mut archive = ar::Writer::new(out, job.epoch.secs())?;
    archive.member("debian-binary", |out| out.write_all(FORMAT_VERSION))?;
    let mut control_at = 0;
    archive.member("control.tar.gz", |out| {
        control_at = out.stream_position()?;
        out.write_all(&place)
    })?;
    let codec = Codec::from(job.product.compression());
    archive.member(&format!("data.tar.{}", codec.extension()), |out| data(job, &payload, codec, &mut digests, out))?;

    let out = archive.finish()?;
    let written = control.archive(&digests)?;
    if written.len() != place.len() {
        return Err(io::Error::other("the control archive changed its length").into());
    }
    let end = out.stream_position()?;
    out.seek(SeekFrom::Start(control_at))?;
    out.write_all(&written)?;
    out.seek(SeekFrom::Start(end))?;
    Ok(out.flush()?)
}

/// Writes `data.tar` and takes the digests of the files on the way.
fn data(
    job: &Job<'_>,
    payload: &Payload,
    codec: Codec,
    digests: &mut Digests,
    out: &mut &mut dyn Output,
) -> Result<(), Failed> {
    let mut out = codec.compressor(out, job.agent.arch)?;
    let mtime = job.epoch.secs();
    tar::header(&mut out, "", Kind::Folder, 0o755, mtime)?;
    for (path, node) in payload.iter() {
        match node {
            Node::Folder { mode } => tar::header(&mut out, path, Kind::Folder, *mode, mtime)?,
            Node::Link { target } => tar::header(&mut out, path, Kind::Link(target), 0o777, mtime)?,
            Node::File { mode, source } => {
                let len = source.len();
                if len > MAX_FILE_BYTES {
                    let limit = MAX_FILE_BYTES;
                    return Err(BuildError::TooLarge { what: "a file of the payload", found: len, limit }.into());
                }
                tar::header(&mut out, path, Kind::File(len), *mode, mtime)?;
                let digest = copy(job, path, source, &mut out)?;
                out.write_all(tar::padding(len))?;
                digests.insert(path.to_owned(), digest);
            }
        }
    }
    out.finish_with_tail(&tar::END)?;
    Ok(())
}

fn copy(job: &Job<'_>, path: &str, source: &Source, out: &mut impl Write) -> Result<[u8; 16], Failed> {
    let unreadable = |error| BuildError::Read {
        path: match source {
            Source::Disk { path, .. } => path.clone(),
            Source::Bytes(_) => path.into(),
        },
        source: error,
    };
    let mut input = source.open().map_err(unreadable)?;
    let mut digest = Md5::new();
    stream::pieces(
        &mut *input,
        |error| unreadable(error).into(),
        |piece| {
            digest.update(piece);
            out.write_all(piece)?;
            job.progress.advance(piece.len() as u64);
            Ok::<(), Failed>(())
        },
    )?;
    Ok(digest.finalize().into())
}
