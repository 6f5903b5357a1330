//! What can be typed after `stampwright stamp`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use stampwright::list::Mapping;
use stampwright::output::Files;

use crate::args::{PreparedArgs, SigningArgs, StoreArgs, TokenArgs, seconds};

#[derive(Debug, Args)]
pub struct Stamp {
    /// The base
    #[arg(value_hint = ValueHint::FilePath)]
    pub base: PathBuf,
    #[command(flatten)]
    pub token: TokenArgs,
    #[command(flatten)]
    pub batch: BatchArgs,
    /// The installer to write; - is standard output, which must not be a terminal
    #[arg(short, long, value_name = "OUT", required_unless_present_any = ["plan", "to"], value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Print how the installer is put together from the base, as JSON, instead of writing it: kept ranges and new bytes. It has
    /// the token in it
    #[arg(long, conflicts_with_all = ["output", "batch", "receipt", "json"])]
    pub plan: bool,
    /// Take only tokens that one of these keys has signed (JWKS). Keys that are in the base count as well
    #[arg(long, value_name = "JWKS", value_hint = ValueHint::FilePath)]
    pub issuer_keys: Option<PathBuf>,
    /// Replace the token of an installer that is already stamped
    #[arg(long)]
    pub restamp: bool,
    /// The number of an rpm's release after "1."; dnf and rpm take the higher one for the newer. Else when the token was issued, if it says
    /// so, else now; in seconds since 1970
    #[arg(long, value_name = "N")]
    pub release: Option<u64>,
    #[command(flatten)]
    pub prepared: PreparedArgs,
    /// Write a receipt (JSON): digests, sizes, the token's fingerprint. Hashes both files; - is standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub receipt: Option<PathBuf>,
    /// Print the receipt on standard output, and errors as JSON as well; with -o - the receipt goes to --receipt FILE
    #[arg(long)]
    pub json: bool,
    /// Leave the base's signature behind and sign the stamp anew
    #[arg(long, requires = "signer")]
    pub resign: bool,
    #[command(flatten)]
    pub signing: SigningArgs,
    #[command(flatten)]
    pub store: StoreArgs,
}

impl Stamp {
    /// The files that are read and written, but for a list's folder.
    pub fn files(&self) -> Files<'_> {
        let Self { batch, token, issuer_keys, prepared, .. } = self;
        let minter = &batch.minter;
        let read = [&batch.batch, &token.token_file, issuer_keys, &prepared.prepared, &minter.issuer_private_key];
        let files = Files::new().reads(&self.base).reads_all(read.into_iter().filter_map(Option::as_deref));
        let files = files.reads_all(self.signing.files()).reads_all(self.store.files());
        let output = self.output.as_deref().filter(|path| batch.batch.is_none() || !path.is_dir());
        [output, self.receipt.as_deref()].into_iter().flatten().fold(files, Files::writes)
    }
}

/// The options of a batch.
#[derive(Debug, Args)]
pub struct BatchArgs {
    /// Stamp once for each row of this list (CSV with columns token[, name]); - is standard input. OUT is then a
    /// folder, which gets NAME/FILE for each row and a manifest; the same command goes on after an interruption
    #[arg(long, value_name = "LIST", group = "TokenArgs", conflicts_with = "receipt", value_hint = ValueHint::FilePath)]
    pub batch: Option<PathBuf>,
    /// The header that a column has in the list, e.g. --column "name=Device Name"
    #[arg(long = "column", value_name = "COLUMN=HEADER", requires = "batch")]
    pub columns: Vec<Mapping>,
    /// OUT is one ZIP archive instead of a folder; so it is when OUT ends in .zip or is -
    #[arg(long, requires = "batch")]
    pub zip: bool,
    /// Leave the files' SHA-256 out of the manifest: it costs more than the stamping
    #[arg(long, requires = "batch")]
    pub no_digests: bool,
    #[command(flatten)]
    pub minter: MinterArgs,
}

/// What a list of devices needs instead of tokens.
#[derive(Debug, Args)]
pub struct MinterArgs {
    /// The list is one of devices (name, email, ownership, serial number, platform): mint a token for each, bound to
    /// its serial number, with this private key of the issuer
    #[arg(long, value_name = "FILE", requires_all = ["batch", "tenant"], value_hint = ValueHint::FilePath)]
    pub issuer_private_key: Option<PathBuf>,
    /// Whose devices enroll with the minted tokens
    #[arg(long, value_name = "TENANT", requires = "issuer_private_key")]
    pub tenant: Option<String>,
    /// The product that they are for; else the one whose base it is
    #[arg(long = "product", value_name = "PRODUCT", requires = "issuer_private_key")]
    pub product_name: Option<String>,
    /// How long they can be used: a number and s, m, h, d or w
    #[arg(long, value_name = "TIME", default_value = "30d", requires = "issuer_private_key", value_parser = seconds)]
    pub expires: u64,
    /// The oldest agent that may use them, e.g. 1.4.2
    #[arg(long, value_name = "VERSION", requires = "issuer_private_key")]
    pub least_agent: Option<String>,
}
