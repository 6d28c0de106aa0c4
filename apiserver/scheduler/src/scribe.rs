//! Keeps the stored objects of the kernel's group up to date: makes ResourceRoles and the Framework where they are
//! missing, writes a status where it differs from what was written last.

use std::collections::BTreeMap;

use futures::StreamExt;
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
}

impl Written {
    async fn write(&mut self, api: &Api, standing: Standing) {
        for (name, object) in &standing.missing {
            if let Err(error) = api.create("resourceroles", object).await {
                tracing::info!(role = %name, %error, "a ResourceRole could not be made");
            }
        }
        self.write_framework(api, standing.framework).await;
        self.roles.retain(|name, _| standing.roles.contains_key(name));
        let changed = standing.roles.into_iter().filter(|(name, status)| self.roles.get(name) != Some(status));
        let changed: Vec<(String, Value)> = changed.collect();
        let sent = futures::stream::iter(changed)
            .map(|(name, status)| async move {
                let sent = api.set_status("resourceroles", &name, &status).await;
                (name, status, sent)
            })
            .buffer_unordered(UNDER_WAY_MAX);
        let results: Vec<_> = sent.collect().await;
        for (name, status, sent) in results {
            match sent {
                Ok(()) => drop(self.roles.insert(name, status)),
                Err(error) => tracing::debug!(role = %name, %error, "a ResourceRole's status could not be written"),
            }
        }
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
