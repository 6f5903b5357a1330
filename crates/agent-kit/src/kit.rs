//! What a vendor sets once, compiled into its agent.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::net::{Client, Roots, Server, routes, settings};
use crate::product::{Places, Product};
use crate::{queue, retry};

/// The product, its server and its settings.
#[derive(Debug, Clone)]
pub struct Kit {
    pub(crate) product: Product,
    pub(crate) places: Places,
    pub(crate) server: Server,
    pub(crate) roots: Roots,
    pub(crate) vendor_key: [u8; 32],
    pub(crate) queue_bytes: u64,
    pub(crate) first_try_within: Duration,
}

/// Makes a [`Kit`].
#[derive(Debug, Clone)]
pub struct KitBuilder {
    product: Product,
    places: Option<Places>,
    server: String,
    roots: Roots,
    vendor_key: Option<[u8; 32]>,
    queue_bytes: u64,
    first_try_within: Duration,
}

impl Kit {
    /// A kit for this product.
    #[must_use]
    pub fn builder(product: Product) -> KitBuilder {
        KitBuilder {
            product,
            places: None,
            server: String::new(),
            roots: Roots::Platform,
            vendor_key: None,
            queue_bytes: queue::MAX_BYTES,
            first_try_within: retry::FIRST,
        }
    }

    /// Removes everything that makes this device the one it is, before an image is taken of it. The token stays.
    ///
    /// # Errors
    /// When a file cannot be removed, or the agent is running.
    pub fn reset_for_imaging(&self) -> Result {
        self.places.reset()
    }

    pub(crate) fn client(&self) -> Client {
        let user_agent =
            format!("{}/{} agent-kit/{}", self.product.package, self.product.version_text(), env!("CARGO_PKG_VERSION"));
        let routes = routes(&self.places.policy, self.server.host());
        Client::new(self.server.clone(), routes, &self.roots, &user_agent)
    }

    /// The tenant that an administrator has pinned the device to. A policy that cannot be read is an error: it may have pinned it.
    pub(crate) fn expected_tenant(&self) -> Result<Option<String>> {
        Ok(settings(&self.places.policy)?.expected_tenant)
    }
}

impl KitBuilder {
    /// The server, `https://HOST[:PORT]`. It is compiled in: no token and no file of a user ever says it.
    #[must_use]
    pub fn server(mut self, url: &str) -> Self {
        url.clone_into(&mut self.server);
        self
    }

    /// Whom the agent believes that the server's certificate is right; the system's store unless said otherwise.
    #[must_use]
    pub fn roots(mut self, roots: Roots) -> Self {
        self.roots = roots;
        self
    }

    /// The vendor's key for hardware fingerprints, the same in all of its agents and at its server.
    #[must_use]
    pub const fn fingerprint_key(mut self, key: [u8; 32]) -> Self {
        self.vendor_key = Some(key);
        self
    }

    /// Other places than those of the running system: for tests and images.
    #[must_use]
    pub fn places(mut self, places: Places) -> Self {
        self.places = Some(places);
        self
    }

    /// The most bytes of the queue, at most 200 MB.
    #[must_use]
    pub const fn queue_bytes(mut self, bytes: u64) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// A fleet may start in one second: its first requests are spread over this time. 30 seconds unless said otherwise.
    #[must_use]
    pub const fn first_try_within(mut self, time: Duration) -> Self {
        self.first_try_within = time;
        self
    }

    /// The kit.
    ///
    /// # Errors
    /// When the server is no `https` address, a name cannot be a folder's, or the fingerprint key is missing.
    pub fn build(self) -> Result<Kit> {
        self.product.check()?;
        Ok(Kit {
            places: self.places.unwrap_or_else(|| Places::of(&self.product)),
            server: Server::parse(&self.server)?,
            roots: self.roots,
            vendor_key: self.vendor_key.ok_or(Error::Product("a fingerprint key is missing"))?,
            queue_bytes: self.queue_bytes,
            first_try_within: self.first_try_within,
            product: self.product,
        })
    }
}
