//! One connection: its handshake, the protocol that was agreed on, its requests, and its end.
//!
//! A connection ends when its client ends it, when a limit of [`Limits`] is met, after a request of nobody known over
//! HTTP/2 (whose streams are too cheap to give away), and when the server stops. Wherever it can, it ends with what
//! runs on it done, and with the client told.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{HeaderValue, Request, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, BufWriter};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::activity::{Activity, Ending};
use super::limits::Limits;
use super::patient::Patient;
use crate::pki::Pki;

/// How much is written to a socket at once: HTTP/2 brings an answer in frames of 16 KiB, each of which would otherwise be
/// a call of its own.
const WRITE_BYTES: usize = 64 * 1024;
/// What a client and the server call HTTP/2 in the handshake. Everything else is HTTP/1.1.
const HTTP2: &[u8] = b"h2";

/// In the extensions of an answer: its connection is closed after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastOfConnection;

/// In the extensions of an answer: it is a stream without an end, for which a server that stops does not wait long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endless;

/// What connections have in common.
pub(super) struct Door {
    pub(super) acceptor: TlsAcceptor,
    pub(super) router: Router,
    pub(super) pki: Option<Arc<Pki>>,
    pub(super) limits: Limits,
    /// The server is about to stop: whoever can is told to come back on another connection.
    pub(super) leaving: CancellationToken,
    pub(super) stop: CancellationToken,
    /// What has to be finished before the server may end.
    pub(super) busy: TaskTracker,
}

/// Why a connection ended before its time.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("TLS handshake: {0}")]
    Handshake(std::io::Error),
    #[error("TLS handshake timed out")]
    HandshakeTimeout,
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

impl Broken {
    pub(super) fn is_handshake(&self) -> bool {
        matches!(self, Self::Handshake(_) | Self::HandshakeTimeout)
    }
}

impl Door {
    /// Serves a client from its first byte to its last.
    pub(super) async fn open<S>(&self, stream: S, address: Option<SocketAddr>) -> Result<(), Broken>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = BufWriter::with_capacity(WRITE_BYTES, stream);
        let handshake = tokio::time::timeout(self.limits.handshake_wait, self.acceptor.accept(stream));
        let stream = handshake.await.map_err(|_| Broken::HandshakeTimeout)?.map_err(Broken::Handshake)?;
        let session = stream.get_ref().1;
        let is_http2 = session.alpn_protocol() == Some(HTTP2);
        let chain = session.peer_certificates().unwrap_or_default();
        let (peer, proxy) = self.pki.as_ref().map(|pki| pki.identify(chain)).unwrap_or_default();
        let introduce = move |request: &mut Request<Body>| {
            let extensions = request.extensions_mut();
            peer.clone().map(|peer| extensions.insert(peer));
            proxy.clone().map(|proxy| extensions.insert(proxy));
            address.map(|address| extensions.insert(address));
        };
        self.speak(stream, is_http2, introduce).await
    }

    /// Serves requests after the handshake; `introduce` says of each who sent it.
    pub(super) async fn speak<S>(
        &self,
        stream: S,
        is_http2: bool,
        introduce: impl Fn(&mut Request<Body>),
    ) -> Result<(), Broken>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Arc::new(Activity::default());
        let service = service_fn(|request: Request<Incoming>| {
            let (running, busy) = (activity.begin(), self.busy.token());
            let mut request = request.map(Body::new);
            introduce(&mut request);
            let (router, activity) = (self.router.clone(), activity.clone());
            let leaving = (!is_http2).then(|| self.leaving.clone());
            async move {
                let mut response = router.oneshot(request).await?;
                if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                    activity.upgrade();
                } else if leaving.is_some_and(|leaving| leaving.is_cancelled()) {
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                let busy = response.extensions().get::<Endless>().is_none().then_some(busy);
                if response.extensions().get::<LastOfConnection>().is_some() {
                    activity.close();
                }
                Ok::<_, Infallible>(response.map(|body| Ending { body, _running: running, _busy: busy }))
            }
        });
        let head_wait = (!is_http2).then_some(self.limits.head_wait);
        let stream = Patient::new(stream, activity.clone(), head_wait, self.limits.write_wait);
        if is_http2 {
            let connection = self.http2().serve_connection(TokioIo::new(stream), service);
            self.attend(connection, &activity, http2::Connection::graceful_shutdown).await
        } else {
            let mut builder = http1::Builder::new();
            // The stream itself is the one that loses patience.
            builder.header_read_timeout(None).max_buf_size(self.limits.head_bytes_max as usize);
            let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
            self.attend(connection, &activity, http1::UpgradeableConnection::graceful_shutdown).await
        }
    }

    fn http2(&self) -> http2::Builder<TokioExecutor> {
        let limits = &self.limits;
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(limits.ping_every)
            .keep_alive_timeout(limits.ping_wait)
            .max_concurrent_streams(limits.streams_max)
            .max_header_list_size(limits.head_bytes_max)
            .initial_stream_window_size(limits.stream_bytes_max)
            .initial_connection_window_size(limits.connection_bytes_max)
            .max_frame_size(limits.stream_bytes_max);
        builder
    }

    /// Runs a connection; once it is over, or the server stops, it is told to finish what it has begun.
    async fn attend<C>(&self, connection: C, activity: &Activity, leave: impl FnOnce(Pin<&mut C>)) -> Result<(), Broken>
    where
        C: Future<Output = hyper::Result<()>>,
    {
        let mut connection = pin!(connection);
        tokio::select! {
            outcome = connection.as_mut() => return Ok(outcome?),
            () = self.stop.cancelled() => {}
            () = activity.over(self.limits.idle_wait) => {}
        }
        leave(connection.as_mut());
        Ok(connection.await?)
    }
}
