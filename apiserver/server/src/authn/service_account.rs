//! ServiceAccount tokens: signed by this cluster, and bound to objects that must still be there.

use jiff::{SignedDuration, Timestamp};
use kubernel_meta::Object;

use super::{Bearer, INVALID_TOKEN, User};
use crate::admission::View;
use crate::pki::{Claims, ISSUER, Reference, TokenError, TokenSigner};

/// A bound object that is being deleted still counts for this long after its deletion time (upstream's leeway).
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// The user of a token, whom it is for and until when; `audiences` are those that are asked about, none meaning this
/// server. The error is upstream's text.
pub(super) async fn authenticate(
    signer: &TokenSigner,
    view: &View<'_>,
    token: &str,
    audiences: &[String],
    now: Timestamp,
) -> Result<(Bearer, Timestamp), String> {
    let wrap = |text: &str| format!("[{INVALID_TOKEN}, {text}]");
    let claims = match signer.verify(token) {
        Ok(claims) => claims,
        Err(TokenError::NotOurs) => return Err(INVALID_TOKEN.to_owned()),
        Err(TokenError::Invalid) => return Err(wrap("service account token has expired")),
    };
    let own = [ISSUER.to_owned()];
    let asked = if audiences.is_empty() { &own[..] } else { audiences };
    let fitting: Vec<String> = asked.iter().filter(|audience| claims.aud.contains(audience)).cloned().collect();
    if fitting.is_empty() {
        return Err(wrap(&format!(
            "token audiences {} is invalid for the target audiences {}",
            go_quoted(&claims.aud),
            go_quoted(asked)
        )));
    }
    let user = check_objects(view, &claims, now).await.map_err(|text| wrap(&text))?;
    let until = Timestamp::from_second(claims.exp).unwrap_or(Timestamp::MAX);
    Ok((Bearer { user, audiences: fitting }, until))
}

async fn check_objects(view: &View<'_>, claims: &Claims, now: Timestamp) -> Result<User, String> {
    let kubernetes = &claims.kubernetes;
    let (namespace, account) = (&kubernetes.namespace, &kubernetes.serviceaccount);
    let expected = format!("{}{namespace}:{}", super::user::SERVICE_ACCOUNT_PREFIX, account.name);
    if claims.sub != expected {
        return Err("service account token claims could not be validated".to_owned());
    }
    let found = view
        .get(&format!("/registry/core/serviceaccounts/{namespace}/{}", account.name))
        .await
        .map_err(|error| error.to_string())?
        .ok_or_else(|| format!("serviceaccounts {:?} not found", account.name))?;
    if is_gone(&found, now) {
        return Err(format!("service account {namespace}/{} has been deleted", account.name));
    }
    if found.uid() != account.uid {
        return Err(format!("service account UID ({}) does not match claim ({})", found.uid(), account.uid));
    }
    let mut user = User::service_account(namespace, &account.name, &account.uid);
    let mut extra = |key: &str, value: &str| {
        user.extra.insert(format!("authentication.kubernetes.io/{key}"), vec![value.to_owned()]);
    };
    if !claims.jti.is_empty() {
        extra("credential-id", &format!("JTI={}", claims.jti));
    }
    if let Some(secret) = &kubernetes.secret {
        check_bound(view, "secret", &format!("/registry/core/secrets/{namespace}/{}", secret.name), secret, now)
            .await?;
    }
    if let Some(pod) = &kubernetes.pod {
        check_bound(view, "pod", &format!("/registry/core/pods/{namespace}/{}", pod.name), pod, now).await?;
        extra("pod-name", &pod.name);
        extra("pod-uid", &pod.uid);
    }
    if let Some(node) = &kubernetes.node {
        // Beside a Pod the node is information; alone it is what the token is bound to.
        if kubernetes.pod.is_none() {
            check_bound(view, "node", &format!("/registry/core/nodes/{}", node.name), node, now).await?;
        }
        extra("node-name", &node.name);
        if !node.uid.is_empty() {
            extra("node-uid", &node.uid);
        }
    }
    Ok(user)
}

async fn check_bound(
    view: &View<'_>,
    what: &str,
    key: &str,
    reference: &Reference,
    now: Timestamp,
) -> Result<(), String> {
    match view.get(key).await.map_err(|error| error.to_string())? {
        Some(found) if !is_gone(&found, now) && found.uid() == reference.uid => Ok(()),
        Some(found) if !is_gone(&found, now) => Err(format!(
            "{what} UID ({}) does not match service account {what} ref claim ({})",
            found.uid(),
            reference.uid
        )),
        _ => Err("service account token has been invalidated".to_owned()),
    }
}

fn is_gone(object: &Object, now: Timestamp) -> bool {
    let deleted = object.deletion_timestamp().and_then(|text| text.parse::<Timestamp>().ok());
    deleted.is_some_and(|at| at.saturating_add(LEEWAY).is_ok_and(|end| end < now))
}

fn go_quoted(list: &[String]) -> String {
    let quoted: Vec<String> = list.iter().map(|text| format!("{text:?}")).collect();
    format!("[{}]", quoted.join(" "))
}
