//! What the service counts, for Prometheus. No label has a token, a link, a tenant or a file's name in it.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::body::Why;

/// All counters.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    downloads: Family<Ended, Counter>,
    bytes: Family<Format, Counter>,
    running: Gauge,
    connections: Gauge,
    bases: Gauge,
    stamp_seconds: Histogram,
    ledger_seconds: Histogram,
    withdrawn: Counter<u64, AtomicU64>,
    certificate: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    route: String,
    method: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    format: &'static str,
    outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Format {
    format: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label's values")]
enum Outcome {
    done,
    client_gone,
    base_changed,
    failed,
}

impl Metrics {
    /// All at nothing.
    #[must_use]
    pub(crate) fn new(has_tls: bool) -> Self {
        let mut registry = Registry::with_prefix("stampwright");
        let this = Self {
            requests: Family::default(),
            downloads: Family::default(),
            bytes: Family::default(),
            running: Gauge::default(),
            connections: Gauge::default(),
            bases: Gauge::default(),
            stamp_seconds: Histogram::new(exponential_buckets(0.000_1, 2.0, 14)),
            ledger_seconds: Histogram::new(exponential_buckets(0.000_1, 2.0, 16)),
            withdrawn: Counter::default(),
            certificate: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("http_requests", "Requests, by route and status", this.requests.clone());
        registry.register("downloads", "Downloads that have ended", this.downloads.clone());
        registry.register("download_bytes", "Bytes of installers that were handed to the system", this.bytes.clone());
        registry.register("downloads_running", "Downloads that run", this.running.clone());
        registry.register("connections", "Open connections", this.connections.clone());
        registry.register("bases", "Bases in the catalog", this.bases.clone());
        registry.register("stamp_seconds", "Time to stamp and read back", this.stamp_seconds.clone());
        registry.register("ledger_seconds", "Time until a row was on the disk", this.ledger_seconds.clone());
        registry.register("bases_distrusted", "Bases whose file was changed from outside", this.withdrawn.clone());
        // Without TLS its 0 would be a time long ago.
        if has_tls {
            registry.register(
                "tls_certificate_ends_seconds",
                "When the first of the certificates of TLS ends, in seconds since 1970",
                this.certificate.clone(),
            );
        }
        Self { registry, ..this }
    }

    /// A request was answered. `route` is the pattern, never the path.
    pub(crate) fn request(&self, route: &str, method: &http::Method, status: http::StatusCode) {
        let method = match method.as_str() {
            known @ ("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" | "PATCH") => known,
            _ => "other",
        };
        let request = Request { route: route.to_owned(), method: method.to_owned(), status: status.as_u16() };
        self.requests.get_or_create(&request).inc();
    }

    /// A download begins.
    pub(crate) fn download_begins(&self) {
        self.running.inc();
    }

    /// A download has ended.
    pub(crate) fn download_ends(&self, format: &'static str, why: Why, sent: u64) {
        let outcome = match why {
            Why::Done => Outcome::done,
            Why::ClientGone => Outcome::client_gone,
            Why::BaseChanged => Outcome::base_changed,
            Why::Failed => Outcome::failed,
        };
        self.running.dec();
        self.downloads.get_or_create(&Ended { format, outcome }).inc();
        self.bytes.get_or_create(&Format { format }).inc_by(sent);
    }

    /// A connection was opened; it is closed when the result is dropped.
    #[must_use]
    pub(crate) fn connection(&self) -> OpenConnection {
        self.connections.inc();
        OpenConnection(self.connections.clone())
    }

    /// How many bases there are.
    pub(crate) fn bases(&self, count: usize) {
        self.bases.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// A stamp took so long.
    pub(crate) fn stamped(&self, took: std::time::Duration) {
        self.stamp_seconds.observe(took.as_secs_f64());
    }

    /// A row took so long.
    pub(crate) fn written(&self, took: std::time::Duration) {
        self.ledger_seconds.observe(took.as_secs_f64());
    }

    /// A base was taken out because its file was changed.
    pub(crate) fn distrusted(&self) {
        self.withdrawn.inc();
    }

    /// When the first of the certificates ends that connections are taken with, in seconds since 1970.
    pub(crate) fn certificate(&self, ends: u64) {
        self.certificate.set(i64::try_from(ends).unwrap_or(i64::MAX));
    }

    /// All of it as text (OpenMetrics 1.0).
    ///
    /// # Errors
    /// There is no memory for it.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Counts itself.
#[derive(Debug)]
pub(crate) struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}
