//! Bootstrap tokens (`id.secret`): Secrets `kube-system/bootstrap-token-ID` that let a new node ask for its
//! certificate (KEP-130).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::user::AUTHENTICATED;
use super::{Bearer, INVALID_TOKEN, User};
use crate::admission::View;
use crate::pki::JoinToken;

const SECRET_TYPE: &str = "bootstrap.kubernetes.io/token";
const GROUP: &str = "system:bootstrappers";

/// The user of a token whose Secret is there, says the same, has not expired and is meant for authentication; and
/// until when.
pub(super) async fn authenticate(
    view: &View<'_>,
    token: &JoinToken,
    now: Timestamp,
) -> Result<(Bearer, Timestamp), String> {
    find(view, token, now).await.ok_or_else(|| INVALID_TOKEN.to_owned())
}

async fn find(view: &View<'_>, token: &JoinToken, now: Timestamp) -> Option<(Bearer, Timestamp)> {
    let key = format!("/registry/core/secrets/kube-system/bootstrap-token-{}", token.id());
    let secret = view.get(&key).await.ok()??;
    let data =
        |key: &str| STANDARD.decode(secret.str_at(&["data", key])).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let until = match data("expiration").filter(|text| !text.is_empty()) {
        None => Timestamp::MAX,
        Some(text) => text.parse().ok()?,
    };
    let good = secret.str_at(&["type"]) == SECRET_TYPE
        && secret.deletion_timestamp().is_none()
        && data("token-id").as_deref() == Some(token.id())
        && data("token-secret").is_some_and(|secret| same(secret.as_bytes(), token.secret().as_bytes()))
        && data("usage-bootstrap-authentication").as_deref() == Some("true")
        && until > now;
    if !good {
        return None;
    }
    let mut user = User::new(format!("system:bootstrap:{}", token.id()), &[GROUP]);
    let extra = data("auth-extra-groups").unwrap_or_default();
    let extra = extra.split(',').filter(|group| group.starts_with("system:bootstrappers:"));
    user.groups.extend(extra.map(str::to_owned));
    user.groups.push(AUTHENTICATED.to_owned());
    Some((Bearer { user, audiences: Vec::new() }, until))
}

/// Compares without telling by the time taken where the two differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
}
