//! Calls that need no offer.

use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode};
use kubernel_kernel::{FrameworkId, Input, OfferId, RoleId};
use kubernel_mesos_proto::{
    scheduler::{Call, Response as Reply, call, call::Type, response},
    v1::{AgentID, Filters, OfferID, OperationState, OperationStatus},
};

use super::{bad, body};
use crate::{
    Door, WORK_MAX, Work,
    http::{Answer, answer, refuse},
    offers,
    resources::{check, read_all},
    stream::Encoding,
};

/// How long a declined offer stays away when nobody says how long.
const REFUSE_SECONDS_DEFAULT: f64 = 5.0;
/// A year, the longest time for which an offer may stay away.
const REFUSE_SECONDS_MAX: f64 = 365.0 * 24.0 * 3_600.0;

impl Door {
    /// Does what a connected framework says.
    pub(super) fn done(&self, id: &str, of: Type, call: Call, encoding: Encoding) -> Response<Body> {
        let mut book = self.lock();
        if book.work.len() > WORK_MAX {
            return refuse(StatusCode::SERVICE_UNAVAILABLE, "The master has too much to do");
        }
        let Some(kernel) = book.framework(id).map(|found| found.kernel) else {
            return bad("Framework cannot be found");
        };
        match of {
            Type::Teardown => {
                drop(book);
                self.teardown(id);
            }
            Type::Accept => {
                if let Some(accept) = call.accept {
                    self.accept(&mut book, id, kernel, accept);
                }
            }
            Type::Decline => {
                if let Some(call::Decline { offer_ids, filters }) = call.decline {
                    let offers = self.offer_ids(&offer_ids);
                    if let Some(found) = book.frameworks.get_mut(id) {
                        found.offers.retain(|offer| !offers.contains(offer));
                    }
                    let filter_ms = filter_ms(filters.as_ref());
                    self.0.ledger.step(Input::Decline { framework: kernel, offers, filter_ms });
                }
            }
            Type::AcceptInverseOffers => {
                if let Some(call::AcceptInverseOffers { inverse_offer_ids, filters }) = call.accept_inverse_offers {
                    self.answer_inverse(kernel, &inverse_offer_ids, filters.as_ref(), true);
                }
            }
            Type::DeclineInverseOffers => {
                if let Some(call::DeclineInverseOffers { inverse_offer_ids, filters }) = call.decline_inverse_offers {
                    self.answer_inverse(kernel, &inverse_offer_ids, filters.as_ref(), false);
                }
            }
            Type::Revive => {
                let named = call.revive.map(|revive| revive.roles).unwrap_or_default();
                match self.roles(kernel, &named) {
                    Ok(roles) => drop(self.0.ledger.step(Input::Revive { framework: kernel, roles })),
                    Err(why) => tracing::info!(framework = id, why, "REVIVE dropped"),
                }
            }
            Type::Suppress => {
                let named = call.suppress.map(|suppress| suppress.roles).unwrap_or_default();
                match self.roles(kernel, &named) {
                    Ok(roles) => drop(self.0.ledger.step(Input::Suppress { framework: kernel, roles })),
                    Err(why) => tracing::info!(framework = id, why, "SUPPRESS dropped"),
                }
            }
            Type::Kill => {
                if let Some(kill) = call.kill {
                    self.kill(kernel, kill);
                }
            }
            Type::Shutdown => {
                if let Some(call::Shutdown { executor_id, agent_id }) = call.shutdown
                    && let Some(agent) = self.agent_id(&agent_id.value)
                {
                    let executor = executor_id.value.into();
                    self.0.ledger.step(Input::Shutdown { framework: kernel, agent, executor });
                }
            }
            Type::Acknowledge => {
                if let Some(acknowledge) = call.acknowledge {
                    self.acknowledge(&mut book, id, kernel, acknowledge);
                }
            }
            Type::AcknowledgeOperationStatus => {
                if let Some(acknowledge) = call.acknowledge_operation_status
                    && let Some(found) = book.frameworks.get_mut(id)
                {
                    found.end_operation(&acknowledge.operation_id.value);
                }
            }
            Type::Reconcile => {
                if let Some(call::Reconcile { tasks }) = call.reconcile {
                    let awaited = |task: &str| {
                        let own = book.awaited.iter().filter(|awaited| awaited.framework == id);
                        own.into_iter().any(|awaited| awaited.info.task_id.value == task)
                    };
                    let all = tasks.is_empty();
                    let named: Vec<(Arc<str>, Option<Arc<str>>)> = tasks
                        .into_iter()
                        .filter(|task| !awaited(&task.task_id.value))
                        .map(|task| (task.task_id.value.into(), task.agent_id.map(|agent| agent.value.into())))
                        .collect();
                    if all || !named.is_empty() {
                        self.0.ledger.step(Input::Reconcile { framework: kernel, tasks: named });
                    }
                }
            }
            Type::ReconcileOperations => {
                let asked = call.reconcile_operations.unwrap_or_default();
                return body(&self.operations(&book, id, &asked), encoding);
            }
            Type::Message => {
                if let Some(call::Message { agent_id, executor_id, data }) = call.message {
                    let (framework, agent, executor) = (id.to_owned(), agent_id.value, executor_id.value);
                    book.work.push_back(Work::Message { framework, agent, executor, data });
                }
            }
            Type::Request => {
                if let Some(request) = call.request
                    && let Err(why) = self.request(kernel, &request)
                {
                    tracing::info!(framework = id, why, "REQUEST dropped");
                }
            }
            Type::Unknown | Type::Subscribe | Type::UpdateFramework => {
                return refuse(StatusCode::NOT_IMPLEMENTED, "");
            }
        }
        answer(Answer::Accepted)
    }

    /// The kernel's numbers of offers; 0, which none has, for what is no offer of ours.
    pub(super) fn offer_ids(&self, ids: &[OfferID]) -> Vec<OfferId> {
        let master = &self.0.config.master_id;
        ids.iter().map(|id| offers::parse_id(master, &id.value).unwrap_or(OfferId(0))).collect()
    }

    fn answer_inverse(&self, framework: FrameworkId, ids: &[OfferID], filters: Option<&Filters>, accept: bool) {
        let offers = self.offer_ids(ids);
        self.0.ledger.step(Input::AnswerInverse { framework, offers, accept, filter_ms: filter_ms(filters) });
    }

    fn roles(&self, framework: FrameworkId, named: &[String]) -> Result<Vec<RoleId>, String> {
        self.0.ledger.read(|state| {
            let found = state.frameworks().get(&framework).ok_or("Framework cannot be found")?;
            let own = |role: &String| {
                let id = state.roles().id(role).filter(|id| found.subscriptions.contains_key(id));
                id.ok_or_else(|| format!("role '{role}' is not one of the framework's"))
            };
            named.iter().map(own).collect()
        })
    }

    fn kill(&self, framework: FrameworkId, kill: call::Kill) {
        let name: Arc<str> = kill.task_id.value.into();
        let grace_ms = kill
            .kill_policy
            .and_then(|policy| policy.grace_period)
            .and_then(|grace| u64::try_from(grace.nanoseconds / 1_000_000).ok());
        let named = kill.agent_id.map(|agent| agent.value);
        let agent = named.as_deref().and_then(|agent| self.agent_id(agent));
        let known = self.0.ledger.read(|state| state.task_id(framework, &name).is_some());
        if known && (agent.is_some() || named.is_none()) {
            self.0.ledger.step(Input::Kill { framework, name, agent, grace_ms });
        } else if !known {
            let tasks = vec![(name, named.map(Into::into))];
            self.0.ledger.step(Input::Reconcile { framework, tasks });
        }
    }

    fn acknowledge(
        &self,
        book: &mut crate::book::Book,
        id: &str,
        framework: FrameworkId,
        acknowledge: call::Acknowledge,
    ) {
        let call::Acknowledge { agent_id: AgentID { value: agent }, task_id, uuid } = acknowledge;
        let Ok(uuid) = <[u8; 16]>::try_from(uuid) else { return };
        let task = task_id.value;
        if let Some(found) = book.frameworks.get_mut(id)
            && let Some(mut next) = found.acknowledged(&task, &uuid)
        {
            next.state = found.seen(next.state);
            found.send_status(next);
        }
        if let Some(agent) = self.agent_id(&agent) {
            let (name, uuid) = (task.as_str().into(), u128::from_be_bytes(uuid));
            self.0.ledger.step(Input::Acknowledge { framework, agent, name, uuid });
        }
        book.work.push_back(Work::Acknowledge { framework: id.to_owned(), task, agent, uuid });
    }

    fn request(&self, framework: FrameworkId, request: &call::Request) -> Result<(), String> {
        let resources: Vec<_> = request.requests.iter().flat_map(|request| request.resources.clone()).collect();
        check(&resources)?;
        self.0.ledger.act(|books, now| {
            let wish = read_all(&resources, books)?;
            let found = books.state().frameworks().get(&framework).ok_or("Framework cannot be found")?;
            let roles: Vec<RoleId> =
                found.subscriptions.iter().filter(|(_, own)| own.joined).map(|(role, _)| *role).collect();
            for role in roles {
                books.step(now, Input::Request { framework, role, wish: wish.clone() });
            }
            Ok(())
        })
    }

    fn operations(&self, book: &crate::book::Book, id: &str, asked: &call::ReconcileOperations) -> Reply {
        let known = |operation: &call::ReconcileOperation| {
            let record = book.framework(id)?.operations.get(&operation.operation_id.value)?;
            Some(record.status.clone().unwrap_or_else(|| OperationStatus {
                operation_id: Some(operation.operation_id.clone()),
                state: OperationState::Pending,
                agent_id: Some(AgentID { value: record.agent.clone() }),
                ..OperationStatus::default()
            }))
        };
        let unknown = |operation: &call::ReconcileOperation| {
            let agent = operation.agent_id.as_ref();
            let there = agent.and_then(|agent| self.agent_id(&agent.value));
            let away = agent.and_then(|agent| {
                self.0.ledger.read(|state| state.absent().get(agent.value.as_str()).map(|absent| absent.gone))
            });
            let state = match (there, away) {
                (None, Some(true)) => OperationState::GoneByOperator,
                (None, Some(false)) => OperationState::Unreachable,
                _ => OperationState::Unknown,
            };
            OperationStatus {
                operation_id: Some(operation.operation_id.clone()),
                state,
                agent_id: agent.cloned(),
                resource_provider_id: operation.resource_provider_id.clone(),
                ..OperationStatus::default()
            }
        };
        let named = asked.operations.iter().map(|operation| known(operation).unwrap_or_else(|| unknown(operation)));
        let operation_statuses = if asked.operations.is_empty() {
            let all = book.framework(id).into_iter().flat_map(|found| found.operations.values());
            all.filter_map(|record| record.status.clone()).collect()
        } else {
            named.collect()
        };
        Reply {
            r#type: Some(response::Type::ReconcileOperations),
            reconcile_operations: Some(response::ReconcileOperations { operation_statuses }),
        }
    }
}

/// How long what is not taken stays away, in milliseconds.
pub(super) fn filter_ms(filters: Option<&Filters>) -> u64 {
    let seconds = filters.map_or(REFUSE_SECONDS_DEFAULT, |filters| filters.refuse_seconds);
    let seconds = if seconds >= 0.0 { seconds.min(REFUSE_SECONDS_MAX) } else { REFUSE_SECONDS_DEFAULT };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
    let ms = (seconds * 1_000.0) as u64;
    ms
}
