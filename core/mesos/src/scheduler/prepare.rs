//! What a framework wants done with offers, checked and put into the kernel's terms, one operation after the other.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kubernel_kernel::{Action, ExecutorSpec, Operation, Resources, TaskSpec};
use kubernel_ledger::Books;
use kubernel_mesos_proto::v1::{
    AgentID, AllocationInfo, ExecutorInfo, FrameworkCapabilityType, FrameworkID, LaunchGroup, OfferOperation,
    OfferOperationType, OperationState, OperationStatus, Resource, TaskInfo, TaskState, TaskStatusReason,
};

use super::{
    accept::{Ground, Ready, Said, status},
    task::{self, Place},
};
use crate::{
    Door,
    book::Framework,
    framework, launch,
    resources::{self, Format, check, read_all},
};

/// What an operation is checked against.
pub(super) struct Prepare<'a, 'b> {
    pub(super) found: &'a Framework,
    pub(super) books: &'b mut Books,
    pub(super) ground: &'a Ground,
    pub(super) door: &'a Door,
    pub(super) said: &'b mut Said,
    /// The tasks of this call so far.
    pub(super) named: &'b mut BTreeSet<String>,
    pub(super) left: &'b mut Left,
}

/// What is left for tasks while the operations of one call are looked at.
pub(super) struct Left {
    /// `None` after an operation that makes something else of it: the kernel knows.
    pub(super) rest: Option<Resources>,
    /// Executors that come with tasks of this call.
    pub(super) executors: BTreeMap<Arc<str>, Arc<ExecutorSpec>>,
}

impl Prepare<'_, '_> {
    /// An operation as the kernel takes it, and its tasks; `None` if all of it is wrong, which was said then.
    pub(super) fn operation(&mut self, operation: &OfferOperation) -> Option<(Operation, Vec<Ready>)> {
        let id = operation.id.as_ref().map(|id| Arc::from(id.value.as_str()));
        match operation.r#type.unwrap_or_default() {
            OfferOperationType::Launch => {
                let tasks = operation.launch.as_ref().map(|launch| launch.task_infos.clone()).unwrap_or_default();
                if id.is_some() {
                    let why = "Operation ID is not allowed on a LAUNCH operation";
                    tasks.iter().for_each(|task| self.refuse(task, why, TaskStatusReason::TaskInvalid));
                    return None;
                }
                self.launch(tasks)
            }
            OfferOperationType::LaunchGroup => {
                let group = operation.launch_group.clone()?;
                if id.is_some() {
                    let why = "Operation ID is not allowed on a LAUNCH_GROUP operation";
                    let reason = TaskStatusReason::TaskInvalid;
                    group.task_group.tasks.iter().for_each(|task| self.refuse(task, why, reason));
                    return None;
                }
                self.launch_group(group)
            }
            _ => match self.action(operation) {
                Ok(action) => {
                    self.left.rest = None;
                    Some((Operation { id, action }, Vec::new()))
                }
                Err(why) => {
                    tracing::info!(framework = self.found.record.id, why, "operation dropped");
                    let status = operation.id.clone().map(|id| OperationStatus {
                        operation_id: Some(id),
                        state: OperationState::Error,
                        message: Some(why),
                        agent_id: Some(AgentID { value: self.ground.agent.clone() }),
                        ..OperationStatus::default()
                    });
                    self.said.operations.extend(status);
                    None
                }
            },
        }
    }

    fn launch(&mut self, tasks: Vec<TaskInfo>) -> Option<(Operation, Vec<Ready>)> {
        let (mut specs, mut ready) = (Vec::new(), Vec::new());
        for mut info in tasks {
            self.complete(&mut info);
            let checked = task::check(
                &info,
                &Place { agent: &self.ground.agent, framework: &self.found.record.id },
                self.is_known(&info),
            );
            let counted = checked.and_then(|()| launch::task(&info, self.ground.counts_pods, self.books));
            match counted {
                Err(why) => self.refuse(&info, &why, TaskStatusReason::TaskInvalid),
                Ok(_) if !self.may_run(&info) => {
                    let why = "Not authorized to launch as this user";
                    self.refuse(&info, why, TaskStatusReason::TaskUnauthorized);
                }
                Ok(spec) => {
                    if let Err(why) = self.take(std::slice::from_ref(&spec), false) {
                        self.refuse(&info, &why, TaskStatusReason::TaskInvalid);
                        continue;
                    }
                    self.named.insert(info.task_id.value.clone());
                    let executor = info.executor.as_deref().cloned().map(Arc::new);
                    specs.push(spec);
                    ready.push(Ready { info: Arc::new(info), executor, group: false });
                }
            }
        }
        (!specs.is_empty()).then(|| (Operation::silent(Action::Launch(specs)), ready))
    }

    fn launch_group(&mut self, group: LaunchGroup) -> Option<(Operation, Vec<Ready>)> {
        let LaunchGroup { mut executor, task_group } = group;
        self.complete_executor(&mut executor);
        let mut tasks = task_group.tasks;
        for task in &mut tasks {
            self.complete(task);
        }
        let place = Place { agent: &self.ground.agent, framework: &self.found.record.id };
        let mut together = BTreeSet::new();
        let checked = tasks
            .iter()
            .try_for_each(|task| {
                let again = !together.insert(task.task_id.value.as_str());
                task::check_in_group(task, &place, again || self.is_known(task))
            })
            .and_then(|()| task::check_group_executor(&executor, &tasks, &place));
        let counts_pods = self.ground.counts_pods;
        // A group is one Pod, that of its executor.
        let counted = checked.and_then(|()| {
            let spec = launch::executor(&executor, counts_pods, self.books)?;
            let specs = tasks.iter().map(|task| {
                let mut one = launch::task(task, false, self.books)?;
                one.executor = Some(spec.clone());
                Ok(one)
            });
            Ok((spec.clone(), specs.collect::<Result<Vec<_>, String>>()?))
        });
        let authorized = tasks.iter().all(|task| self.may_run(task));
        let counted = counted.and_then(|(spec, specs)| {
            self.take(&specs, true)?;
            Ok((spec, specs))
        });
        let (spec, specs) = match counted {
            Ok(_) if !authorized => {
                let why = "Not authorized to launch as this user";
                tasks.iter().for_each(|task| self.refuse(task, why, TaskStatusReason::TaskGroupUnauthorized));
                return None;
            }
            Ok(counted) => counted,
            Err(why) => {
                tasks.iter().for_each(|task| self.refuse(task, &why, TaskStatusReason::TaskGroupInvalid));
                return None;
            }
        };
        self.named.extend(tasks.iter().map(|task| task.task_id.value.clone()));
        let shared = Arc::new(executor);
        let ready = tasks.into_iter().map(|mut info| {
            info.executor = Some(Box::new((*shared).clone()));
            Ready { info: Arc::new(info), executor: Some(shared.clone()), group: true }
        });
        let action = Action::LaunchGroup { executor: spec, tasks: specs };
        Some((Operation::silent(action), ready.collect()))
    }

    /// Takes what tasks need from what is left.
    fn take(&mut self, specs: &[TaskSpec], group: bool) -> Result<(), String> {
        let Some(rest) = &self.left.rest else { return Ok(()) };
        let state = self.books.state();
        let agent = state.agents().get(&self.ground.agent_id);
        let (mut total, mut come) = (Resources::default(), self.left.executors.clone());
        for spec in specs {
            total.add(&spec.resources);
            let Some(executor) = &spec.executor else { continue };
            let key = (self.found.kernel, executor.name.clone());
            let live = agent.and_then(|agent| agent.executors.get(&key)).map(|live| &live.spec);
            match live.or_else(|| come.get(&executor.name)) {
                Some(known) if known != executor => {
                    let why = "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID";
                    return Err(why.to_owned());
                }
                Some(_) => {}
                None => {
                    total.add(&executor.resources);
                    come.insert(executor.name.clone(), executor.clone());
                }
            }
        }
        if !rest.contains(&total) {
            let can = |capability| self.found.can(capability);
            let refinement = can(FrameworkCapabilityType::ReservationRefinement);
            let format = Format { refinement, allocated_to: Some(&self.ground.role) };
            let shown = |all| resources::show_all(&resources::write(all, state.names(), format));
            let (needed, there) = (shown(&total), shown(rest));
            return Err(match group {
                true => format!(
                    "Total resources {needed} required by task group and its executor are more than available {there}"
                ),
                false => {
                    format!("Total resources {needed} required by task and its executor is more than available {there}")
                }
            });
        }
        self.left.rest = Some(rest.saturating_sub(&state.names().exclusive(&total)));
        self.left.executors = come;
        Ok(())
    }

    fn action(&mut self, operation: &OfferOperation) -> Result<Action, String> {
        let missing = |name: &str| format!("Expecting '{name}' to be present");
        let books = &mut *self.books;
        let mut all = |resources: &[Resource]| {
            check(resources)?;
            read_all(resources, &mut *books)
        };
        match operation.r#type.unwrap_or_default() {
            OfferOperationType::Reserve => {
                let reserve = operation.reserve.as_ref().ok_or_else(|| missing("reserve"))?;
                if !reserve.source.is_empty() {
                    return Err("Reservation updates are not yet implemented for the scheduler API.".to_owned());
                }
                check(&reserve.resources)?;
                reserve.resources.iter().try_for_each(|resource| self.may_reserve(resource))?;
                read_all(&reserve.resources, self.books).map(Action::Reserve)
            }
            OfferOperationType::Unreserve => {
                let unreserve = operation.unreserve.as_ref().ok_or_else(|| missing("unreserve"))?;
                all(&unreserve.resources).map(Action::Unreserve)
            }
            OfferOperationType::Create => {
                let create = operation.create.as_ref().ok_or_else(|| missing("create"))?;
                all(&create.volumes).map(Action::Create)
            }
            OfferOperationType::Destroy => {
                let destroy = operation.destroy.as_ref().ok_or_else(|| missing("destroy"))?;
                all(&destroy.volumes).map(Action::Destroy)
            }
            OfferOperationType::GrowVolume => {
                let grow = operation.grow_volume.as_ref().ok_or_else(|| missing("grow_volume"))?;
                let volume = all(std::slice::from_ref(&grow.volume))?;
                let addition = all(std::slice::from_ref(&grow.addition))?;
                let volume = volume.ids().next().ok_or("The size of the volume must be positive")?;
                Ok(Action::Grow { volume, addition })
            }
            OfferOperationType::ShrinkVolume => {
                let shrink = operation.shrink_volume.as_ref().ok_or_else(|| missing("shrink_volume"))?;
                let volume = all(std::slice::from_ref(&shrink.volume))?;
                let less = Resource { scalar: Some(shrink.subtract.clone()), ..shrink.volume.clone() };
                let less = all(std::slice::from_ref(&less))?;
                let volume = volume.ids().next().ok_or("The size of the volume must be positive")?;
                Ok(Action::Shrink { volume, less: less.get(volume) })
            }
            OfferOperationType::CreateDisk => {
                let create = operation.create_disk.as_ref().ok_or_else(|| missing("create_disk"))?;
                let raw = all(std::slice::from_ref(&create.source))?;
                let source = raw.ids().next().ok_or("Invalid resource: there is nothing of it")?;
                Ok(Action::CreateDisk {
                    source,
                    amount: raw.get(source),
                    target: resources::source_form(create.target_type),
                    profile: create.target_profile.as_deref().map(Into::into),
                    disk: uuid::Uuid::new_v4().to_string().into(),
                })
            }
            OfferOperationType::DestroyDisk => {
                let destroy = operation.destroy_disk.as_ref().ok_or_else(|| missing("destroy_disk"))?;
                let disk = all(std::slice::from_ref(&destroy.source))?;
                let source = disk.ids().next().ok_or("Invalid resource: there is nothing of it")?;
                Ok(Action::DestroyDisk { source })
            }
            OfferOperationType::Unknown | OfferOperationType::Launch | OfferOperationType::LaunchGroup => {
                Err("Unknown operation type".to_owned())
            }
        }
    }

    /// Whether a framework may keep resources for a role: its own, and the one they are allocated to or one above.
    fn may_reserve(&self, resource: &Resource) -> Result<(), String> {
        let Some(role) = resources::role(resource) else { return Ok(()) };
        let to = &self.ground.role;
        let suits = to.strip_prefix(role).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if !suits {
            return Err(format!(
                "A reserve operation was attempted for a resource with role '{role}', but the resource was allocated \
                 to role '{to}'"
            ));
        }
        let own = framework::roles(&self.found.record.info);
        if own.iter().any(|own| own == role) {
            return Ok(());
        }
        let own = own.join(", ");
        Err(format!(
            "A reserve operation was attempted for a resource with role '{role}', but the framework can only reserve \
             resources with roles '{{ {own} }}'"
        ))
    }

    fn is_known(&self, task: &TaskInfo) -> bool {
        let id = task.task_id.value.as_str();
        self.found.tasks.contains_key(id) || self.named.contains(id)
    }

    fn may_run(&self, task: &TaskInfo) -> bool {
        let command = task.command.as_ref().or(task.executor.as_ref().and_then(|executor| executor.command.as_ref()));
        let info = &self.found.record.info;
        let user = command.and_then(|command| command.user.as_deref()).unwrap_or(&info.user);
        self.door.0.config.authorizer.may_run(info.principal.as_deref(), user)
    }

    /// Fills in what Mesos fills in.
    fn complete(&self, task: &mut TaskInfo) {
        self.allocate(&mut task.resources);
        if let Some(executor) = &mut task.executor {
            self.complete_executor(executor);
        }
    }

    fn complete_executor(&self, executor: &mut ExecutorInfo) {
        executor.framework_id.get_or_insert_with(|| FrameworkID { value: self.found.record.id.clone() });
        self.allocate(&mut executor.resources);
    }

    fn allocate(&self, resources: &mut [Resource]) {
        for resource in resources {
            resource.allocation_info.get_or_insert_with(|| AllocationInfo { role: Some(self.ground.role.clone()) });
        }
    }

    fn refuse(&mut self, task: &TaskInfo, why: &str, reason: TaskStatusReason) {
        self.said.statuses.push(status(task, TaskState::Error, reason, why));
    }
}
