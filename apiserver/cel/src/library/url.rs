//! URLs as Go's `url.ParseRequestURI` reads them: `url("https://example.com:80/a?b=c").getPort()`.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::arguments::{own, text};
use super::costs;
use crate::error::EvalError;
use crate::function::{Call, Functions, Overload};
use crate::types::Type;
use crate::value::{Entries, Key, Map, Opaque, Text, Value};

/// A URL, its parts.
#[derive(Debug, PartialEq)]
pub(super) struct Url {
    text: String,
    scheme: String,
    /// With the port.
    host: String,
    /// As it was written, where that is a sound way to write it; else escaped anew.
    path: String,
    query: String,
}

impl Opaque for Url {
    fn ty(&self) -> Type {
        ty()
    }

    fn equal(&self, other: &dyn Opaque) -> bool {
        other.as_any().downcast_ref::<Url>().is_some_and(|other| other == self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn ty() -> Type {
    Type::object("kubernetes.URL")
}

pub(super) fn register(functions: &mut Functions) {
    let make: Call = |args| {
        let url = Url::parse(text(args, 0)?);
        url.map(Value::opaque)
            .map_err(|error| EvalError::new(format!("URL parse error during conversion from string: {error}")))
    };
    let make = Overload::global("string_to_url", [Type::String], ty(), make);
    functions.add("url", [make.costing(costs::estimate_argument, costs::traverse)]);
    let is: Call = |args| Ok(Value::Bool(Url::parse(text(args, 0)?).is_ok()));
    functions.add("isURL", [Overload::global("is_url_string", [Type::String], Type::Bool, is)]);
    let parts: [(&'static str, &'static str, Call); 5] = [
        ("getScheme", "url_get_scheme", |args| part(args, |url| &url.scheme)),
        ("getHost", "url_get_host", |args| part(args, |url| &url.host)),
        ("getHostname", "url_get_hostname", |args| part(args, |url| url.host_and_port().0)),
        ("getPort", "url_get_port", |args| part(args, |url| url.host_and_port().1)),
        ("getEscapedPath", "url_get_escaped_path", |args| part(args, |url| &url.path)),
    ];
    for (name, id, call) in parts {
        functions.add(name, [Overload::member(id, [ty()], Type::String, call)]);
    }
    let parameters = Type::map(Type::String, Type::list(Type::String));
    functions.add("getQuery", [Overload::member("url_get_query", [ty()], parameters, query)]);
}

fn part<'a>(args: &[Value<'a>], part: fn(&Url) -> &str) -> Result<Value<'a>, EvalError> {
    Ok(Value::string(part(own(args, 0)?)))
}

fn query<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    let mut found: BTreeMap<String, Vec<Value<'a>>> = BTreeMap::new();
    for pair in own::<Url>(args, 0)?.query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let spaced = |text: &str| unescape(&text.replace('+', " "));
        if let (Ok(key), Ok(value)) = (spaced(key), spaced(value)) {
            found.entry(key).or_default().push(Value::string(value));
        }
    }
    let mut entries = Entries::default();
    for (key, values) in found {
        entries.insert(Key::String(Text::Owned(key.into())), Value::list(values));
    }
    Ok(Value::Map(Map::Values(Arc::new(entries))))
}

impl Url {
    /// Reads an absolute URL or an absolute path.
    pub(super) fn parse(text: &str) -> Result<Url, String> {
        let fail = |why: String| format!("parse {}: {why}", kubernel_meta::field::go_quoted(text));
        if text.bytes().any(|b| b < b' ' || b == 0x7f) {
            return Err(fail("net/url: invalid control character in URL".to_owned()));
        }
        if text.is_empty() {
            return Err(fail("empty url".to_owned()));
        }
        let (scheme, rest) = scheme(text).map_err(|why| fail(why.to_owned()))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut url = Url {
            text: text.to_owned(),
            scheme: scheme.to_ascii_lowercase(),
            host: String::new(),
            path: String::new(),
            query: query.to_owned(),
        };
        if text == "*" {
            url.path = "*".to_owned();
            return Ok(url);
        }
        if !rest.starts_with('/') {
            // What follows a scheme without a slash is opaque.
            return if scheme.is_empty() { Err(fail("invalid URI for request".to_owned())) } else { Ok(url) };
        }
        let mut path = rest;
        if let (Some(authority), false) = (rest.strip_prefix("//"), scheme.is_empty()) {
            let end = authority.find('/').unwrap_or(authority.len());
            url.host = host(&authority[..end]).map_err(fail)?;
            path = &authority[end..];
        }
        let plain = unescape(path).map_err(fail)?;
        url.path = if is_sound_path(path) { path.to_owned() } else { escape(&plain) };
        Ok(url)
    }

    fn host_and_port(&self) -> (&str, &str) {
        let (host, port) = match self.host.rfind(':') {
            Some(colon) if is_port(&self.host[colon..]) => (&self.host[..colon], &self.host[colon + 1..]),
            _ => (self.host.as_str(), ""),
        };
        (host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host), port)
    }
}

fn scheme(text: &str) -> Result<(&str, &str), &'static str> {
    for (at, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at == 0 => return Err("missing protocol scheme"),
            ':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

/// The host of an authority, with its port.
fn host(authority: &str) -> Result<String, String> {
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let in_user = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
    if user.is_some_and(|user| !user.chars().all(in_user)) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    let port = match host.strip_prefix('[') {
        Some(_) => {
            let end = host.rfind(']').ok_or("missing ']' in host")?;
            &host[end + 1..]
        }
        None => host.rfind(':').map_or("", |colon| &host[colon..]),
    };
    if !is_port(port) {
        return Err(format!("invalid port {} after host", kubernel_meta::field::go_quoted(port)));
    }
    let allowed = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:[]<>\"%".contains(c);
    if let Some(bad) = host.chars().find(|c| !allowed(*c)) {
        return Err(format!("invalid character {} in host name", kubernel_meta::field::go_quoted(&bad.to_string())));
    }
    unescape(host)
}

/// Nothing, or a colon and digits, perhaps none.
fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
}

fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-_.~".contains(&b)
}

fn is_sound_path(path: &str) -> bool {
    path.bytes().all(|b| is_unreserved(b) || b"!$&'()*+,;=:@[]%/".contains(&b))
}

fn escape(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for b in path.bytes() {
        if is_unreserved(b) || b"$&+,/:;=@".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

fn unescape(text: &str) -> Result<String, String> {
    let (mut out, mut bytes) = (Vec::with_capacity(text.len()), text.bytes().enumerate());
    while let Some((at, b)) = bytes.next() {
        if b != b'%' {
            out.push(b);
            continue;
        }
        let code = text.get(at + 1..at + 3).filter(|code| code.bytes().all(|b| b.is_ascii_hexdigit()));
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(octet) => {
                out.push(octet);
                bytes.nth(1);
            }
            None => {
                let end = (at + 3).min(text.len());
                let bad = String::from_utf8_lossy(&text.as_bytes()[at..end]).into_owned();
                return Err(format!("invalid URL escape {}", kubernel_meta::field::go_quoted(&bad)));
            }
        }
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}
