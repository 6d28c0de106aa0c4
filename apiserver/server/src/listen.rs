//! The only port: TLS, HTTP/1.1 (with upgrades) and HTTP/2.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::BufWriter;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::ApiServer;

/// How many connections there may be at once.
const CONNECTIONS_MAX: usize = 65_536;
/// How long a client may take for the handshake.
const HANDSHAKE_WAIT: Duration = Duration::from_secs(10);
/// How long a client may take for a request's head; also how long an idle HTTP/1.1 connection is kept.
const HEADERS_WAIT: Duration = Duration::from_secs(90);
/// How much is written to a socket at once: HTTP/2 brings an answer in frames of 16 KiB, each of which would otherwise be
/// a call of its own.
const WRITE_BYTES: usize = 64 * 1024;
/// How large the head of an HTTP/2 request may be, as in Go's server: long selectors are in its path.
const HEADERS_BYTES_MAX: u32 = 1 << 20;
/// How often a quiet HTTP/2 connection is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(30);
/// How long running requests may take once the server stops.
const DRAIN_WAIT: Duration = Duration::from_secs(5);
/// Streams per HTTP/2 connection: informers of one client share one.
const STREAMS_MAX: u32 = 1000;

/// Serves connections until `stop` is cancelled; then ends watches, lets running requests finish for a while, and
/// returns.
pub async fn serve(server: ApiServer, listener: TcpListener, tls: Arc<rustls::ServerConfig>, stop: CancellationToken) {
    let acceptor = TlsAcceptor::from(tls);
    let router = server.router();
    let graceful = Arc::new(parking_lot::Mutex::new(Some(GracefulShutdown::new())));
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (server, acceptor, router, graceful) = (server.clone(), acceptor.clone(), router.clone(), graceful.clone());
        tokio::spawn(async move {
            connection(&server, stream, acceptor, router, &graceful).await;
            drop(place);
        });
    }
    server.shut_down();
    let graceful = graceful.lock().take();
    if let Some(graceful) = graceful
        && tokio::time::timeout(DRAIN_WAIT, graceful.shutdown()).await.is_err()
    {
        tracing::info!("requests were still running when the server stopped");
    }
}

async fn connection(
    server: &ApiServer,
    stream: TcpStream,
    acceptor: TlsAcceptor,
    router: Router,
    graceful: &parking_lot::Mutex<Option<GracefulShutdown>>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let address = stream.peer_addr().ok();
    let stream = BufWriter::with_capacity(WRITE_BYTES, stream);
    let stream = match tokio::time::timeout(HANDSHAKE_WAIT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            server.metrics().tls_handshake_errors.inc();
            return tracing::debug!(%error, "TLS handshake failed");
        }
        Err(_) => {
            server.metrics().tls_handshake_errors.inc();
            return tracing::debug!("TLS handshake timed out");
        }
    };
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let pki = server.config().pki.as_ref();
    let (peer, proxy) = pki.map(|pki| pki.identify(chain)).unwrap_or_default();
    let service = router.map_request(move |mut request: http::Request<hyper::body::Incoming>| {
        if let Some(peer) = &peer {
            request.extensions_mut().insert(peer.clone());
        }
        if let Some(proxy) = &proxy {
            request.extensions_mut().insert(proxy.clone());
        }
        if let Some(address) = address {
            request.extensions_mut().insert(address);
        }
        request.map(axum::body::Body::new)
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS_WAIT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADERS_BYTES_MAX);
    let connection =
        builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service)).into_owned();
    let watched = graceful.lock().as_ref().map(|graceful| graceful.watcher());
    let Some(watcher) = watched else { return };
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "connection ended");
    }
}
