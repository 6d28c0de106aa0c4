//! Names and secrets, and basic authentication with them. Pure.

use std::{collections::BTreeMap, fmt};

use base64::{Engine, prelude::BASE64_STANDARD};
use kubernel_mesos_proto::v1;

/// Who there is, with their secrets.
pub struct Credentials(BTreeMap<String, String>);

impl Credentials {
    /// Of several secrets of one principal the last counts.
    pub fn new(read: &v1::Credentials) -> Self {
        let all = read.credentials.iter();
        Self(all.map(|of| (of.principal.clone(), of.secret.clone().unwrap_or_default())).collect())
    }

    /// The principal that an `Authorization` header proves.
    pub fn principal(&self, authorization: Option<&[u8]>) -> Option<&str> {
        let text = std::str::from_utf8(authorization?).ok()?;
        let (scheme, given) = text.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(BASE64_STANDARD.decode(given.trim()).ok()?).ok()?;
        let (principal, secret) = decoded.split_once(':')?;
        let (principal, own) = self.0.get_key_value(principal)?;
        is_same(own.as_bytes(), secret.as_bytes()).then_some(principal.as_str())
    }
}

impl fmt::Debug for Credentials {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Takes as long for a wrong secret as for a right one.
fn is_same(own: &[u8], given: &[u8]) -> bool {
    own.len() == given.len() && own.iter().zip(given).fold(0, |seen, (left, right)| seen | (left ^ right)) == 0
}
