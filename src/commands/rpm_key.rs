//! `stampwright rpm-key`: the public key that devices and repositories need to check signed rpms.

use clap::Args;
use stampwright::{Error, Result, SigningMethod};

use crate::args::SigningArgs;
use crate::print::{self, Results};

#[derive(Debug, Args)]
pub struct RpmKey {
    /// Whose key it is, as rpm shows it: a name and an address, e.g. "Example <packages@example.com>"
    #[arg(long, value_name = "TEXT")]
    pub user_id: String,
    #[command(flatten)]
    pub signing: SigningArgs,
}

pub fn run(args: &RpmKey) -> Result<()> {
    let Some(SigningMethod::Key(signer)) = args.signing.method([])? else {
        return Err(Error::usage("a key is needed: --key, --pkcs12, --pkcs11 or --sign-command"));
    };
    let block = signer.openpgp_public_key(&args.user_id)?;
    print::bytes(block.as_bytes())?;
    // Whoever imports the key is asked whether this is the one.
    print::result(format_args!("fingerprint: {}", signer.openpgp_fingerprint()?), Results::Stderr);
    Ok(())
}
