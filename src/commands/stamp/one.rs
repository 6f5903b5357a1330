//! One base, one token, one installer. The cost is one file copy, made by the kernel.

use std::io::Write;
use std::path::Path;

use stampwright::output::{Pending, Readers};
use stampwright::{AcceptedToken, Base, Error, Receipt, Result, SigningMethod, sign};

use super::args::Stamp;
use crate::{env, print};

pub fn run(args: &Stamp, open: impl Fn(&Stamp) -> Result<Base>) -> Result<()> {
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    if to_stdout && args.json {
        return Err(Error::usage("the installer and the receipt cannot both go to standard output")
            .hint("give --receipt FILE instead of --json"));
    }
    let signing = args.signing.method()?;
    let token = args.token.read()?;
    let base = open(args)?;
    let token = base.accept(token, env::now())?;
    let token = match args.release {
        Some(number) => token.with_number(number),
        None => token,
    };
    let stamp = match &signing {
        Some(SigningMethod::Command(command)) => return by_command(args, &base, &token, command),
        Some(SigningMethod::Key(signer)) => base.stamp_signed(&token, signer)?,
        None => base.stamp(&token)?,
    };
    let Some(output) = &args.output else { return print::json(&stamp.plan()?) };

    // The receipt comes first: if it cannot be made, there is no installer without one.
    let receipt = match args.receipt.is_some() || args.json {
        true => Some(stamp.receipt()?.named(output)),
        false => None,
    };
    if to_stdout {
        let mut out = std::io::stdout().lock();
        stamp.write_to(&mut out).and_then(|()| out.flush()).map_err(Error::io("write", output))?;
    } else {
        let mut pending = Pending::create(output)?;
        stamp.write_to_file(pending.file()).map_err(Error::io("write", output))?;
        pending.finish(Readers::Owner)?;
    }
    match receipt {
        Some(receipt) => give(&receipt, args),
        None => Ok(()),
    }
}

/// Lets a command sign the stamp.
fn by_command(args: &Stamp, base: &Base, token: &AcceptedToken, command: &sign::FileCommand) -> Result<()> {
    let output = args.output.as_deref().filter(|path| *path != Path::new("-"));
    let output =
        output.ok_or_else(|| Error::usage("--sign-file-command signs a file: give -o FILE instead of - or --plan"))?;
    let (pending, receipt) = sign::stamp_by_command(base, token, command, output, env::now())?;
    pending.finish(Readers::Owner)?;
    give(&receipt, args)
}

/// Gives the receipt to whom it was promised.
fn give(receipt: &Receipt, args: &Stamp) -> Result<()> {
    if let Some(path) = &args.receipt {
        let mut pending = Pending::create(path)?;
        pending.json(receipt)?;
        pending.finish(Readers::All)?;
    }
    if args.json { print::json(receipt) } else { Ok(()) }
}
