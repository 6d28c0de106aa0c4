//! The form of what is written down: `checkpoint` says where and when.

use kubernel_mesos_proto::messages;
use kubernel_mesos_proto::node::TaskVolume;
use kubernel_mesos_proto::v1::{ExecutorInfo, FrameworkInfo, TaskInfo, TaskStatus};

messages! {
    /// An executor.
    ExecutorRecord {
        framework: required FrameworkInfo = 1,
        executor: required ExecutorInfo = 2,
        pod_uid: required String = 3,
        container: optional String = 4,
    }

    /// A task as it came.
    TaskRecord {
        info: required TaskInfo = 1,
        /// Its place among all tasks of the executor.
        number: required u64 = 2,
        /// The number of the first task of its group, if it came in one.
        group: optional u64 = 3,
        /// What it finds in the sandbox.
        volumes: repeated TaskVolume = 4,
    }

    /// How far a task is.
    Progress {
        delivered: required bool = 1,
        latest: optional TaskStatus = 2,
        pending: repeated TaskStatus = 3,
    }
}
