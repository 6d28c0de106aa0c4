//! ResourceQuotas: `status.hard` follows `spec.hard`, `status.used` is counted anew where objects went or came to use
//! less. What comes to use more admission has counted by then.

mod usage;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, ResourceQuota, Service};
use kube::Api;
use kube::api::PostParams;
use kubernel_kinds::core::pod::amounts::{self, Amounts};
use kubernel_kinds::quota::{Classes, Measure};
use kubernel_meta::Object;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, interval, sleep};

use crate::cache::Cache;
use crate::key::Key;
use crate::queue::{Next, Queue};
use crate::views::Pod;
use crate::{Context, Error, trees};

/// How many quotas are counted at once.
const WORKERS: usize = 4;
/// How often all are counted, whatever happened (kube-controller-manager's --resource-quota-sync-period).
const PERIOD: Duration = Duration::from_secs(5 * 60);
/// A quota is left alone for this many times as long as counting it took: a namespace that empties out is not counted
/// again for each of its Pods.
const REST_FACTOR: u32 = 3;
/// But not longer than this.
const REST_MAX: Duration = Duration::from_secs(2);

/// Listens from now on; works while the future is polled.
pub(crate) fn run(context: Context) -> impl Future<Output = ()> {
    let queue = context.queues.queue("resource_quota_controller_resource_changes");
    listen(&queue, &context);
    async move {
        context.caches.quotas.synced().await;
        let resync = async {
            let mut ticks = interval(PERIOD);
            loop {
                ticks.tick().await;
                context.caches.quotas.all().iter().for_each(|quota| queue.add(Key::of(&**quota)));
            }
        };
        tokio::join!(resync, queue.run(WORKERS, |key| reconcile(&context, key)));
    }
}

fn listen(queue: &Queue<Key>, context: &Context) {
    let caches = &context.caches;
    let on_quota = queue.clone();
    caches.quotas.listen(move |before, after| {
        if let Some(quota) = after.filter(|quota| before.is_none_or(|before| before.spec != quota.spec)) {
            on_quota.add(Key::of(&**quota));
        }
    });
    let wake = Wake { queue: queue.clone(), quotas: caches.quotas.clone() };
    let (on_deletion, on_pod, on_service) = (wake.clone(), wake.clone(), wake.clone());
    context.deletions.listen(move |group, plural, namespace| on_deletion.wake(group, plural, namespace));
    caches.pods.listen(move |before, after| {
        if let Some(pod) = before.filter(|before| after.is_none_or(|after| uses_less(before, after))) {
            on_pod.wake("", "pods", pod.metadata.namespace.as_deref().unwrap_or_default());
        }
    });
    caches.services.listen(move |before, after| {
        if let (Some(before), Some(after)) = (before, after)
            && ports(before) != ports(after)
        {
            on_service.wake("", "services", after.metadata.namespace.as_deref().unwrap_or_default());
        }
    });
    caches.claims.listen(move |before, after| {
        if let (Some(before), Some(after)) = (before, after)
            && counted(before) != counted(after)
        {
            wake.wake("", "persistentvolumeclaims", after.metadata.namespace.as_deref().unwrap_or_default());
        }
    });
}

/// Puts the quotas of a namespace on the queue.
#[derive(Clone)]
struct Wake {
    queue: Queue<Key>,
    quotas: Arc<Cache<ResourceQuota>>,
}

impl Wake {
    /// Those that count objects of a resource.
    fn wake(&self, group: &str, plural: &str, namespace: &str) {
        let Some(measure) = Measure::of(group, plural).filter(|_| !namespace.is_empty()) else { return };
        for quota in self.quotas.in_namespace(namespace) {
            let mut names = quota.spec.iter().flat_map(|spec| &spec.hard).flat_map(|hard| hard.keys());
            // Which extended resources stand for devices is not known here.
            let may = |name: &String| plural == "resourceclaims" || measure.counts(name, &Classes::default());
            if names.any(may) {
                self.queue.add(Key::of(&*quota));
            }
        }
    }
}

/// Whether a Pod may count for less than before: it ended, its spec changed, or a resize came to an end.
fn uses_less(before: &Pod, after: &Pod) -> bool {
    let resizes = |pod: &Pod| -> Vec<String> {
        let conditions = pod.status.conditions.iter().map(|condition| &condition.type_);
        conditions.filter(|kind| kind.starts_with("PodResize")).cloned().collect()
    };
    (after.is_terminal() && !before.is_terminal())
        || before.metadata.generation != after.metadata.generation
        || resizes(before) != resizes(after)
}

fn ports(service: &Service) -> Option<(Option<&str>, usize)> {
    let spec = service.spec.as_ref()?;
    Some((spec.type_.as_deref(), spec.ports.as_deref().unwrap_or_default().len()))
}

/// What a claim is counted by.
fn counted(claim: &PersistentVolumeClaim) -> impl PartialEq {
    let (spec, status) = (claim.spec.clone().unwrap_or_default(), claim.status.clone().unwrap_or_default());
    let changing = status.modify_volume_status.and_then(|modify| modify.target_volume_attributes_class_name);
    let classes = (spec.volume_attributes_class_name, status.current_volume_attributes_class_name, changing);
    (spec.resources, status.allocated_resources, classes)
}

async fn reconcile(context: &Context, key: Key) -> Result<Next, Error> {
    let started = Instant::now();
    count(context, &key).await?;
    sleep((started.elapsed() * REST_FACTOR).min(REST_MAX)).await;
    Ok(Next::Done)
}

/// Counts what a quota is about, and writes it down where it is not what the status says. The quota is read before the
/// objects are: whoever is charged in between makes the write a conflict, and it is counted again.
async fn count(context: &Context, key: &Key) -> Result<(), Error> {
    let path = format!("/api/v1/namespaces/{}/resourcequotas/{}", key.namespace, key.name);
    let Some(mut quota) = trees::get(&context.client, &path).await? else { return Ok(()) };
    let hard = quota.map_at(&["spec", "hard"]).cloned().unwrap_or_default();
    let mut used = read(&quota, "used");
    used.extend(usage::of(&context.client, &quota, jiff::Timestamp::now()).await?);
    used.retain(|name, _| hard.contains_key(name));
    let told = quota.at(&["status", "hard"]).is_some() && quota.at(&["status", "used"]).is_some();
    if told && amounts::read(&Value::Object(hard.clone())) == read(&quota, "hard") && used == read(&quota, "used") {
        return Ok(());
    }
    let used: Map<String, Value> =
        used.iter().map(|(name, amount)| (name.clone(), json!(amount.to_string()))).collect();
    quota.set(&["status"], json!({ "hard": hard, "used": used }));
    let api: Api<ResourceQuota> = Api::namespaced(context.client.clone(), &key.namespace);
    let quota: ResourceQuota = serde_json::from_value(quota.into_value()).map_err(kube::Error::SerdeError)?;
    match api.replace_status(&key.name, &PostParams::default(), &quota).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(drop).map_err(Error::from),
    }
}

fn read(quota: &Object, list: &str) -> Amounts {
    quota.at(&["status", list]).map(amounts::read).unwrap_or_default()
}
