//! `stampwright prepare`: a signed base gets its place for tokens, once, without a key.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use container::ReadAt;
use container::at::{Cursor, FileAt};
use installer::preserve::{self, KeySource, Manifest};
use installer::{Format, IssuerKeys, Report, formats};

use crate::failure::Failure;
use crate::once::Once;
use crate::output::{Pending, Readers};
use crate::{prepared, receipt, source};

#[derive(Debug, Args)]
pub struct Prepare {
    /// The signed base: an MSI, or a flat package with or without a stapled ticket
    #[arg(value_hint = ValueHint::FilePath)]
    pub base: PathBuf,
    /// The prepared base to write; its manifest goes beside it, OUT.prepare.json
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// The issuer's public keys (JWKS), for an installer that another tool has built
    #[arg(long, value_name = "FILE", requires = "keys_pinned_in_agent", value_hint = ValueHint::FilePath)]
    pub issuer_keys: Option<PathBuf>,
    /// I assert that the agent inside carries these keys and takes no token that they have not signed
    #[arg(long, requires = "issuer_keys")]
    pub keys_pinned_in_agent: bool,
    /// Print the manifest on standard output as well
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Prepare) -> Result<(), Failure> {
    let asserted = args.issuer_keys.as_deref().map(keys).transpose()?;
    let base = source::installer(&args.base)?;
    let about = |failure: Failure| failure.about(&args.base);
    let opened = formats::open(&base).map_err(|error| about(error.into()))?;
    let format = opened.format();
    let mut pending = Pending::create(&args.output)?;
    let mut out = BufWriter::with_capacity(1 << 16, pending.file());
    let (place, keys) =
        preserve::prepare(&*opened, asserted.as_deref(), &mut out).map_err(|error| about(error.into()))?;
    out.flush().map_err(Failure::io("write", &args.output))?;
    drop(out);

    let prepared = FileAt::new(pending.reopen()?).map_err(Failure::io("read back", &args.output))?;
    let reopened = format.open(&prepared).map_err(|error| about(error.into()))?;
    preserve::read_back(&*opened, &*reopened, &place).map_err(|error| about(error.into()))?;
    let hashed = installer::proof::sha256(&mut Cursor::new(&prepared));
    let (size, digest) = hashed.map_err(Failure::io("read back", &args.output))?;
    if keys.source == KeySource::Asserted {
        warn(format, &prepared, &args.output)?;
    }
    let manifest = Manifest::new(format.kind(), digest, size, &place, &keys).map_err(Failure::wrong)?;

    let path = prepared::beside(&args.output);
    let mut beside = Pending::create(&path)?;
    serde_json::to_writer_pretty(beside.file(), &manifest)
        .map_err(|error| Failure::io("write", &path)(error.into()))?;
    beside.file().write_all(b"\n").map_err(Failure::io("write", &path))?;
    pending.finish(Readers::All)?;
    beside.finish(Readers::All)?;
    if args.json {
        return receipt::print(&manifest);
    }
    let source = match keys.source {
        KeySource::Seen => "seen in the signed part",
        KeySource::Asserted => "asserted, not seen",
    };
    let grown = prepared.len().saturating_sub(base.len());
    eprintln!(
        "{}: prepared; {} bytes at offset {} take a token, {grown} bytes more than the base; issuer keys {source}",
        args.output.display(),
        place.empty.len(),
        place.offset
    );
    Ok(())
}

/// An installer of ours that was built without issuer keys does not read its slot, whatever its agent does.
fn warn(format: &dyn Format, prepared: &FileAt, path: &Path) -> Result<(), Failure> {
    let mut report = Report::new();
    format.verify(prepared, &mut report).map_err(|error| Failure::from(error).about(path))?;
    for finding in report.findings().iter().filter(|finding| finding.id == "slot-unread") {
        eprintln!("warning: {}: {}", path.display(), finding.message);
        if let Some(hint) = &finding.hint {
            eprintln!("  hint: {hint}");
        }
    }
    Ok(())
}

/// Reads issuer keys that are asserted.
fn keys(path: &Path) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(Failure::io("open", path))?;
    file.take(IssuerKeys::MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(Failure::io("read", path))?;
    IssuerKeys::parse(&bytes).map_err(|error| Failure::wrong(error).about(path))?;
    Ok(bytes)
}
