//! `stampwright make`: build, stamp and verify, all in one.

use clap::Args;
use stampwright::{MakeOptions, Result, System};

use crate::args::{ProductArgs, SigningArgs, SystemName, TokenArgs};
use crate::terminal::Terminal;
use crate::{env, print};

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
    let signing = args.signing.method()?;
    let token = args.token.read()?;
    let plan = args.product.plan()?;
    let kits: Vec<System> = args.kit.iter().map(|name| System::from(*name)).collect();
    let options =
        MakeOptions { token: &token, signing: signing.as_ref(), kits: &kits, now: env::now(), entropy: &env::entropy };
    let made = stampwright::make(&plan, &options, &Terminal::new())?;
    if args.product.json { print::json(&made) } else { Ok(()) }
}
