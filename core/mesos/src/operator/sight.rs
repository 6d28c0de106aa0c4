//! What of a cluster somebody may see: Mesos' `view_*` ACLs. What they hide is left out of every answer, as if it were not
//! there.

use std::{ops::Deref, sync::Arc};

use kubernel_mesos_proto::v1::{ExecutorInfo, FrameworkInfo, Resource};

use crate::{
    Door,
    auth::{Acls, Action, Asker},
    resources,
};

/// The door, as somebody sees it.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    door: Door,
    acls: Arc<Acls>,
    asker: Option<Arc<str>>,
}

impl Deref for Sight {
    type Target = Door;

    fn deref(&self) -> &Door {
        &self.door
    }
}

impl Sight {
    pub(crate) fn new(door: Door, acls: Arc<Acls>, asker: Asker<'_>) -> Self {
        Self { door, acls, asker: asker.map(Into::into) }
    }

    /// Of who settles something, and has to know all there is.
    pub(crate) fn all(door: &Door) -> Self {
        Self::new(door.clone(), Arc::default(), None)
    }

    /// A framework is its user's.
    pub(crate) fn sees_framework(&self, info: &FrameworkInfo) -> bool {
        self.sees(Action::ViewFrameworks, &info.user)
    }

    /// So is a task.
    pub(crate) fn sees_task(&self, user: &str) -> bool {
        self.sees(Action::ViewTasks, user)
    }

    /// So is an executor, which is its framework's user's where it names none.
    pub(crate) fn sees_executor(&self, framework: &FrameworkInfo, executor: &ExecutorInfo) -> bool {
        let own = executor.command.as_ref().and_then(|command| command.user.as_deref());
        self.sees(Action::ViewExecutors, own.unwrap_or(&framework.user))
    }

    pub(crate) fn sees_role(&self, role: &str) -> bool {
        self.sees(Action::ViewRoles, role)
    }

    pub(crate) fn sees_quota(&self, role: &str) -> bool {
        self.sees(Action::GetQuotas, role)
    }

    /// Mesos' lists speak of all machines or of none.
    pub(crate) fn sees_schedule(&self) -> bool {
        self.acls.may(self.asker.as_deref(), Action::GetMaintenanceSchedules, None)
    }

    pub(crate) fn sees_maintenance(&self) -> bool {
        self.acls.may(self.asker.as_deref(), Action::GetMaintenanceStatuses, None)
    }

    pub(crate) fn sees_flags(&self) -> bool {
        self.acls.may(self.asker.as_deref(), Action::ViewFlags, None)
    }

    /// Resources are those roles' that they are reserved for or allocated to.
    pub(crate) fn sees_resource(&self, resource: &Resource) -> bool {
        let allocated = resource.allocation_info.as_ref().and_then(|info| info.role.as_deref());
        let reserved = resource.reservations.iter().filter_map(|reservation| reservation.role.as_deref());
        reserved.chain(allocated).chain(resources::role(resource)).all(|role| role == "*" || self.sees_role(role))
    }

    fn sees(&self, action: Action, object: &str) -> bool {
        self.acls.may(self.asker.as_deref(), action, Some(object))
    }
}
