//! A framework accepts offers: what it wants done is checked (`prepare.rs`) and given to the kernel, in order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kubernel_kernel::{AgentId, Event, FrameworkId, Input, OfferId, Resources, Step};
use kubernel_ledger::Books;
use kubernel_mesos_proto::{
    scheduler::call,
    v1::{
        ExecutorInfo, OfferID, OfferOperation, OfferOperationType, OperationState, OperationStatus, TaskID, TaskInfo,
        TaskState, TaskStatus, TaskStatusReason, TaskStatusSource,
    },
};

use super::{
    calls::filter_ms,
    prepare::{Left, Prepare},
};
use crate::{
    Door,
    book::{Book, Change, Framework, OperationRecord, TaskRecord},
    deliver::operation_event,
    door::now,
    launch, offers,
};

/// What is said at once to a framework, without the kernel.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) statuses: Vec<TaskStatus>,
    pub(super) operations: Vec<OperationStatus>,
}

/// Offers that may be accepted together.
pub(super) struct Ground {
    pub(super) agent_id: AgentId,
    pub(super) agent: String,
    pub(super) role: String,
    pub(super) counts_pods: bool,
    /// All that was offered.
    pub(super) resources: Resources,
}

/// A task that goes to the kernel.
pub(super) struct Ready {
    pub(super) info: Arc<TaskInfo>,
    pub(super) executor: Option<Arc<ExecutorInfo>>,
    pub(super) group: bool,
}

impl Door {
    pub(super) fn accept(&self, book: &mut Book, id: &str, framework: FrameworkId, accept: call::Accept) {
        let ids = self.offer_ids(&accept.offer_ids);
        let filter_ms = filter_ms(accept.filters.as_ref());
        let Some(found) = book.frameworks.get_mut(id) else { return };
        found.offers.retain(|offer| !ids.contains(offer));
        if accept.operations.is_empty() && !ids.is_empty() {
            self.0.ledger.step(Input::Decline { framework, offers: ids, filter_ms });
            return;
        }
        let mut said = Said::default();
        let mut ready: BTreeMap<String, Ready> = BTreeMap::new();
        let mut named: BTreeSet<String> = BTreeSet::new();
        let mut began: Vec<(String, OperationRecord)> = Vec::new();
        let outcome = self.0.ledger.act(|books, now| {
            let ground = match self.ground(books, framework, &accept.offer_ids, &ids) {
                Ok(ground) => ground,
                Err(why) => {
                    books.step(now, Input::Decline { framework, offers: ids.clone(), filter_ms: 0 });
                    return Err(why);
                }
            };
            let mut operations = Vec::new();
            let mut left = Left { rest: Some(ground.resources.clone()), executors: BTreeMap::new() };
            for operation in &accept.operations {
                let (said, named, left) = (&mut said, &mut named, &mut left);
                let mut prepare = Prepare { found, books, ground: &ground, door: self, said, named, left };
                if let Some((done, tasks)) = prepare.operation(operation) {
                    if let Some(id) = &done.id {
                        let record =
                            OperationRecord { agent: ground.agent.clone(), info: operation.clone(), status: None };
                        began.push((id.to_string(), record));
                    }
                    operations.push(done);
                    ready.extend(tasks.into_iter().map(|task| (task.info.task_id.value.clone(), task)));
                }
            }
            if operations.is_empty() {
                books.step(now, Input::Decline { framework, offers: ids.clone(), filter_ms });
                return Ok((ground, Step::default()));
            }
            let step = books.step(now, Input::Accept { framework, offers: ids.clone(), operations, filter_ms });
            match &step.refused {
                Some(refusal) => Err(refusal.to_string()),
                None => Ok((ground, step)),
            }
        });
        match outcome {
            Ok((ground, step)) => {
                for (operation, record) in began {
                    found.begin_operation(&operation, record);
                }
                say(found, said);
                self.launched(book, id, &ground, &step, ready);
            }
            Err(why) => {
                void(found, accept.operations, &why, &mut said);
                say(found, said);
            }
        }
    }

    /// Checks offers that are accepted together.
    fn ground(
        &self,
        books: &Books,
        framework: FrameworkId,
        named: &[OfferID],
        ids: &[OfferId],
    ) -> Result<Ground, String> {
        let (state, master) = (books.state(), &self.0.config.master_id);
        if ids.is_empty() {
            return Err("No offers specified".to_owned());
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = named.iter().find(|id| !seen.insert(id.value.as_str())) {
            return Err(format!("Duplicate offer {} in offer list", twice.value));
        }
        let mut all = Vec::new();
        for (id, named) in ids.iter().zip(named) {
            let offer = state.offers().get(id).ok_or_else(|| format!("Offer {} is no longer valid", named.value))?;
            all.push((id, offer));
        }
        let Some((_, first)) = all.first() else { return Err("No offers specified".to_owned()) };
        for (id, offer) in &all {
            let shown = offers::id(master, **id);
            if offer.framework != framework {
                return Err(format!("Offer {shown} has invalid framework while another framework is expected"));
            }
            let name = |agent| books.agent_name(agent).map(ToString::to_string).unwrap_or_default();
            if offer.agent != first.agent {
                return Err(format!(
                    "Aggregated offers must belong to one single agent. Offer {shown} uses agent {} and agent {}",
                    name(offer.agent),
                    name(first.agent)
                ));
            }
            if offer.role != first.role {
                return Err(format!(
                    "Aggregated offers must be allocated to the same role. Offer {shown} is allocated to another role"
                ));
            }
        }
        let mut resources = Resources::default();
        for (_, offer) in &all {
            resources.add(&offer.resources);
        }
        let agent = state.agents().get(&first.agent).ok_or("The agent is gone")?;
        let role = state.roles().get(first.role).ok_or("The role is gone")?;
        Ok(Ground {
            agent_id: first.agent,
            agent: agent.name.to_string(),
            role: role.path.to_string(),
            counts_pods: launch::counts_pods(books, first.agent),
            resources,
        })
    }

    /// Writes the tasks down that the kernel placed.
    fn launched(&self, book: &mut Book, id: &str, ground: &Ground, step: &Step, mut ready: BTreeMap<String, Ready>) {
        let placed = step.events.iter().flat_map(|event| match event {
            Event::Accepted { tasks, .. } => tasks.as_slice(),
            _ => &[],
        });
        for new in placed {
            let Some(Ready { info, executor, group }) = ready.remove(&*new.name) else { continue };
            let mut record = TaskRecord::new(id, &ground.agent, &ground.role, info, new.task);
            (record.executor, record.group) = (executor, group);
            book.add_task(record);
            self.changed(Change::TaskAdded { framework: id.into(), task: new.name.clone() });
        }
        debug_assert!(self.agent_id(&ground.agent).is_none_or(|agent| agent == ground.agent_id));
    }
}

pub(super) fn status(task: &TaskInfo, state: TaskState, reason: TaskStatusReason, why: &str) -> TaskStatus {
    TaskStatus {
        task_id: TaskID { value: task.task_id.value.clone() },
        state,
        message: Some(why.to_owned()),
        source: Some(TaskStatusSource::Master),
        reason: Some(reason),
        agent_id: Some(task.agent_id.clone()),
        timestamp: Some(now()),
        ..TaskStatus::default()
    }
}

/// What is said of operations on offers that are not valid.
fn void(found: &Framework, operations: Vec<OfferOperation>, why: &str, said: &mut Said) {
    let lost = found.seen(TaskState::Dropped);
    for operation in operations {
        let launched = operation.launch.into_iter().flat_map(|launch| launch.task_infos);
        let grouped = operation.launch_group.into_iter().flat_map(|group| group.task_group.tasks);
        match operation.r#type.unwrap_or_default() {
            OfferOperationType::Launch | OfferOperationType::LaunchGroup => {
                let words = format!("Task launched with invalid offers: {why}");
                let reason = TaskStatusReason::InvalidOffers;
                said.statuses.extend(launched.chain(grouped).map(|task| status(&task, lost, reason, &words)));
            }
            _ => said.operations.extend(operation.id.map(|id| OperationStatus {
                operation_id: Some(id),
                state: OperationState::Error,
                message: Some(format!("Operation attempted with invalid offers: {why}")),
                ..OperationStatus::default()
            })),
        }
    }
}

fn say(found: &mut Framework, said: Said) {
    for status in said.statuses {
        found.send_status(status);
    }
    for operation in said.operations {
        found.send(&operation_event(operation));
    }
}
