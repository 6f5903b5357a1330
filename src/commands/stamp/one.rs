//! One base, one token, one installer. The cost is one file copy, made by the kernel.

use std::io::{BufWriter, Write};

use stampwright::output::{self, Opened, Readers};
use stampwright::{AcceptedToken, Base, Error, Result, SigningMethod, sign};

use super::args::Stamp;
use super::compose;
use super::receipt::{give, receipt_file};
use crate::print::Results;
use crate::terminal::Terminal;
use crate::{env, print};

pub fn run(args: &Stamp, open: impl Fn(&Stamp) -> Result<Base>) -> Result<()> {
    let to_stdout = args.output.as_deref().is_some_and(output::is_stdout);
    let receipt_to_stdout = args.receipt.as_deref().is_some_and(output::is_stdout);
    if args.json && receipt_to_stdout {
        return Err(Error::usage("--json and --receipt - are the same receipt on standard output, twice"));
    }
    // With a file for the receipt, the documents on standard output are the errors'.
    if to_stdout && (receipt_to_stdout || args.json && args.receipt.is_none()) {
        return Err(
            Error::usage("the installer and the receipt cannot both go to standard output").hint("give --receipt FILE")
        );
    }
    args.files().check()?;
    let signing = args.signing.method(args.token.token_env.as_deref())?;
    let token = args.token.read()?;
    let base = open(args)?;
    let token = base.accept(token, env::now())?;
    let token = match args.release {
        Some(number) => token.with_number(number),
        None => token,
    };
    let stamp = match &signing {
        Some(SigningMethod::Command(command)) => return by_command(args, &base, &token, command),
        Some(SigningMethod::Key(signer)) => {
            if let Some(finding) = signer.ending(base.kind()) {
                print::finding(&finding, &args.base);
            }
            base.stamp_signed(&token, signer)?
        }
        None => base.stamp(&token)?,
    };
    if let Some(to) = &args.store.to {
        return compose::run(args, &stamp, to);
    }
    let Some(output) = &args.output else { return print::json(&stamp.plan()?) };

    // The receipt comes first: if it cannot be made, there is no installer without one.
    let (opened, receipt_file) = (Opened::create(output)?, receipt_file(args)?);
    let receipt = match args.receipt.is_some() || args.json {
        true => Some(stamp.receipt()?.named(output)),
        false => None,
    };
    match opened {
        // The stamp has been read back: it goes out at once.
        Opened::Stream(stream) => {
            let mut out = BufWriter::with_capacity(1 << 16, stream);
            stamp.write_to(&mut out).and_then(|()| out.flush()).map_err(Error::io("write", output))?;
        }
        Opened::File(mut pending) => {
            stamp.write_to_file(pending.file()).map_err(Error::io("write", output))?;
            pending.finish(Readers::Owner)?;
        }
    }
    match receipt {
        Some(receipt) => give(&receipt, receipt_file, args.json && !to_stdout),
        None => Ok(()),
    }
}

/// Lets a command sign the stamp.
fn by_command(args: &Stamp, base: &Base, token: &AcceptedToken, command: &sign::FileCommand) -> Result<()> {
    let path = args.output.as_deref();
    let path =
        path.ok_or_else(|| Error::usage("--sign-file-command signs a file: give -o FILE instead of --plan or --to"))?;
    let receipt_file = receipt_file(args)?;
    let (pending, receipt) =
        sign::stamp_by_command(base, token, command, path, env::now(), &Terminal::new(Results::Stderr))?;
    pending.finish(Readers::Owner)?;
    give(&receipt, receipt_file, args.json && !output::is_stdout(path))
}
