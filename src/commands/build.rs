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
    let product = args.product.manifest.product()?;
    let signing = product.signing();
    if signing.windows.is_some() || signing.macos.is_some() || signing.rpm.is_some() {
        print::note("the signers of the manifest sign for make; build signs nothing: stampwright sign signs a base");
    }
    let made = stampwright::build(&args.product.plan(product)?, &terminal)?;
    if args.product.json { print::json(&made) } else { Ok(()) }
}
