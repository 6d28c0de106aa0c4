//! Everything that can happen to a Pod, and everything its life may ask for.

use jiff::Timestamp;
use serde_json::Value;

use crate::{PodView, ProbeKind};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// Time passed.
    Tick,
    /// The object changed: image, deletion, conditions of others, annotations.
    Updated(Box<PodView>),
    /// The object is gone from the API although we did not finish it (a forced deletion).
    Gone,
    /// The node cannot take the Pod; it fails with this reason and message.
    Reject {
        /// E.g. `OutOfcpu`.
        reason: String,
        /// For people.
        message: String,
    },
    /// Answer to [`Action::PrepareVolumes`].
    Volumes(Result<(), String>),
    /// Answer to [`Action::RunSandbox`]: id and addresses.
    Sandbox(Result<(String, Vec<String>), String>),
    /// The sandbox's own process died, or it vanished.
    SandboxLost {
        /// Which.
        id: String,
    },
    /// Answer to [`Action::StopSandbox`].
    SandboxStopped,
    /// A container runs: first answer to [`Action::Start`]. Its postStart hook, if any, still runs.
    Started {
        /// Container name.
        container: String,
        /// The runtime's id.
        id: String,
        /// The image as the runtime names it.
        image: String,
        /// The image's id.
        image_id: String,
        /// When.
        at: Timestamp,
    },
    /// The container did not come to run: other answer to [`Action::Start`].
    StartFailed {
        /// Container name.
        container: String,
        /// Why.
        failure: StartFailure,
    },
    /// The postStart hook ended; the error is its message.
    PostStart {
        /// Container name.
        container: String,
        /// The runtime's id.
        id: String,
        /// How.
        result: Result<(), String>,
    },
    /// A container's process ended.
    Exited {
        /// Container name.
        container: String,
        /// How.
        end: Terminated,
    },
    /// Answer to [`Action::Probe`].
    Probed {
        /// Container name.
        container: String,
        /// The runtime's id.
        id: String,
        /// Which probe.
        kind: ProbeKind,
        /// What it said.
        outcome: Outcome,
    },
    /// Answer to [`Action::Resize`]: whether the container has the resources now.
    Resized {
        /// Container name.
        container: String,
        /// The runtime's id.
        id: String,
        /// How.
        result: Result<(), String>,
    },
    /// Answer to [`Action::CleanUp`].
    CleanedUp,
}

/// What a probe said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Healthy.
    Success,
    /// Not healthy, with the probe's output.
    Failure(String),
    /// The probe itself could not be made; nothing follows from that.
    Unknown(String),
}

/// Why a container did not come to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartFailure {
    /// The waiting reason: `ErrImagePull`, `CreateContainerConfigError`, …
    pub reason: String,
    /// For people.
    pub message: String,
    /// The remains of a container that was created but could not start.
    pub end: Option<Terminated>,
    /// The text of the `Failed` event, when it differs from the message.
    pub event: Option<String>,
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminated {
    /// The runtime's id.
    pub id: String,
    /// The exit code.
    pub exit_code: i32,
    /// `Completed`, `Error`, `OOMKilled`, `StartError`, …
    pub reason: String,
    /// The termination message.
    pub message: String,
    /// When it was started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// Something to do. Each is answered by an input, unless it says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Make the Pod's volumes.
    PrepareVolumes,
    /// Make the Pod's sandbox; attempts count from zero.
    RunSandbox {
        /// How many sandboxes the Pod had before.
        attempt: u32,
    },
    /// Get the image, create the container, start it, run its postStart hook.
    Start {
        /// Container name.
        container: String,
        /// How many containers of this name there were before.
        attempt: u32,
    },
    /// Run the preStop hook, send SIGTERM, send SIGKILL after the grace. The answer is [`Input::Exited`]. May be asked
    /// again with a shorter grace.
    Kill {
        /// Container name.
        container: String,
        /// The runtime's id.
        id: String,
        /// For hook and process together.
        grace_secs: i64,
        /// Whether the preStop hook is due; it is not after a failed postStart hook or on a second, hastier kill.
        pre_stop: bool,
    },
    /// Run a probe.
    Probe {
        /// Container name.
        container: String,
        /// The runtime's id.
        id: String,
        /// Which.
        kind: ProbeKind,
    },
    /// Give a running container the resources that its spec has now.
    Resize {
        /// Container name.
        container: String,
        /// The runtime's id.
        id: String,
    },
    /// Give up a start that still waits for its image; [`Input::StartFailed`] comes as usual, only sooner.
    AbortStart,
    /// End the sandbox and free its network.
    StopSandbox {
        /// The runtime's id.
        id: String,
    },
    /// The Pod is over for good: remove its containers, sandboxes, volumes, logs and cgroup.
    CleanUp,
    /// Remove the object from the API, with grace 0 and the uid as precondition. No answer; the watch tells.
    Finalize,
    /// Tell the world. No answer.
    Event {
        /// `Normal` or `Warning`.
        warning: bool,
        /// E.g. `BackOff`.
        reason: &'static str,
        /// For people.
        message: String,
        /// The container it is about.
        container: Option<String>,
    },
}

/// What a restarted agent found on its node of a Pod that it ran before.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// The latest sandbox: id, addresses, whether it is ready.
    pub sandbox: Option<(String, Vec<String>, bool)>,
    /// How many sandboxes there were, for the next attempt number.
    pub sandbox_attempts: u32,
    /// All containers, in any order.
    pub containers: Vec<RestoredContainer>,
    /// The status as the API has it.
    pub status: Value,
}

/// One container that was found.
#[derive(Clone, Debug)]
pub struct RestoredContainer {
    /// Container name.
    pub name: String,
    /// The runtime's id.
    pub id: String,
    /// Its attempt number.
    pub attempt: u32,
    /// The image as the runtime names it.
    pub image: String,
    /// The image's id.
    pub image_id: String,
    /// When it was started, if it was.
    pub started_at: Option<Timestamp>,
    /// How it ended, if it ended.
    pub end: Option<Terminated>,
}

impl RestoredContainer {
    /// An ended container as its entry in the API's status tells of it.
    pub(crate) fn from_status(entry: Option<&Value>) -> Option<Self> {
        let entry = entry?;
        let ended = &entry["state"]["terminated"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let time = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
        let id = ended["containerID"].as_str()?.trim_start_matches("containerd://").to_owned();
        Some(Self {
            name: text(&entry["name"]),
            attempt: u32::try_from(entry["restartCount"].as_u64()?).ok()?,
            image: text(&entry["image"]),
            image_id: text(&entry["imageID"]),
            started_at: None,
            end: Some(Terminated {
                id: id.clone(),
                exit_code: i32::try_from(ended["exitCode"].as_i64()?).ok()?,
                reason: text(&ended["reason"]),
                message: text(&ended["message"]),
                started_at: time(&ended["startedAt"]),
                finished_at: time(&ended["finishedAt"]),
            }),
            id,
        })
    }
}
