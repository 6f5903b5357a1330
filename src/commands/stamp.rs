//! `stampwright stamp`: one base, one token, one installer. The cost is one file copy, made by the kernel.

use std::io::Write;
use std::path::Path;

use container::ReadAt;
use container::at::FileAt;
use installer::splice::Splice;
use installer::stamp::{Base, OpenOptions};
use signing::key::command::Words;

use super::sign;
use crate::cli::Stamp;
use crate::failure::Failure;
use crate::once::Once;
use crate::output::{Pending, Readers};
use crate::receipt::{self, FileDigest, Receipt, TOOL};
use crate::signer::{self, Way};
use crate::{doors, prepared, source};

pub fn run(args: &Stamp) -> Result<(), Failure> {
    if let Some(list) = &args.batch.batch {
        return super::batch::run(args, list);
    }
    let to_stdout = args.output == Path::new("-");
    if to_stdout && args.json {
        return Err(Failure::usage("the installer and the receipt cannot both go to standard output")
            .hint("give --receipt FILE instead of --json"));
    }
    let way = Way::of(&args.signing)?;
    let token = source::token(&args.token)?;
    let about = |failure: Failure| failure.about(&args.base);
    let base = Base::open(source::installer(&args.base)?, args.options()?).map_err(|error| about(error.into()))?;
    let base = args.prepared.pin(base, &args.base)?;
    let token = base.accept(token, doors::now())?;
    let signer = Way::signer(way.as_ref());
    signer::check_base(&base, signer, args.resign).map_err(about)?;
    let splice = signer::stamp(&base, &token, signer).map_err(|error| about(error.into()))?;
    if let Some(Way::Command(words)) = &way {
        return by_command(words, &base, &splice, args);
    }

    // The receipt comes first: if it cannot be made, there is no installer without one.
    let receipt = match args.receipt.is_some() || args.json {
        true => Some(receipt(&base, &splice.over(base.bytes()), args)?),
        false => None,
    };
    if to_stdout {
        let mut out = std::io::stdout().lock();
        splice
            .write_to(base.bytes(), &mut out)
            .and_then(|()| out.flush())
            .map_err(Failure::io("write", &args.output))?;
    } else {
        let mut pending = Pending::create(&args.output)?;
        splice.write_to_file(base.bytes().file(), pending.file()).map_err(Failure::io("write", &args.output))?;
        pending.finish(Readers::Owner)?;
    }
    match receipt {
        Some(receipt) => give(&receipt, args),
        None => Ok(()),
    }
}

impl Stamp {
    /// How the base is opened.
    pub fn options(&self) -> Result<OpenOptions, Failure> {
        let issuer_keys = self.issuer_keys.as_deref().map(source::issuer_keys).transpose()?;
        Ok(OpenOptions { restamp: self.restamp, issuer_keys })
    }
}

/// Lets a command sign the stamp; what it made must have the token and a signature that verifies.
fn by_command(words: &Words, base: &Base<FileAt>, splice: &Splice, args: &Stamp) -> Result<(), Failure> {
    if args.output == Path::new("-") {
        return Err(Failure::usage("--sign-file-command signs a file: give -o FILE instead of -"));
    }
    let mut stamped = Pending::create(&args.output)?;
    splice.write_to_file(base.bytes().file(), stamped.file()).map_err(Failure::io("write", &args.output))?;
    let mut pending = Pending::create(&args.output)?;
    sign::by_command(words, stamped.path(), base.format(), &mut pending)?;
    let written = FileAt::new(pending.reopen()?).map_err(Failure::io("read back", &args.output))?;
    sign::read_back(base.format(), &written, &args.output)?;
    if base.format().token(&written)? != base.format().token(&splice.over(base.bytes()))? {
        return Err(Failure::wrong("the signed file has another token; it was not written").about(&args.output));
    }
    let receipt = receipt(base, &written, args)?;
    pending.finish(Readers::Owner)?;
    give(&receipt, args)
}

/// Gives the receipt to whom it was promised.
fn give(receipt: &Receipt, args: &Stamp) -> Result<(), Failure> {
    if let Some(path) = &args.receipt {
        let mut pending = Pending::create(path)?;
        serde_json::to_writer_pretty(pending.file(), receipt)
            .map_err(|error| Failure::io("write", path)(error.into()))?;
        pending.finish(Readers::All)?;
    }
    if args.json { receipt::print(receipt) } else { Ok(()) }
}

fn receipt(base: &Base<FileAt>, stamped: &dyn ReadAt, args: &Stamp) -> Result<Receipt, Failure> {
    let mut inspection = base.format().inspect(stamped)?;
    prepared::note_keys(base.format(), stamped, &mut inspection)?;
    Ok(Receipt {
        tool: TOOL,
        file: args.output.display().to_string(),
        digest: receipt::digest(stamped, &args.base)?,
        base: Some(base_digest(base, args)?),
        inspection,
        agent: None,
        checks: None,
    })
}

fn base_digest(base: &Base<FileAt>, args: &Stamp) -> Result<FileDigest, Failure> {
    receipt::digest(base.bytes(), &args.base)
}
