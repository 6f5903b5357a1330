//! The first key of a new service: written to a file for who runs it, and never printed.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use stampwright::{Entropy, Error, Result};
use zeroize::Zeroizing;

use super::api_key::ApiKey;
use super::scopes::{Scope, Scopes};
use crate::ledger::{ApiKeyRow, Ledger};

/// A new key and its row.
pub(crate) struct NewApiKey {
    /// The key: shown once.
    pub(crate) key: ApiKey,
    /// What is stored.
    pub(crate) row: ApiKeyRow,
}

impl NewApiKey {
    /// Makes a key.
    pub(crate) fn generate(
        name: &str,
        scopes: Scopes,
        tenant: Option<String>,
        expires: Option<u64>,
        now: u64,
        entropy: &dyn Entropy,
    ) -> Result<Self> {
        let (mut id, mut secret) = ([0; 6], Zeroizing::new([0; 32]));
        entropy.fill(&mut id)?;
        entropy.fill(secret.as_mut_slice())?;
        let key = ApiKey::generate(id, &secret);
        let row = ApiKeyRow {
            id: key.id().to_owned(),
            name: name.to_owned(),
            hash: key.hash(),
            scopes,
            tenant,
            created: now,
            expires,
            revoked: None,
        };
        Ok(Self { key, row })
    }
}

/// Makes a key that may do everything, if the ledger has no key at all, and writes it to `admin.key` in `folder` (mode 0600). Gives the path
/// if it did. Of several processes with one ledger, one does.
///
/// The file appears before the row, under a temporary name, so that there is never a key that was not written down.
pub(crate) async fn first_admin_key(
    ledger: &Ledger,
    folder: &Path,
    now: u64,
    entropy: &dyn Entropy,
) -> Result<Option<PathBuf>> {
    if !ledger.api_keys().await.map_err(Error::machine)?.is_empty() {
        return Ok(None);
    }
    let made = NewApiKey::generate("first key", Scopes::of(&[Scope::Admin]), None, None, now, entropy)?;
    let (path, pending) = (folder.join("admin.key"), folder.join(format!(".admin.key.{}", made.row.id)));
    write_secret(&pending, made.key.expose().as_bytes())?;
    let added = ledger.add_first_api_key(made.row).await.map_err(Error::machine);
    if !matches!(added, Ok(true)) {
        let _ = fs::remove_file(&pending);
        return added.map(|_| None);
    }
    fs::rename(&pending, &path).map_err(Error::io("rename", &pending))?;
    Ok(Some(path))
}

/// Writes a new file that only its owner can read, and a line ending behind its text.
pub(crate) fn write_secret(path: &Path, text: &[u8]) -> Result<()> {
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(Error::io("create", path))?;
    file.write_all(text)
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all())
        .map_err(Error::io("write", path))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    // The name is on the disk as well.
    match fs::File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if error.kind() != ErrorKind::Unsupported => Err(Error::io("write", folder)(error)),
        _ => Ok(()),
    }
}
