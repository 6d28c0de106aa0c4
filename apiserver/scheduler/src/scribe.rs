//! Keeps the stored objects of the kernel's group up to date: makes ResourceRoles and the Framework where they are
//! missing, writes a status where it differs from what was written last.

use std::collections::BTreeMap;

use futures::StreamExt;
use jiff::Timestamp;
use kubernel_meta::time;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{api::Api, engine::FRAMEWORK, standing::Standing};

/// Writes under way at a time.
const UNDER_WAY_MAX: usize = 8;

/// The way to the scribe: it writes the latest that it was given, and skips what came between.
pub(crate) struct Scribe(watch::Sender<Standing>);

impl Scribe {
    pub(crate) fn start(api: Api) -> Self {
        let (to, mut standings) = watch::channel(Standing::default());
        tokio::spawn(async move {
            let mut written = Written::default();
            while standings.changed().await.is_ok() {
                let standing = standings.borrow_and_update().clone();
                written.write(&api, standing).await;
            }
        });
        Self(to)
    }

    pub(crate) fn write(&self, standing: Standing) {
        self.0.send_replace(standing);
    }
}

/// What was written last.
#[derive(Default)]
struct Written {
    framework: Option<Value>,
    roles: BTreeMap<String, Value>,
    reservations: BTreeMap<String, Value>,
    /// Since when each role's condition is what it is.
    since: BTreeMap<String, (Value, String)>,
}

impl Written {
    async fn write(&mut self, api: &Api, standing: Standing) {
        for (name, object) in &standing.missing {
            if let Err(error) = api.create("resourceroles", object).await {
                tracing::info!(role = %name, %error, "a ResourceRole could not be made");
            }
        }
        self.write_framework(api, standing.framework).await;
        let stamped = standing.roles.into_iter().map(|(name, status)| self.stamp(name, status)).collect();
        write_statuses(api, "resourceroles", &mut self.roles, stamped).await;
        write_statuses(api, "reservations", &mut self.reservations, standing.reservations).await;
        self.since.retain(|name, _| self.roles.contains_key(name));
    }

    /// Gives a role's condition the time since when it is so.
    fn stamp(&mut self, name: String, mut status: Value) -> (String, Value) {
        if let Some(condition) = status.pointer_mut("/conditions/0") {
            let now = || time::format(Timestamp::now());
            let (known, since) = self.since.entry(name.clone()).or_insert_with(|| (condition["status"].clone(), now()));
            if *known != condition["status"] {
                (*known, *since) = (condition["status"].clone(), now());
            }
            condition["lastTransitionTime"] = since.as_str().into();
        }
        (name, status)
    }

    async fn write_framework(&mut self, api: &Api, status: Value) {
        if status.is_null() || self.framework.as_ref() == Some(&status) {
            return;
        }
        if self.framework.is_none() {
            let object = json!({
                "apiVersion": "kernel.kubernel.io/v1alpha1", "kind": "Framework",
                "metadata": {"name": FRAMEWORK}, "spec": {"name": FRAMEWORK},
            });
            if let Err(error) = api.create("frameworks", &object).await {
                tracing::info!(%error, "the Framework object could not be made");
            }
        }
        match api.set_status("frameworks", FRAMEWORK, &status).await {
            Ok(()) => self.framework = Some(status),
            Err(error) => tracing::debug!(%error, "the Framework's status could not be written"),
        }
    }
}

/// Writes each status that differs from what was written last.
async fn write_statuses(
    api: &Api,
    plural: &str,
    written: &mut BTreeMap<String, Value>,
    statuses: BTreeMap<String, Value>,
) {
    written.retain(|name, _| statuses.contains_key(name));
    let changed: Vec<_> = statuses.into_iter().filter(|(name, status)| written.get(name) != Some(status)).collect();
    let sent = futures::stream::iter(changed)
        .map(|(name, status)| async move {
            let sent = api.set_status(plural, &name, &status).await;
            (name, status, sent)
        })
        .buffer_unordered(UNDER_WAY_MAX);
    let results: Vec<_> = sent.collect().await;
    for (name, status, sent) in results {
        match sent {
            Ok(()) => drop(written.insert(name, status)),
            Err(error) => tracing::debug!(plural, name, %error, "a status could not be written"),
        }
    }
}
