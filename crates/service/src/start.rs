//! From a configuration to everything that requests share.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use stampwright::issuer::Issuer;
use stampwright::{Error, KeyPlace, Result, input};
use zeroize::Zeroizing;

use crate::app::{App, Parts};
use crate::config::{Config, Journal};
use crate::edge::{self, SystemEntropy};
use crate::enrollment::Enrollment;
use crate::first_start::{self, Data};
use crate::http::facade::Facade;
use crate::ledger::{self, Ledger};
use crate::sealed::SealingKeys;
use crate::signing_pool::SigningPool;
use crate::store::{Store, StoreOptions};
use crate::tokens::{Issuers, Tokens};
use crate::trust;

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
    let issuers = issuers(&config)?;
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
    let state = Enrollment::new(app.ledger.clone(), app.sealing.clone(), app.tokens.jwks(), settings, pepper, vendor)?;
    Ok(Some(Arc::new(state)))
}

/// The façade, if there is to be one.
pub(crate) fn facade(app: &Arc<App>) -> Result<Option<Arc<Facade>>> {
    let settings = &app.config().facade;
    if !settings.enabled {
        return Ok(None);
    }
    let key = settings.key_file.as_deref().map(secret_line).transpose()?;
    let facade = Facade::new(app.clone(), key.as_deref().map(String::as_str));
    Ok(Some(Arc::new(facade.map_err(|problem| Error::wrong(problem.detail()))?)))
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
            let tls = config.ledger.authorities.as_deref().map(trust::client_config).transpose()?;
            let opened = tokio::task::spawn_blocking(move || Ledger::postgres(&url, tls)).await;
            opened.map_err(|_| Error::machine("the ledger could not be opened"))?.map_err(failed)
        }
    }
}

/// The issuer's keys: one that mints, and those that are listed beside it.
fn issuers(config: &Config) -> Result<Issuers> {
    let (issuer, patience) = (&config.issuer, Duration::from_secs(config.issuer.timeout));
    let keys = issuer.keys.iter().map(|path| issuer_key(path)).collect::<Result<Vec<_>>>()?;
    let place = match (&issuer.pkcs11, &issuer.command) {
        (Some(uri), _) => Some(KeyPlace::Pkcs11(uri)),
        (None, Some(command)) => Some(KeyPlace::Command(command)),
        (None, None) => None,
    };
    if let (Some(place), Some(public)) = (place, &issuer.public_key) {
        let pin = issuer.passphrase_file.as_deref();
        let pin = pin.map(|path| input::passphrase(path, input::OpenKey::Refuse)).transpose()?;
        return Issuers::new(Issuer::elsewhere(place, public, pin, &[])?, &bytes(&keys), patience);
    }
    match keys.split_first() {
        Some((minting, listed)) => Issuers::new(Issuer::from_pem(minting.as_bytes())?, &bytes(listed), patience),
        None => {
            let own = first_start::issuer_key(&config.data)?;
            Issuers::new(Issuer::from_pem(own.as_bytes())?, &bytes(&[]), patience)
        }
    }
}

fn bytes(keys: &[Zeroizing<String>]) -> Vec<&[u8]> {
    keys.iter().map(|key| key.as_bytes()).collect()
}

/// A private key, which others must not be able to read, or public keys, which they may.
fn issuer_key(path: &Path) -> Result<Zeroizing<String>> {
    let public = input::jwks(path)?;
    if public.trim_ascii_start().starts_with(b"{") {
        let text = String::from_utf8(public).map_err(|_| Error::wrong("is not UTF-8 text").about(path))?;
        return Ok(Zeroizing::new(text));
    }
    first_start::secret(path)
}

fn secret_line(path: &Path) -> Result<Zeroizing<String>> {
    Ok(Zeroizing::new(first_start::secret(path)?.trim().to_owned()))
}
