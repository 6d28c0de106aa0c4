//! Passing a request on to another HTTP server, and its answer back: for extension API servers and for the proxies of
//! nodes, Pods and Services (upstream's UpgradeAwareHandler).
//!
//! Here is what both have in common: which headers go on, what becomes of links and redirects (`links`, `html`), how an
//! upgraded connection is copied. Whom to connect to is [`crate::backend`]'s business, and who may is decided before.

mod html;
mod links;

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;

use axum::body::Body;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::{DeflateDecoder, GzDecoder};
use flate2::write::{DeflateEncoder, GzEncoder};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

pub(crate) use links::Links;

/// Headers that belong to one connection, not to the request or the answer.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// What a page on another server may not allow in this one's name.
const CORS: [&str; 4] = [
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
];
/// A page whose links are rewritten is held in memory; a larger one is an error, packed or unpacked.
const PAGE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How much is copied at once in each direction of an upgraded connection.
const COPY_BYTES: usize = 32 * 1024;

/// Whether a client wants the connection for something else than HTTP.
pub(crate) fn is_upgrade(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.any(|value| value.to_ascii_lowercase().contains("upgrade"))
}

/// The client's headers as the next server gets them: without what is between the client and us, above all without its
/// credentials. `upgrade` keeps what asks for another protocol; `client` is appended to `X-Forwarded-For`.
pub(crate) fn passed_on(headers: &HeaderMap, upgrade: bool, client: Option<SocketAddr>) -> HeaderMap {
    let mut out = headers.clone();
    let named: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    if !upgrade {
        named.iter().for_each(|name| drop(out.remove(name.as_str())));
    }
    let kept = |name: &str| upgrade && matches!(name, "connection" | "upgrade");
    HOP_BY_HOP.iter().filter(|name| !kept(name)).for_each(|name| drop(out.remove(*name)));
    out.remove(header::AUTHORIZATION);
    out.remove(header::HOST);
    let identity: Vec<HeaderName> = out.keys().filter(|name| says_who(name.as_str())).cloned().collect();
    identity.into_iter().for_each(|name| drop(out.remove(name)));
    if let Some(client) = client {
        let before: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
        let all = [before.join(", "), client.ip().to_string()];
        let all: Vec<&str> = all.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        if let Ok(value) = HeaderValue::from_str(&all.join(", ")) {
            out.insert(FORWARDED_FOR, value);
        }
    }
    out
}

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Headers by which a client says who it is or wants to be: they count here and nowhere else.
fn says_who(name: &str) -> bool {
    name.starts_with("impersonate-")
        || name.starts_with("x-remote-extra-")
        || matches!(name, "x-remote-user" | "x-remote-uid" | "x-remote-group")
}

/// The host that a client asked for: HTTP/2 says it in the URI.
pub(crate) fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> &'a str {
    let said = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    said.or_else(|| uri.authority().map(http::uri::Authority::as_str)).unwrap_or_default()
}

/// The other server's answer as the client gets it. Where the other server changes the protocol, both connections are
/// copied into one another from then on. The error is a text.
pub(crate) async fn answer(
    mut response: Response<Incoming>,
    client: Option<OnUpgrade>,
    links: &Links,
) -> Result<Response<Body>, String> {
    if let Some(client) = client {
        let code = response.status();
        if code == StatusCode::SWITCHING_PROTOCOLS {
            tokio::spawn(join(client, hyper::upgrade::on(&mut response)));
            return Ok(Response::from_parts(response.into_parts().0, Body::empty()));
        }
        if code.as_u16() < 400 {
            return Err(format!("invalid upgrade response: status code {}", code.as_u16()));
        }
    }
    let (mut parts, body) = response.into_parts();
    for name in HOP_BY_HOP.iter().chain(&CORS) {
        parts.headers.remove(*name);
    }
    if let Some(location) = parts.headers.get(header::LOCATION).and_then(|value| value.to_str().ok()) {
        if let Ok(value) = HeaderValue::from_str(&links.rewrite(location)) {
            parts.headers.insert(header::LOCATION, value);
        }
        return Ok(Response::from_parts(parts, Body::new(body)));
    }
    let text = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let media = text(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    let encoding = match text(header::CONTENT_ENCODING) {
        "" => Encoding::None,
        "gzip" => Encoding::Gzip,
        "deflate" => Encoding::Deflate,
        _ => return Ok(Response::from_parts(parts, Body::new(body))),
    };
    if media != "text/html" {
        return Ok(Response::from_parts(parts, Body::new(body)));
    }
    let page = Limited::new(body, PAGE_BYTES_MAX).collect().await.map_err(|error| error.to_string())?.to_bytes();
    let page = rewritten(&page, encoding, links).map_err(|error| error.to_string())?;
    parts.headers.remove(header::CONTENT_LENGTH);
    Ok(Response::from_parts(parts, Body::from(page)))
}

#[derive(Clone, Copy)]
enum Encoding {
    None,
    Gzip,
    Deflate,
}

fn rewritten(page: &[u8], encoding: Encoding, links: &Links) -> std::io::Result<Bytes> {
    let limit = PAGE_BYTES_MAX as u64;
    let mut plain = Vec::new();
    match encoding {
        Encoding::None => plain.extend_from_slice(page),
        Encoding::Gzip => drop(GzDecoder::new(page).take(limit + 1).read_to_end(&mut plain)?),
        Encoding::Deflate => drop(DeflateDecoder::new(page).take(limit + 1).read_to_end(&mut plain)?),
    }
    if plain.len() > PAGE_BYTES_MAX {
        return Err(std::io::Error::other("the page is too large"));
    }
    let plain = html::rewrite(&plain, &|url| links.rewrite(url));
    Ok(match encoding {
        Encoding::None => plain.into(),
        Encoding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&plain)?;
            encoder.finish()?.into()
        }
        Encoding::Deflate => {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&plain)?;
            encoder.finish()?.into()
        }
    })
}

/// Copies both directions until both are at their end.
async fn join(client: OnUpgrade, server: OnUpgrade) {
    let (Ok(client), Ok(server)) = (client.await, server.await) else { return };
    let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
    let copied = tokio::io::copy_bidirectional_with_sizes(&mut client, &mut server, COPY_BYTES, COPY_BYTES).await;
    if let Err(error) = copied {
        tracing::debug!(%error, "an upgraded connection ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let sent = [
            ("accept", "a"),
            ("authorization", "Bearer x"),
            ("connection", "Upgrade, X-Own"),
            ("host", "h"),
            ("impersonate-user", "u"),
            ("te", "trailers"),
            ("upgrade", "websocket"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-own", "o"),
            ("x-remote-extra-a", "b"),
            ("x-remote-user", "admin"),
        ];
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(name, value.parse().unwrap());
        }
        let client = Some("10.0.0.2:5000".parse().unwrap());
        let said = |upgrade| {
            let out = passed_on(&headers, upgrade, client);
            let mut all: Vec<String> =
                out.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
            all.sort_unstable();
            all.join("\n")
        };
        assert_eq!(said(false), "accept: a\nx-forwarded-for: 10.0.0.1, 10.0.0.2");
        let upgraded = "accept: a\nconnection: Upgrade, X-Own\nupgrade: websocket\n\
                        x-forwarded-for: 10.0.0.1, 10.0.0.2\nx-own: o";
        assert_eq!(said(true), upgraded);
        assert!(is_upgrade(&headers) && !is_upgrade(&HeaderMap::new()));
    }

    #[test]
    fn packed_pages() {
        let links = Links { prefix: "/p".to_owned(), ..Links::default() };
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(b"<a href=/x>").unwrap();
        let page = rewritten(&gzip.finish().unwrap(), Encoding::Gzip, &links).unwrap();
        let mut plain = String::new();
        GzDecoder::new(&*page).read_to_string(&mut plain).unwrap();
        assert_eq!(plain, "<a href=\"/p/x\">");
        assert!(rewritten(b"no gzip", Encoding::Gzip, &links).is_err());
    }
}
