//! The actor: feeds the state machine, starts the work it asks for, reports the status.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kubernel_podlife::{Action, Input, PodLife, PodView, Qos, Restored, StartFailure, qos_class};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::{Message, PodContext, Sender, View, patch};
use crate::objects::{self, tree};
use crate::work::{cleanup, kill, outcome, probe, resize, sandbox, source::PodSource, start};

/// Volumes whose contents may change are brought up to date this often.
const VOLUMES_INTERVAL: Duration = Duration::from_secs(60);
/// Pause after a failed write before the next.
const PUBLISH_RETRY: Duration = Duration::from_secs(2);
/// Pause after a failed piece of work that has to succeed in the end.
const WORK_RETRY: Duration = Duration::from_secs(3);
/// How long to sleep when nothing is due.
const IDLE: Duration = Duration::from_secs(3600);

pub(super) struct Actor {
    context: Arc<PodContext>,
    sender: Sender,
    object: Arc<Value>,
    life: PodLife,
    qos: Qos,
    /// The attempt number of the present sandbox.
    sandbox_attempt: u32,
    /// The status the API has, as far as we know.
    published: Value,
    publishing: bool,
    publish_after: Option<Instant>,
    finalize: bool,
    gone: bool,
    /// A container that ended while it was being started. Starts come one after the other, so there is only one.
    ended_early: Option<String>,
    volumes_at: Option<Instant>,
    view: watch::Sender<View>,
}

impl Actor {
    pub(super) fn new(
        context: Arc<PodContext>,
        sender: Sender,
        object: Arc<Value>,
        restored: Restored,
        view: watch::Sender<View>,
    ) -> Self {
        let pod = PodView::from_json(&object);
        let sandbox_attempt = restored.sandbox_attempts.saturating_sub(1);
        let changes = !context.node.hollow && kubernel_volumes::PodVolumes::changes(&object);
        Self {
            qos: qos_class(&pod.spec),
            published: object["status"].clone(),
            life: PodLife::restore(Timestamp::now(), pod, restored),
            volumes_at: changes.then(|| Instant::now() + VOLUMES_INTERVAL),
            context,
            sender,
            object,
            sandbox_attempt,
            publishing: false,
            publish_after: None,
            finalize: false,
            gone: false,
            ended_early: None,
            view,
        }
    }

    pub(super) async fn run(mut self, mut mailbox: mpsc::Receiver<Message>, reject: Option<(String, String)>) {
        let first = match reject {
            Some((reason, message)) => {
                self.context.node.recorder.pod(&self.object, None, true, &reason, &message);
                Input::Reject { reason, message }
            }
            None => Input::Tick,
        };
        self.step(first);
        loop {
            let wake = self.wake();
            tokio::select! {
                message = mailbox.recv() => {
                    let Some(message) = message else { return };
                    self.handle(message);
                }
                () = tokio::time::sleep_until(wake) => {
                    self.refresh_volumes();
                    self.step(Input::Tick);
                }
            }
            if self.life.is_over() {
                self.context.node.forget(&self.context.uid);
                return;
            }
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Object(object) => {
                // Labels and annotations appear in files, which are not to wait for their turn.
                let told =
                    |object: &Value| [object["metadata"]["labels"].clone(), object["metadata"]["annotations"].clone()];
                if self.volumes_at.is_some() && told(&self.object) != told(&object) {
                    self.volumes_at = Some(Instant::now());
                }
                self.object = object;
                let pod = PodView::from_json(&self.object);
                self.step(Input::Updated(Box::new(pod)));
            }
            Message::Gone => {
                // Nobody reads this Pod's status any more.
                self.gone = true;
                self.step(Input::Gone);
            }
            Message::Life(input) => self.step(input),
            Message::Look(id) => self.look(id),
            Message::Published(result) => self.published(result),
            Message::NotFinalized => {
                self.finalize = true;
                self.publish_after = Some(Instant::now() + PUBLISH_RETRY);
            }
        }
    }

    fn step(&mut self, input: Input) {
        match &input {
            Input::Sandbox(Ok((id, _))) => self.context.node.own(id, &self.sender),
            // What has ended ends no more.
            Input::SandboxLost { id } => self.context.node.disown(id),
            Input::Exited { end, .. } | Input::StartFailed { failure: StartFailure { end: Some(end), .. }, .. } => {
                self.context.node.disown(&end.id);
            }
            _ => {}
        }
        let now = Timestamp::now();
        self.life.step(now, input);
        for action in self.life.take_actions() {
            self.act(action);
        }
        if let Some(id) = self.ended_early.take_if(|id| self.life.running().any(|(_, running)| running == id)) {
            self.look(id);
        }
        self.publish(now);
    }

    fn wake(&self) -> Instant {
        let now = Instant::now();
        let life = self.life.wake_at().map(|at| {
            let wait = at.duration_since(Timestamp::now());
            // Timestamps are finer than the timer: a little late is better than twice.
            now + Duration::try_from(wait).unwrap_or_default() + Duration::from_millis(1)
        });
        let all = [life, self.volumes_at, self.publish_after];
        all.into_iter().flatten().min().unwrap_or(now + IDLE)
    }

    fn act(&mut self, action: Action) {
        let (context, sender) = (self.context.clone(), self.sender.clone());
        let object = self.object.clone();
        let ips = self.life.ips().to_vec();
        let qos = self.qos;
        match action {
            Action::Event { warning, reason, message, container } => {
                context.node.recorder.pod(&object, container.as_deref(), warning, reason, &message);
            }
            Action::PrepareVolumes => {
                tokio::spawn(async move {
                    let result = prepare_volumes(&context, &object, &ips).await;
                    sender.input(Input::Volumes(result)).await;
                });
            }
            Action::RunSandbox { attempt } => {
                self.sandbox_attempt = attempt;
                tokio::spawn(async move {
                    let result = sandbox::run(&context, &object, qos, attempt).await;
                    sender.input(Input::Sandbox(result)).await;
                });
            }
            Action::StopSandbox { id } => {
                tokio::spawn(async move {
                    while let Err(error) = context.node.runtime.stop_sandbox(&id).await {
                        tracing::warn!(sandbox = %id, %error, "a sandbox does not stop");
                        tokio::time::sleep(WORK_RETRY).await;
                    }
                    sender.input(Input::SandboxStopped).await;
                });
            }
            Action::Start { container, attempt } => {
                let work = start::Start {
                    pod: object,
                    container,
                    attempt,
                    qos,
                    sandbox_id: self.life.sandbox_id().unwrap_or_default().to_owned(),
                    sandbox_attempt: self.sandbox_attempt,
                    ips,
                };
                tokio::spawn(async move { start::run(&context, work, &sender).await });
            }
            Action::AbortStart => context.abort.cancel(),
            Action::Kill { container, id, grace_secs, pre_stop } => {
                let work = kill::Kill { pod: object, container, id, grace_secs, pre_stop, ips };
                tokio::spawn(async move { kill::run(&context, work, &sender).await });
            }
            Action::Probe { container, id, kind } => {
                tokio::spawn(async move {
                    let outcome = probe::run(&context, &object, &container, &id, kind, &ips).await;
                    sender.input(Input::Probed { container, id, kind, outcome }).await;
                });
            }
            Action::Resize { container, id } => {
                tokio::spawn(async move {
                    let result = resize::run(&context, &object, &container, &id, qos).await;
                    sender.input(Input::Resized { container, id, result }).await;
                });
            }
            Action::CleanUp => {
                tokio::spawn(async move {
                    let log_dir = sandbox::log_dir(&context, &object);
                    while let Err(error) = cleanup::remove(&context.node, &context.uid, &log_dir).await {
                        tracing::warn!(pod = %context.uid, %error, "a pod's remains could not be removed");
                        tokio::time::sleep(WORK_RETRY).await;
                    }
                    sender.input(Input::CleanedUp).await;
                });
            }
            Action::Finalize => self.finalize = true,
        }
    }

    /// Somebody says that this container or sandbox may have ended.
    fn look(&mut self, id: String) {
        let (context, sender) = (self.context.clone(), self.sender.clone());
        if self.life.sandbox_id() == Some(&id) {
            tokio::spawn(async move {
                let ready = kubernel_runtime::cri::PodSandboxState::SandboxReady as i32;
                let mut pause = outcome::LOOK_PAUSE_MIN;
                while pause < outcome::LOOK_PAUSE_MAX {
                    let lost = match context.node.runtime.sandbox_status(&id).await {
                        Ok(status) => status.state != ready,
                        Err(error) => error.is_not_found(),
                    };
                    if lost {
                        sender.input(Input::SandboxLost { id }).await;
                        return;
                    }
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
            });
            return;
        }
        let known = self.life.running().find(|(_, running)| *running == id).map(|(name, _)| name.to_owned());
        let Some(container) = known else {
            // It may end before its start is through.
            self.ended_early = Some(id);
            return;
        };
        tokio::spawn(async move {
            if let Some(end) = outcome::look_after_event(&context, &id).await {
                sender.input(Input::Exited { container, end }).await;
            }
        });
    }

    fn refresh_volumes(&mut self) {
        if self.volumes_at.is_none_or(|at| Instant::now() < at) {
            return;
        }
        self.volumes_at = Some(Instant::now() + VOLUMES_INTERVAL);
        if self.life.is_ending() {
            return;
        }
        let (context, object, ips) = (self.context.clone(), self.object.clone(), self.life.ips().to_vec());
        tokio::spawn(async move {
            let _ = prepare_volumes(&context, &object, &ips).await;
        });
    }

    /// Sends what differs from what the API has; one write at a time.
    fn publish(&mut self, now: Timestamp) {
        let mut status = self.life.status(now);
        let node_ip = self.context.node.config.node_ip.to_string();
        status["hostIPs"] = json!([{"ip": node_ip}]);
        status["hostIP"] = node_ip.into();
        self.show(&status);
        // A simulated Pod is only of interest once it runs; each status costs a write.
        let starting = self.context.node.hollow && status["phase"] == "Pending" && !self.life.is_ending();
        if self.gone || starting || self.publishing || self.publish_after.is_some_and(|at| Instant::now() < at) {
            return;
        }
        self.publish_after = None;
        let (context, sender) = (self.context.clone(), self.sender.clone());
        let meta = &self.object["metadata"];
        let name = meta["name"].as_str().unwrap_or_default().to_owned();
        let api = objects::pods(&context.node.client, meta["namespace"].as_str().unwrap_or_default());
        if let Some(patch) = patch::status_patch(&context.uid, &self.published, &status) {
            self.publishing = true;
            tokio::spawn(async move {
                let params = PatchParams::default();
                let result = api.patch_status(&name, &params, &Patch::Strategic(&patch)).await;
                let result = match result {
                    Ok(object) => Ok(Arc::new(tree(object))),
                    Err(error) if objects::is_not_found(&error) => Err(String::new()),
                    Err(error) => Err(error.to_string()),
                };
                sender.send(Message::Published(result)).await;
            });
        } else if self.finalize {
            self.finalize = false;
            tokio::spawn(async move {
                let preconditions = Preconditions { uid: Some(context.uid.clone()), resource_version: None };
                let params = DeleteParams {
                    grace_period_seconds: Some(0),
                    preconditions: Some(preconditions),
                    ..DeleteParams::default()
                };
                match api.delete(&name, &params).await {
                    Ok(_) => {}
                    // Gone, or another Pod of the same name by now: either way ours is no more.
                    Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => {}
                    Err(error) => {
                        tracing::warn!(pod = %name, %error, "a pod could not be removed from the API");
                        sender.send(Message::NotFinalized).await;
                    }
                }
            });
        }
    }

    fn published(&mut self, result: Result<Arc<Value>, String>) {
        self.publishing = false;
        match result {
            Ok(object) => self.published = object["status"].clone(),
            Err(error) => {
                if !error.is_empty() {
                    tracing::warn!(pod = %self.context.uid, %error, "a pod's status could not be written");
                }
                self.publish_after = Some(Instant::now() + PUBLISH_RETRY);
            }
        }
        self.publish(Timestamp::now());
    }

    fn show(&self, status: &Value) {
        let lists = ["initContainers", "containers", "ephemeralContainers"];
        let specs = lists.iter().flat_map(|list| self.object["spec"][*list].as_array().into_iter().flatten());
        let containers = specs.filter_map(|spec| {
            let name = spec["name"].as_str()?;
            let (id, running) = self.life.container_id(name)?;
            Some((name.to_owned(), id.to_owned(), running))
        });
        let view = View {
            object: self.object.clone(),
            // Nobody asks a simulated node, and its Pods are many.
            status: if self.context.node.hollow { Arc::default() } else { Arc::new(status.clone()) },
            sandbox_id: self.life.sandbox_id().map(str::to_owned),
            containers: containers.collect(),
            finished: self.life.is_finished(),
        };
        self.view.send_replace(view);
    }
}

async fn prepare_volumes(context: &PodContext, object: &Value, ips: &[String]) -> Result<(), String> {
    if context.node.hollow {
        return Ok(());
    }
    let source = PodSource { node: &context.node, pod: object, ips };
    let mut volumes = context.volumes.lock().await;
    let result = volumes.prepare(object, &source, Timestamp::now()).await;
    result.map_err(|error| {
        let text = error.to_string();
        context.node.recorder.pod(object, None, true, "FailedMount", &text);
        text
    })
}
