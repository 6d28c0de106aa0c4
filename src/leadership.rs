//! Of several servers one leads: its kernel, scheduler, controllers and Mesos door are the cluster's.
//!
//! A Lease says who. Whoever leads renews it; the others take it when it has not changed for as long as it says, by
//! their own clocks (client-go's `leaderelection`). A leader that cannot renew steps down before that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

const NAMESPACE: &str = "kube-system";
const NAME: &str = "kubernel";
/// Where the Lease says how the leader is reached.
const API_ANNOTATION: &str = "kernel.kubernel.io/api-url";
const MESOS_ANNOTATION: &str = "kernel.kubernel.io/mesos-address";

/// Who leads, as this server knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nobody, as far as is known.
    #[default]
    Nobody,
    /// This server.
    Us,
    /// Another one.
    Another(Leader),
}

/// How another server is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leader {
    /// Its API, like `https://10.0.0.1:6443`.
    pub(crate) api: Option<String>,
    /// Its Mesos door, like `10.0.0.1:5050`.
    pub(crate) mesos: Option<String>,
}

impl Leader {
    /// What a Lease says of its holder.
    fn of(lease: &Lease) -> Self {
        let annotation = |name: &str| lease.metadata.annotations.as_ref()?.get(name).cloned();
        Self { api: annotation(API_ANNOTATION), mesos: annotation(MESOS_ANNOTATION) }
    }
}

/// One server's part in the election.
pub(crate) struct Election {
    api: Api<Lease>,
    identity: String,
    reached: Leader,
    lasts: Duration,
    standing: watch::Sender<Standing>,
}

/// The Lease as it was last seen to change.
struct Observed {
    holder: String,
    renewed: Option<MicroTime>,
    at: Instant,
}

/// What is to be done about a Lease.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// It is ours, or nobody's, or its holder is silent.
    Take,
    /// Its holder leads.
    Follow,
}

impl Election {
    /// A candidate. `lasts` is how long a silent leader is still believed in.
    pub(crate) fn new(client: Client, instance: &str, reached: Leader, lasts: Duration) -> Self {
        let identity = format!("{instance}_{}", uuid::Uuid::new_v4());
        let api = Api::namespaced(client, NAMESPACE);
        Self { api, identity, reached, lasts, standing: watch::Sender::default() }
    }

    /// Who leads, from now on.
    pub(crate) fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// How often the Lease is looked at.
    fn retry(&self) -> Duration {
        self.lasts / 6
    }

    /// Waits until this server leads. The token is cancelled when it does no more; `None` when it is to stop first.
    pub(crate) async fn win(self: &Arc<Self>, stop: &CancellationToken) -> Option<CancellationToken> {
        let mut observed = None;
        loop {
            let attempt = timeout(self.lasts, self.attempt(&mut observed));
            let outcome = tokio::select! { () = stop.cancelled() => return None, outcome = attempt => outcome };
            match outcome {
                Ok(Ok(true)) => break,
                Ok(Ok(false)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the Lease of the leading server cannot be read or written"),
                Err(_) => tracing::warn!("the Lease of the leading server is not answered for"),
            }
            tokio::select! { () = stop.cancelled() => return None, () = tokio::time::sleep(self.retry()) => {} }
        }
        tracing::info!(identity = self.identity, "this server leads");
        self.standing.send_replace(Standing::Us);
        let lost = CancellationToken::new();
        tokio::spawn(self.clone().hold(observed, lost.clone()));
        Some(lost)
    }

    /// Knows who leads without ever doing so, until `stop`: for a server that serves the API alone.
    pub(crate) async fn observe(self: Arc<Self>, stop: CancellationToken) {
        loop {
            if let Ok(Ok(lease)) = timeout(self.lasts, self.api.get_opt(NAME)).await {
                let is_held = |lease: &Lease| {
                    let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref());
                    holder.is_some_and(|holder| !holder.is_empty())
                };
                let held = lease.filter(is_held);
                self.stands(held.map_or(Standing::Nobody, |lease| Standing::Another(Leader::of(&lease))));
            }
            tokio::select! { () = stop.cancelled() => return, () = tokio::time::sleep(self.retry()) => {} }
        }
    }

    /// Says who leads, where that is news.
    fn stands(&self, next: Standing) {
        self.standing.send_if_modified(|standing| {
            let changed = *standing != next;
            *standing = next;
            changed
        });
    }

    /// Gives the Lease back, so that another server need not wait for it to run out.
    pub(crate) async fn release(&self) {
        let released = timeout(self.lasts, async {
            let mut lease = self.api.get(NAME).await?;
            let spec = lease.spec.get_or_insert_default();
            if spec.holder_identity.as_deref() == Some(&self.identity) {
                spec.holder_identity = Some(String::new());
                spec.lease_duration_seconds = Some(1);
                self.api.replace(NAME, &PostParams::default(), &lease).await?;
            }
            Ok::<_, kube::Error>(())
        });
        if !matches!(released.await, Ok(Ok(()))) {
            tracing::warn!("the Lease of the leading server is not given back: it runs out by itself");
        }
    }

    /// Renews until that fails for too long; then, or when told to stop, this server does not lead any more.
    async fn hold(self: Arc<Self>, mut observed: Option<Observed>, lost: CancellationToken) {
        // Before anybody else may take it.
        let patience = self.lasts * 2 / 3;
        let mut renewed = Instant::now();
        loop {
            tokio::select! { () = lost.cancelled() => return, () = tokio::time::sleep(self.retry()) => {} }
            let left = patience.saturating_sub(renewed.elapsed());
            match timeout(left, self.attempt(&mut observed)).await {
                Ok(Ok(true)) => renewed = Instant::now(),
                // Somebody else has it.
                Ok(Ok(false)) => break,
                Ok(Err(error)) if renewed.elapsed() < patience => tracing::warn!(%error, "the Lease is not renewed"),
                Ok(Err(_)) | Err(_) => break,
            }
        }
        tracing::warn!(identity = self.identity, "this server does not lead any more");
        self.standing.send_if_modified(|standing| {
            let led = *standing == Standing::Us;
            if led {
                *standing = Standing::Nobody;
            }
            led
        });
        lost.cancel();
    }

    /// Takes or renews the Lease where it may be; says whether it is ours.
    async fn attempt(&self, observed: &mut Option<Observed>) -> Result<bool, kube::Error> {
        let now = Instant::now();
        let Some(lease) = self.api.get_opt(NAME).await? else {
            let made = self.api.create(&PostParams::default(), &self.lease(None)).await;
            return settled(made);
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.clone().unwrap_or_default();
        if observed.as_ref().is_none_or(|seen| seen.holder != holder || seen.renewed != spec.renew_time) {
            *observed = Some(Observed { holder: holder.clone(), renewed: spec.renew_time.clone(), at: now });
        }
        let since = observed.as_ref().map_or(now, |seen| seen.at);
        if decide(&self.identity, &spec, now.duration_since(since)) == Step::Follow {
            self.stands(Standing::Another(Leader::of(&lease)));
            return Ok(false);
        }
        let written = self.api.replace(NAME, &PostParams::default(), &self.lease(Some(lease))).await;
        settled(written)
    }

    /// The Lease as we want it, made from what is there.
    fn lease(&self, there: Option<Lease>) -> Lease {
        let Lease { mut metadata, spec } = there.unwrap_or_default();
        let mut spec = spec.unwrap_or_default();
        let now = MicroTime(Timestamp::now());
        if spec.holder_identity.as_deref() != Some(&self.identity) {
            spec.lease_transitions = Some(spec.lease_transitions.map_or(0, |count| count + 1));
            spec.acquire_time = Some(now.clone());
        }
        metadata = ObjectMeta { name: Some(NAME.to_owned()), ..metadata };
        let annotations: &mut BTreeMap<String, String> = metadata.annotations.get_or_insert_default();
        for (name, value) in [(API_ANNOTATION, &self.reached.api), (MESOS_ANNOTATION, &self.reached.mesos)] {
            match value {
                Some(value) => drop(annotations.insert(name.to_owned(), value.clone())),
                None => drop(annotations.remove(name)),
            }
        }
        spec.holder_identity = Some(self.identity.clone());
        spec.lease_duration_seconds = Some(i32::try_from(self.lasts.as_secs().max(1)).unwrap_or(i32::MAX));
        spec.renew_time = Some(now);
        Lease { metadata, spec: Some(spec) }
    }
}

/// Somebody who was faster is no failure.
fn settled(outcome: Result<Lease, kube::Error>) -> Result<bool, kube::Error> {
    match outcome {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}

/// What is to be done about a Lease that has been as it is for so long.
fn decide(identity: &str, spec: &LeaseSpec, unchanged: Duration) -> Step {
    let holder = spec.holder_identity.as_deref().unwrap_or_default();
    let lasts = Duration::from_secs(u64::try_from(spec.lease_duration_seconds.unwrap_or(0)).unwrap_or(0));
    if holder.is_empty() || holder == identity || unchanged > lasts { Step::Take } else { Step::Follow }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_take_the_lease() {
        let spec = |holder: Option<&str>, seconds: i32| LeaseSpec {
            holder_identity: holder.map(str::to_owned),
            lease_duration_seconds: Some(seconds),
            ..LeaseSpec::default()
        };
        let cases = [
            (spec(None, 3), 0, Step::Take),
            (spec(Some(""), 1), 0, Step::Take),
            (spec(Some("us"), 3), 9, Step::Take),
            (spec(Some("them"), 3), 0, Step::Follow),
            (spec(Some("them"), 3), 3000, Step::Follow),
            (spec(Some("them"), 3), 3001, Step::Take),
            (spec(Some("them"), 15), 3001, Step::Follow),
        ];
        for (spec, unchanged_ms, wanted) in cases {
            let step = decide("us", &spec, Duration::from_millis(unchanged_ms));
            assert_eq!(step, wanted, "{spec:?} {unchanged_ms}");
        }
    }
}
