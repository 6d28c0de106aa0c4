//! How a node and the cluster's side speak of executors: below `/mesos/v1/` of a kubelet's API, JSON in records.
//!
//! `GET events` is a stream that never ends by itself: first all executors of the node with the latest of each task, then
//! what happens; an update comes again until it is acknowledged. `POST calls` takes one [`Call`]; its answer is empty once
//! what was asked for is written down on the node. These messages are our own: Mesos has others between its masters and
//! agents, which no client sees. They travel with clusters of one version only.

use crate::v1::{ExecutorID, ExecutorInfo, FrameworkID, FrameworkInfo, KillPolicy, TaskID, TaskInfo, TaskStatus};
use crate::{enums, messages};

/// Where the stream of events is, below a kubelet's API.
pub const EVENTS_PATH: &str = "/mesos/v1/events";
/// Where calls go, below a kubelet's API.
pub const CALLS_PATH: &str = "/mesos/v1/calls";

messages! {
    /// Something that happened on a node.
    Event as "node.Event" {
        r#type: required EventType = 1,
        executors: optional Executors = 2,
        update: optional Update = 3,
        message: optional ExecutorMessage = 4,
        exited: optional Exited = 5,
    }

    /// All executors of a node.
    Executors as "node.Executors" { executors: repeated Executor = 1 }

    /// One of them. An executor that is over is there as long as something of its tasks is to be told.
    Executor as "node.Executor" {
        framework_id: required FrameworkID = 1,
        executor_id: required ExecutorID = 2,
        /// The uid of the Pod in which it runs.
        pod_uid: required String = 3,
        /// It has subscribed and listens.
        connected: required bool = 4,
        /// The latest of each of its tasks of which everything that was told was acknowledged. Of others an update comes.
        tasks: repeated TaskStatus = 5,
        /// All tasks that it has, those of which nothing is known yet too.
        known: repeated TaskID = 6,
        /// Its process is over.
        over: required bool = 7,
    }

    /// What an executor says of a task.
    Update as "node.Update" {
        framework_id: required FrameworkID = 1,
        executor_id: required ExecutorID = 2,
        /// Its `uuid` is set.
        status: required TaskStatus = 3,
    }

    /// Bytes between a framework and an executor; nobody says whether they arrived.
    ExecutorMessage as "node.Message" {
        framework_id: required FrameworkID = 1,
        executor_id: required ExecutorID = 2,
        data: required Vec<u8> = 3,
    }

    /// An executor ended.
    Exited as "node.Exited" {
        framework_id: required FrameworkID = 1,
        executor_id: required ExecutorID = 2,
        /// As `waitpid` tells it.
        wait_status: required i32 = 3,
        /// The uid of its Pod.
        pod_uid: required String = 4,
        /// Its tasks of which updates are still to be told or acknowledged; of others nothing will come.
        untold: repeated TaskID = 5,
    }

    /// Something to be done on a node.
    Call as "node.Call" {
        r#type: required CallType = 1,
        launch: optional Launch = 2,
        kill: optional Kill = 3,
        shutdown: optional Shutdown = 4,
        message: optional ExecutorMessage = 5,
        acknowledge: optional Acknowledge = 6,
        destroy: optional Destroy = 7,
        over: optional Over = 8,
    }

    /// Tasks for an executor. They wait until it has subscribed; its Pod may come later than they.
    Launch as "node.Launch" {
        /// Its `id` is set.
        framework: required FrameworkInfo = 1,
        executor: required ExecutorInfo = 2,
        /// The uid of the executor's Pod.
        pod_uid: required String = 3,
        tasks: repeated TaskInfo = 4,
        /// All of them or none.
        group: required bool = 5,
        /// The persistent volumes of the tasks.
        volumes: repeated TaskVolume = 6,
    }

    /// A persistent volume that a task finds in its executor's sandbox as long as it lives.
    TaskVolume as "node.TaskVolume" {
        task_id: required TaskID = 1,
        /// Where: a path below the sandbox.
        path: required String = 2,
        /// Which volume of the node.
        uid: required String = 3,
    }

    /// A task is to end.
    Kill as "node.Kill" {
        framework_id: required FrameworkID = 1,
        task_id: required TaskID = 2,
        kill_policy: optional KillPolicy = 3,
    }

    /// An executor is to end, with its tasks.
    Shutdown as "node.Shutdown" { framework_id: required FrameworkID = 1, executor_id: required ExecutorID = 2 }

    /// The Pod of an executor is over. The node answers with [`Exited`], after all that it has heard of that executor.
    Over as "node.Over" {
        framework_id: required FrameworkID = 1,
        executor_id: required ExecutorID = 2,
        pod_uid: required String = 3,
    }

    /// The framework knows of an update.
    Acknowledge as "node.Acknowledge" {
        framework_id: required FrameworkID = 1,
        task_id: required TaskID = 2,
        uuid: required Vec<u8> = 3,
    }

    /// A persistent volume is no more, nor what is in it.
    Destroy as "node.Destroy" { uid: required String = 1 }
}

enums! {
    /// Which event it is.
    EventType {
        Unknown = 0 "UNKNOWN", Executors = 1 "EXECUTORS", Update = 2 "UPDATE", Message = 3 "MESSAGE",
        Exited = 4 "EXITED", Heartbeat = 5 "HEARTBEAT",
    }

    /// Which call it is.
    CallType {
        Unknown = 0 "UNKNOWN", Launch = 1 "LAUNCH", Kill = 2 "KILL", Shutdown = 3 "SHUTDOWN", Message = 4 "MESSAGE",
        Acknowledge = 5 "ACKNOWLEDGE", Destroy = 6 "DESTROY",
        Over = 7 "OVER",
    }
}
