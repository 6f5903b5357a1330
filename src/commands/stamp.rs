//! `stampwright stamp`: one base, one token, one installer. The cost is one file copy, made by the kernel.

use std::io::Write;
use std::path::Path;

use container::at::FileAt;
use installer::splice::Splice;
use installer::stamp::Base;

use crate::cli::Stamp;
use crate::failure::Failure;
use crate::issued::Issued;
use crate::output::{Pending, Readers};
use crate::receipt::{self, FileDigest, Receipt, TOOL};
use crate::source;

pub fn run(args: &Stamp) -> Result<(), Failure> {
    if let Some(list) = &args.batch.batch {
        return super::batch::run(args, list);
    }
    let to_stdout = args.output == Path::new("-");
    if to_stdout && args.json {
        return Err(Failure::usage("the installer and the receipt cannot both go to standard output")
            .hint("give --receipt FILE instead of --json"));
    }
    let token = source::token(&args.token)?;
    let about = |failure: Failure| failure.about(&args.base);
    let base = Base::open(source::installer(&args.base)?, args.restamp).map_err(|error| about(error.into()))?;
    let issued = Issued::for_base(base.format(), base.bytes(), args.issuer_keys.as_deref()).map_err(about)?;
    issued.check(&token)?;
    let splice = base.stamp(&token).map_err(|error| about(error.into()))?;

    // The receipt comes first: if it cannot be made, there is no installer without one.
    let receipt = match args.receipt.is_some() || args.json {
        true => Some(receipt(&base, &splice, args)?),
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
    let Some(receipt) = receipt else { return Ok(()) };
    if let Some(path) = &args.receipt {
        let mut pending = Pending::create(path)?;
        serde_json::to_writer_pretty(pending.file(), &receipt)
            .map_err(|error| Failure::io("write", path)(error.into()))?;
        pending.finish(Readers::All)?;
    }
    if args.json { receipt::print(&receipt) } else { Ok(()) }
}

fn receipt(base: &Base<FileAt>, splice: &Splice, args: &Stamp) -> Result<Receipt, Failure> {
    let view = splice.over(base.bytes());
    Ok(Receipt {
        tool: TOOL,
        file: args.output.display().to_string(),
        digest: receipt::digest(&view, &args.base)?,
        base: Some(base_digest(base, args)?),
        inspection: base.format().inspect(&view)?,
        agent: None,
        checks: None,
    })
}

fn base_digest(base: &Base<FileAt>, args: &Stamp) -> Result<FileDigest, Failure> {
    receipt::digest(base.bytes(), &args.base)
}
