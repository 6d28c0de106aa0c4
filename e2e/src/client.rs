//! A client with the administrator's certificate that speaks HTTP/2 and looks at as little as possible: what it costs
//! is taken from the server.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::Result;

/// The content type of what is sent and asked for where nothing else is said.
pub const JSON: &str = "application/json";
/// What Go's HTTP/2 client allows a stream, in bytes.
const WINDOW_BYTES: u32 = 4 << 20;

/// A server and how to be let in.
#[derive(Clone)]
pub struct Target {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
}

/// An encrypted connection to it.
pub type Secured = tokio_rustls::client::TlsStream<TcpStream>;

/// One connection. Clones share it.
#[derive(Clone)]
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    origin: String,
}

impl Target {
    /// Reads a kubeconfig with one cluster and one user.
    ///
    /// # Errors
    /// It is missing, incomplete or not valid.
    pub fn read(kubeconfig: &Path) -> Result<Self> {
        let config: Value = serde_yaml::from_str(&std::fs::read_to_string(kubeconfig)?)?;
        let text = |pointer: &str| {
            config.pointer(pointer).and_then(Value::as_str).ok_or_else(|| format!("the kubeconfig lacks {pointer}"))
        };
        let pem = |pointer: &str| -> Result<Vec<u8>> { Ok(STANDARD.decode(text(pointer)?)?) };
        let address = text("/clusters/0/cluster/server")?.trim_start_matches("https://").parse()?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&pem("/clusters/0/cluster/certificate-authority-data")?)?)?;
        let certificate = CertificateDer::from_pem_slice(&pem("/users/0/user/client-certificate-data")?)?;
        let key = PrivateKeyDer::from_pem_slice(&pem("/users/0/user/client-key-data")?)?;
        let mut tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![certificate], key)?;
        tls.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { address, tls: Arc::new(tls) })
    }

    /// The same cluster, reached there.
    #[must_use]
    pub fn at(&self, address: SocketAddr) -> Self {
        Self { address, tls: self.tls.clone() }
    }

    /// The same, without a protocol to agree on: HTTP/1.1.
    #[must_use]
    pub fn over_http1(&self) -> Self {
        let mut tls = ClientConfig::clone(&self.tls);
        tls.alpn_protocols.clear();
        Self { address: self.address, tls: Arc::new(tls) }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Opens a connection on which nothing has been said yet.
    ///
    /// # Errors
    /// Nothing listens there, or the two do not trust each other.
    pub async fn dial(&self) -> Result<Secured> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(TlsConnector::from(self.tls.clone()).connect(ServerName::from(self.address.ip()), stream).await?)
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// Nothing listens there, or the two do not trust each other.
    pub async fn connect(&self) -> Result<Client> {
        let stream = self.dial().await?;
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .handshake(TokioIo::new(stream))
            .await?;
        // Ends when the last sender is dropped; a broken connection shows in the requests.
        tokio::spawn(connection);
        Ok(Client { sender, origin: format!("https://{}", self.address) })
    }
}

impl Client {
    /// Gets a path, whole.
    ///
    /// # Errors
    /// Where the answer is not a success.
    pub async fn get(&mut self, path: &str) -> Result<Bytes> {
        let response = self.open(Method::GET, path, Bytes::new()).await?;
        Ok(response.into_body().collect().await?.to_bytes())
    }

    /// Posts an object, and reads the answer to its end.
    ///
    /// # Errors
    /// Where the answer is not a success.
    pub async fn post(&mut self, path: &str, body: Bytes) -> Result<()> {
        let response = self.open(Method::POST, path, body).await?;
        read(response.into_body()).await?;
        Ok(())
    }

    /// Sends a request in JSON; returns the code and the whole body, whatever they are.
    ///
    /// # Errors
    /// Where the connection broke: what was asked may or may not have happened.
    pub async fn call(&mut self, method: Method, path: &str, body: Bytes) -> Result<(StatusCode, Bytes)> {
        let response = self.request(method, path, JSON, JSON, body).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }

    /// Sends a request in JSON; returns when the answer begins.
    ///
    /// # Errors
    /// Where the answer is not a success.
    pub async fn open(&mut self, method: Method, path: &str, body: Bytes) -> Result<Response<Incoming>> {
        self.send(method, path, JSON, JSON, body).await
    }

    /// Sends a request of a content type, to be answered in another; returns when the answer begins.
    ///
    /// # Errors
    /// Where the answer is not a success.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        content_type: &str,
        accept: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>> {
        let response = self.request(method, path, content_type, accept, body).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let text = response.into_body().collect().await?.to_bytes();
        Err(format!("{path}: {status}: {}", String::from_utf8_lossy(&text)).into())
    }

    async fn request(
        &mut self,
        method: Method,
        path: &str,
        content_type: &str,
        accept: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.origin))
            .header("accept", accept)
            .header("content-type", content_type)
            .header("user-agent", "kubernel-load")
            .body(Full::new(body))?;
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }
}

/// Reads a body to its end; returns its length in bytes.
///
/// # Errors
/// The connection broke.
pub async fn read(mut body: Incoming) -> Result<usize> {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        length += frame?.data_ref().map_or(0, Bytes::len);
    }
    Ok(length)
}
