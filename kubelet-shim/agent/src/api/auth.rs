//! Who asks, and whether they may: client certificates of the cluster's CA or bearer tokens; then the API server
//! decides, except for cluster administrators.

use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use kube::api::{Api, DynamicObject, PostParams};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use x509_parser::prelude::FromDer as _;

use super::Refusal;
use crate::node::NodeContext;
use crate::objects::{resource, tree};

/// The group that may do everything.
const MASTERS: &str = "system:masters";

/// Whoever is at the other end of a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    user: Option<User>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct User {
    name: String,
    groups: Vec<String>,
}

impl Peer {
    /// The identity in the client certificate, which the handshake has verified: common name and organizations.
    pub(crate) fn of(stream: &tokio_rustls::server::TlsStream<TcpStream>) -> Self {
        let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let parsed = certificate
            .and_then(|der| x509_parser::certificate::X509Certificate::from_der(der).ok())
            .map(|(_, certificate)| certificate);
        let user = parsed.map(|certificate| {
            let subject = certificate.subject();
            let name = subject.iter_common_name().next().and_then(|name| name.as_str().ok());
            let groups = subject.iter_organization().filter_map(|group| Some(group.as_str().ok()?.to_owned()));
            User { name: name.unwrap_or_default().to_owned(), groups: groups.collect() }
        });
        Self { user }
    }
}

/// What of a request decides about it.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    verb: &'static str,
    subresource: &'static str,
    token: Option<String>,
}

impl Question {
    pub(crate) fn of(request: &Request) -> Self {
        let verb = match *request.method() {
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE => "delete",
            _ => "get",
        };
        let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|text| text.strip_prefix("Bearer ")).map(|token| token.trim().to_owned());
        Self { verb, subresource: subresource(request.uri().path()), token }
    }
}

impl Question {
    /// What decides about a command in a container, for whoever has this token.
    pub(crate) fn to_exec(token: &str) -> Self {
        Self { verb: "create", subresource: "proxy", token: Some(token.to_owned()) }
    }
}

/// Lets a request through or says why not.
pub(crate) async fn check(node: &NodeContext, peer: &Peer, question: &Question) -> Result<(), Refusal> {
    let user = match (&peer.user, &question.token) {
        (Some(user), _) => user.clone(),
        (None, Some(token)) => review_token(node, token).await?,
        (None, None) => return Err((StatusCode::UNAUTHORIZED, "Unauthorized".into())),
    };
    if user.groups.iter().any(|group| group == MASTERS) {
        return Ok(());
    }
    let Question { verb, subresource, .. } = *question;
    if review_access(node, &user, verb, subresource).await? {
        return Ok(());
    }
    let (name, node_name) = (&user.name, &node.config.node_name);
    let text =
        format!("Forbidden (user={name}, verb={verb}, resource=nodes, subresource={subresource}, node={node_name})");
    Err((StatusCode::FORBIDDEN, text))
}

/// The part of a node that a path belongs to.
fn subresource(path: &str) -> &'static str {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    match first {
        "stats" => "stats",
        "metrics" => "metrics",
        "logs" => "log",
        "healthz" => "healthz",
        "pods" | "runningpods" => "pods",
        _ => "proxy",
    }
}

fn unavailable(error: impl std::fmt::Display) -> Refusal {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("the API server could not be asked: {error}"))
}

async fn review(node: &NodeContext, group: &str, kind: &str, plural: &str, spec: Value) -> Result<Value, Refusal> {
    let api: Api<DynamicObject> = Api::all_with(node.client.clone(), &resource(group, "v1", kind, plural));
    let body = json!({
        "apiVersion": format!("{group}/v1"), "kind": kind, "metadata": {}, "spec": spec,
    });
    let body = serde_json::from_value(body).map_err(unavailable)?;
    let answer = api.create(&PostParams::default(), &body).await.map_err(unavailable)?;
    Ok(tree(answer)["status"].clone())
}

async fn review_token(node: &NodeContext, token: &str) -> Result<User, Refusal> {
    let spec = json!({"token": token});
    let status = review(node, "authentication.k8s.io", "TokenReview", "tokenreviews", spec).await?;
    if status["authenticated"] != true {
        return Err((StatusCode::UNAUTHORIZED, "Unauthorized".into()));
    }
    let groups = status["user"]["groups"].as_array().into_iter().flatten();
    Ok(User {
        name: status["user"]["username"].as_str().unwrap_or_default().to_owned(),
        groups: groups.filter_map(|group| Some(group.as_str()?.to_owned())).collect(),
    })
}

/// Asks for the subresource, and for `nodes/proxy`, which covers all of them.
async fn review_access(node: &NodeContext, user: &User, verb: &str, subresource: &str) -> Result<bool, Refusal> {
    for wanted in [subresource, "proxy"] {
        let spec = json!({
            "user": user.name, "groups": user.groups,
            "resourceAttributes": {
                "verb": verb, "version": "v1", "resource": "nodes", "subresource": wanted,
                "name": node.config.node_name,
            },
        });
        let (group, plural) = ("authorization.k8s.io", "subjectaccessreviews");
        let status = review(node, group, "SubjectAccessReview", plural, spec).await?;
        if status["allowed"] == true {
            return Ok(true);
        }
        if wanted == "proxy" {
            break;
        }
    }
    Ok(false)
}
