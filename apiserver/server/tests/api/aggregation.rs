//! Groups that other servers serve: an extension server over TLS that believes this server's certificate alone, and one of
//! our own servers behind another.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kubernel_server::pki::{Identity, Pki, RequestHeaders, ServingNames, Usage};
use kubernel_server::{ApiServer, Config, User};
use kubernel_store::Embedded;
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

const API_SERVICES: &str = "/apis/apiregistration.k8s.io/v1/apiservices";
const THINGS: &str = "/apis/ext.example.com/v1/namespaces/t/things";

/// A server over a store in memory, with a port.
struct Cluster {
    server: ApiServer,
    pki: Arc<Pki>,
    address: SocketAddr,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Cluster {
    async fn new(host: &str, believed: Option<RequestHeaders>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let service_cidr = "10.96.0.0/24".parse().unwrap();
        let addresses = vec![Ipv4Addr::LOCALHOST.into()];
        let names = ServingNames { hosts: vec![host.to_owned()], addresses, service_cidr };
        let mut pki = Pki::open(folder.path(), &names).unwrap();
        if let Some(believed) = believed {
            pki = pki.believing(believed).unwrap();
        }
        let pki = Arc::new(pki);
        let server = ApiServer::new(Config {
            store: Embedded::ephemeral(),
            service_cidr,
            node_ports: 30000..=30100,
            live: None,
            requests_max: 600,
            advertise: None,
            roster: None,
            pki: Some(pki.clone()),
        });
        server.start().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tls, stop) = (Arc::new(pki.server_config().unwrap()), CancellationToken::new());
        tokio::spawn(kubernel_server::serve(server.clone(), listener, tls, stop.clone()));
        let cluster = Self { server, pki, address, stop, _folder: folder };
        cluster.write("POST", "/api/v1/namespaces", json!({"metadata": {"name": "t"}})).await;
        cluster
    }

    async fn call(&self, user: User, request: Request<Body>) -> Response<Body> {
        self.server.service(user).oneshot(request).await.unwrap()
    }

    async fn write(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.write_as(User::new("tester", &["system:masters"]), method, path, body).await
    }

    async fn write_as(&self, user: User, method: &str, path: &str, body: Value) -> (u16, Value) {
        let content_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let request = Request::builder().method(method).uri(path).header("content-type", content_type);
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let (code, text) = read(self.call(user, request.body(body).unwrap()).await).await;
        (code, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.write("GET", path, Value::Null).await
    }

    async fn discovery(&self) -> Value {
        let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        let request = Request::builder().uri("/apis").header("accept", accept).body(Body::empty()).unwrap();
        let user = User::new("tester", &["system:masters"]);
        serde_json::from_str(&read(self.call(user, request).await).await.1).unwrap()
    }

    /// Makes group `ext.example.com` that of the server at this port.
    async fn aggregate(&self, group: &str, host: &str, port: u16, trust: Value) {
        let service = json!({"metadata": {"name": host}, "spec": {
            "type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}],
        }});
        let (code, body) = self.write("POST", "/api/v1/namespaces/t/services", service).await;
        assert_eq!(code, 201, "{body}");
        let mut spec = json!({
            "group": group, "version": "v1", "groupPriorityMinimum": 17_500, "versionPriority": 10,
            "service": {"namespace": "t", "name": host, "port": port},
        });
        spec.as_object_mut().unwrap().extend(trust.as_object().unwrap().clone());
        let name = format!("v1.{group}");
        let (code, body) = self.write("POST", API_SERVICES, json!({"metadata": {"name": name}, "spec": spec})).await;
        assert_eq!(code, 201, "{body}");
    }

    /// Waits until the APIService's condition has this reason, and gives its message.
    async fn wait_for(&self, name: &str, reason: &str) -> String {
        let key = format!("/registry/apiregistration.k8s.io/apiservices/{name}");
        let mut watch = self.server.store().watch("/registry/apiregistration.k8s.io/apiservices/", 0).unwrap();
        loop {
            for event in watch.next().await.unwrap().iter().filter(|event| *event.entry.key == *key) {
                let object: Value = serde_json::from_slice(&event.entry.json).unwrap();
                let condition = &object["status"]["conditions"][0];
                if condition["reason"] == reason {
                    return condition["message"].as_str().unwrap().to_owned();
                }
            }
        }
    }

    /// A connection to the server's port, with this certificate.
    async fn connect(&self, issued: &kubernel_server::pki::Issued) -> hyper::client::conn::http1::SendRequest<Body> {
        let mut roots = RootCertStore::empty();
        roots.add(self.pki.authority().certificate_der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![issued.certificate_der().unwrap()], issued.key_der().unwrap())
            .unwrap();
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

async fn read<B: http_body::Body<Data = bytes::Bytes>>(response: Response<B>) -> (u16, String)
where
    B::Error: std::fmt::Debug,
{
    let code = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (code, String::from_utf8_lossy(&bytes).into_owned())
}

/// An extension server that takes nobody's word but a front proxy's of this authority; gives its port and certificate.
async fn extension(authorities_pem: &str) -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(["ext.t.svc".to_owned()]).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authorities_pem.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service_fn(answer))
                    .with_upgrades();
                drop(connection.await);
            });
        }
    });
    (port, made.cert.pem())
}

async fn answer(mut request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    let own = json!({"group": "", "version": "", "kind": "Thing"});
    let document = match path.as_str() {
        "/apis" => json!({
            "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2",
            "items": [{"metadata": {"name": "ext.example.com"}, "versions": [{"version": "v1", "freshness": "Current",
                "resources": [{"resource": "things", "responseKind": own, "scope": "Namespaced", "verbs": ["get"]}]}]}],
        }),
        "/apis/ext.example.com/v1" => json!({"kind": "APIResourceList", "resources": []}),
        "/openapi/v3" => json!({"paths": {
            "apis/ext.example.com/v1": {"serverRelativeURL": "/openapi/v3/apis/ext.example.com/v1?hash=H"},
            "version": {"serverRelativeURL": "/openapi/v3/version?hash=H"},
        }}),
        "/openapi/v3/apis/ext.example.com/v1" => json!({"openapi": "3.0.0", "query": request.uri().query()}),
        "/openapi/v2" => json!({"paths": {"/apis/ext.example.com/v1/things": {"get": {}}, "/version": {}}}),
        _ if request.headers().contains_key(header::UPGRADE) => {
            tokio::spawn(async move {
                let mut stream = TokioIo::new(hyper::upgrade::on(&mut request).await.unwrap());
                let mut said = Vec::new();
                // The client ends its half; the other half still works.
                stream.read_to_end(&mut said).await.unwrap();
                stream.write_all(&said).await.unwrap();
                stream.shutdown().await.unwrap();
            });
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            response.headers_mut().insert(header::CONNECTION, "Upgrade".parse().unwrap());
            response.headers_mut().insert(header::UPGRADE, "echo".parse().unwrap());
            return Ok(response);
        }
        _ => {
            let said: Vec<String> = request
                .headers()
                .iter()
                .filter(|(name, _)| name.as_str().starts_with("x-") || *name == header::AUTHORIZATION)
                .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
                .collect();
            let target = request.uri().to_string();
            let method = request.method().to_string();
            let body = request.collect().await.unwrap().to_bytes();
            json!({"method": method, "target": target, "said": said, "body": String::from_utf8_lossy(&body)})
        }
    };
    Ok(Response::new(Body::from(document.to_string())))
}

/// What nobody can wait for: tried again until it holds, while everything else goes on.
macro_rules! until {
    ($condition:expr) => {
        while !$condition {
            tokio::task::yield_now().await;
        }
    };
}

async fn aggregated() -> Cluster {
    let cluster = Cluster::new("a.t.svc", None).await;
    let path = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";
    let trusted = cluster.get(path).await.1["data"]["requestheader-client-ca-file"].as_str().unwrap().to_owned();
    let (port, certificate) = extension(&trusted).await;
    cluster.aggregate("ext.example.com", "ext", port, json!({"caBundle": STANDARD.encode(certificate)})).await;
    cluster.wait_for("v1.ext.example.com", "Passed").await;
    until!(cluster.get(THINGS).await.0 != 503);
    cluster
}

#[tokio::test]
async fn requests_go_to_the_other_server_in_the_name_of_their_user() {
    let cluster = aggregated().await;
    let mut user = User::new("jane", &["system:masters", "dev"]);
    user.uid = "7".to_owned();
    user.extra.insert("example.com/a".to_owned(), vec!["b".to_owned()]);
    let (code, body) = cluster.write_as(user, "POST", &format!("{THINGS}?a=%2F&b"), json!({"c": 1})).await;
    assert_eq!((code, &body["method"], &body["body"]), (200, &json!("POST"), &json!("{\"c\":1}")), "{body}");
    assert_eq!(body["target"], format!("{THINGS}?a=%2F&b"));
    let said: Vec<&str> = body["said"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    let host = said.iter().find(|line| line.starts_with("x-forwarded-host: ext.t.svc:")).unwrap();
    let wanted = [
        "x-remote-user: jane",
        "x-remote-uid: 7",
        "x-remote-group: system:masters",
        "x-remote-group: dev",
        "x-remote-extra-example.com%2fa: b",
        &format!("x-forwarded-uri: {THINGS}"),
        host,
        "x-forwarded-proto: https",
    ];
    assert_eq!(said, wanted);
    // Who may not, gets nowhere.
    let (code, body) = cluster.write_as(User::new("nobody", &[]), "GET", THINGS, Value::Null).await;
    assert_eq!((code, &body["reason"]), (403, &json!("Forbidden")), "{body}");
}

#[tokio::test]
async fn documents_are_merged() {
    let cluster = aggregated().await;
    let (_, groups) = cluster.get("/apis").await;
    let names: Vec<&str> =
        groups["groups"].as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap()).collect();
    let at = names.iter().position(|name| *name == "ext.example.com").unwrap();
    assert_eq!((names[0], names[at - 1], names[at + 1]), ("apiregistration.k8s.io", "autoscaling", "batch"));
    let wanted = json!({"groupVersion": "ext.example.com/v1", "version": "v1"});
    let (code, group) = cluster.get("/apis/ext.example.com").await;
    assert_eq!((code, &group["kind"], &group["preferredVersion"]), (200, &json!("APIGroup"), &wanted));
    let list = cluster.discovery().await;
    let item = list["items"].as_array().unwrap().iter().find(|item| item["metadata"]["name"] == "ext.example.com");
    let version = &item.unwrap()["versions"][0];
    assert_eq!((&version["freshness"], &version["resources"][0]["resource"]), (&json!("Current"), &json!("things")));
    let (_, paths) = cluster.get("/").await;
    assert!(paths["paths"].as_array().unwrap().contains(&json!("/apis/ext.example.com/v1")));
    until!(cluster.get("/openapi/v3").await.1["paths"].get("apis/ext.example.com/v1").is_some());
    let (_, index) = cluster.get("/openapi/v3").await;
    let url = &index["paths"]["apis/ext.example.com/v1"]["serverRelativeURL"];
    assert_eq!(url, "/openapi/v3/apis/ext.example.com/v1?hash=H");
    assert_ne!(index["paths"]["version"]["serverRelativeURL"], "/openapi/v3/version?hash=H");
    let (_, document) = cluster.get(url.as_str().unwrap()).await;
    assert_eq!(document, json!({"openapi": "3.0.0", "query": "hash=H"}));
    let (_, swagger) = cluster.get("/openapi/v2").await;
    let has = |path: &str| swagger["paths"].get(path).is_some();
    assert!(has("/apis/ext.example.com/v1/things") && has("/api/v1/pods"));
}

#[tokio::test]
async fn a_connection_is_upgraded() {
    let cluster = aggregated().await;
    let admin = cluster.pki.authority().issue(&Identity::admin(), Usage::Client).unwrap();
    let mut sender = cluster.connect(&admin).await;
    let request = Request::builder()
        .uri(format!("{THINGS}/x/console"))
        .header("host", "kubernel")
        .header("connection", "Upgrade")
        .header("upgrade", "echo")
        .body(Body::empty())
        .unwrap();
    let mut response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let mut stream = TokioIo::new(hyper::upgrade::on(&mut response).await.unwrap());
    stream.write_all(b"to and fro").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    assert_eq!(said, "to and fro");
}

#[tokio::test]
async fn a_server_that_is_not_there() {
    let cluster = Cluster::new("a.t.svc", None).await;
    cluster.aggregate("ext.example.com", "ext", 1, json!({"insecureSkipTLSVerify": true})).await;
    let message = cluster.wait_for("v1.ext.example.com", "FailedDiscoveryCheck").await;
    let url = "https://ext.t.svc:1/apis/ext.example.com/v1";
    let start = format!("failing or missing response from {url}: Get \"{url}\": dial tcp ");
    assert!(message.starts_with(&start) && message.ends_with("connect: connection refused"), "{message}");
    let answer = cluster.get(THINGS).await;
    assert_eq!(answer, (503, json!("service unavailable\n")));
    let list = cluster.discovery().await;
    let item = list["items"].as_array().unwrap().iter().find(|item| item["metadata"]["name"] == "ext.example.com");
    assert_eq!(item.unwrap()["versions"], json!([{"version": "v1", "freshness": "Stale"}]));
    // A Service that is there no longer says so, and the group goes with its APIService.
    cluster.write("DELETE", "/api/v1/namespaces/t/services/ext", Value::Null).await;
    let message = cluster.wait_for("v1.ext.example.com", "ServiceNotFound").await;
    assert_eq!(message, "service/ext in \"t\" is not present");
    cluster.write("DELETE", &format!("{API_SERVICES}/v1.ext.example.com"), Value::Null).await;
    until!(cluster.get("/apis/ext.example.com").await.0 == 404);
}

#[tokio::test]
async fn a_certificate_that_is_not_believed() {
    let cluster = Cluster::new("a.t.svc", None).await;
    let (port, _) = extension(&cluster.pki.front_proxy().authorities_pem()).await;
    let other = rcgen::generate_simple_self_signed(["ext.t.svc".to_owned()]).unwrap().cert.pem();
    // Whether it is there is asked without looking at the certificate, as upstream does.
    cluster.aggregate("ext.example.com", "ext", port, json!({"caBundle": STANDARD.encode(other)})).await;
    cluster.wait_for("v1.ext.example.com", "Passed").await;
    until!(cluster.get(THINGS).await.1 != "service unavailable\n");
    let wanted = "error trying to reach service: tls: failed to verify certificate: x509: certificate signed by unknown \
                  authority\n";
    assert_eq!(cluster.get(THINGS).await, (503, json!(wanted)));
}

#[tokio::test]
async fn one_of_our_own_servers_behind_another() {
    let front = Cluster::new("a.t.svc", None).await;
    let believed =
        RequestHeaders { authorities_pem: front.pki.front_proxy().authorities_pem(), ..RequestHeaders::default() };
    let back = Cluster::new("back.t.svc", Some(believed)).await;
    let schema = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    let crd = json!({"metadata": {"name": "things.ext.example.com"}, "spec": {
        "group": "ext.example.com", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema}],
    }});
    let (code, body) = back.write("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd).await;
    assert_eq!(code, 201, "{body}");
    // The server that serves it itself has its APIService, too.
    back.wait_for("v1.ext.example.com", "Local").await;
    let trust = json!({"caBundle": STANDARD.encode(back.pki.authority().certificate_pem())});
    front.aggregate("ext.example.com", "back", back.address.port(), trust).await;
    front.wait_for("v1.ext.example.com", "Passed").await;
    until!(front.get(THINGS).await.0 == 200);

    let thing = json!({"apiVersion": "ext.example.com/v1", "kind": "Thing", "metadata": {"name": "x"}});
    let (code, body) = front.write("POST", THINGS, thing).await;
    assert_eq!((code, &body["metadata"]["name"]), (201, &json!("x")), "{body}");
    assert_eq!(back.get(&format!("{THINGS}/x")).await.0, 200);
    let list = front.discovery().await;
    let item = list["items"].as_array().unwrap().iter().find(|item| item["metadata"]["name"] == "ext.example.com");
    assert_eq!(item.unwrap()["versions"][0]["resources"][0]["resource"], "things");
    until!(front.get("/openapi/v3").await.1["paths"].get("apis/ext.example.com/v1").is_some());

    // A watch arrives as it happens.
    let request = Request::builder().uri(format!("{THINGS}?watch=true")).body(Body::empty()).unwrap();
    let mut events = front.call(User::new("tester", &["system:masters"]), request).await.into_body();
    for name in ["x", "y"] {
        if name == "y" {
            let thing = json!({"apiVersion": "ext.example.com/v1", "kind": "Thing", "metadata": {"name": name}});
            assert_eq!(back.write("POST", THINGS, thing).await.0, 201);
        }
        let frame = events.frame().await.unwrap().unwrap().into_data().unwrap();
        let event: Value = serde_json::from_slice(&frame).unwrap();
        assert_eq!((&event["type"], &event["object"]["metadata"]["name"]), (&json!("ADDED"), &json!(name)));
    }

    // Who may on the first but not on the second is told so by the second.
    let rules = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    front.write("POST", &format!("{rbac}/clusterroles"), json!({"metadata": {"name": "all"}, "rules": rules})).await;
    let binding = json!({
        "metadata": {"name": "jane"}, "subjects": [{"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"kind": "ClusterRole", "name": "all", "apiGroup": "rbac.authorization.k8s.io"},
    });
    front.write("POST", &format!("{rbac}/clusterrolebindings"), binding).await;
    let (code, body) = front.write_as(User::new("jane", &[]), "GET", THINGS, Value::Null).await;
    let wanted = "things.ext.example.com is forbidden: User \"jane\" cannot list resource \"things\" in API group \
                  \"ext.example.com\" in the namespace \"t\"";
    assert_eq!((code, &body["message"]), (403, &json!(wanted)));
}

#[tokio::test]
async fn who_is_a_front_proxy() {
    let cluster = Cluster::new("a.t.svc", None).await;
    let admin = cluster.pki.authority().issue(&Identity::admin(), Usage::Client).unwrap();
    let name = |user: &str| json!({"userInfo": user});
    let rows = [
        (cluster.pki.front_proxy().client().clone(), "jane", 201, name("jane")),
        (cluster.pki.front_proxy().client().clone(), "", 401, Value::Null),
        // A client's own certificate is no front proxy's, whatever its headers say.
        (admin, "jane", 201, name("kubernetes-admin")),
    ];
    for (issued, user, code, wanted) in rows {
        let mut sender = cluster.connect(&issued).await;
        let mut request = Request::builder()
            .method("POST")
            .uri("/apis/authentication.k8s.io/v1/selfsubjectreviews")
            .header("host", "kubernel")
            .header("content-type", "application/json");
        if !user.is_empty() {
            request = request.header("x-remote-user", user);
        }
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let response = sender.send_request(request.body(Body::from(review.to_string())).unwrap()).await.unwrap();
        let (found, body) = read(response).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(found, code, "{user} {body}");
        if code == 201 {
            assert_eq!(json!({"userInfo": body["status"]["userInfo"]["username"]}), wanted);
        }
    }
}
