//! Frameworks as objects: written down before they are told so, kept true, and gone when nobody writes them any more.

use std::sync::Arc;

use kubernel_mesos::book::FrameworkRecord;
use kubernel_scheduler::Change;
use serde_json::{Value, json};

use crate::api::{self, Api, KERNEL};
use crate::numbers::Numbers;
use crate::run::{Bridge, Done, Input};
use crate::watched::FrameworkObject;
use crate::{names, objects};

/// A framework.
pub(crate) struct Known {
    uid: Option<String>,
    pub(crate) record: FrameworkRecord,
    /// It is being written; what came since is written next.
    writing: bool,
    next: bool,
    pub(crate) done: Vec<Done>,
    /// It is gone: its object goes when nobody writes it any more.
    gone: bool,
    standing: Value,
}

impl Bridge {
    /// The uid of a framework's object, if it is there.
    pub(crate) fn owner(&self, framework: &str) -> Option<String> {
        self.frameworks.get(framework)?.uid.clone()
    }

    /// All frameworks, as they are remembered.
    pub(crate) fn records(&self) -> Vec<FrameworkRecord> {
        self.frameworks.values().map(|known| known.record.clone()).collect()
    }

    /// A Framework object changed.
    pub(crate) async fn framework(&mut self, change: Change<FrameworkObject>) {
        match change {
            Change::Start => {}
            Change::Synced => self.is_synced(1).await,
            Change::Set(object) => {
                let Some(record) = objects::record(&object) else { return };
                let id: Arc<str> = record.id.as_str().into();
                if self.early.is_some() {
                    let known = self.frameworks.entry(id.clone()).or_insert_with(|| Known::new(record));
                    known.uid = Some(object.metadata.uid.clone());
                }
                if object.metadata.deletion_timestamp.is_some() && !self.door.teardown(&id) {
                    self.forget(&id).await;
                }
            }
            Change::Gone(object) => {
                let id = &object.metadata.annotations.framework;
                if !id.is_empty() && self.frameworks.contains_key(id.as_str()) {
                    self.door.teardown(id);
                }
            }
        }
    }

    /// A framework is gone: so is all that it has.
    pub(crate) async fn forget(&mut self, id: &str) {
        let deeds = self.tasks.remove(id, None);
        self.carry_out(deeds).await;
        self.end_executors(id, None).await;
        if let Some(known) = self.frameworks.get_mut(id).filter(|known| known.writing) {
            known.gone = true;
            return;
        }
        self.frameworks.remove(id);
        let path = format!("{KERNEL}/frameworks/{}", names::framework(id));
        let patched = self.api.patch(&path, &json!({"metadata": {"finalizers": null}})).await.map(drop);
        let deleted = self.api.delete(&path, &json!({"propagationPolicy": "Background"})).await;
        if let Err(error) = patched.or_else(|error| api::pass(error, &[404])).and(deleted) {
            tracing::warn!(framework = id, %error, "a Framework could not be deleted");
        }
    }

    /// Writes a framework down, unless that is under way.
    pub(crate) fn write(&mut self, id: &Arc<str>) {
        let Some(known) = self.frameworks.get_mut(id) else { return };
        if std::mem::replace(&mut known.writing, true) {
            known.next = true;
            return;
        }
        let (record, done) = (known.record.clone(), std::mem::take(&mut known.done));
        let (api, to, id) = (self.api.clone(), self.to.clone(), id.clone());
        let (numbers, number) = (self.numbers.clone(), self.door.number(&id));
        tokio::spawn(async move {
            let result = write_framework(&api, &record, &numbers, number).await.map_err(|error| error.to_string());
            drop(to.send(Input::Written { id, result, done }).await);
        });
    }

    /// A framework was written down, or could not be.
    pub(crate) async fn written(&mut self, id: &Arc<str>, result: Result<String, String>, done: Vec<Done>) {
        if let Err(why) = &result {
            tracing::warn!(framework = %id, why, "a framework could not be written down");
        }
        let answer = result.as_ref().map(drop).map_err(Clone::clone);
        let again = self.frameworks.get_mut(id).is_some_and(|known| {
            known.writing = false;
            known.uid = result.ok().or(known.uid.take());
            std::mem::take(&mut known.next) && !known.gone
        });
        for waiting in done {
            drop(waiting.send(answer.clone()));
        }
        if again {
            self.write(id);
        }
        if self.frameworks.get(id).is_some_and(|known| known.gone && !known.writing) {
            self.forget(id).await;
        }
    }

    /// Brings what Framework objects say of resources and offers up to date.
    pub(crate) async fn stand(&mut self) {
        for (id, known) in self.frameworks.iter_mut().filter(|(_, known)| known.uid.is_some()) {
            let Some(kernel) = self.door.kernel_id(id) else { continue };
            let config = self.ledger.config();
            let standing = self.ledger.read(|state| objects::standing(state, config, kernel));
            let Some(standing) = standing.filter(|standing| *standing != known.standing) else { continue };
            let Ok(permit) = self.writes.clone().acquire_owned().await else { return };
            known.standing.clone_from(&standing);
            let (api, path) = (self.api.clone(), format!("{KERNEL}/frameworks/{}/status", names::framework(id)));
            tokio::spawn(async move {
                if let Err(error) = api.patch(&path, &json!({"status": standing})).await {
                    tracing::debug!(path, %error, "a Framework's status could not be written");
                }
                drop(permit);
            });
        }
    }
}

impl Known {
    /// Who runs what names nobody.
    pub(crate) fn user(&self) -> &str {
        &self.record.info.user
    }

    pub(crate) fn new(record: FrameworkRecord) -> Self {
        Self { uid: None, record, writing: false, next: false, done: Vec::new(), gone: false, standing: Value::Null }
    }
}

/// Makes or changes the object of a framework, the number that it was given first. Returns its uid.
async fn write_framework(
    api: &Api,
    record: &FrameworkRecord,
    numbers: &Numbers,
    number: Option<u32>,
) -> Result<String, kube::Error> {
    let object = objects::object(record);
    let path = format!("{KERNEL}/frameworks/{}", names::framework(&record.id));
    let written = match api.patch(&path, &object).await {
        Err(kube::Error::Api(status)) if status.code == 404 => {
            if let Some(number) = number {
                numbers.give(api, number).await?;
            }
            api.create(&format!("{KERNEL}/frameworks"), &object).await?
        }
        other => other?,
    };
    api.patch(&format!("{path}/status"), &json!({"status": objects::status(record)})).await?;
    Ok(written["metadata"]["uid"].as_str().unwrap_or_default().to_owned())
}
