//! A token for demonstrations and tests: it has the form of one, and no server accepts it.

use std::fs;
use std::io::Write;
use std::path::Path;

use sha2::{Digest, Sha256};
use xshell::Shell;

use crate::failure::{AtPath, Result};

/// A file `token` with 69 letters, readable by its owner only; gives its path. The same in every run, so that the installers are.
pub(crate) fn for_tests(sh: &Shell, folder: &str) -> Result<String> {
    let path = format!("{folder}/token");
    let full = sh.current_dir().join(&path);
    let folder = full.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).at("create", folder)?;
    let digest = Sha256::digest("a token that lets nobody in");
    let letters: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&full).at("create", &full)?;
    writeln!(file, "demo.{letters}").at("write", &full)?;
    Ok(path)
}
