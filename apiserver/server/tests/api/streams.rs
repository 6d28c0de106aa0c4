//! Connections through the server to a kubelet: over real sockets, encrypted on both sides.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use futures::StreamExt as _;
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kubernel_server::pki::{Identity, Pki, ServingNames, Usage, server_config};
use kubernel_server::{ApiServer, Config, User};
use kubernel_store::Embedded;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// A cluster with one node, whose kubelet is ours, and one Pod on it.
struct Cluster {
    server: ApiServer,
    pki: Arc<Pki>,
    address: SocketAddr,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Cluster {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let service_cidr = "10.96.0.0/24".parse().unwrap();
        let names = ServingNames { hosts: Vec::new(), addresses: vec![Ipv4Addr::LOCALHOST.into()], service_cidr };
        let pki = Arc::new(Pki::open(folder.path(), &names).unwrap());
        let kubelet = kubelet(&pki).await;
        let config = Config {
            store: Embedded::ephemeral(),
            service_cidr,
            node_ports: 30000..=30100,
            live: None,
            requests_max: 600,
            advertise: None,
            roster: None,
            pki: Some(pki.clone()),
        };
        let server = ApiServer::new(config);
        server.start().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tls = Arc::new(pki.server_config().unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(kubernel_server::serve(server.clone(), listener, tls, stop.clone()));
        let cluster = Self { server, pki, address, stop, _folder: folder };
        cluster.fill(kubelet.port()).await;
        cluster
    }

    async fn fill(&self, kubelet_port: u16) {
        self.write("POST", "/api/v1/nodes", json!({"metadata": {"name": "n"}})).await;
        let status = json!({"status": {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet_port}},
        }});
        self.write("PATCH", "/api/v1/nodes/n/status", status).await;
        self.write("POST", "/api/v1/namespaces", json!({"metadata": {"name": "t"}})).await;
        self.write("POST", "/api/v1/namespaces/t/serviceaccounts", json!({"metadata": {"name": "default"}})).await;
        let spec = json!({"nodeName": "n", "containers": [{"name": "c", "image": "i"}]});
        self.write("POST", "/api/v1/namespaces/t/pods", json!({"metadata": {"name": "p"}, "spec": spec})).await;
    }

    async fn write(&self, method: &str, path: &str, body: Value) {
        let content_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let request = Request::builder().method(method).uri(path).header("content-type", content_type);
        let service = self.server.service(User::new("tester", &["system:masters"]));
        let response = service.oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
        assert!(response.status().is_success(), "{method} {path}: {:?}", read(response).await);
    }

    /// A connection to the server as an administrator, or as nobody.
    async fn connect(&self, known: bool) -> SendRequest<Body> {
        let mut roots = RootCertStore::empty();
        roots.add(self.pki.authority().certificate_der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = if known {
            let issued = self.pki.authority().issue(&Identity::admin(), Usage::Client).unwrap();
            let chain = vec![issued.certificate_der().unwrap()];
            builder.with_client_auth_cert(chain, issued.key_der().unwrap()).unwrap()
        } else {
            builder.with_no_client_auth()
        };
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = rustls_pki_types::ServerName::try_from("127.0.0.1").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection.with_upgrades());
        sender
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A kubelet that upgrades to an echo, and answers anything else with the path and query it was asked for.
async fn kubelet(pki: &Pki) -> SocketAddr {
    let serving = pki.node_serving("n", &[Ipv4Addr::LOCALHOST.into()]).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(server_config(&serving, pki.authority()).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                assert!(stream.get_ref().1.peer_certificates().is_some(), "the server shows who it is");
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service_fn(answer))
                    .with_upgrades();
                drop(connection.await);
            });
        }
    });
    address
}

async fn answer(mut request: Request<hyper::body::Incoming>) -> Result<Response<Body>, std::convert::Infallible> {
    let asked = request.uri().to_string();
    if !request.headers().contains_key(header::UPGRADE) {
        let mut response = Response::new(Body::from(asked));
        if request.uri().path().ends_with("/page") {
            *response.body_mut() = Body::from("<a href=\"/metrics\">m</a><a href=\"logs\">l</a>");
            response.headers_mut().insert(header::CONTENT_TYPE, "text/html; charset=utf-8".parse().unwrap());
            response.headers_mut().insert("access-control-allow-origin", "*".parse().unwrap());
        }
        if request.uri().path().ends_with("/moved") {
            *response.status_mut() = StatusCode::FOUND;
            response.headers_mut().insert(header::LOCATION, "/logs/".parse().unwrap());
        }
        if request.uri().path().ends_with("/said") {
            let mut said: Vec<String> =
                request.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
            said.sort_unstable();
            *response.body_mut() = Body::from(said.join("\n"));
        }
        if request.uri().path().ends_with("/missing") {
            *response.status_mut() = StatusCode::NOT_FOUND;
        }
        return Ok(response);
    }
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut stream = TokioIo::new(upgrade.await.unwrap());
        stream.write_all(format!("{asked}\n").as_bytes()).await.unwrap();
        let mut heard = vec![0; 1024];
        while let Ok(count @ 1..) = stream.read(&mut heard).await {
            stream.write_all(&heard[..count]).await.unwrap();
        }
    });
    let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    Ok(response.header("connection", "Upgrade").header("upgrade", "SPDY/3.1").body(Body::empty()).unwrap())
}

async fn read<B>(response: Response<B>) -> (u16, String)
where
    B: http_body::Body,
    B::Error: std::fmt::Debug,
{
    let code = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (code, String::from_utf8_lossy(&bytes).into_owned())
}

#[tokio::test]
async fn an_upgraded_connection_is_copied_both_ways() {
    let cluster = Cluster::new().await;
    let mut sender = cluster.connect(true).await;
    let request = Request::post("/api/v1/namespaces/t/pods/p/exec?command=sh&command=a%20b&stdin=true&stdout=true")
        .header("host", "kubernel")
        .header("connection", "Upgrade")
        .header("upgrade", "SPDY/3.1")
        .body(Body::empty())
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(response.headers()["upgrade"], "SPDY/3.1");
    let mut stream = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    let expect = "/exec/t/p/c?input=1&output=1&command=sh&command=a%20b\nhello";
    stream.write_all(b"hello").await.unwrap();
    let mut heard = vec![0; expect.len()];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&heard), expect);
}

#[tokio::test]
async fn logs_and_node_paths_come_from_the_kubelet() {
    let cluster = Cluster::new().await;
    for (path, code, expect) in [
        (
            "/api/v1/namespaces/t/pods/p/log?tailLines=3&follow=true",
            200,
            "/containerLogs/t/p/c?follow=true&tailLines=3",
        ),
        ("/api/v1/namespaces/t/pods/p/log?container=x", 400, "container x is not valid for pod p"),
        ("/api/v1/namespaces/t/pods/p/log?tailLines=-1", 422, "must be greater than or equal to 0"),
        ("/api/v1/nodes/n/proxy/stats/summary?only=cpu", 200, "/stats/summary?only=cpu"),
        ("/api/v1/nodes/n/proxy/missing", 404, "/missing"),
        ("/api/v1/nodes/n/proxy", 301, ""),
        ("/api/v1/namespaces/t/pods/p/exec?command=sh", 400, "Upgrade request required"),
    ] {
        let mut sender = cluster.connect(true).await;
        let request = Request::get(path).header("host", "kubernel").body(Body::empty()).unwrap();
        let (found, text) = read(sender.send_request(request).await.unwrap()).await;
        assert_eq!(found, code, "{path}: {text}");
        assert!(text.contains(expect), "{path}: {text}");
    }
}

#[tokio::test]
async fn pages_and_redirects_lead_through_the_server() {
    let cluster = Cluster::new().await;
    let send = async |path: &str| {
        let mut sender = cluster.connect(true).await;
        let request = Request::get(path)
            .header("host", "kubernel")
            .header("authorization", "Bearer none")
            .header("x-remote-user", "root")
            .header("accept", "*/*")
            .body(Body::empty())
            .unwrap();
        sender.send_request(request).await.unwrap()
    };
    let response = send("/api/v1/nodes/n/proxy/page").await;
    assert!(!response.headers().contains_key("access-control-allow-origin"));
    let (_, page) = read(response).await;
    assert_eq!(page, "<a href=\"/api/v1/nodes/n/proxy/metrics\">m</a><a href=\"logs\">l</a>");
    let response = send("/api/v1/nodes/n/proxy/moved").await;
    assert_eq!(
        (response.status(), &response.headers()["location"]),
        (StatusCode::FOUND, &"/api/v1/nodes/n/proxy/logs/".parse().unwrap())
    );
    let (_, said) = read(send("/api/v1/nodes/n/proxy/said").await).await;
    let wanted = "accept: */*\nhost: kubernel\nx-forwarded-for: 127.0.0.1\nx-forwarded-uri: /api/v1/nodes/n/proxy/said";
    assert_eq!(said, wanted);
}

#[tokio::test]
async fn what_cannot_be_reached() {
    let cluster = Cluster::new().await;
    let status = json!({"status": {"podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}]}});
    cluster.write("PATCH", "/api/v1/namespaces/t/pods/p/status", status).await;
    let service = json!({"metadata": {"name": "s"}, "spec": {"ports": [{"name": "web", "port": 80}]}});
    cluster.write("POST", "/api/v1/namespaces/t/services", service).await;
    // Anybody may write what looks like an endpoint; only Pods are one.
    let subsets = json!([{"addresses": [{"ip": "10.0.0.9"}], "ports": [{"name": "web", "port": 80}]}]);
    let endpoints = json!({"metadata": {"name": "s"}, "subsets": subsets});
    cluster.write("POST", "/api/v1/namespaces/t/endpoints", endpoints).await;
    cluster.write("POST", "/api/v1/nodes", json!({"metadata": {"name": "lost"}})).await;
    for (path, code, message) in [
        ("/api/v1/namespaces/t/pods/p/proxy/", 400, "address not allowed"),
        ("/api/v1/namespaces/t/pods/ftp:p:21/proxy/", 400, "invalid pod request \"ftp:p:21\""),
        ("/api/v1/namespaces/t/pods/none/proxy/", 404, "pods \"none\" not found"),
        ("/api/v1/nodes/n:81/proxy/", 400, "address not allowed"),
        ("/api/v1/nodes/lost/proxy/", 500, "no preferred addresses found; known addresses: []"),
        ("/api/v1/namespaces/t/services/s:web/proxy/", 503, "no endpoints available for service \"s:web\""),
        ("/api/v1/namespaces/t/services/s:81/proxy/", 503, "no service port 81 found for service \"s\""),
        ("/api/v1/namespaces/t/services/none/proxy/", 404, "endpoints \"none\" not found"),
        ("/api/v1/namespaces/t/services/none:80/proxy/", 404, "services \"none\" not found"),
        ("/api/v1/namespaces/t/pods/p/log?stream=Stdout", 422, "stream: Forbidden: may not be specified"),
    ] {
        let mut sender = cluster.connect(true).await;
        let request = Request::get(path).header("host", "kubernel").body(Body::empty()).unwrap();
        let (found, text) = read(sender.send_request(request).await.unwrap()).await;
        let status: Value = serde_json::from_str(&text).unwrap_or_default();
        let said = status["message"].as_str().unwrap_or(&text);
        assert!(found == code && said.ends_with(message), "{path}: {found} {text}");
    }
}

#[tokio::test]
async fn nobody_known_may_do_nothing() {
    let cluster = Cluster::new().await;
    for (path, code) in [("/livez", 200), ("/api/v1/pods", 403), ("/api/v1/namespaces/t/pods/p/exec", 403)] {
        let mut sender = cluster.connect(false).await;
        let request = Request::get(path).header("host", "kubernel").body(Body::empty()).unwrap();
        let (found, text) = read(sender.send_request(request).await.unwrap()).await;
        assert_eq!(found, code, "{path}: {text}");
    }
}

#[tokio::test]
async fn a_watch_may_be_a_websocket() {
    let cluster = Cluster::new().await;
    let mut sender = cluster.connect(true).await;
    let request = Request::get("/api/v1/nodes?watch=true")
        .header("host", "kubernel")
        .header("connection", "keep-alive, Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-protocol", "base64.binary.k8s.io")
        .body(Body::empty())
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(response.headers()["sec-websocket-protocol"], "base64.binary.k8s.io");
    // The answer to the key of RFC 6455, section 1.3.
    assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    let connection = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    let role = tokio_tungstenite::tungstenite::protocol::Role::Client;
    let mut socket = tokio_tungstenite::WebSocketStream::from_raw_socket(connection, role, None).await;
    let message = socket.next().await.unwrap().unwrap().into_text().unwrap();
    let event: Value = serde_json::from_str(&message).unwrap();
    assert_eq!((&event["type"], &event["object"]["metadata"]["name"]), (&json!("ADDED"), &json!("n")));
}
