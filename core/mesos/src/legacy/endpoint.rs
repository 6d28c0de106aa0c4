//! The paths of a Mesos master. Pure.
//!
//! As libprocess has it, whatever lies below a path that is known is that path, `/master` may stand before it and `.json`
//! after it.

/// What is behind a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Scheduler,
    Operator,
    State,
    StateSummary,
    Slaves,
    Frameworks,
    Tasks,
    Roles,
    Weights,
    Quota,
    Metrics,
    Redirect,
    Version,
    Health,
    Flags,
    Files,
    MaintenanceSchedule,
    MaintenanceStatus,
    MachineUp,
    MachineDown,
    Reserve,
    Unreserve,
    CreateVolumes,
    DestroyVolumes,
    Teardown,
}

/// Which part of the master a caller has to be known for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Realm {
    /// What only looks.
    Readonly,
    /// What settles something.
    Readwrite,
    /// Frameworks.
    Scheduler,
}

const PATHS: [(&str, Endpoint); 29] = [
    ("api/v1/scheduler", Endpoint::Scheduler),
    ("api/v1", Endpoint::Operator),
    ("state", Endpoint::State),
    ("state-summary", Endpoint::StateSummary),
    ("slaves", Endpoint::Slaves),
    ("frameworks", Endpoint::Frameworks),
    ("tasks", Endpoint::Tasks),
    ("roles", Endpoint::Roles),
    ("weights", Endpoint::Weights),
    ("quota", Endpoint::Quota),
    ("metrics/snapshot", Endpoint::Metrics),
    ("redirect", Endpoint::Redirect),
    ("version", Endpoint::Version),
    ("health", Endpoint::Health),
    ("flags", Endpoint::Flags),
    ("files/browse", Endpoint::Files),
    ("files/read", Endpoint::Files),
    ("files/download", Endpoint::Files),
    ("files/debug", Endpoint::Files),
    ("maintenance/schedule", Endpoint::MaintenanceSchedule),
    ("maintenance/status", Endpoint::MaintenanceStatus),
    ("machine/up", Endpoint::MachineUp),
    ("machine/down", Endpoint::MachineDown),
    ("reserve", Endpoint::Reserve),
    ("unreserve", Endpoint::Unreserve),
    ("create-volumes", Endpoint::CreateVolumes),
    ("destroy-volumes", Endpoint::DestroyVolumes),
    ("teardown", Endpoint::Teardown),
    ("shutdown", Endpoint::Teardown),
];

impl Endpoint {
    /// What is behind a path, and what of the path lies below it.
    pub(crate) fn of(path: &str) -> Option<(Self, &str)> {
        let trimmed = path.trim_matches('/');
        let own = trimmed.strip_prefix("master/").unwrap_or(trimmed);
        let mut end = own.len();
        loop {
            let named = &own[..end];
            let named = named.strip_suffix(".json").unwrap_or(named);
            if let Some((_, endpoint)) = PATHS.iter().find(|(known, _)| *known == named) {
                return Some((*endpoint, own[end..].trim_matches('/')));
            }
            end = own[..end].rfind('/')?;
        }
    }

    /// For what a caller has to be known; `None`: for nothing.
    pub(crate) fn realm(self) -> Option<Realm> {
        use Endpoint::{
            CreateVolumes, DestroyVolumes, Files, Flags, Frameworks, Health, MachineDown, MachineUp,
            MaintenanceSchedule, MaintenanceStatus, Metrics, Operator, Quota, Redirect, Reserve, Roles, Scheduler,
            Slaves, State, StateSummary, Tasks, Teardown, Unreserve, Version, Weights,
        };
        match self {
            Redirect | Version | Health => None,
            Scheduler => Some(Realm::Scheduler),
            State | StateSummary | Slaves | Frameworks | Tasks | Roles | Metrics | Flags | Files => {
                Some(Realm::Readonly)
            }
            Operator | Weights | Quota | MaintenanceSchedule | MaintenanceStatus | MachineUp | MachineDown
            | Reserve | Unreserve | CreateVolumes | DestroyVolumes | Teardown => Some(Realm::Readwrite),
        }
    }

    /// Whether only the master that leads answers.
    pub(crate) fn is_led(self) -> bool {
        use Endpoint::{Files, Flags, Health, Metrics, Redirect, Version};
        !matches!(self, Files | Flags | Health | Metrics | Redirect | Version)
    }
}

impl Realm {
    /// The `WWW-Authenticate` header.
    pub(crate) fn challenge(self) -> &'static str {
        match self {
            Self::Readonly => r#"Basic realm="mesos-master-readonly""#,
            Self::Readwrite => r#"Basic realm="mesos-master-readwrite""#,
            Self::Scheduler => r#"Basic realm="mesos-master-scheduler""#,
        }
    }
}
