//! One connection: TCP, and TLS over it.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Address, tls};

/// How long a connection may take to be opened.
const DIAL_WAIT: Duration = Duration::from_secs(10);
/// How long a TLS handshake may take.
const HANDSHAKE_WAIT: Duration = Duration::from_secs(10);

/// Opens a connection. The error is Go's text.
pub(crate) async fn connect(address: &Address) -> Result<TcpStream, String> {
    let dial = TcpStream::connect((address.host.as_str(), address.port));
    let stream = match tokio::time::timeout(DIAL_WAIT, dial).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(refusal(address, &error)),
        Err(_) => return Err(format!("dial tcp {address}: i/o timeout")),
    };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    Ok(stream)
}

/// Encrypts a connection to whoever proves to be `server_name`. The error is Go's text.
pub(crate) async fn encrypt(
    stream: TcpStream,
    config: Arc<ClientConfig>,
    server_name: &str,
) -> Result<TlsStream<TcpStream>, String> {
    let name = ServerName::try_from(server_name.to_owned()).map_err(|error| error.to_string())?;
    let handshake = TlsConnector::from(config).connect(name, stream);
    match tokio::time::timeout(HANDSHAKE_WAIT, handshake).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(tls::refusal(&error)),
        Err(_) => Err("net/http: TLS handshake timeout".to_owned()),
    }
}

fn refusal(address: &Address, error: &std::io::Error) -> String {
    let why = match error.kind() {
        ErrorKind::ConnectionRefused => "connect: connection refused",
        ErrorKind::HostUnreachable => "connect: no route to host",
        ErrorKind::NetworkUnreachable => "connect: network is unreachable",
        ErrorKind::ConnectionReset => "connect: connection reset by peer",
        ErrorKind::TimedOut => "connect: connection timed out",
        _ if address.host.parse::<std::net::IpAddr>().is_err() && error.raw_os_error().is_none() => {
            return format!("dial tcp: lookup {}: no such host", address.host);
        }
        _ => return format!("dial tcp {address}: {error}"),
    };
    format!("dial tcp {address}: {why}")
}
