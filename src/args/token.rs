//! Where the token comes from: never from an argument, which every user of the machine can read.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use stampwright::{Error, Result, Token, input};

use crate::env;

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct TokenArgs {
    /// The file with the token; - is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub token_file: Option<PathBuf>,
    /// The environment variable with the token
    #[arg(long, value_name = "NAME")]
    pub token_env: Option<String>,
}

impl TokenArgs {
    /// Reads the token.
    pub fn read(&self) -> Result<Token> {
        match (&self.token_file, &self.token_env) {
            (Some(path), _) => token_file(path),
            (None, Some(name)) => env::token(name),
            (None, None) => Err(Error::usage("a token is needed: --token-file or --token-env")),
        }
    }
}

/// Reads a token from a file, or from standard input where the file is `-`.
pub fn token_file(path: &Path) -> Result<Token> {
    if path == Path::new("-") {
        return input::token(std::io::stdin().lock(), Path::new("standard input"));
    }
    input::token_file(path)
}
