//! Ranges of Services' addresses: each says that it is ready, and does not go while a Service has an address that no
//! other range has (upstream's service-cidrs controller, KEP-1880).

mod plan;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::networking::v1::ServiceCIDR;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::key::Key;
use crate::queue::Next;
use crate::{Context, Error, trees};

/// How many ranges are worked on at once.
const WORKERS: usize = 2;
const FINALIZER: &str = "networking.k8s.io/service-cidr-finalizer";
const MANAGER: &str = "service-cidr-controller";
/// Those of Services.
const ADDRESSES: &str = "/apis/networking.k8s.io/v1/ipaddresses";
const MANAGED_BY: (&str, &str) = ("ipaddress.kubernetes.io/managed-by", "ipallocator.k8s.io");
/// How long a range that is about to go waits until every server knows that it gives no more addresses.
const GRACE: Duration = Duration::from_secs(10);
/// How soon a range that cannot go is looked at again: addresses are not followed.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Listens from now on; works while the future is polled.
pub(crate) fn run(context: Context) -> impl Future<Output = ()> {
    let queue = context.queues.queue("servicecidrs");
    let (on_cidr, cidrs) = (queue.clone(), context.caches.service_cidrs.clone());
    context.caches.service_cidrs.listen(move |_, after| {
        if let Some(cidr) = after {
            on_cidr.add(Key::of(&**cidr));
        }
        // Another range may be what those wait for that are about to go.
        for cidr in cidrs.all().iter().filter(|cidr| cidr.metadata.deletion_timestamp.is_some()) {
            on_cidr.add(Key::of(&**cidr));
        }
    });
    async move {
        context.caches.service_cidrs.synced().await;
        queue.run(WORKERS, |key| reconcile(&context, key)).await;
    }
}

async fn reconcile(context: &Context, key: Key) -> Result<Next, Error> {
    let Some(cidr) = context.caches.service_cidrs.get(&key) else { return Ok(Next::Done) };
    let api: Api<ServiceCIDR> = Api::all(context.client.clone());
    let finalizers = cidr.metadata.finalizers.clone().unwrap_or_default();
    let is_guarded = finalizers.iter().any(|finalizer| finalizer == FINALIZER);
    let Some(deleted) = &cidr.metadata.deletion_timestamp else {
        if !is_guarded {
            let patch = json!({ "metadata": { "finalizers": [FINALIZER] } });
            let outcome = api.patch(&key.name, &PatchParams::default(), &Patch::Strategic(&patch)).await;
            outcome.map(|_| Next::Done).or_else(pass)?;
        }
        return say(&api, &cidr, "True", "", "Kubernetes Service CIDR is ready").await;
    };
    if !is_guarded {
        return Ok(Next::Done);
    }
    if is_needed(context, &cidr).await? {
        let why =
            "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";
        say(&api, &cidr, "False", "Terminating", why).await?;
        return Ok(Next::After(LOOK_AGAIN));
    }
    let waited = Timestamp::now().duration_since(deleted.0).unsigned_abs();
    if let Some(left) = GRACE.checked_sub(waited).filter(|left| !left.is_zero()) {
        return Ok(Next::After(left));
    }
    let rest: Vec<&String> = finalizers.iter().filter(|finalizer| *finalizer != FINALIZER).collect();
    let patch = json!({ "metadata": { "resourceVersion": cidr.metadata.resource_version, "finalizers": rest } });
    let outcome = api.patch(&key.name, &PatchParams::default(), &Patch::Merge(&patch)).await;
    outcome.map(|_| Next::Done).or_else(pass)
}

/// Whether a Service has an address that would be in no range without this one.
async fn is_needed(context: &Context, cidr: &ServiceCIDR) -> Result<bool, Error> {
    let all = context.caches.service_cidrs.all();
    let ranges = |cidr: &ServiceCIDR| plan::ranges(cidr.spec.iter().flat_map(|spec| spec.cidrs.iter().flatten()));
    let others: Vec<_> =
        all.iter().filter(|other| other.metadata.name != cidr.metadata.name).flat_map(|other| ranges(other)).collect();
    let own = ranges(cidr);
    if plan::are_covered(&own, &others) {
        return Ok(false);
    }
    let mut needed = false;
    trees::each(&context.client, ADDRESSES, |address| {
        let of_service = address.labels().any(|label| label == MANAGED_BY);
        needed |= of_service && plan::is_orphan(address.name(), &own, &others);
    })
    .await?;
    Ok(needed)
}

/// Says whether the range is ready, unless it is said already.
async fn say(
    api: &Api<ServiceCIDR>,
    cidr: &ServiceCIDR,
    status: &str,
    reason: &str,
    message: &str,
) -> Result<Next, Error> {
    let conditions = cidr.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let said = conditions.into_iter().find(|condition| condition.type_ == "Ready");
    if said.is_some_and(|said| said.status == status && said.reason == reason && said.message == message) {
        return Ok(Next::Done);
    }
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let condition: Value = json!({
        "type": "Ready", "status": status, "reason": reason, "message": message, "lastTransitionTime": now,
    });
    let applied = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "status": { "conditions": [condition] },
    });
    let name = cidr.metadata.name.as_deref().unwrap_or_default();
    let outcome = api.patch_status(name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&applied)).await;
    outcome.map(|_| Next::Done).or_else(pass)
}

/// What is gone needs nothing; what has changed is seen again.
fn pass(error: kube::Error) -> Result<Next, Error> {
    match error {
        kube::Error::Api(status) if matches!(status.code, 404 | 409) => Ok(Next::Done),
        error => Err(error.into()),
    }
}
