//! TokenRequest (`serviceaccounts/token`): a signed token for a ServiceAccount, bound to an object if asked.

use std::sync::Arc;

use jiff::Timestamp;
use kubernel_meta::field::Path;
use kubernel_meta::{ApiError, GroupVersion, Gvk, Gvr, Object, time};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ApiServer;
use crate::admission::View;
use crate::pki::{Claims, ISSUER, KubernetesClaims, Reference};

const SECS_MIN: i64 = 10 * 60;
const SECS_MAX: i64 = 1 << 32;
/// How long a token lives where the request does not say.
pub const TOKEN_SECS_DEFAULT: i64 = 3600;
/// What the volume that admission adds to Pods asks for. Such a token lives for a year, and warns after that time:
/// some clients read it once and never again.
const WARN_SECS: i64 = 3607;
const EXTENDED_SECS: i64 = 365 * 24 * 60 * 60;

/// A request that is for an account which exists, and asks for nothing that no token can have.
#[derive(Debug)]
pub struct TokenRequest {
    /// The request, completed.
    pub object: Object,
    account: Arc<Object>,
}

impl TokenRequest {
    /// Finds the account, completes the request and checks it; `name` and `namespace` are the account's.
    pub async fn read(
        server: &ApiServer,
        namespace: &str,
        name: &str,
        mut object: Object,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        if !object.name().is_empty() && object.name() != name {
            let detail = "must match the service account name if specified";
            let error = Path::root("metadata").child("name").invalid(object.name(), detail);
            return Err(ApiError::invalid(&kind(), name, &[error]));
        }
        let key = format!("/registry/core/serviceaccounts/{namespace}/{name}");
        let Some(account) = View::new(server).get(&key).await? else {
            return Err(ApiError::not_found(&Gvr::new("", "v1", "serviceaccounts"), name));
        };
        if !object.uid().is_empty() && object.uid() != account.uid() {
            let (asked, uid) = (object.uid(), account.uid());
            let detail =
                format!("the UID in the token request ({asked}) does not match the UID of the service account ({uid})");
            return Err(ApiError::conflict(&Gvr::new("authentication.k8s.io", "v1", "TokenRequest"), name, detail));
        }
        if object.list_at(&["spec", "audiences"]).is_empty() {
            object.set(&["spec", "audiences"], json!([ISSUER]));
        }
        object.set(&["metadata", "name"], name);
        object.set(&["metadata", "namespace"], namespace);
        object.set(&["metadata", "uid"], account.uid());
        object.set(&["metadata", "creationTimestamp"], time::format(now));
        object.remove(&["status"]);
        check_secs(object.int_at(&["spec", "expirationSeconds"]).unwrap_or(0))?;
        Ok(Self { object, account })
    }

    /// The request with its answer: a token, bound to what it names, if that is there.
    pub async fn issue(self, server: &ApiServer, now: Timestamp) -> Result<Object, ApiError> {
        let Some(pki) = &server.config().pki else { return Err(ApiError::internal("no token issuer")) };
        let Self { object: mut request, account } = self;
        let (namespace, name) = (account.namespace(), account.name());
        let bound = match request.at(&["spec", "boundObjectRef"]).filter(|reference| !reference.is_null()) {
            None => Bound::default(),
            Some(reference) => find_bound(&View::new(server), namespace, name, reference).await?,
        };
        let secs = request.int_at(&["spec", "expirationSeconds"]).unwrap_or(TOKEN_SECS_DEFAULT);
        let audiences: Vec<String> =
            request.list_at(&["spec", "audiences"]).iter().filter_map(Value::as_str).map(str::to_owned).collect();
        // Only a token that is for nobody but this server is known to be looked at by who can warn.
        let is_extended =
            bound.pod.is_some() && secs == WARN_SECS && audiences.iter().all(|audience| audience == ISSUER);
        let iat = now.as_second();
        let claims = Claims {
            aud: audiences,
            exp: iat + if is_extended { EXTENDED_SECS } else { secs },
            iat,
            iss: ISSUER.to_owned(),
            jti: Uuid::new_v4().to_string(),
            kubernetes: KubernetesClaims {
                namespace: namespace.to_owned(),
                node: bound.node,
                pod: bound.pod,
                secret: bound.secret,
                serviceaccount: Reference { name: name.to_owned(), uid: account.uid().to_owned() },
                warnafter: is_extended.then_some(iat + secs),
            },
            nbf: iat,
            sub: format!("{}{namespace}:{name}", crate::authn::user::SERVICE_ACCOUNT_PREFIX),
        };
        let token = pki.signer().sign(&claims).map_err(ApiError::internal)?;
        if request.at(&["spec", "boundObjectRef"]).is_none() {
            request.set(&["spec", "boundObjectRef"], Value::Null);
        }
        let expires = Timestamp::from_second(iat + secs).map_err(ApiError::internal)?;
        request.set(&["status"], json!({ "token": token, "expirationTimestamp": time::format(expires) }));
        Ok(request)
    }
}

/// What a token is bound to.
#[derive(Default)]
struct Bound {
    node: Option<Reference>,
    pod: Option<Reference>,
    secret: Option<Reference>,
}

async fn find_bound(view: &View<'_>, namespace: &str, account: &str, reference: &Value) -> Result<Bound, ApiError> {
    let of = |key: &str| reference[key].as_str().unwrap_or_default();
    let version = GroupVersion::parse(of("apiVersion")).unwrap_or_else(|| GroupVersion::new("", ""));
    let (kind, name) = (of("kind"), of("name"));
    let (plural, key) = match (version.group.as_str(), kind) {
        ("", "Pod") => ("pods", format!("/registry/core/pods/{namespace}/{name}")),
        ("", "Secret") => ("secrets", format!("/registry/core/secrets/{namespace}/{name}")),
        ("", "Node") => ("nodes", format!("/registry/core/nodes/{name}")),
        _ => {
            let GroupVersion { group, version } = version;
            return Err(ApiError::bad_request(format!(
                "cannot bind token to object of type {group}/{version}, Kind={kind}"
            )));
        }
    };
    let Some(object) = view.get(&key).await? else {
        return Err(ApiError::not_found(&Gvr::new("", "v1", plural), name));
    };
    let found = Some(Reference { name: name.to_owned(), uid: object.uid().to_owned() });
    let bound = match kind {
        "Secret" => Bound { secret: found, ..Bound::default() },
        "Node" => Bound { node: found, ..Bound::default() },
        _ => {
            if object.str_at(&["spec", "serviceAccountName"]) != account {
                return Err(ApiError::bad_request(format!(
                    "cannot bind token for serviceaccount {account:?} to pod running with different serviceaccount name."
                )));
            }
            Bound { pod: found, node: node_of(view, &object).await?, ..Bound::default() }
        }
    };
    if !of("uid").is_empty() && of("uid") != object.uid() {
        return Err(ApiError::conflict(
            &Gvr::new("", "v1", kind),
            name,
            format!(
                "the UID in the bound object reference ({}) does not match the UID in record. The object might have \
                 been deleted and then recreated",
                of("uid")
            ),
        ));
    }
    Ok(bound)
}

/// The node that a Pod is on; without a uid where there is no such Node.
async fn node_of(view: &View<'_>, pod: &Object) -> Result<Option<Reference>, ApiError> {
    let name = pod.str_at(&["spec", "nodeName"]);
    if name.is_empty() {
        return Ok(None);
    }
    let node = view.get(&format!("/registry/core/nodes/{name}")).await?;
    let uid = node.map(|node| node.uid().to_owned()).unwrap_or_default();
    Ok(Some(Reference { name: name.to_owned(), uid }))
}

fn check_secs(secs: i64) -> Result<(), ApiError> {
    let detail = match secs {
        ..SECS_MIN => "may not specify a duration less than 10 minutes",
        SECS_MIN..=SECS_MAX => return Ok(()),
        _ => "may not specify a duration larger than 2^32 seconds",
    };
    let error = Path::root("spec").child("expirationSeconds").invalid(secs, detail);
    Err(ApiError::invalid(&kind(), "", &[error]))
}

fn kind() -> Gvk {
    Gvk::new("authentication.k8s.io", "v1", "TokenRequest")
}
