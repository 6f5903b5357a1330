//! A token for each device of a list, bound to its serial number.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use installer::proof::hex;
use installer::{Claims, IssuerKeys, Token};
use signing::issuer::{self, IssuerKey};

use crate::commands::token::seconds;
use crate::doors;
use crate::failure::Failure;
use crate::signer;

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

/// Mints tokens for devices.
pub struct Minter {
    key: IssuerKey,
    /// The same key's public half, for reading back.
    keys: IssuerKeys,
    tenant: String,
    product: String,
    least_agent: Option<String>,
    issued: u64,
    expires: u64,
}

impl Minter {
    /// Opens the key. `product` is what the base says of itself.
    pub fn open(args: &MinterArgs, product: Option<&str>, allow_open_key: bool) -> Result<Option<Self>, Failure> {
        let (Some(path), Some(tenant)) = (&args.issuer_private_key, &args.tenant) else { return Ok(None) };
        let bytes = signer::secret_file(path, allow_open_key)?;
        let key = IssuerKey::of_pem(&bytes).map_err(|error| Failure::wrong(error).about(path))?;
        let keys = IssuerKeys::parse(key.jwks().as_bytes())?;
        let product = args.product_name.as_deref().or(product).ok_or_else(|| {
            Failure::usage("the base does not say which product it is of")
                .hint("give --product, by its name in the manifest")
        })?;
        let issued = doors::now();
        Ok(Some(Self {
            key,
            keys,
            tenant: tenant.clone(),
            product: product.to_owned(),
            least_agent: args.least_agent.clone(),
            issued,
            expires: issued.saturating_add(args.expires),
        }))
    }

    /// A new token for one device, read back by the code that will read it.
    pub fn mint(&self, serial: &str) -> Result<Token, Failure> {
        let id = hex(&doors::random()?);
        let claims = issuer::Claims {
            tenant: &self.tenant,
            product: &self.product,
            id: &id,
            issued: self.issued,
            expires: self.expires,
            serial: Some(serial),
            least_agent: self.least_agent.as_deref(),
        };
        let token = Token::parse(self.key.mint(&claims).map_err(Failure::wrong)?.as_bytes())?;
        self.keys.verify(&token)?;
        Ok(token)
    }

    /// Whether a token is one that [`Minter::mint`] has made for this device, and still of use.
    pub fn has_minted(&self, token: &Token, serial: &str) -> bool {
        let is_it = |claims: Claims| {
            claims.tenant == self.tenant
                && claims.serial.as_deref() == Some(serial)
                && claims.least_agent == self.least_agent
                && claims.check(self.issued, &self.product).is_ok()
        };
        self.keys.verify(token).is_ok_and(is_it)
    }
}
