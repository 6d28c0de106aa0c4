//! Ending one container: preStop hook, SIGTERM, SIGKILL.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kubernel_podlife::Input;
use serde_json::Value;

use super::{container, hooks, outcome};
use crate::pod::{PodContext, Sender};

/// A process gets at least this long between SIGTERM and SIGKILL, even if the hook took everything.
const STOP_SECS_MIN: i64 = 2;
/// Pause before asking the runtime again after it failed to stop a container.
const RETRY: Duration = Duration::from_secs(2);

/// Which container to end, and how hastily.
pub(crate) struct Kill {
    pub(crate) pod: Arc<Value>,
    pub(crate) container: String,
    pub(crate) id: String,
    pub(crate) grace_secs: i64,
    pub(crate) pre_stop: bool,
    pub(crate) ips: Vec<String>,
}

/// Returns when the container has ended, and tells the actor so.
pub(crate) async fn run(context: &PodContext, kill: Kill, sender: &Sender) {
    let begin = Instant::now();
    let grace = Duration::from_secs(kill.grace_secs.max(0).unsigned_abs());
    if kill.pre_stop
        && let Some(spec) = container::find(&kill.pod, &kill.container)
    {
        let hook = hooks::run(context, spec, &spec["lifecycle"]["preStop"], &kill.id, &kill.ips);
        if let Ok(Err(message)) = tokio::time::timeout(grace, hook).await {
            let text = format!("PreStopHook failed: {message}");
            context.node.recorder.pod(&kill.pod, Some(&kill.container), true, "FailedPreStopHook", &text);
        }
    }
    loop {
        let used = i64::try_from(begin.elapsed().as_secs()).unwrap_or(i64::MAX);
        let left = (kill.grace_secs - used).max(STOP_SECS_MIN);
        let stopped = context.node.runtime.stop_container(&kill.id, left).await;
        if let Some(end) = outcome::look(context, &kill.id).await {
            sender.input(Input::Exited { container: kill.container, end }).await;
            return;
        }
        if let Err(error) = stopped {
            tracing::warn!(container = %kill.container, %error, "a container does not stop");
        }
        tokio::time::sleep(RETRY).await;
    }
}
