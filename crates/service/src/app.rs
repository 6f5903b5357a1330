//! What all requests share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::config::Config;
use crate::ledger::Ledger;
use crate::limits::Usage;
use crate::metrics::Metrics;
use crate::sealed::SealingKeys;
use crate::signing_pool::SigningPool;
use crate::store::Store;
use crate::tokens::Tokens;

/// What all requests share.
pub(crate) struct App {
    /// The bases.
    pub(crate) store: Arc<Store>,
    /// The ledger.
    pub(crate) ledger: Ledger,
    /// Tokens: minting, and those that are known.
    pub(crate) tokens: Tokens,
    /// Seals tokens that are needed later.
    pub(crate) sealing: Arc<SealingKeys>,
    /// Who signs, if somebody does.
    pub(crate) signing: Option<Arc<SigningPool>>,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// What links start with, without a slash at the end.
    pub(crate) address: String,
    current: RwLock<Current>,
    is_stopping: AtomicBool,
}

/// What a signal to reload exchanges.
#[derive(Clone)]
struct Current {
    config: Arc<Config>,
    usage: Arc<Usage>,
}

/// What an [`App`] is made of.
pub(crate) struct Parts {
    /// The bases.
    pub(crate) store: Arc<Store>,
    /// The ledger.
    pub(crate) ledger: Ledger,
    /// Tokens: minting, and those that are known.
    pub(crate) tokens: Tokens,
    /// Seals tokens that are needed later.
    pub(crate) sealing: Arc<SealingKeys>,
    /// Who signs, if somebody does.
    pub(crate) signing: Option<Arc<SigningPool>>,
    /// What links start with.
    pub(crate) address: String,
}

impl App {
    /// Puts it together.
    #[must_use]
    pub(crate) fn new(parts: Parts, config: Config) -> Self {
        let Parts { store, ledger, tokens, sealing, signing, address } = parts;
        let usage = Arc::new(Usage::new(config.limits.of_a_key()));
        Self {
            store,
            ledger,
            tokens,
            sealing,
            signing,
            metrics: Arc::new(Metrics::new(config.tls.is_some())),
            address: address.trim_end_matches('/').to_owned(),
            current: RwLock::new(Current { config: Arc::new(config), usage }),
            is_stopping: AtomicBool::new(false),
        }
    }

    /// The configuration as it is now.
    #[must_use]
    pub(crate) fn config(&self) -> Arc<Config> {
        self.current().config
    }

    /// What keys have used of their limits.
    #[must_use]
    pub(crate) fn usage(&self) -> Arc<Usage> {
        self.current().usage
    }

    /// Takes another configuration. Requests that run keep theirs; limits begin anew.
    pub(crate) fn reload(&self, config: Config) {
        let usage = Arc::new(Usage::new(config.limits.of_a_key()));
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Current { config: Arc::new(config), usage };
    }

    /// From now on the service is not ready.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
    }

    /// Whether it is about to stop.
    #[must_use]
    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    fn current(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
