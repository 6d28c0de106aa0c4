//! What the kernel has to say goes to frameworks as events and to the bridge as work, in the order in which it came.

use std::{collections::BTreeMap, sync::Arc};

use kubernel_kernel::{self as kernel, AgentId, Deed, FrameworkId, Message, OfferId, Order, Send, TaskId};
use kubernel_ledger::Delivery;
use kubernel_mesos_proto::{
    scheduler::{Event, event},
    v1::{
        AgentID, ExecutorID, OfferID, OperationID, OperationState, OperationStatus, TaskState, TaskStatusReason,
        TimeInfo, Uuid,
    },
};

use crate::{
    Door, Launch, VolumeName, Work,
    book::{Book, Change, is_terminal},
    door::now,
    offers, status,
};

impl Door {
    /// Passes on what came from the kernel.
    pub(crate) fn deliver(&self, come: Vec<Delivery>) {
        let mut book = self.lock();
        for delivery in come {
            match delivery {
                Delivery::Event(event) => self.happened(&mut book, event),
                Delivery::Send(send) => self.send(&mut book, send),
                Delivery::Order(order) => self.order(&mut book, order),
            }
        }
    }

    fn happened(&self, book: &mut Book, event: kernel::Event) {
        match event {
            kernel::Event::AgentAdded { name, .. } => {
                self.take_back(book);
                self.changed(Change::AgentAdded(name));
            }
            kernel::Event::AgentAway { agent, .. } | kernel::Event::AgentRemoved { agent } => {
                if let Some(name) = self.agent_name(agent) {
                    self.changed(Change::AgentRemoved(name));
                }
            }
            kernel::Event::FrameworkRemoved { framework } => {
                let Some(id) = book.id_of(framework).cloned() else { return };
                if book.remove_framework(&id, now()) {
                    self.changed(Change::FrameworkRemoved(id));
                }
            }
            kernel::Event::TaskEnded { task, state } => ended(book, task, state),
            kernel::Event::Adopted { framework, task, .. } => book.renumber_task(framework, &task.name, task.task),
            kernel::Event::ExecutorEnded { agent, framework, name } => {
                let agent = self.agent_name(agent);
                if let (Some(agent), Some(found)) = (agent, book.by_kernel(framework)) {
                    found.executors.remove(&(agent.to_string(), name.to_string()));
                }
            }
            _ => {}
        }
    }

    fn send(&self, book: &mut Book, send: Send) {
        match send.message {
            Message::Offers(ids) => self.send_offers(book, send.to, &ids),
            Message::InverseOffers(ids) => self.send_inverse(book, send.to, &ids),
            Message::Rescinded(id) => {
                let offer_id = OfferID { value: offers::id(&self.0.config.master_id, id) };
                if let Some(found) = book.by_kernel(send.to)
                    && found.offers.remove(&id)
                {
                    let rescind = Some(event::Rescind { offer_id });
                    found.send(&Event { r#type: Some(event::Type::Rescind), rescind, ..Event::default() });
                }
            }
            Message::InverseRescinded(id) => {
                let inverse_offer_id = OfferID { value: offers::id(&self.0.config.master_id, id) };
                if let Some(found) = book.by_kernel(send.to)
                    && found.inverse.remove(&id)
                {
                    found.send(&Event {
                        r#type: Some(event::Type::RescindInverseOffer),
                        rescind_inverse_offer: Some(event::RescindInverseOffer { inverse_offer_id }),
                        ..Event::default()
                    });
                }
            }
            // Updates of nodes were told when they came.
            Message::Task(status) if status.uuid.is_some() => {}
            Message::Task(status) => self.send_task(book, send.to, &status),
            Message::Operation { id, error } => self.send_operation(book, send.to, &id, error.as_deref()),
            // Mesos has no word for it; the end of the task says it.
            Message::AskedBack { .. } => {}
            Message::AgentLost(agent) => {
                let failure = event::Failure { agent_id: self.mesos_agent(agent), executor_id: None, status: None };
                send_failure(book, send.to, failure);
            }
            Message::ExecutorLost { agent, executor, status } => {
                let executor_id = Some(ExecutorID { value: executor.to_string() });
                let failure = event::Failure { agent_id: self.mesos_agent(agent), executor_id, status: Some(status) };
                send_failure(book, send.to, failure);
            }
            // The event of its removal did it.
            Message::Removed => {}
        }
    }

    fn order(&self, book: &mut Book, order: Order) {
        let Some(agent) = self.agent_name(order.agent) else { return };
        let agent = agent.to_string();
        if let Deed::Checkpoint { destroyed } = &order.deed {
            let destroyed = self.0.ledger.read(|state| {
                let kinds = destroyed.iter().filter_map(|id| state.names().kind(*id));
                kinds.filter_map(VolumeName::of).collect()
            });
            book.work.push_back(Work::Checkpoint { agent, destroyed });
            return;
        }
        let Some(framework) = book.id_of(order.framework).map(ToString::to_string) else { return };
        match order.deed {
            Deed::Launch { tasks, group } => launch(book, &framework, &agent, &tasks, group),
            Deed::Kill { name, grace_ms, reason } => {
                let task = name.to_string();
                book.work.push_back(Work::Kill { framework, task, agent, grace_ms, reason });
            }
            Deed::ShutdownExecutor(executor) => {
                let executor = executor.to_string();
                book.work.push_back(Work::ShutdownExecutor { framework, agent, executor });
            }
            Deed::ShutdownFramework => book.work.push_back(Work::ShutdownFramework { framework, agent }),
            // The door gives acknowledgements itself, also for agents that are away.
            Deed::Acknowledge { .. } | Deed::Checkpoint { .. } => {}
        }
    }

    fn send_offers(&self, book: &mut Book, to: FrameworkId, ids: &[OfferId]) {
        let Some(found) = book.by_kernel(to).filter(|found| found.stream.is_some()) else { return };
        let made = self.0.ledger.read(|state| {
            let open = ids.iter().filter_map(|id| Some((*id, state.offers().get(id)?)));
            open.map(|(id, offer)| (id, offers::offer(state, id, offer, &found.record, &self.0.config)))
                .collect::<Vec<_>>()
        });
        let mut all = Vec::with_capacity(made.len());
        for (id, offer) in made {
            found.offers.insert(id);
            all.extend(offer);
        }
        if !all.is_empty() {
            let offers = Some(event::Offers { offers: all });
            found.send(&Event { r#type: Some(event::Type::Offers), offers, ..Event::default() });
        }
    }

    fn send_inverse(&self, book: &mut Book, to: FrameworkId, ids: &[OfferId]) {
        let Some(found) = book.by_kernel(to).filter(|found| found.stream.is_some()) else { return };
        let made: Vec<_> = self.0.ledger.read(|state| {
            ids.iter()
                .filter_map(|id| Some((*id, offers::inverse(state, *id, &found.record, &self.0.config)?)))
                .collect()
        });
        let mut all = Vec::with_capacity(made.len());
        for (id, inverse) in made {
            found.inverse.insert(id);
            all.push(inverse);
        }
        if !all.is_empty() {
            found.send(&Event {
                r#type: Some(event::Type::InverseOffers),
                inverse_offers: Some(event::InverseOffers { inverse_offers: all }),
                ..Event::default()
            });
        }
    }

    /// Something that the kernel itself says of a task; it is told once.
    fn send_task(&self, book: &mut Book, to: FrameworkId, said: &kernel::Status) {
        let agent = said.agent.and_then(|agent| self.agent_name(agent));
        let mut status = status::status(said, agent.as_deref(), now());
        let Some(found) = book.by_kernel(to) else { return };
        let reconciles = status.reason == Some(TaskStatusReason::Reconciliation);
        if matches!(status.reason, Some(TaskStatusReason::TaskInvalid | TaskStatusReason::TaskGroupInvalid)) {
            // Not launched: whatever has that name is another task.
            found.send_status(status);
            return;
        }
        if let Some(record) = found.tasks.get_mut(&said.name) {
            status.executor_id = record.executor.as_ref().map(|executor| executor.executor_id.clone());
            if let Some(last) = record.statuses.last().filter(|_| reconciles) {
                status.healthy = last.healthy;
                status.check_status = last.check_status.clone();
                status.container_status = last.container_status.clone();
            }
            if !reconciles {
                record.note(&status);
            }
        }
        if status.state == TaskState::Unreachable {
            status.unreachable_time = Some(TimeInfo { nanoseconds: nanos(now()) });
            if !reconciles {
                found.lost_sight(&said.name);
            }
        }
        let state = status.state;
        if !reconciles {
            let framework = found.record.id.as_str().into();
            self.changed(Change::TaskUpdated { framework, status: Box::new(status.clone()), state });
        }
        found.send_status(status);
        if is_terminal(state) && !reconciles {
            found.complete(&said.name);
        }
    }

    fn send_operation(&self, book: &mut Book, to: FrameworkId, id: &str, error: Option<&str>) {
        let Some(found) = book.by_kernel(to) else { return };
        let agent_id = found.operations.get(id).map(|record| AgentID { value: record.agent.clone() });
        let mut status = OperationStatus {
            operation_id: Some(OperationID { value: id.to_owned() }),
            state: if error.is_some() { OperationState::Error } else { OperationState::Finished },
            message: error.map(str::to_owned),
            agent_id,
            ..OperationStatus::default()
        };
        if error.is_some() {
            found.end_operation(id);
        } else {
            status.uuid = Some(Uuid { value: uuid::Uuid::new_v4().as_bytes().to_vec() });
            if let Some(record) = found.operations.get_mut(id) {
                record.status = Some(status.clone());
            }
        }
        found.send(&operation_event(status));
    }

    pub(crate) fn agent_name(&self, agent: AgentId) -> Option<Arc<str>> {
        let there = self.0.ledger.read(|state| state.agents().get(&agent).map(|agent| agent.name.clone()));
        there.or_else(|| self.0.ledger.act(|books, _| books.agent_name(agent).cloned()))
    }

    fn mesos_agent(&self, agent: AgentId) -> Option<AgentID> {
        self.agent_name(agent).map(|name| AgentID { value: name.to_string() })
    }
}

/// How an operation went, as an event.
pub(crate) fn operation_event(status: OperationStatus) -> Event {
    Event {
        r#type: Some(event::Type::UpdateOperationStatus),
        update_operation_status: Some(event::UpdateOperationStatus { status }),
        ..Event::default()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 fit")]
fn nanos(seconds: f64) -> i64 {
    (seconds * 1e9) as i64
}

fn send_failure(book: &mut Book, to: FrameworkId, failure: event::Failure) {
    if let Some(found) = book.by_kernel(to) {
        let failure = Some(failure);
        found.send(&Event { r#type: Some(event::Type::Failure), failure, ..Event::default() });
    }
}

/// A task holds nothing any more. Where a node said so the framework still has to acknowledge it; otherwise nobody has to
/// be told, or the message that follows does it.
fn ended(book: &mut Book, task: TaskId, state: kernel::TaskState) {
    let Some((framework, name)) = book.forget_task(task) else { return };
    let Some(found) = book.frameworks.get_mut(&framework) else { return };
    let connected = found.stream.is_some();
    let Some(record) = found.tasks.get_mut(&name).filter(|record| record.kernel == task) else { return };
    if record.updates.is_empty() && !connected {
        record.state = status::from_kernel(state);
        found.complete(&name);
    }
}

/// Tasks that the kernel has placed go to the bridge, each executor's by themselves.
fn launch(book: &mut Book, framework: &str, agent: &str, tasks: &[TaskId], group: bool) {
    let names: Vec<Arc<str>> = tasks.iter().filter_map(|id| book.task_of(*id)).map(|(_, name)| name.clone()).collect();
    let Some(found) = book.frameworks.get_mut(framework) else { return };
    let mut by_executor: BTreeMap<Option<String>, Launch> = BTreeMap::new();
    for name in names {
        let Some(record) = found.tasks.get_mut(&name) else { continue };
        let key = record.executor.as_ref().map(|executor| executor.executor_id.value.clone());
        let launch = by_executor.entry(key).or_insert_with(|| Launch {
            framework: found.record.info.clone(),
            agent: agent.to_owned(),
            role: record.role.clone(),
            tasks: Vec::new(),
            executor: record.executor.clone(),
            group,
        });
        launch.tasks.push(record.info.clone());
        record.lighten();
    }
    book.work.extend(by_executor.into_values().map(|launch| Work::Launch(Box::new(launch))));
}
