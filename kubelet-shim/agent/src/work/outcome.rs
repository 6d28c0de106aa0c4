//! How a container ended, with its last words.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use kubernel_podlife::Terminated;
use kubernel_runtime::{cri, labels, logs};

use crate::pod::PodContext;

/// The most of a termination message that is kept.
const MESSAGE_BYTES_MAX: usize = 4096;
/// The most of a log that stands in for it.
const LOG_BYTES_MAX: usize = 2048;
const LOG_LINES_MAX: u64 = 80;

/// Pauses between looks at a container that has ended but does not seem so.
pub(crate) const LOOK_PAUSE_MIN: Duration = Duration::from_millis(5);
pub(crate) const LOOK_PAUSE_MAX: Duration = Duration::from_secs(3);

/// The end of a container, if it has ended.
pub(crate) fn of(status: &cri::ContainerStatus) -> Option<Terminated> {
    if status.state != cri::ContainerState::ContainerExited as i32 {
        return None;
    }
    let reason = match (status.reason.as_str(), status.exit_code) {
        ("", 0) => "Completed".to_owned(),
        ("", _) => "Error".to_owned(),
        (reason, _) => reason.to_owned(),
    };
    let written = message(status);
    let message = if written.is_empty() { status.message.clone() } else { written };
    Some(Terminated {
        id: status.id.clone(),
        exit_code: status.exit_code,
        reason,
        message,
        // One that could not be started shows the beginning of time, as upstream's does.
        started_at: time(status.started_at).or(Some(Timestamp::UNIX_EPOCH)),
        finished_at: time(status.finished_at),
    })
}

/// A container that the runtime no longer knows.
pub(crate) fn lost(id: &str) -> Terminated {
    Terminated {
        id: id.to_owned(),
        exit_code: 137,
        reason: "ContainerStatusUnknown".into(),
        message: "The container could not be located when the pod was terminated".into(),
        started_at: None,
        finished_at: Some(Timestamp::now()),
    }
}

/// Asks the runtime how a container is; none while it runs or when nobody can tell.
pub(crate) async fn look(context: &PodContext, id: &str) -> Option<Terminated> {
    match context.node.runtime.container_status(id).await {
        Ok(status) => of(&status),
        Err(error) if error.is_not_found() => Some(lost(id)),
        Err(error) => {
            tracing::warn!(%id, %error, "a container's status could not be had");
            None
        }
    }
}

/// The end of a container that an event told about. The runtime may tell before its own books are up to date, so this
/// asks a few times.
pub(crate) async fn look_after_event(context: &PodContext, id: &str) -> Option<Terminated> {
    let mut pause = LOOK_PAUSE_MIN;
    loop {
        if let Some(end) = look(context, id).await {
            return Some(end);
        }
        if pause > LOOK_PAUSE_MAX {
            return None;
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}

/// Nanoseconds since 1970 as a time; zero is none.
pub(crate) fn time(nanos: i64) -> Option<Timestamp> {
    if nanos <= 0 { None } else { Timestamp::from_nanosecond(i128::from(nanos)).ok() }
}

fn message(status: &cri::ContainerStatus) -> String {
    let annotation = |name: &str| status.annotations.get(name).map(String::as_str).unwrap_or_default();
    let path = annotation(labels::TERMINATION_MESSAGE_PATH);
    let mount = status.mounts.iter().find(|mount| !path.is_empty() && mount.container_path == path);
    let written = mount.map(|mount| head(Path::new(&mount.host_path))).unwrap_or_default();
    let fallback = annotation(labels::TERMINATION_MESSAGE_POLICY) == "FallbackToLogsOnError";
    if written.is_empty() && fallback && status.exit_code != 0 {
        return logs::tail(Path::new(&status.log_path), LOG_LINES_MAX, LOG_BYTES_MAX).unwrap_or_default();
    }
    written
}

fn head(path: &Path) -> String {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    if let Ok(file) = std::fs::File::open(path) {
        let _ = file.take(MESSAGE_BYTES_MAX as u64).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
