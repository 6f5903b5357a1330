//! What the program reads: manifests, installers, tokens.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use container::at::FileAt;
use installer::epoch::Civil;
use installer::{IssuerKeys, Product, Token};
use zeroize::Zeroizing;

use crate::cli::TokenArgs;
use crate::doors;
use crate::failure::Failure;

/// No manifest is this long.
const MANIFEST_LIMIT_BYTES: u64 = 1 << 20;

/// Opens an installer.
pub fn installer(path: &Path) -> Result<FileAt, Failure> {
    let file = File::open(path).map_err(Failure::io("open", path))?;
    let metadata = file.metadata().map_err(Failure::io("open", path))?;
    if !metadata.is_file() {
        return Err(Failure::wrong(format!("{}: not a regular file", path.display())));
    }
    FileAt::new(file).map_err(Failure::io("open", path))
}

/// Reads and checks a manifest.
pub fn product(path: &Path) -> Result<Product, Failure> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| {
        let failure = Failure::io("open", path)(error);
        failure.hint("stampwright init writes one")
    })?;
    file.take(MANIFEST_LIMIT_BYTES).read_to_string(&mut text).map_err(Failure::io("read", path))?;
    Ok(Product::load(path, &text)?)
}

/// Reads the token from where the command line says it is.
pub fn token(args: &TokenArgs) -> Result<Token, Failure> {
    match (&args.token_file, &args.token_env) {
        (Some(path), _) => token_file(path),
        (None, Some(name)) => token_env(name),
        (None, None) => Err(Failure::usage("a token is needed: --token-file or --token-env")),
    }
}

/// Reads a token from a variable of the environment.
pub fn token_env(name: &str) -> Result<Token, Failure> {
    let value =
        doors::variable(name).ok_or_else(|| Failure::wrong(format!("the environment has no variable {name}")))?;
    let value = Zeroizing::new(value.into_encoded_bytes());
    Ok(Token::parse(&value)?)
}

/// Reads a token from a file, or from standard input where the file is `-`.
pub fn token_file(path: &Path) -> Result<Token, Failure> {
    // One byte more than a token and its line ending can have, so that a longer one is seen to be too long.
    let limit = Token::MAX_BYTES as u64 + 3;
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit as usize));
    if path == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        let file = File::open(path).map_err(Failure::io("open", path))?;
        file.take(limit).read_to_end(&mut bytes)
    }
    .map_err(Failure::io("read", path))?;
    let name = if path == Path::new("-") { Path::new("standard input") } else { path };
    Token::parse(&bytes).map_err(|error| Failure::from(error).about(name))
}

/// Reads and checks an issuer's public keys.
pub fn issuer_keys(path: &Path) -> Result<IssuerKeys, Failure> {
    IssuerKeys::parse(&jwks(path)?).map_err(|error| Failure::from(error).about(path))
}

/// Reads what may be an issuer's public keys.
pub fn jwks(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let limit = IssuerKeys::MAX_BYTES as u64 + 1;
    let file = File::open(path).map_err(Failure::io("open", path))?;
    file.take(limit).read_to_end(&mut bytes).map_err(Failure::io("read", path))?;
    Ok(bytes)
}

/// Seconds since 1970 as ISO 8601 writes them.
pub fn date(secs: u64) -> String {
    Civil::of_secs(secs).to_string()
}
