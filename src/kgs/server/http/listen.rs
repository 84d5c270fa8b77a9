//! Connections: TLS, limits, and the stop.
//!
//! A connection that comes when all places are taken is told so over HTTP as long as a few places for that are free, and closed
//! otherwise. HTTP/1.1 alone is spoken: a client asks for a key and goes.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use super::body::{Problem, Response};
use super::metrics::Fate;
use super::state::{Http, source};
use super::tls::Tls;
use super::who::Peer;

/// Tells everything that serves to stop.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// The two ends: send `true` to stop. Dropping the sender stops too.
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Until the stop.
    pub async fn wait(&mut self) {
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// Connections by source.
pub(super) type Sources = Arc<Mutex<HashMap<Vec<u8>, usize>>>;

/// A socket that serves HTTPS.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    tls: Tls,
}

/// A place in the count of a source, given back when the connection ends.
pub(super) struct Counted {
    sources: Sources,
    of: Vec<u8>,
}

impl Counted {
    pub(super) fn take(sources: &Sources, of: Vec<u8>, limit: usize) -> Option<Self> {
        let mut all = match sources.lock() {
            Ok(all) => all,
            Err(poisoned) => poisoned.into_inner(),
        };
        let count = all.entry(of.clone()).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Self { sources: Arc::clone(sources), of })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut all = match self.sources.lock() {
            Ok(all) => all,
            Err(poisoned) => poisoned.into_inner(),
        };
        if let Some(count) = all.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.of);
            }
        }
    }
}

/// Everything that a connection holds on to.
struct Place {
    _permit: OwnedSemaphorePermit,
    _counted: Option<Counted>,
    http: Http,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.http.metrics().open(-1);
    }
}

impl Listener {
    /// On a socket.
    pub const fn new(socket: TcpListener, tls: Tls) -> Self {
        Self { socket, tls }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until the stop, then lets requests in flight end. Returns how many connections had to be cut.
    pub async fn serve(self, http: Http, mut stop: Stop) -> usize {
        let limits = http.config.limits;
        let places = Arc::new(Semaphore::new(limits.connections));
        let overflow = Arc::new(Semaphore::new(limits.overflow));
        let sources = Sources::default();
        http.serves_with(&self.tls);
        let graceful = GracefulShutdown::new();
        let tasks = Arc::new(Semaphore::new(0));
        let mut begun: usize = 0;
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = stop.wait() => break,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(e) => {
                    // The process is out of something; asking again at once would only burn time.
                    tracing::warn!(target: "ibake::listen", error = %e, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let counted = Counted::take(&sources, source(address.ip()), limits.per_source);
            let place = if counted.is_some() { Arc::clone(&places).try_acquire_owned().ok() } else { None };
            let (permit, busy) = match place {
                Some(permit) => (permit, false),
                None => match Arc::clone(&overflow).try_acquire_owned() {
                    Ok(permit) => (permit, true),
                    Err(_) => {
                        http.metrics().connection(Fate::Closed);
                        continue;
                    }
                },
            };
            http.metrics().connection(if busy { Fate::TurnedAway } else { Fate::Accepted });
            http.metrics().open(1);
            let place = Place { _permit: permit, _counted: counted, http: http.clone() };
            // The certificate that is the current one now.
            let acceptor = TlsAcceptor::from(self.tls.config());
            let (watcher, tasks) = (graceful.watcher(), Arc::clone(&tasks));
            let mut until = stop.clone();
            begun += 1;
            tokio::spawn(async move {
                // A handshake has nothing in flight that is worth waiting for.
                let shaken = tokio::select! {
                    shaken = shake(&acceptor, stream, limits.handshake) => shaken,
                    () = until.wait() => None,
                };
                match shaken {
                    None => place.http.metrics().connection(Fate::NoHandshake),
                    Some((tls, certificate)) => {
                        let peer = Peer { address, certificate };
                        let service = service_fn(|request: Request<Incoming>| async {
                            Ok::<_, Infallible>(one(&place.http, request, &peer, busy).await)
                        });
                        let connection = http1::Builder::new()
                            .timer(TokioTimer::new())
                            .header_read_timeout(limits.header)
                            .max_buf_size(16 * 1_024)
                            .serve_connection(TokioIo::new(tls), service);
                        // How a connection ends is the client's affair.
                        let _ = watcher.watch(connection).await;
                    }
                }
                drop(place);
                tasks.add_permits(1);
            });
        }
        drop(self.socket);
        let all = async {
            graceful.shutdown().await;
            let _ = tasks.acquire_many(u32::try_from(begun).unwrap_or(u32::MAX)).await;
        };
        match tokio::time::timeout(limits.stop, all).await {
            Ok(()) => 0,
            Err(_) => usize::try_from(http.metrics().connections()).unwrap_or(0),
        }
    }
}

type Stream = tokio_rustls::server::TlsStream<TcpStream>;

async fn shake(acceptor: &TlsAcceptor, stream: TcpStream, within: Duration) -> Option<(Stream, Option<Vec<u8>>)> {
    let _ = stream.set_nodelay(true);
    let tls = tokio::time::timeout(within, acceptor.accept(stream)).await.ok()?.ok()?;
    let certificate = tls.get_ref().1.peer_certificates().and_then(|all| all.first()).map(|c| c.to_vec());
    Some((tls, certificate))
}

async fn one(http: &Http, request: Request<Incoming>, peer: &Peer, busy: bool) -> Response {
    if busy {
        let mut out = Problem::busy(2).response();
        out.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        return out;
    }
    http.answer(request, peer).await
}
