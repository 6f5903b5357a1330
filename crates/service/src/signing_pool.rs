//! Signatures of stamps: a few at once, because a key service or a card is slow, and none that a client waits for without end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use stampwright::{
    AcceptedToken, Base, Error, ErrorKind, KeyPlace, Result, Signer, SignerOptions, Stamp, StampError, input,
};
use tokio::sync::Semaphore;

use crate::config::Signing;
use crate::edge;

/// A signer holds its certificates against the time at which it was opened, so it is opened again after an hour.
const OPEN_SECS: u64 = 3600;

/// Who signs.
pub(crate) struct SigningPool {
    config: Signing,
    free: Arc<Semaphore>,
    open: Mutex<Option<(u64, Arc<Signer>)>>,
}

/// Why there is no signed stamp.
#[derive(Debug)]
pub(crate) enum NoSignature {
    /// The signer does not answer in time, or not as it must.
    Busy {
        /// When it is worth another try.
        again_in_secs: u64,
    },
    /// It cannot be stamped or signed.
    Refused(Error),
}

impl SigningPool {
    /// Opens the key once, so that a mistake is seen at the start.
    ///
    /// # Errors
    /// The key cannot be opened.
    pub(crate) fn new(config: Signing, now: u64) -> Result<Self> {
        let free = Arc::new(Semaphore::new(config.at_once));
        let this = Self { config, free, open: Mutex::new(None) };
        this.signer(now)?;
        Ok(this)
    }

    /// Stamps and signs.
    ///
    /// # Errors
    /// No signature came in time, or the base does not take the token.
    pub(crate) async fn stamp(self: &Arc<Self>, base: Base, token: AcceptedToken) -> Result<Stamp, NoSignature> {
        let patience = Duration::from_secs(self.config.timeout);
        let busy = NoSignature::Busy { again_in_secs: self.config.timeout };
        let pool = self.clone();
        let sign = async move {
            let permit = pool.free.clone().acquire_owned().await;
            let signer = pool.clone();
            // The permit stays with the thread: a signature whose request has gone still keeps the key busy.
            tokio::task::spawn_blocking(move || {
                let _permit = permit;
                base.stamp_signed(&token, &*signer.signer(edge::now())?)
            })
            .await
        };
        match tokio::time::timeout(patience, sign).await {
            Err(_) => Err(busy),
            Ok(Err(_)) => Err(NoSignature::Refused(Error::machine("the signer failed"))),
            Ok(Ok(Err(error))) if is_of_signer(&error) => {
                tracing::error!(error = %error, "the signer failed");
                Err(busy)
            }
            Ok(Ok(stamp)) => stamp.map_err(NoSignature::Refused),
        }
    }

    fn signer(&self, now: u64) -> Result<Arc<Signer>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, signer)) = &*open
            && now < at.saturating_add(OPEN_SECS)
        {
            return Ok(signer.clone());
        }
        let signer = Arc::new(self.opened(now)?);
        *open = Some((now, signer.clone()));
        Ok(signer)
    }

    fn opened(&self, now: u64) -> Result<Signer> {
        let Signing { key, pkcs12, pkcs11, command, certificates, passphrase_file, timestamp, .. } = &self.config;
        let key = match (key, pkcs12, pkcs11, command) {
            (Some(path), None, None, None) => KeyPlace::File(path),
            (None, Some(path), None, None) => KeyPlace::Pkcs12(path),
            (None, None, Some(uri), None) => KeyPlace::Pkcs11(uri),
            (None, None, None, Some(command)) => KeyPlace::Command(command),
            _ => return Err(Error::usage("[signing] must have one of key, pkcs12, pkcs11 and command")),
        };
        let nonce = edge::random()?;
        Signer::open(SignerOptions {
            key,
            certificates: certificates.as_deref(),
            passphrase: passphrase_file
                .as_deref()
                .map(|path| input::passphrase(path, input::OpenKey::Refuse))
                .transpose()?,
            open_key: input::OpenKey::Refuse,
            timestamp: timestamp.as_deref().map(|url| (url, nonce)),
            description: None,
            url: None,
            hidden_env: &[],
            now,
        })
    }
}

/// Whatever the base does not say of the token is wrong here, and not in the request: a key that cannot be opened any more, a certificate that has expired, a
/// signature that does not verify.
fn is_of_signer(error: &Error) -> bool {
    let of_base = error.cause::<StampError>().filter(|cause| !matches!(cause, StampError::Signature(_)));
    error.kind() == ErrorKind::Machine || of_base.is_none()
}
