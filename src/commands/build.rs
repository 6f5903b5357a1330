//! `stampwright build`: bases.

use clap::Args;
use stampwright::Result;

use crate::args::ProductArgs;
use crate::print::{self, Results};
use crate::terminal::Terminal;

#[derive(Debug, Args)]
pub struct Build {
    #[command(flatten)]
    pub product: ProductArgs,
}

pub fn run(args: &Build) -> Result<()> {
    let terminal = Terminal::new(Results::beside(args.product.json));
    let made = stampwright::build(&args.product.plan(args.product.manifest.product()?)?, &terminal)?;
    if args.product.json { print::json(&made) } else { Ok(()) }
}
