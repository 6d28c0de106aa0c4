//! The executor API: what executors say (`Call`) and hear (`Event`); the package `mesos.v1.executor`.

pub mod call;
pub mod event;

use crate::messages;
use crate::v1::{ExecutorID, FrameworkID};

messages! {
    /// Mesos' `Event`.
    Event {
        r#type: optional event::Type = 1,
        subscribed: optional event::Subscribed = 2,
        acknowledged: optional event::Acknowledged = 3,
        launch: optional event::Launch = 4,
        launch_group: optional event::LaunchGroup = 8,
        kill: optional event::Kill = 5,
        message: optional event::Message = 6,
        error: optional event::Error = 7,
    }

    /// Mesos' `Call`.
    Call {
        executor_id: required ExecutorID = 1,
        framework_id: required FrameworkID = 2,
        r#type: optional call::Type = 3,
        subscribe: optional call::Subscribe = 4,
        update: optional call::Update = 5,
        message: optional call::Message = 6,
    }
}
