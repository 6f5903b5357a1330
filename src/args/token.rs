//! Where the token comes from: never from an argument, which every user of the machine can read.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use stampwright::{Error, Result, Token, input};

use crate::{env, print};

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct TokenArgs {
    /// The file with the token; - is standard input, where a terminal asks for it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub token_file: Option<PathBuf>,
    /// The environment variable with the token
    #[arg(long, value_name = "NAME")]
    pub token_env: Option<String>,
}

impl TokenArgs {
    /// The file that is read.
    pub fn file(&self) -> Option<&Path> {
        self.token_file.as_deref()
    }

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
        let name = Path::new("standard input");
        return match env::typed_secret("token: ")? {
            Some(typed) => input::token(typed.as_slice(), name),
            None => input::token(std::io::stdin().lock(), name),
        };
    }
    let token = input::token_file(path)?;
    if input::is_open(path) {
        let warning = format!("{}: others can read this token", path.display());
        print::warning(warning, Some("chmod 600 it: whoever reads it can enroll devices"));
    }
    Ok(token)
}
