//! `/kubernel/backup`: the whole cluster as one file, while it runs. Who may read the path may read every Secret and the
//! authorities' keys.

use std::collections::BTreeMap;
use std::io;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Response, header};
use kubernel_meta::ApiError;
use kubernel_store::{Archive, At};
use tokio::sync::mpsc;

use crate::context::Context;
use crate::verbs::store_error;

/// How much is sent at once, and how many such pieces wait for a slow client.
const PIECE_BYTES: usize = 256 << 10;
const PIECES_MAX: usize = 8;
/// Under what name an archive has what the servers' `pki/` folders have in common.
pub const PKI: &str = "pki";

/// The state of now, as [`Archive::read`] reads it.
pub(super) async fn serve(context: &Context) -> Result<Response<Body>, ApiError> {
    let state = context.server.store().snapshot("/registry/", At::Latest).await.map_err(store_error)?;
    let mut shared = BTreeMap::new();
    if let Some(pki) = &context.server.config().pki {
        let text = pki.shared().map_err(|error| ApiError::internal(error.to_string()))?.render();
        shared.insert(PKI.to_owned(), String::from_utf8_lossy(&text).into_owned());
    }
    let (to, pieces) = mpsc::channel(PIECES_MAX);
    tokio::task::spawn_blocking(move || {
        let pieces = io::BufWriter::with_capacity(PIECE_BYTES, Pieces(to.clone()));
        if let Err(error) = Archive::write(&*state, &shared, pieces) {
            // The client must not take what it has for the whole.
            let _ = to.blocking_send(Err(error));
        }
    });
    let body = Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(pieces));
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/gzip"));
    Ok(response)
}

/// Bytes on their way to a client.
struct Pieces(mpsc::Sender<io::Result<Bytes>>);

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map(|()| bytes.len()).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
