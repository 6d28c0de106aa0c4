//! What the node's network knows of the cluster: Services and EndpointSlices, followed through watches.

use futures::StreamExt;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::Api;
use kube::runtime::reflector::{Store, store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Changes that come this close together are one change.
const QUIET_MILLIS: u64 = 30;
/// But a change does not wait longer than this for quiet.
const WAIT_MILLIS_MAX: u64 = 250;

/// The followed objects. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Cluster {
    services: Store<Service>,
    slices: Store<EndpointSlice>,
    changed: watch::Receiver<u64>,
}

/// A look at the cluster at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) services: Vec<Arc<Service>>,
    pub(crate) slices: Vec<Arc<EndpointSlice>>,
}

/// Follows the cluster until `shutdown`.
pub(crate) fn watch(client: Client, shutdown: CancellationToken) -> Cluster {
    let (change, changed) = watch::channel(0);
    let change = Arc::new(change);
    Cluster {
        services: follow(Api::all(client.clone()), change.clone(), shutdown.clone()),
        slices: follow(Api::all(client), change, shutdown),
        changed,
    }
}

fn follow<K>(api: Api<K>, change: Arc<watch::Sender<u64>>, shutdown: CancellationToken) -> Store<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (reader, writer) = store();
    tokio::spawn(async move {
        let mut events = std::pin::pin!(watcher(api, watcher::Config::default()).default_backoff().reflect(writer));
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                () = shutdown.cancelled() => return,
            };
            match event {
                Some(Ok(watcher::Event::Init | watcher::Event::InitApply(_))) => {}
                Some(Ok(_)) => change.send_modify(|count| *count += 1),
                Some(Err(e)) => tracing::debug!("watch: {e}"),
                None => return,
            }
        }
    });
    reader
}

impl Cluster {
    /// Waits for both initial lists.
    pub(crate) async fn ready(&self) {
        // Fails only when the watch has been stopped, and then so have we.
        let _ = self.services.wait_until_ready().await;
        let _ = self.slices.wait_until_ready().await;
    }

    /// Waits for a change and then for a moment of quiet; false when no more changes can come.
    pub(crate) async fn changed(&mut self) -> bool {
        if self.changed.changed().await.is_err() {
            return false;
        }
        let quiet = async {
            let pause = Duration::from_millis(QUIET_MILLIS);
            while let Ok(Ok(())) = tokio::time::timeout(pause, self.changed.changed()).await {}
        };
        let _ = tokio::time::timeout(Duration::from_millis(WAIT_MILLIS_MAX), quiet).await;
        true
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot { services: self.services.state(), slices: self.slices.state() }
    }
}

#[cfg(test)]
impl Cluster {
    /// A cluster that does not change.
    pub(crate) fn fixed(snapshot: &Snapshot) -> Self {
        fn filled<K>(objects: &[Arc<K>]) -> Store<K>
        where
            K: Resource<DynamicType = ()> + Clone + 'static,
        {
            let (reader, mut writer) = store();
            writer.apply_watcher_event(&watcher::Event::Init);
            for object in objects {
                writer.apply_watcher_event(&watcher::Event::InitApply(K::clone(object)));
            }
            writer.apply_watcher_event(&watcher::Event::InitDone);
            reader
        }
        let (services, slices) = (filled(&snapshot.services), filled(&snapshot.slices));
        let (change, changed) = watch::channel(0);
        // Dropped, it would mean that the watches have ended.
        std::mem::forget(change);
        Self { services, slices, changed }
    }
}
