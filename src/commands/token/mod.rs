//! `stampwright token`: tokens that can be checked, and the keys that they are checked with.

mod keygen;
mod mint;
mod read;

pub use mint::seconds;

use clap::Subcommand;

use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make an issuer's key: NAME.key, private, and NAME.jwks.json, public
    Keygen(keygen::Keygen),
    /// Sign a token for a tenant
    Mint(mint::Mint),
    /// Say what a token says, without asking who says it: never the token itself
    Inspect(read::Inspect),
    /// Check that a listed issuer signed a token, and that it can still be used
    Verify(read::Verify),
}

pub fn run(token: &Token) -> Result<(), Failure> {
    match token {
        Token::Keygen(args) => keygen::run(args),
        Token::Mint(args) => mint::run(args),
        Token::Inspect(args) => read::inspect(args),
        Token::Verify(args) => read::verify(args),
    }
}
