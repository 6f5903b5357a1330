//! The service's life: start, accept, reload, stop.

mod looking;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::middleware::map_request;
use axum::response::Response;
use http::{HeaderValue, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use stampwright::{Error, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::app::App;
use crate::config::Config;
use crate::connection::{Connection, Queue};
use crate::http::{self as interface, CallerId, Type};
use crate::tls::{self, Identity};
use crate::{edge, enrollment, logging, notify, page, start};
use looking::Looking;

/// What hyper keeps of one connection in memory, head of a request included. Its default is several times that.
const BUFFER_BYTES: usize = 64 << 10;
/// How often the ledger forgets what is over.
const SWEEP: Duration = Duration::from_secs(600);

/// How the service is started.
pub struct Start {
    /// The configuration.
    pub config: Config,
    /// Reads the configuration again, for a signal to reload.
    pub read_again: Box<dyn Fn() -> Result<Config> + Send>,
}

/// Serves until a signal ends it. `listening` hears the address when connections are taken.
///
/// # Errors
/// It cannot start.
pub fn run(start: Start, listening: impl FnOnce(&str) -> Result<()>) -> Result<()> {
    logging::start();
    start.config.check()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(start.config.worker_threads)
        .enable_all()
        .build()
        .map_err(|error| Error::machine(format!("the threads cannot be started: {error}")))?;
    let served = runtime.block_on(async { serve(start, notify::inherited()?, listening).await });
    // Threads that still hash or sign are not waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    served
}

/// `inherited` is a socket that the service manager has opened.
async fn serve(start: Start, inherited: Option<StdListener>, listening: impl FnOnce(&str) -> Result<()>) -> Result<()> {
    let Start { config, read_again } = start;
    let (listener, address) = listener(&config, inherited)?;
    let tls = config.tls.as_ref().map(tls::identity).transpose()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let (drain, connections) = (config.drain, config.limits.connections);
    let (bases, s3) = (config.bases.clone(), config.store.s3.clone());
    let (app, _data) = start::app(config, &format!("{scheme}://{address}")).await?;
    let tls = tls.map(|identity| presented(&app, identity));
    let folder = match bases {
        Some(folder) => Some(Looking::at_folder(&app, folder).await?),
        None => None,
    };
    let bucket = s3.map(|s3| Looking::at_bucket(&app, s3)).transpose()?;

    let (stop, stopped) = watch::channel(false);
    let (alive, mut all_gone) = mpsc::channel::<Infallible>(1);
    let server = Server {
        router: routes(&app)?,
        app: app.clone(),
        tls: Arc::new(RwLock::new(tls)),
        free: Arc::new(Semaphore::new(connections)),
        stopped: stopped.clone(),
        alive,
    };
    let tls = server.tls.clone();
    let accepting = tokio::spawn(server.accept(listener));
    for looking in [folder, bucket].into_iter().flatten() {
        tokio::spawn(looking.keep(app.clone(), stopped.clone()));
    }
    tokio::spawn(keep_sweeping(app.clone(), stopped));
    listening(&format!("{scheme}://{address}"))?;
    notify::tell("READY=1");

    wait_for_stop(&app, address, &*read_again, &tls).await?;
    notify::tell("STOPPING=1");
    app.stop();
    tracing::info!(drain, "stopping: downloads that run may end");
    let _ = stop.send(true);
    // The listener closes, and with it its end of `alive`.
    let _ = accepting.await;
    if tokio::time::timeout(Duration::from_secs(drain), all_gone.recv()).await.is_err() {
        tracing::warn!("downloads were ended, because they took longer than they may");
    }
    // The ends of downloads are on their way to the ledger; what is written after them is written last.
    if let Err(error) = app.ledger.sweep(edge::now()).await {
        tracing::error!(error = %error, "the ledger was not swept");
    }
    Ok(())
}

/// Where connections come in, and under which address. A socket that was inherited is checked like one of its own: an open one without TLS must
/// have been asked for.
fn listener(config: &Config, inherited: Option<StdListener>) -> Result<(TcpListener, SocketAddr)> {
    let not_open = |error| Error::machine(format!("listen on {}: {error}", config.listen));
    let listener = inherited.map_or_else(|| StdListener::bind(config.listen), Ok).map_err(not_open)?;
    listener.set_nonblocking(true).map_err(not_open)?;
    let address = listener.local_addr().map_err(not_open)?;
    config.check_address(address)?;
    Ok((TcpListener::from_std(listener).map_err(not_open)?, address))
}

/// Every path: the interface, the page, and the façade and the enrollment server if they are to be there.
fn routes(app: &Arc<App>) -> Result<Router> {
    let server = start::enrollment(app)?;
    let router = interface::router(app.clone()).merge(page::routes(app.clone(), server.clone()));
    let router = match start::facade(app)? {
        Some(facade) => router.merge(interface::facade::routes(facade)),
        None => router,
    };
    Ok(match server {
        Some(state) => router.merge(enrollment::routes(state).layer(map_request(interface::in_time))),
        None => router,
    })
}

/// Waits for a signal to stop; reloads at one to reload.
async fn wait_for_stop(
    app: &App,
    address: SocketAddr,
    read_again: &(dyn Fn() -> Result<Config> + Send),
    tls: &RwLock<Option<Arc<ServerConfig>>>,
) -> Result<()> {
    let on = |kind| signal(kind).map_err(|error| Error::machine(format!("signals cannot be heard: {error}")));
    let (mut terminate, mut interrupt, mut hangup) =
        (on(SignalKind::terminate())?, on(SignalKind::interrupt())?, on(SignalKind::hangup())?);
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hangup.recv() => {
                notify::tell("RELOADING=1");
                match reload(app, address, read_again, tls) {
                    Ok(()) => tracing::info!("the configuration was read again"),
                    Err(error) => tracing::error!(error = %error, "the configuration stays what it was"),
                }
                notify::tell("READY=1");
            }
        }
    }
}

/// Everything is read and checked before anything is exchanged.
fn reload(
    app: &App,
    address: SocketAddr,
    read_again: &(dyn Fn() -> Result<Config> + Send),
    tls: &RwLock<Option<Arc<ServerConfig>>>,
) -> Result<()> {
    let config = read_again()?;
    config.check()?;
    config.check_address(address)?;
    let new = config.tls.as_ref().map(tls::identity).transpose()?;
    let mut current = tls.write().unwrap_or_else(PoisonError::into_inner);
    if current.is_some() != new.is_some() {
        return Err(Error::usage("whether there is TLS changes with a restart only"));
    }
    *current = new.map(|identity| presented(app, identity));
    app.reload(config);
    Ok(())
}

/// From now on connections are taken with it.
fn presented(app: &App, identity: Identity) -> Arc<ServerConfig> {
    identity.warn(edge::now());
    app.metrics.certificate(identity.ends);
    identity.config
}

/// What every connection needs.
#[derive(Clone)]
struct Server {
    app: Arc<App>,
    router: Router,
    tls: Arc<RwLock<Option<Arc<ServerConfig>>>>,
    free: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
    /// Held by every connection: when all are gone, the other end hears it.
    alive: mpsc::Sender<Infallible>,
}

impl Server {
    async fn accept(mut self, listener: TcpListener) {
        loop {
            // Beyond the limit connections wait in the system's queue.
            let permit = tokio::select! {
                Ok(permit) = self.free.clone().acquire_owned() => permit,
                () = until_stopped(&mut self.stopped) => return,
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = until_stopped(&mut self.stopped) => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let server = self.clone();
                    tokio::spawn(async move {
                        let _permit = permit;
                        let _open = server.app.metrics.connection();
                        server.connection(stream, peer).await;
                    });
                }
                Err(error) => {
                    // No more descriptors, most often: it passes when others close.
                    tracing::warn!(error = %error, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn connection(self, stream: TcpStream, peer: SocketAddr) {
        let patience = Duration::from_secs(self.app.config().limits.idle_timeout);
        let _ = stream.set_nodelay(true);
        let queue = Queue::default();
        let tls = self.tls.read().unwrap_or_else(PoisonError::into_inner).clone();
        match tls {
            None => {
                let io = Connection::new(stream, queue.clone(), patience);
                self.serve(io, Some(queue), peer).await;
            }
            Some(config) => {
                // This queue is never handed to a body: what goes through TLS has to pass through this process.
                let handshake = TlsAcceptor::from(config).accept(Connection::new(stream, queue, patience));
                let head_timeout = Duration::from_secs(self.app.config().limits.head_timeout);
                let mut stopped = self.stopped.clone();
                let shaken = tokio::select! {
                    shaken = tokio::time::timeout(head_timeout, handshake) => shaken,
                    // Nothing was asked for yet.
                    () = until_stopped(&mut stopped) => return,
                };
                if let Ok(Ok(io)) = shaken {
                    self.serve(io, None, peer).await;
                }
            }
        }
    }

    async fn serve<I: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        self,
        io: I,
        queue: Option<Queue>,
        peer: SocketAddr,
    ) {
        let (router, app) = (self.router.clone(), self.app.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            if let Some(queue) = &queue {
                request.extensions_mut().insert(queue.clone());
            }
            let (router, app) = (router.clone(), app.clone());
            async move { Ok::<_, Infallible>(answer(&app, router, request, peer).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(self.app.config().limits.head_timeout))
            .max_buf_size(BUFFER_BYTES)
            .serve_connection(TokioIo::new(io), service);
        let mut connection = std::pin::pin!(connection);
        let mut stopped = self.stopped.clone();
        tokio::select! {
            _ = connection.as_mut() => {}
            () = until_stopped(&mut stopped) => {
                connection.as_mut().graceful_shutdown();
                // What happens to it is the client's business; a download tells its own end.
                let _ = connection.await;
            }
        }
        drop(self.alive);
    }
}

/// What it borrows from the channel is given back before anything else is waited for.
async fn until_stopped(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await.is_ok();
}

/// One request: its id, its answer, its line in the log.
async fn answer(app: &App, router: Router, mut request: Request<Incoming>, peer: SocketAddr) -> Response {
    let begin = Instant::now();
    let id = edge::random::<8>().map(u64::from_be_bytes).unwrap_or_default();
    let (method, route) = (request.method().clone(), interface::pattern(request.uri().path()));
    let caller = CallerId::default();
    request.extensions_mut().insert(caller.clone());
    let mut response = match router.oneshot(request.map(Body::new)).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let id = format!("{id:016x}");
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", id);
    }
    let status = response.status();
    app.metrics.request(route, &method, status);
    let key = caller.0.get().map_or("", String::as_str);
    let problem = response.extensions().get::<Type>().map_or("", |kind| kind.row().0);
    let took_us = u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX);
    // A health check every second is of no interest to anybody.
    if !matches!(route, "/livez" | "/readyz" | "/metrics") {
        tracing::info!(request = id, route, method = %method, status = status.as_u16(), problem, key, peer = %peer.ip(), took_us, "answered");
    }
    response
}

async fn keep_sweeping(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(SWEEP) => {}
            _ = stopped.changed() => return,
        }
        if let Err(error) = app.ledger.sweep(edge::now()).await {
            tracing::error!(error = %error, "the ledger was not swept");
        }
    }
}
