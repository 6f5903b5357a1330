//! `stampwright make`: build, stamp and verify, all in one.

use clap::Args;
use stampwright::{MakeOptions, Result, System};

use crate::args::{ProductArgs, Signers, SigningArgs, SystemName, TokenArgs};
use crate::env;
use crate::print::{self, Results};
use crate::terminal::Terminal;

#[derive(Debug, Args)]
pub struct Make {
    #[command(flatten)]
    pub product: ProductArgs,
    #[command(flatten)]
    pub token: TokenArgs,
    #[command(flatten)]
    pub signing: SigningArgs,
    /// Make kits for these management systems as well, each beside its installer as FILE.kit
    #[arg(long, value_name = "SYSTEM", value_delimiter = ',')]
    pub kit: Vec<SystemName>,
}

pub fn run(args: &Make) -> Result<()> {
    let token = args.token.read()?;
    let product = args.product.manifest.product()?;
    let kinds = &args.product.manifest.format;
    let signers = Signers::open(&args.signing, &product, kinds, args.token.token_env.as_deref())?;
    let plan = args.product.plan(product)?.reading(args.token.file().into_iter().chain(args.signing.files()));
    let kits: Vec<System> = args.kit.iter().map(|name| System::from(*name)).collect();
    let options = MakeOptions {
        token: &token,
        signing: &|kind| signers.of(kind),
        kits: &kits,
        now: env::now(),
        entropy: &env::entropy,
    };
    let made = stampwright::make(&plan, &options, &Terminal::new(Results::beside(args.product.json)))?;
    if args.product.json { print::json(&made) } else { Ok(()) }
}
