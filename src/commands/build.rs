//! `stampwright build`: bases.

use clap::Args;
use installer::formats::FORMATS;
use stampwright::{Error, Result};

use crate::args::{ProductArgs, Signers, SigningArgs};
use crate::print::{self, Results};
use crate::terminal::Terminal;

#[derive(Debug, Args)]
pub struct Build {
    #[command(flatten)]
    pub product: ProductArgs,
    /// Sign what the bases bring of their own, the custom actions of an MSI, with this signer or the manifest's; stampwright sign signs a base
    #[arg(long)]
    pub sign_programs: bool,
    #[command(flatten)]
    pub signing: SigningArgs,
}

pub fn run(args: &Build) -> Result<()> {
    let terminal = Terminal::new(Results::beside(args.product.json));
    let product = args.product.manifest.product()?;
    let signing = product.signing();
    let given = args.signing.method([])?.is_some();
    if args.sign_programs {
        let signers = Signers::open(&args.signing, &product, &args.product.manifest.format, None)?;
        let is_anybody = FORMATS.iter().any(|format| signers.of(format.kind()).is_some());
        if !is_anybody {
            return Err(Error::usage("--sign-programs needs a signer: --key and the like, or [windows.signing]"));
        }
        let made = stampwright::build_with(&args.product.plan(product)?, &|kind| signers.of(kind), &terminal)?;
        return if args.product.json { print::json(&made) } else { Ok(()) };
    }
    if given {
        return Err(Error::usage("build signs no base: stampwright sign does")
            .hint("--sign-programs signs what a base brings of its own, the custom actions of an MSI"));
    }
    if signing.windows.is_some() || signing.macos.is_some() || signing.rpm.is_some() {
        print::note("the signers of the manifest sign for make; build signs nothing: stampwright sign signs a base");
    }
    let made = stampwright::build(&args.product.plan(product)?, &terminal)?;
    if args.product.json { print::json(&made) } else { Ok(()) }
}
