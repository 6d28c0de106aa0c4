//! An address that a Service holds is written down again when somebody deletes its object (upstream's repair of IPs).

use std::net::Ipv4Addr;

use jiff::Timestamp;
use kubernel_meta::ApiError;
use kubernel_store::{At, Entry, Revision, StoreError};
use tokio_util::sync::CancellationToken;

use crate::verbs::store_error;
use crate::{ApiServer, document};

use super::addresses::{self, IP_ADDRESSES};
use super::{Number, SERVICES, service};

/// Watches over the addresses from this revision on, until the server stops.
pub(crate) async fn keep(server: ApiServer, after: Revision, stop: CancellationToken) {
    let store = server.store();
    let mut watch = store.watch(IP_ADDRESSES, after);
    loop {
        let next = match &mut watch {
            Ok(watch) => tokio::select! {
                () = stop.cancelled() => return,
                next = watch.next() => next,
            },
            Err(error) => {
                tracing::warn!(%error, "addresses of Services are not watched over");
                return;
            }
        };
        match next {
            Ok(events) => {
                for event in events.iter().filter(|event| event.deleted) {
                    if let Err(error) = restore(&server, &event.entry).await {
                        tracing::warn!(error = error.message(), key = %event.entry.key, "an address of a Service is not written down");
                    }
                }
            }
            // What was missed in between, the next start finds.
            Err(_) => watch = store.watch(IP_ADDRESSES, store.revision()),
        }
    }
}

/// Writes an address down again if its Service still holds it.
async fn restore(server: &ApiServer, gone: &Entry) -> Result<(), ApiError> {
    let address = gone.key.strip_prefix(IP_ADDRESSES).and_then(|name| name.parse::<Ipv4Addr>().ok());
    let (Some(address), Some((namespace, name))) = (address, addresses::parent(&document::parse(&gone.json)?)) else {
        return Ok(());
    };
    let key = format!("{SERVICES}{namespace}/{name}");
    let snapshot = server.store().snapshot(&key, At::Latest).await.map_err(store_error)?;
    let Some(entry) = snapshot.get(&key) else { return Ok(()) };
    let service = document::parse(&entry.json)?;
    if !service::held(&service).contains(&Number::Address(address)) {
        return Ok(());
    }
    let claim = server.allocator().addresses.claim(address, &service, Timestamp::now())?;
    match server.store().commit(vec![claim]).await {
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(store_error(error)),
    }
}
