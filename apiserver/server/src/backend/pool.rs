//! Encrypted connections that are kept for the next request to the same origin.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use futures::future::BoxFuture;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use kubernel_store::Store;
use parking_lot::Mutex;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::{Address, Origin, Route, dial, service, tls};
use crate::pki::Issued;

/// How many origins are remembered; beyond that all are forgotten, and dialed again when they are wanted.
const ORIGINS_MAX: usize = 200;

/// The pool.
pub(crate) struct Connections {
    store: Arc<dyn Store>,
    front_proxy: Option<Issued>,
    clients: Mutex<HashMap<Origin, Client<Dialer, Body>>>,
}

impl Connections {
    /// An empty pool. Services are looked up in `store`; `front_proxy` is shown where an origin asks for it.
    pub(crate) fn new(store: Arc<dyn Store>, front_proxy: Option<Issued>) -> Self {
        Self { store, front_proxy, clients: Mutex::default() }
    }

    /// Sends a request, whose URI is absolute, over a kept connection or a new one. The error is Go's text.
    pub(crate) async fn send(&self, origin: &Origin, request: Request<Body>) -> Result<Response<Incoming>, String> {
        let client = self.client(origin)?;
        client.request(request).await.map_err(|error| describe(&error))
    }

    fn client(&self, origin: &Origin) -> Result<Client<Dialer, Body>, String> {
        if let Some(client) = self.clients.lock().get(origin) {
            return Ok(client.clone());
        }
        let identity = self.front_proxy.as_ref().filter(|_| origin.as_front_proxy);
        let tls = Arc::new(tls::config(&origin.trust, identity)?);
        let dialer = Dialer { store: self.store.clone(), origin: origin.clone(), tls };
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(dialer);
        let mut clients = self.clients.lock();
        if clients.len() >= ORIGINS_MAX {
            clients.clear();
        }
        clients.insert(origin.clone(), client.clone());
        Ok(client)
    }
}

/// Opens connections to one origin, whatever an URI says.
#[derive(Clone)]
struct Dialer {
    store: Arc<dyn Store>,
    origin: Origin,
    tls: Arc<ClientConfig>,
}

impl Dialer {
    async fn dial(self) -> Result<Stream, Failure> {
        let Origin { route, server_name, port, .. } = &self.origin;
        let addresses = match route {
            Route::Host(host) => vec![Address { host: host.clone(), port: *port }],
            Route::Service { namespace, name } => service::addresses(&*self.store, namespace, name, *port)
                .await
                .map_err(|error| Failure(error.message().to_owned()))?,
        };
        let mut failure = Failure(String::new());
        for address in addresses {
            match dial::connect(&address).await {
                Ok(stream) => {
                    let stream = dial::encrypt(stream, self.tls, server_name).await.map_err(Failure)?;
                    return Ok(Stream(TokioIo::new(stream)));
                }
                Err(text) => failure = Failure(text),
            }
        }
        Err(failure)
    }
}

impl tower::Service<Uri> for Dialer {
    type Response = Stream;
    type Error = Failure;
    type Future = BoxFuture<'static, Result<Stream, Failure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().dial())
    }
}

/// Why there is no connection, in Go's words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failure(String);

/// What went wrong with a request, in Go's words.
fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = Some(error);
    while let Some(found) = cause {
        if let Some(failure) = found.downcast_ref::<Failure>() {
            return failure.0.clone();
        }
        if let Some(error) = found.downcast_ref::<hyper::Error>() {
            if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
                return "EOF".to_owned();
            }
            if error.is_parse() {
                return format!("net/http: HTTP/1.x transport connection broken: {error}");
            }
        }
        if cause.and_then(std::error::Error::source).is_none() {
            return found.to_string();
        }
        cause = found.source();
    }
    error.to_string()
}

/// An encrypted connection as hyper wants it.
struct Stream(TokioIo<TlsStream<TcpStream>>);

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
