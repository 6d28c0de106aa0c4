//! What operators settle through Mesos' API becomes what kubectl would have written: ResourceRoles, Reservations, taints.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt};
use kubernel_kernel::{Input, Quota, Resources, Unavailability};
use kubernel_ledger::Books;
use kubernel_mesos::{OperatorDeed, Refused};
use kubernel_mesos_proto::maintenance::Schedule;
use kubernel_mesos_proto::quota::QuotaConfig;
use kubernel_mesos_proto::v1::{MachineID, Scalar};
use kubernel_meta::Quantity;
use kubernel_scheduler::{DRAINING_TAINT, GONE_TAINT, UNAVAILABILITY_ANNOTATION, unavailability_text};
use serde_json::{Map, Value, json};

use crate::api::{Api, KERNEL};
use crate::pod;
use crate::run::Bridge;

/// Tries to change a node that others change as well.
const TRIES: usize = 5;
/// Nodes that are written on at the same time when a schedule of maintenance changes.
const SCHEDULED_MAX: usize = 32;

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
            OperatorDeed::Schedule(schedule) => self.schedule(&schedule).await,
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
                    annotate(self.api.clone(), agent.clone(), None).await?;
                    self.schedule_agents(&[(agent, None)]);
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
        for (role, weight) in weights {
            // The ledger counts in thousandths; the API refuses what is too small or too large.
            let weight = (weight * 1_000.0).round() / 1_000.0;
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

    /// Writes on nodes when they will not be there; those that are not named will. The ledger knows it at once, and again from
    /// the nodes after a restart.
    async fn schedule(&self, schedule: &Schedule) -> Result<(), Refused> {
        let mut known: BTreeMap<String, Unavailability> = BTreeMap::new();
        for window in &schedule.windows {
            let duration_ns = window.unavailability.duration.as_ref().map(|duration| duration.nanoseconds);
            let unavailability = Unavailability { start_ns: window.unavailability.start.nanoseconds, duration_ns };
            known.extend(self.agents_on(&window.machine_ids).into_iter().map(|agent| (agent, unavailability)));
        }
        let changed: Vec<(String, Option<Unavailability>)> = self.ledger.read(|state| {
            let agents = state.agents().values().map(|agent| (agent, known.get(&*agent.name).copied()));
            let changed = agents.filter(|(agent, wanted)| agent.unavailability != *wanted);
            changed.map(|(agent, wanted)| (agent.name.to_string(), wanted)).collect()
        });
        let writes: Vec<_> =
            changed.iter().map(|(agent, wanted)| annotate(self.api.clone(), agent.clone(), *wanted)).collect();
        futures::stream::iter(writes).buffer_unordered(SCHEDULED_MAX).try_collect::<()>().await?;
        self.schedule_agents(&changed);
        Ok(())
    }

    /// Tells the ledger what was written on nodes.
    fn schedule_agents(&self, agents: &[(String, Option<Unavailability>)]) {
        self.ledger.act(|books, now| {
            for (name, unavailability) in agents {
                if let Some(agent) = books.state().agent_id(name) {
                    books.step(now, Input::ScheduleAgent { agent, unavailability: *unavailability });
                }
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
}

/// Writes on a node when it will not be there.
async fn annotate(api: Api, agent: String, unavailability: Option<Unavailability>) -> Result<(), Refused> {
    let text = unavailability.map(unavailability_text);
    let patch = json!({"metadata": {"annotations": {UNAVAILABILITY_ANNOTATION: text}}});
    api.patch(&format!("/api/v1/nodes/{agent}"), &patch).await.map(drop).map_err(|error| of_api(&error))
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

pub(crate) fn refused(status: u16, message: String) -> Refused {
    Refused { status, message }
}

fn of_api(error: &kube::Error) -> Refused {
    match error {
        kube::Error::Api(status) => refused(status.code, status.message.clone()),
        other => refused(503, other.to_string()),
    }
}
