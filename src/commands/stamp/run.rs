//! Opens the base; what follows depends on whether there is one token or a list.

use stampwright::{Base, Result, input};

use super::args::Stamp;
use super::{list, one};

pub fn run(args: &Stamp) -> Result<()> {
    match &args.batch.batch {
        Some(list) => list::run(args, list, open),
        None => one::run(args, open),
    }
}

fn open(args: &Stamp) -> Result<Base> {
    let mut options = Base::options().restamp(args.restamp).resign(args.resign);
    if let Some(prepared) = args.prepared.read()? {
        options = options.prepared(prepared);
    }
    if let Some(path) = &args.issuer_keys {
        options = options.issuer_keys(input::issuer_keys(path)?);
    }
    options.open(&args.base)
}
