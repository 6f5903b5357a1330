//! From a configuration to everything that requests share.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use stampwright::{Error, Result};
use zeroize::Zeroizing;

use crate::app::{App, Parts};
use crate::config::{Config, Journal};
use crate::edge::{self, SystemEntropy};
use crate::enrollment::Enrollment;
use crate::first_start::{self, Data};
use crate::ledger::{self, Ledger};
use crate::sealed::SealingKeys;
use crate::signing_pool::SigningPool;
use crate::store::{Store, StoreOptions};
use crate::tokens::{Issuers, Tokens};

/// Opens store, ledger and keys; makes them at the first start.
///
/// # Errors
/// Something cannot be opened or made.
pub(crate) async fn app(config: Config, address: &str) -> Result<(Arc<App>, Data)> {
    let data = Data::take(&config.data)?;
    let signing =
        config.signing.clone().map(|signing| SigningPool::new(signing, edge::now())).transpose()?.map(Arc::new);
    let options = StoreOptions { resigns: signing.is_some(), in_memory: config.memory };
    let folder = config.data.clone();
    let opened = tokio::task::spawn_blocking(move || Store::open(&folder, options)).await;
    let (store, problems) = opened.map_err(|_| Error::machine("the store could not be opened"))??;
    for error in problems {
        tracing::error!(error = %error, "a base in the store is not served");
    }
    let ledger = open_ledger(&config).await?;
    let sealing = Arc::new(SealingKeys::of_file(&config.data.join("sealing.key"), &SystemEntropy)?);
    let keys = issuer_keys(&config)?;
    let (minting, listed) = keys.split_first().ok_or_else(|| Error::usage("there is no issuer key"))?;
    let listed: Vec<&[u8]> = listed.iter().map(|key| key.as_bytes()).collect();
    let issuers = Issuers::new(minting.as_bytes(), &listed)?;
    let tokens = Tokens::new(ledger.clone(), sealing.clone(), Some(Arc::new(issuers)));
    if let Some(path) = crate::keys::first_admin_key(&ledger, &config.data, edge::now(), &SystemEntropy).await? {
        tracing::info!(path = %path.display(), "the first key was made");
    }
    let address = config.public_url.clone().unwrap_or_else(|| address.to_owned());
    let parts = Parts { store: Arc::new(store), ledger, tokens, sealing, signing, address };
    let app = Arc::new(App::new(parts, config));
    app.metrics.bases(app.store.list().len());
    Ok((app, data))
}

/// The enrollment server, if there is to be one.
pub(crate) fn enrollment(app: &App) -> Result<Option<Arc<Enrollment>>> {
    let config = app.config();
    let settings = &config.enrollment;
    if !settings.enabled {
        return Ok(None);
    }
    let pepper = first_start::enrollment_key(&config.data)?;
    let pepper = hex_key(&pepper, &config.data.join("enrollment.key"))?;
    let vendor = settings.fingerprint_key_file.as_deref().map(|path| hex_key(&secret_line(path)?, path)).transpose()?;
    let vendor = vendor.map(|key| *key);
    let state = Enrollment::new(app.ledger.clone(), app.tokens.jwks(), settings, pepper, vendor)?;
    Ok(Some(Arc::new(state)))
}

/// 32 bytes in hex.
fn hex_key(text: &str, path: &Path) -> Result<Zeroizing<[u8; 32]>> {
    let wrong = || Error::wrong("the key must have 64 hex digits").about(path);
    let digits: Option<Vec<u8>> =
        text.trim().chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = Zeroizing::new(digits.filter(|digits| digits.len() == 64).ok_or_else(wrong)?);
    let mut key = Zeroizing::new([0; 32]);
    for (byte, pair) in key.iter_mut().zip(digits.as_chunks::<2>().0) {
        let [high, low] = pair;
        *byte = high << 4 | low;
    }
    Ok(key)
}

async fn open_ledger(config: &Config) -> Result<Ledger> {
    let failed = |error: ledger::LedgerError| match error.hint() {
        Some(hint) => Error::machine(&error).hint(hint),
        None => Error::machine(&error),
    };
    let journal = match config.ledger.journal {
        Journal::Wal => ledger::Journal::Wal,
        Journal::Delete => ledger::Journal::Delete,
    };
    match &config.ledger.url_file {
        None => Ledger::sqlite(&config.data.join("ledger.sqlite"), journal).map_err(failed),
        Some(path) => {
            let url = secret_line(path)?;
            let opened = tokio::task::spawn_blocking(move || Ledger::postgres(&url)).await;
            opened.map_err(|_| Error::machine("the ledger could not be opened"))?.map_err(failed)
        }
    }
}

/// The PEM texts of the issuer's keys: the first one mints.
fn issuer_keys(config: &Config) -> Result<Vec<Zeroizing<String>>> {
    if config.issuer.keys.is_empty() {
        return Ok(vec![first_start::issuer_key(&config.data)?]);
    }
    config.issuer.keys.iter().map(|path| secret(path)).collect()
}

fn secret_line(path: &Path) -> Result<Zeroizing<String>> {
    Ok(Zeroizing::new(secret(path)?.trim().to_owned()))
}

/// A secret that the configuration names: others must not be able to read it.
fn secret(path: &Path) -> Result<Zeroizing<String>> {
    const MAX_BYTES: u64 = 64 << 10;
    first_start::check_mode(path)?;
    let mut text = Zeroizing::new(String::new());
    let file = fs::File::open(path).map_err(Error::io("open", path))?;
    file.take(MAX_BYTES).read_to_string(&mut text).map_err(Error::io("read", path))?;
    Ok(text)
}
