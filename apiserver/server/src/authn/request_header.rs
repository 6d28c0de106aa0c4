//! What a front proxy says in headers of the user whose request it passes on. That it is a front proxy which may say so,
//! its certificate has proved.

use http::HeaderMap;

use super::User;
use super::user::{AUTHENTICATED, UNAUTHENTICATED};
use crate::pki::RequestHeaders;

/// The user; `None` where no header names one.
pub(super) fn user(said: &RequestHeaders, headers: &HeaderMap) -> Option<User> {
    let mut user = User { name: first(headers, &said.username)?, ..User::default() };
    user.uid = first(headers, &said.uid).unwrap_or_default();
    user.groups = said.group.iter().flat_map(|name| all(headers, name)).collect();
    if !user.groups.iter().any(|group| group == AUTHENTICATED || group == UNAUTHENTICATED) {
        user.groups.push(AUTHENTICATED.to_owned());
    }
    for prefix in &said.extra_prefix {
        let prefix = prefix.to_ascii_lowercase();
        for name in headers.keys() {
            let Some(key) = name.as_str().strip_prefix(&prefix) else { continue };
            let key = percent_encoding::percent_decode_str(key).decode_utf8().map_or(key.into(), |key| key);
            user.extra.entry(key.into_owned()).or_default().extend(all(headers, name.as_str()));
        }
    }
    Some(user)
}

/// The first value that is not empty of the first of these headers that has one.
fn first(headers: &HeaderMap, names: &[String]) -> Option<String> {
    let value = |name: &String| all(headers, name).next();
    names.iter().find_map(value)
}

fn all<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = String> + use<'a> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.filter(|value| !value.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn users() {
        let rows = [
            ("X-Remote-Group: g", json!(null)),
            ("X-Remote-User: ", json!(null)),
            ("X-Remote-User: u", json!({"username": "u", "groups": ["system:authenticated"]})),
            (
                "x-remote-user: u\nX-REMOTE-GROUP: a\nX-Remote-Group: b\nX-Remote-Uid: 7\nX-Remote-Extra-Scopes: s\n\
                 X-Remote-Extra-example.com%2Fa: 1\nX-Remote-Extra-example.com%2Fa: 2",
                json!({"username": "u", "uid": "7", "groups": ["a", "b", "system:authenticated"],
                       "extra": {"scopes": ["s"], "example.com/a": ["1", "2"]}}),
            ),
            (
                "X-Remote-User: system:anonymous\nX-Remote-Group: system:unauthenticated",
                json!({"username": "system:anonymous", "groups": ["system:unauthenticated"]}),
            ),
        ];
        for (sent, wanted) in rows {
            let mut headers = HeaderMap::new();
            for (name, value) in sent.lines().filter_map(|line| line.split_once(':')) {
                let name: http::HeaderName = name.parse().unwrap();
                headers.append(name, value.trim().parse().unwrap());
            }
            let found = user(&RequestHeaders::default(), &headers).map_or(json!(null), |user| user.to_value());
            assert_eq!(found, wanted, "{sent}");
        }
    }
}
