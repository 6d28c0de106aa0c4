//! HTTP GET and TCP connects for probes and hooks: one request per connection, certificates not checked, as upstream.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, HOST, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use serde_json::Value;
use tokio::net::TcpStream;

/// The most of an answer's body that is read.
const BODY_BYTES_MAX: usize = 10 << 10;
/// Redirects that are followed, on the same host.
const REDIRECTS_MAX: usize = 10;

/// A request to a container.
#[derive(Clone, Debug)]
pub(crate) struct Get {
    tls: bool,
    address: String,
    path: String,
    headers: Vec<(String, String)>,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Get {
    /// Reads an `httpGet` action.
    pub(crate) fn new(action: &Value, container: &Value, ips: &[String]) -> Result<Self, String> {
        let path = action["path"].as_str().unwrap_or("/");
        let headers = action["httpHeaders"].as_array().into_iter().flatten().map(|header| {
            let text = |field: &str| header[field].as_str().unwrap_or_default().to_owned();
            (text("name"), text("value"))
        });
        Ok(Self {
            tls: action["scheme"].as_str().is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")),
            address: address(action, container, ips)?,
            path: if path.starts_with('/') { path.to_owned() } else { format!("/{path}") },
            headers: headers.collect(),
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}{}", if self.tls { "https" } else { "http" }, self.address, self.path)
    }
}

/// `host:port` of an action: the Pod's address unless it names a host; the port by number or name.
pub(crate) fn address(action: &Value, container: &Value, ips: &[String]) -> Result<String, String> {
    let host = action["host"].as_str().filter(|host| !host.is_empty()).or(ips.first().map(String::as_str));
    let host = host.ok_or("the pod has no address")?;
    let port = match &action["port"] {
        Value::Number(number) => number.as_u64(),
        Value::String(name) => match name.parse() {
            Ok(number) => Some(number),
            Err(_) => {
                let ports = container["ports"].as_array().into_iter().flatten();
                ports.filter(|port| port["name"] == name.as_str()).find_map(|port| port["containerPort"].as_u64())
            }
        },
        _ => None,
    };
    let port = port.filter(|port| (1..=65535).contains(port));
    let port = port.ok_or_else(|| format!("couldn't find port: {}", action["port"]))?;
    Ok(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
}

/// Opens a connection; the text reads as upstream's.
pub(crate) async fn dial(address: &str, limit: Duration) -> Result<TcpStream, String> {
    match tokio::time::timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            Err(format!("dial tcp {address}: connect: connection refused"))
        }
        Ok(Err(error)) => Err(format!("dial tcp {address}: {error}")),
        Err(_) => Err(format!("dial tcp {address}: i/o timeout")),
    }
}

/// Makes the request and follows redirects to the same host. Time limits are the caller's.
pub(crate) async fn get(get: &Get) -> Result<Answer, String> {
    let mut get = get.clone();
    for _ in 0..REDIRECTS_MAX {
        let (answer, location) = once(&get).await.map_err(|error| format!("Get \"{}\": {error}", get.url()))?;
        let Some(location) = location.filter(|_| (301..=308).contains(&answer.status) && answer.status != 304) else {
            return Ok(answer);
        };
        let Some(next) = redirect(&get, &location) else {
            // A redirect elsewhere is an answer, too: the server is alive.
            return Ok(answer);
        };
        get = next;
    }
    Err(format!("Get \"{}\": stopped after {REDIRECTS_MAX} redirects", get.url()))
}

fn redirect(from: &Get, location: &str) -> Option<Get> {
    let mut next = from.clone();
    if location.starts_with('/') && !location.starts_with("//") {
        next.path = location.to_owned();
        return Some(next);
    }
    let uri: http::Uri = location.parse().ok()?;
    let authority = uri.authority()?;
    let host = from.address.rsplit_once(':')?.0;
    if authority.host() != host {
        return None;
    }
    next.tls = uri.scheme_str() == Some("https");
    let port = authority.port_u16().unwrap_or(if next.tls { 443 } else { 80 });
    next.address = format!("{host}:{port}");
    next.path = uri.path_and_query().map_or_else(|| "/".into(), ToString::to_string);
    Some(next)
}

async fn once(get: &Get) -> Result<(Answer, Option<String>), String> {
    let stream = TcpStream::connect(&get.address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::ConnectionRefused => {
            format!("dial tcp {}: connect: connection refused", get.address)
        }
        _ => format!("dial tcp {}: {error}", get.address),
    })?;
    if get.tls {
        let name = get.address.rsplit_once(':').map_or(get.address.as_str(), |(host, _)| host);
        let name = ServerName::try_from(name.to_owned()).map_err(|error| error.to_string())?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(tls_config()?));
        let stream = connector.connect(name, stream).await.map_err(|error| error.to_string())?;
        talk(get, TokioIo::new(stream)).await
    } else {
        talk(get, TokioIo::new(stream)).await
    }
}

async fn talk<S>(get: &Get, stream: S) -> Result<(Answer, Option<String>), String>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(stream).await.map_err(|error| error.to_string())?;
    let driver = tokio::spawn(connection);
    let mut request = http::Request::builder().uri(&get.path);
    let given = |name: HeaderName| get.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name.as_str()));
    if !given(HOST) {
        request = request.header(HOST, &get.address);
    }
    if !given(USER_AGENT) {
        request = request.header(USER_AGENT, "kube-probe/1.36");
    }
    if !given(ACCEPT) {
        request = request.header(ACCEPT, "*/*");
    }
    for (name, value) in &get.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            request = request.header(name, value);
        }
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| error.to_string())?;
    let outcome = async {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let location = response.headers().get(LOCATION).and_then(|value| Some(value.to_str().ok()?.to_owned()));
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
        let body = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned()).unwrap_or_default();
        Ok((Answer { status, body }, location))
    }
    .await;
    driver.abort();
    outcome
}

fn tls_config() -> Result<rustls::ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(AnyCertificate(provider.clone()));
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Probes ask whether something answers, not who it is.
#[derive(Debug)]
struct AnyCertificate(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
