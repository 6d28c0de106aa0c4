//! gzip for answers that are large enough for it to pay, piece by piece as they are made.

use std::io::Write as _;

use axum::body::Body;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

/// Answers up to this size go out as they are (upstream's `defaultGzipThresholdBytes`).
const PLAIN_BYTES_MAX: u64 = 128 * 1024;
/// Upstream's `defaultGzipContentEncodingLevel`: the fastest.
const LEVEL: Compression = Compression::new(1);

/// Compresses a successful answer of about this many bytes where that is much and the client takes gzip.
pub(crate) fn where_wanted(headers: &HeaderMap, bytes: u64, mut response: Response<Body>) -> Response<Body> {
    if bytes <= PLAIN_BYTES_MAX || response.status() != StatusCode::OK || !takes_gzip(headers) {
        return response;
    }
    let body = std::mem::take(response.body_mut());
    *response.body_mut() = compressed(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    response
}

/// Whether the client names gzip itself; preferences (`;q=`) are not looked at, as upstream does not.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepts.split(',').any(|token| token.trim() == "gzip")
}

fn compressed(body: Body) -> Body {
    let encoder = GzEncoder::new(Vec::new(), LEVEL);
    let pieces = stream::unfold(Some((body.into_data_stream(), encoder)), |state| async {
        let (mut body, mut encoder) = state?;
        match body.next().await {
            Some(Ok(piece)) => {
                let out = encoder.write_all(&piece).map(|()| Bytes::from(std::mem::take(encoder.get_mut())));
                Some((out, Some((body, encoder))))
            }
            Some(Err(error)) => Some((Err(std::io::Error::other(error)), None)),
            None => Some((encoder.finish().map(Bytes::from), None)),
        }
    });
    // Pieces that only filled the encoder's window are no frames.
    Body::from_stream(pieces.filter(|piece| std::future::ready(piece.as_ref().map_or(true, |piece| !piece.is_empty()))))
}
