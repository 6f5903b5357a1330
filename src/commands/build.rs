//! `stampwright build`: bases.

use clap::Args;
use stampwright::Result;

use crate::args::ProductArgs;
use crate::print;
use crate::terminal::Terminal;

#[derive(Debug, Args)]
pub struct Build {
    #[command(flatten)]
    pub product: ProductArgs,
}

pub fn run(args: &Build) -> Result<()> {
    let made = stampwright::build(&args.product.plan()?, &Terminal::new())?;
    if args.product.json { print::json(&made) } else { Ok(()) }
}
