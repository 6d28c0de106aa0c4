//! What operators settle through Mesos' API becomes what kubectl would have written: ResourceRoles, Reservations, taints.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kubernel_kernel::{Action, Input, Kind, Operation, Quota, ResourceId, Resources, State, Unavailability};
use kubernel_ledger::Books;
use kubernel_mesos::resources::read_all;
use kubernel_mesos::{OperatorDeed, Refused};
use kubernel_mesos_proto::maintenance::Schedule;
use kubernel_mesos_proto::quota::QuotaConfig;
use kubernel_mesos_proto::v1::{MachineID, Resource, Scalar};
use kubernel_meta::Quantity;
use kubernel_scheduler::{DRAINING_TAINT, GONE_TAINT};
use serde_json::{Map, Value, json};

use crate::api::KERNEL;
use crate::run::Bridge;
use crate::{names, pod};

/// Tries to change a node that others change as well.
const TRIES: usize = 5;

impl Bridge {
    /// Does what an operator wants.
    pub(crate) async fn operate(&mut self, what: OperatorDeed) -> Result<(), Refused> {
        match what {
            OperatorDeed::SetWeights(weights) => self.set_weights(&weights).await,
            OperatorDeed::SetQuota { configs, force } => self.set_quota(&configs, force).await,
            OperatorDeed::RemoveQuota { role } => {
                self.settle_role(&role, json!({"guarantee": null, "limit": null})).await
            }
            OperatorDeed::Drain { agent, grace_ms_max, mark_gone } => {
                let effect = if mark_gone { "NoExecute" } else { "NoSchedule" };
                let value = grace_ms_max.map(|ms| ms.to_string()).unwrap_or_default();
                let taint = json!({"key": DRAINING_TAINT, "value": value, "effect": effect});
                self.change_node(&agent, true, &[DRAINING_TAINT], Some(taint)).await
            }
            OperatorDeed::Deactivate { agent } => self.change_node(&agent, true, &[], None).await,
            OperatorDeed::Reactivate { agent } => self.change_node(&agent, false, &[DRAINING_TAINT], None).await,
            OperatorDeed::MarkGone { agent } => {
                let taint = json!({"key": GONE_TAINT, "effect": "NoExecute"});
                self.change_node(&agent, true, &[GONE_TAINT], Some(taint)).await
            }
            OperatorDeed::Schedule(schedule) => {
                self.schedule(&schedule);
                Ok(())
            }
            OperatorDeed::StartMaintenance(machines) => {
                for agent in self.agents_on(&machines) {
                    let taint = json!({"key": DRAINING_TAINT, "effect": "NoSchedule"});
                    self.change_node(&agent, true, &[DRAINING_TAINT], Some(taint)).await?;
                }
                Ok(())
            }
            OperatorDeed::StopMaintenance(machines) => {
                for agent in self.agents_on(&machines) {
                    self.change_node(&agent, false, &[DRAINING_TAINT], None).await?;
                    // What was taken up again is not on the schedule any more.
                    self.ledger.act(|books, now| {
                        let agent = books.state().agent_id(&agent);
                        agent.map(|agent| books.step(now, Input::ScheduleAgent { agent, unavailability: None }))
                    });
                }
                Ok(())
            }
            OperatorDeed::Reserve { .. }
            | OperatorDeed::Unreserve { .. }
            | OperatorDeed::CreateVolumes { .. }
            | OperatorDeed::DestroyVolumes { .. }
            | OperatorDeed::GrowVolume { .. }
            | OperatorDeed::ShrinkVolume { .. } => self.convert(what).await,
        }
    }

    async fn set_weights(&self, weights: &[(String, f64)]) -> Result<(), Refused> {
        if let Some((role, weight)) = weights.iter().find(|(_, weight)| weight.fract() != 0.0 || *weight < 1.0) {
            return Err(refused(400, format!("the weight {weight} of role {role:?} is no whole number of at least 1")));
        }
        for (role, weight) in weights {
            #[expect(clippy::cast_possible_truncation, reason = "a whole number; the API refuses what is too large")]
            let weight = *weight as i64;
            self.settle_role(role, json!({"weight": weight})).await?;
        }
        Ok(())
    }

    async fn set_quota(&self, configs: &[QuotaConfig], force: bool) -> Result<(), Refused> {
        for config in configs {
            // The ledger says whether it is possible; the object makes it last.
            let refusal = self.ledger.act(|books, now| {
                let quota = quota(books, config);
                let path = config.role.as_str().into();
                books.step(now, Input::SetQuota { path, quota: Some(quota), force }).refused
            });
            if let Some(refusal) = refusal {
                return Err(refused(400, refusal.to_string()));
            }
            let list = |scalars: &BTreeMap<String, kubernel_mesos_proto::v1::Scalar>| {
                let mut out = Map::new();
                for (name, scalar) in scalars {
                    if let Some((name, amount)) = pod::quantity(name, scalar.value) {
                        out.insert(name.to_owned(), amount.into());
                    }
                }
                out
            };
            // A merge would keep names that are not settled any more.
            self.settle_role(&config.role, json!({"guarantee": null, "limit": null})).await?;
            self.settle_role(
                &config.role,
                json!({"guarantee": list(&config.guarantees), "limit": list(&config.limits)}),
            )
            .await?;
        }
        Ok(())
    }

    /// Changes the ResourceRole of a path; makes it, and those above it, if there is none.
    async fn settle_role(&self, path: &str, spec: Value) -> Result<(), Refused> {
        let mut parent = "";
        for name in path.split('/') {
            let last = path.ends_with(name) && path.len() == path.find(name).unwrap_or_default() + name.len();
            let mut own = if last { spec.clone() } else { json!({}) };
            if !parent.is_empty() {
                own["parent"] = parent.into();
            }
            let object = json!({
                "apiVersion": "kernel.kubernel.io/v1alpha1", "kind": "ResourceRole",
                "metadata": {"name": name}, "spec": own,
            });
            let url = format!("{KERNEL}/resourceroles/{name}");
            let patched = match self.api.patch(&url, &json!({"spec": own})).await {
                Err(kube::Error::Api(status)) if status.code == 404 => {
                    self.api.create(&format!("{KERNEL}/resourceroles"), &object).await
                }
                other => other,
            };
            patched.map_err(|error| of_api(&error))?;
            parent = name;
        }
        Ok(())
    }

    /// Changes a node: whether it takes anything new, and its taints of these keys.
    async fn change_node(
        &self,
        agent: &str,
        unschedulable: bool,
        keys: &[&str],
        taint: Option<Value>,
    ) -> Result<(), Refused> {
        let path = format!("/api/v1/nodes/{agent}");
        let mut last = refused(409, format!("node {agent:?} changes all the time"));
        for _ in 0..TRIES {
            let node = self.api.get(&path).await.map_err(|error| of_api(&error))?;
            let Some(node) = node else { return Err(refused(404, format!("there is no node {agent:?}"))) };
            let taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
            let is_kept = |taint: &Value| !taint["key"].as_str().is_some_and(|key| keys.contains(&key));
            let taints: Vec<Value> = taints.into_iter().filter(is_kept).chain(taint.clone()).collect();
            let patch = json!({
                "metadata": {"resourceVersion": node["metadata"]["resourceVersion"]},
                "spec": {"unschedulable": unschedulable.then_some(true), "taints": taints},
            });
            match self.api.patch(&path, &patch).await {
                Ok(_) => return Ok(()),
                Err(kube::Error::Api(status)) if status.code == 409 => last = refused(409, status.message),
                Err(error) => return Err(of_api(&error)),
            }
        }
        Err(last)
    }

    /// Tells the ledger when which machines will not be there; those that are not named will.
    fn schedule(&self, schedule: &Schedule) {
        let mut known: BTreeMap<String, Unavailability> = BTreeMap::new();
        for window in &schedule.windows {
            let duration_ns = window.unavailability.duration.as_ref().map(|duration| duration.nanoseconds);
            let unavailability = Unavailability { start_ns: window.unavailability.start.nanoseconds, duration_ns };
            known.extend(self.agents_on(&window.machine_ids).into_iter().map(|agent| (agent, unavailability)));
        }
        self.ledger.act(|books, now| {
            let agents: Vec<_> = books.state().agents().iter().map(|(id, agent)| (*id, agent.name.clone())).collect();
            for (agent, name) in agents {
                books.step(now, Input::ScheduleAgent { agent, unavailability: known.get(&*name).copied() });
            }
        });
    }

    /// The agents on some machines: by name, or by address.
    fn agents_on(&self, machines: &[MachineID]) -> Vec<String> {
        let is_meant = |name: &str, host: &str| {
            machines.iter().any(|machine| {
                let named = [machine.hostname.as_deref(), machine.ip.as_deref()];
                named.iter().flatten().any(|text| *text == name || *text == host)
            })
        };
        self.ledger.read(|state| {
            let agents = state.agents().values().filter(|agent| is_meant(&agent.name, agent.hostname()));
            agents.map(|agent| agent.name.to_string()).collect()
        })
    }

    /// Reservations and volumes: the ledger says whether they are possible; objects follow.
    async fn convert(&mut self, what: OperatorDeed) -> Result<(), Refused> {
        let agent = self.ledger.act(|books, now| {
            let (agent, action) = action(books, what).map_err(|why| refused(400, why))?;
            let unknown = || refused(400, format!("No agent found with ID {agent}"));
            let id = books.state().agent_id(&agent).ok_or_else(unknown)?;
            let operation = Operation::silent(action);
            let refusal = books.step(now, Input::Operate { agent: id, operation }).refused;
            refusal.map_or(Ok(agent), |refusal| Err(refused(409, refusal.to_string())))
        })?;
        self.checkpoint(&agent).await;
        Ok(())
    }

    /// Writes down what frameworks and their operators reserved on an agent.
    pub(crate) async fn checkpoint(&mut self, agent: &str) {
        let listed = match self.api.get(&format!("{KERNEL}/reservations")).await {
            Ok(list) => list.unwrap_or_default(),
            Err(error) => return tracing::warn!(agent, %error, "reservations could not be read"),
        };
        let all = listed["items"].as_array().into_iter().flatten();
        let (ours, others): (Vec<&Value>, Vec<&Value>) = all
            .filter(|item| item["spec"]["agent"] == agent)
            .partition(|item| item["metadata"]["labels"].get(names::RESERVED_ON).is_some());
        let old: BTreeSet<String> =
            ours.iter().filter_map(|item| item["metadata"]["name"].as_str().map(str::to_owned)).collect();
        let mut kept: Kept = Kept::new();
        for item in others {
            self.count(item, &mut kept);
        }
        let new = self.ledger.read(|state| reservations(state, agent, &kept));
        for name in old.iter().filter(|name| !new.contains_key(*name)) {
            let deleted = self.api.delete(&format!("{KERNEL}/reservations/{name}"), &json!({})).await;
            if let Err(error) = deleted {
                tracing::warn!(agent, %error, "a Reservation could not be deleted");
            }
        }
        for (name, object) in new {
            let written = match old.contains(&name) {
                true => self.api.patch(&format!("{KERNEL}/reservations/{name}"), &object).await,
                false => self.api.create(&format!("{KERNEL}/reservations"), &object).await,
            };
            if let Err(error) = written {
                tracing::warn!(agent, %error, "a Reservation could not be written");
            }
        }
    }
}

/// A quota as the ledger counts.
fn quota(books: &mut Books, config: &QuotaConfig) -> Quota {
    let mut amounts = |scalars: &BTreeMap<String, Scalar>| {
        let mut out = Resources::default();
        for (name, text) in scalars.iter().filter_map(|(name, scalar)| pod::quantity(name, scalar.value)) {
            let Ok(quantity) = Quantity::parse(&text) else { continue };
            let amount = if name == "cpu" { quantity.milli_value() } else { quantity.value() };
            if let Some(id) = books.resource(name) {
                out.set(id, u64::try_from(amount).unwrap_or(0));
            }
        }
        out
    };
    Quota { guarantee: amounts(&config.guarantees), limits: amounts(&config.limits).iter().collect() }
}

/// What objects keep already, by digest of whose it is and by the resource's name.
type Kept = BTreeMap<(String, String), u64>;

impl Bridge {
    /// Counts what an object of somebody else keeps.
    fn count(&self, object: &Value, kept: &mut Kept) {
        let text = |field: &str| object["spec"][field].as_str().unwrap_or_default();
        let role = text("role");
        let path = if role.contains('/') { role.into() } else { self.tenancy.path(role) };
        let labels: Vec<(String, String)> = object["spec"]["labels"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect();
        let whose = whose(text("agent"), &path, text("principal"), &labels);
        for (name, amount) in object["spec"]["resources"].as_object().into_iter().flatten() {
            let Ok(quantity) = Quantity::parse(amount.as_str().unwrap_or_default()) else { continue };
            let amount = if name == "cpu" { quantity.milli_value() } else { quantity.value() };
            *kept.entry((whose.clone(), name.clone())).or_default() += u64::try_from(amount).unwrap_or(0);
        }
    }
}

/// A digest of whose a reservation is, and where.
fn whose(agent: &str, role: &str, principal: &str, labels: &[(String, String)]) -> String {
    let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    names::digest(&[agent, role, principal, &labels.join(",")])
}

/// What the ledger is to do for an operator, and on which agent.
fn action(books: &mut Books, what: OperatorDeed) -> Result<(String, Action), String> {
    Ok(match what {
        OperatorDeed::Reserve { source, .. } if !source.is_empty() => {
            return Err("a reservation is changed by ending it and making another".to_owned());
        }
        OperatorDeed::Reserve { agent, resources, .. } => (agent, Action::Reserve(read_all(&resources, books)?)),
        OperatorDeed::Unreserve { agent, resources } => (agent, Action::Unreserve(read_all(&resources, books)?)),
        OperatorDeed::CreateVolumes { agent, volumes } => (agent, Action::Create(read_all(&volumes, books)?)),
        OperatorDeed::DestroyVolumes { agent, volumes } => (agent, Action::Destroy(read_all(&volumes, books)?)),
        OperatorDeed::GrowVolume { agent, volume, addition } => {
            let (volume, addition) = (volume_id(books, &volume)?, read_all(&[*addition], books)?);
            (agent, Action::Grow { volume, addition })
        }
        OperatorDeed::ShrinkVolume { agent, volume, subtract } => {
            let id = volume_id(books, &volume)?;
            let less = Resource { scalar: Some(Scalar { value: subtract }), ..*volume };
            let less = read_all(&[less], books)?.iter().map(|(_, amount)| amount).sum();
            (agent, Action::Shrink { volume: id, less })
        }
        _ => return Err("nothing to be done with resources".to_owned()),
    })
}

fn volume_id(books: &mut Books, volume: &Resource) -> Result<ResourceId, String> {
    let found = read_all(std::slice::from_ref(volume), books)?;
    found.iter().next().map(|(id, _)| id).ok_or_else(|| "there is no such volume".to_owned())
}

/// The Reservation objects for what is reserved on an agent and kept by nobody else's object.
fn reservations(state: &State, agent: &str, kept: &Kept) -> BTreeMap<String, Value> {
    let Some(found) = state.agent_id(agent).and_then(|id| state.agents().get(&id)) else { return BTreeMap::new() };
    let mut out: BTreeMap<String, Value> = BTreeMap::new();
    for (id, amount) in found.total.iter() {
        let Some(kind) = state.names().kind(id).filter(|kind| kind.is_dynamic() && !kind.is_refined()) else {
            continue;
        };
        let Some(reservation) = kind.reservations.last() else { continue };
        let pair = |(key, value): &(Arc<str>, Option<Arc<str>>)| {
            (key.to_string(), value.as_deref().unwrap_or_default().to_owned())
        };
        let labels: Vec<(String, String)> = reservation.labels.iter().map(pair).collect();
        let principal = reservation.principal.as_deref().unwrap_or_default();
        let whose = whose(agent, &reservation.role, principal, &labels);
        let known = kept.get(&(whose.clone(), kind.name.to_string())).copied().unwrap_or_default();
        let amount = amount.saturating_sub(known);
        if amount == 0 {
            continue;
        }
        let name = format!("reserved-{whose}");
        let object = out.entry(name.clone()).or_insert_with(|| {
            let labels: Map<String, Value> =
                labels.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
            json!({
                "apiVersion": "kernel.kubernel.io/v1alpha1", "kind": "Reservation",
                "metadata": {"name": name, "labels": {names::RESERVED_ON: names::label(agent)}},
                "spec": {
                    "role": &*reservation.role, "agent": agent, "principal": principal, "labels": labels,
                    "resources": {},
                },
            })
        });
        object["spec"]["resources"][&*kind.name] = quantity(kind, amount).into();
    }
    out
}

fn quantity(kind: &Kind, amount: u64) -> String {
    if &*kind.name == "cpu" { format!("{amount}m") } else { amount.to_string() }
}

fn refused(status: u16, message: String) -> Refused {
    Refused { status, message }
}

fn of_api(error: &kube::Error) -> Refused {
    match error {
        kube::Error::Api(status) => refused(status.code, status.message.clone()),
        other => refused(503, other.to_string()),
    }
}
