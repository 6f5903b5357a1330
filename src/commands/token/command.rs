//! The commands about tokens.

use clap::Subcommand;
use stampwright::Result;

use super::{keygen, mint, read};

#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make an issuer's key: NAME.key, private, and NAME.jwks.json, public
    Keygen(keygen::Keygen),
    /// Sign a token for a tenant
    Mint(Box<mint::Mint>),
    /// Say what a token says, without asking who says it: never the token itself
    Inspect(read::Inspect),
    /// Check that a listed issuer signed a token, and that it can still be used
    Verify(read::Verify),
}

pub fn run(token: &Token) -> Result<()> {
    match token {
        Token::Keygen(args) => keygen::run(args),
        Token::Mint(args) => mint::run(args),
        Token::Inspect(args) => read::inspect(args),
        Token::Verify(args) => read::verify(args),
    }
}
