//! Tokens of browsers: a WebSocket's handshake cannot carry an `Authorization` header there, so the token comes as one of
//! its subprotocols.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, header};

/// What such a subprotocol begins with.
const PREFIX: &str = "base64url.bearer.authorization.k8s.io.";

/// Moves a token from the subprotocols to the `Authorization` header, unless there is one. Nobody behind this sees it
/// among the subprotocols, of which at least one other has to be left for the answer. False where it cannot be read.
pub(super) fn take_token(headers: &mut HeaderMap) -> bool {
    let texts = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let all: Vec<String> = texts.flat_map(|text| text.split(',')).map(|word| word.trim().to_owned()).collect();
    let (tokens, others): (Vec<&String>, Vec<&String>) = all.iter().partition(|word| word.starts_with(PREFIX));
    let token = match tokens.as_slice() {
        [] => return true,
        [one] if !others.is_empty() => one.strip_prefix(PREFIX).unwrap_or_default(),
        _ => return false,
    };
    let decoded = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let others = others.into_iter().map(String::as_str).collect::<Vec<_>>().join(",");
    let (Some(token), Ok(others)) = (decoded, HeaderValue::from_str(&others)) else { return false };
    let Ok(bearer) = HeaderValue::from_str(&format!("Bearer {token}")) else { return false };
    headers.entry(header::AUTHORIZATION).or_insert(bearer);
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, others);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_among_the_subprotocols_is_the_bearers() {
        for (protocols, authorization, expect) in [
            ("", "", Some(("", ""))),
            ("v4.channel.k8s.io", "", Some(("v4.channel.k8s.io", ""))),
            ("base64url.bearer.authorization.k8s.io.YWJj, a, b", "", Some(("a,b", "Bearer abc"))),
            ("a,base64url.bearer.authorization.k8s.io.YWJj", "Bearer x", Some(("a", "Bearer x"))),
            ("base64url.bearer.authorization.k8s.io.YWJj", "", None),
            ("a,base64url.bearer.authorization.k8s.io.!", "", None),
            ("a,base64url.bearer.authorization.k8s.io.YWJj,base64url.bearer.authorization.k8s.io.YWJj", "", None),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [(header::SEC_WEBSOCKET_PROTOCOL, protocols), (header::AUTHORIZATION, authorization)] {
                if !value.is_empty() {
                    headers.insert(name, value.parse().unwrap());
                }
            }
            let found = take_token(&mut headers).then(|| {
                let text = |name| headers.get(name).map_or("", |value: &HeaderValue| value.to_str().unwrap());
                (text(header::SEC_WEBSOCKET_PROTOCOL), text(header::AUTHORIZATION))
            });
            assert_eq!(found, expect, "{protocols}");
        }
    }
}
