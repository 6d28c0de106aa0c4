//! Who is asking: from a request's connection and headers to a [`User`].
//!
//! The first of these that is there decides: a user that a caller in the same process has set, what a front proxy says in
//! headers, a client certificate, a bearer token; without any the request is anonymous. Impersonation comes last. What
//! the user may do is decided in [`crate::authz`].

mod bootstrap_token;
mod cache;
mod impersonate;
mod request_header;
mod service_account;
pub mod user;
mod websocket;

use http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use http::request::Parts;
use jiff::Timestamp;
use kubernel_meta::ApiError;

use crate::ApiServer;
use crate::admission::View;
use crate::pki::{JoinToken, PeerIdentity, ProxyIdentity};

pub use user::User;

/// What a token says of its bearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// Who.
    pub user: User,
    /// Whom the token is for, of those that were asked about; empty where the token does not say.
    pub audiences: Vec<String>,
}

/// What the server remembers of tokens.
#[derive(Debug, Default)]
pub struct Authenticator {
    tokens: cache::TokenCache,
}

/// The user behind a request: the one that in-process callers put into its extensions, or whoever its connection and
/// headers prove; then whoever that user impersonates.
pub async fn authenticate(server: &ApiServer, parts: &mut Parts) -> Result<User, ApiError> {
    if let Some(user) = parts.extensions.get::<User>() {
        return Ok(user.clone());
    }
    if parts.headers.contains_key(SEC_WEBSOCKET_PROTOCOL) && !websocket::take_token(&mut parts.headers) {
        return Err(ApiError::unauthorized());
    }
    let user = identify(server, parts).await?;
    impersonate::apply(server, user, &parts.headers).await
}

/// Who bears this token, where it is for one of these audiences (none: for this server). The error is upstream's text.
pub async fn bearer(server: &ApiServer, token: &str, audiences: &[String]) -> Result<Bearer, String> {
    let Some(pki) = &server.config().pki else { return Err(INVALID_TOKEN.to_owned()) };
    let now = Timestamp::now();
    if audiences.is_empty()
        && let Some(bearer) = server.authenticator().tokens.get(token, now)
    {
        return Ok(bearer);
    }
    let view = View::new(server);
    let (bearer, until) = match JoinToken::parse(token) {
        Some(join) => bootstrap_token::authenticate(&view, &join, now).await?,
        None => service_account::authenticate(pki.signer(), &view, token, audiences, now).await?,
    };
    if audiences.is_empty() {
        server.authenticator().tokens.put(token, bearer.clone(), until, now);
    }
    Ok(bearer)
}

/// What upstream says of a token that no authenticator knows.
const INVALID_TOKEN: &str = "invalid bearer token";

async fn identify(server: &ApiServer, parts: &Parts) -> Result<User, ApiError> {
    let is_proxy = parts.extensions.get::<ProxyIdentity>().is_some();
    if let Some(pki) = server.config().pki.as_ref().filter(|_| is_proxy)
        && let Some(user) = request_header::user(pki.front_proxy().believed(), &parts.headers)
    {
        return Ok(user);
    }
    if let Some(peer) = parts.extensions.get::<PeerIdentity>()
        && peer.expires > Timestamp::now()
    {
        server.metrics().identity.certificate(peer.expires, Timestamp::now());
        return Ok(peer.user.clone());
    }
    let Some(header) = parts.headers.get(AUTHORIZATION) else {
        // A front proxy that names nobody asks for itself, and nobody knows it.
        return if is_proxy { Err(ApiError::unauthorized()) } else { Ok(User::anonymous()) };
    };
    let Some(token) = header.to_str().ok().and_then(bearer_token) else { return Ok(User::anonymous()) };
    match bearer(server, token, &[]).await {
        Ok(bearer) => Ok(bearer.user),
        Err(reason) => {
            tracing::debug!(reason, "token refused");
            Err(ApiError::unauthorized())
        }
    }
}

/// The token of an `Authorization` header: the word after `Bearer`; nothing for other schemes and empty tokens.
fn bearer_token(header: &str) -> Option<&str> {
    let (scheme, rest) = header.trim().split_once(' ')?;
    let token = rest.split(' ').next().unwrap_or_default();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
