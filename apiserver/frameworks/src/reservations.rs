//! What frameworks and their operators keep on agents, and the persistent volumes they made there, as Reservation objects.
//!
//! Data are in folders of the nodes that have names of their own: a volume gets a uid when it is written down for the first
//! time, and a new one when it is made again. Whoever makes a volume finds it empty, also where a node was away when one of
//! that name was destroyed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kubernel_kernel::{Action, Input, Kind, Operation, Reservation, ResourceId, State};
use kubernel_ledger::Books;
use kubernel_mesos::resources::read_all;
use kubernel_mesos::{OperatorDeed, Refused, VolumeName};
use kubernel_mesos_proto::node;
use kubernel_mesos_proto::v1::{Resource, Scalar};
use kubernel_meta::{Quantity, mesos};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::api::KERNEL;
use crate::operator::refused;
use crate::run::Bridge;
use crate::{link, names};

/// The uids of an agent's persistent volumes.
pub(crate) type Uids = BTreeMap<VolumeName, String>;

/// The persistent volumes of all agents, as their objects have them.
#[derive(Debug, Default)]
pub(crate) struct Volumes(HashMap<Arc<str>, Uids>);

impl Volumes {
    /// Those of an agent.
    pub(crate) fn of(&self, agent: &str) -> Uids {
        self.0.get(agent).cloned().unwrap_or_default()
    }
}

impl Bridge {
    /// Reservations and volumes of an operator: the ledger says whether they are possible; objects follow.
    pub(crate) async fn convert(&mut self, what: OperatorDeed) -> Result<(), Refused> {
        let (agent, destroyed) = self.ledger.act(|books, now| {
            let (agent, action) = action(books, what).map_err(|why| refused(400, why))?;
            let unknown = || refused(400, format!("No agent found with ID {agent}"));
            let id = books.state().agent_id(&agent).ok_or_else(unknown)?;
            let destroyed = match &action {
                Action::Destroy(volumes) => {
                    let kinds = volumes.ids().filter_map(|id| books.state().names().kind(id));
                    kinds.filter_map(VolumeName::of).collect()
                }
                _ => Vec::new(),
            };
            let operation = Operation::silent(action);
            let refusal = books.step(now, Input::Operate { agent: id, operation }).refused;
            refusal.map_or(Ok((agent, destroyed)), |refusal| Err(refused(409, refusal.to_string())))
        })?;
        self.checkpoint(&agent, &destroyed).await;
        Ok(())
    }

    /// Writes down what frameworks and their operators keep on an agent, and has the data of destroyed volumes deleted.
    pub(crate) async fn checkpoint(&mut self, agent: &str, destroyed: &[VolumeName]) {
        if !self.ledger.read(|state| state.agent_id(agent).is_some_and(|id| state.agents().contains_key(&id))) {
            // What is kept on an agent that is away stays written down.
            return;
        }
        let listed = match self.api.get(&format!("{KERNEL}/reservations")).await {
            Ok(list) => list.unwrap_or_default(),
            Err(error) => return tracing::warn!(agent, %error, "reservations could not be read"),
        };
        let all = listed["items"].as_array().into_iter().flatten();
        let (ours, others): (Vec<&Value>, Vec<&Value>) = all
            .filter(|item| item["spec"]["agent"] == agent)
            .partition(|item| item["metadata"]["labels"].get(mesos::RESERVED_ON).is_some());
        let mut kept = Kept::default();
        others.iter().for_each(|item| self.count(item, &mut kept));
        let mut uids = self.volumes.of(agent);
        uids.extend(ours.iter().flat_map(|item| uids_of(item, item["spec"]["role"].as_str().unwrap_or_default())));
        uids.extend(kept.volumes.clone());
        let gone: Vec<String> = destroyed.iter().filter_map(|name| uids.remove(name)).collect();
        let new = self.ledger.read(|state| reservations(state, agent, &kept, &mut uids));
        let names = ours.iter().filter_map(|item| item["metadata"]["name"].as_str());
        for name in names.filter(|name| !new.contains_key(*name)) {
            let deleted = self.api.delete(&format!("{KERNEL}/reservations/{name}"), &json!({})).await;
            if let Err(error) = deleted {
                tracing::warn!(agent, %error, "a Reservation could not be deleted");
            }
        }
        for (name, mut object) in new {
            let written = match ours.iter().find(|item| item["metadata"]["name"] == name) {
                Some(old) => {
                    for resource in old["spec"]["resources"].as_object().into_iter().flat_map(Map::keys) {
                        // In a patch, what is not named stays.
                        if object["spec"]["resources"].get(resource).is_none() {
                            object["spec"]["resources"][resource] = Value::Null;
                        }
                    }
                    self.api.patch(&format!("{KERNEL}/reservations/{name}"), &object).await
                }
                None => self.api.create(&format!("{KERNEL}/reservations"), &object).await,
            };
            if let Err(error) = written {
                tracing::warn!(agent, %error, "a Reservation could not be written");
            }
        }
        self.volumes.0.insert(agent.into(), uids);
        for uid in gone {
            let destroy = Some(node::Destroy { uid });
            let call = node::Call { r#type: node::CallType::Destroy, destroy, ..node::Call::default() };
            link::call_once(self.api.0.clone(), agent.into(), call);
        }
    }

    /// Counts what an object of somebody else keeps.
    fn count(&self, object: &Value, kept: &mut Kept) {
        let spec = &object["spec"];
        let holders: Vec<Holder> = spec["refines"]
            .as_array()
            .into_iter()
            .flatten()
            .chain([spec])
            .map(|one| {
                let mut holder = Holder::of_object(one);
                if !holder.role.contains('/') {
                    holder.role = self.tenancy.path(&holder.role).to_string();
                }
                holder
            })
            .collect();
        let path = holders.last().map(|holder| holder.role.clone()).unwrap_or_default();
        let whose = whose(spec["agent"].as_str().unwrap_or_default(), &holders);
        for (name, amount) in object["spec"]["resources"].as_object().into_iter().flatten() {
            let Ok(quantity) = Quantity::parse(amount.as_str().unwrap_or_default()) else { continue };
            let amount = if name == "cpu" { quantity.milli_value() } else { quantity.value() };
            *kept.amounts.entry((whose.clone(), name.clone())).or_default() += u64::try_from(amount).unwrap_or(0);
        }
        kept.volumes.extend(uids_of(object, &path));
    }
}

/// The volumes that an object of this role has.
fn uids_of(object: &Value, role: &str) -> Uids {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let volumes = object["spec"]["volumes"].as_array().into_iter().flatten();
    volumes
        .map(|volume| (VolumeName { role: role.into(), id: text(&volume["id"]).into() }, text(&volume["uid"])))
        .collect()
}

/// What objects of others keep already.
#[derive(Debug, Default)]
struct Kept {
    /// By digest of whose it is and by the resource's name.
    amounts: BTreeMap<(String, String), u64>,
    volumes: Uids,
}

/// For whom a reservation is, and who made it.
#[derive(Clone, Debug, PartialEq)]
struct Holder {
    role: String,
    principal: String,
    labels: Vec<(String, String)>,
}

impl Holder {
    fn of_object(object: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let labels = object["labels"].as_object().into_iter().flatten();
        Self {
            role: text(&object["role"]),
            principal: text(&object["principal"]),
            labels: labels.map(|(key, value)| (key.clone(), text(value))).collect(),
        }
    }

    fn of_kernel(reservation: &Reservation) -> Self {
        let text = |value: &Option<Arc<str>>| value.as_deref().unwrap_or_default().to_owned();
        Self {
            role: reservation.role.to_string(),
            principal: text(&reservation.principal),
            labels: reservation.labels.iter().map(|(key, value)| (key.to_string(), text(value))).collect(),
        }
    }

    fn object(self) -> Value {
        let labels: Map<String, Value> = self.labels.into_iter().map(|(key, value)| (key, value.into())).collect();
        json!({"role": self.role, "principal": self.principal, "labels": labels})
    }
}

/// A digest of whose a reservation is, with those on which it lies, and where.
fn whose(agent: &str, holders: &[Holder]) -> String {
    let labels = |holder: &Holder| {
        let labels: Vec<String> = holder.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        labels.join(",")
    };
    let all: Vec<(&Holder, String)> = holders.iter().map(|holder| (holder, labels(holder))).collect();
    let texts = all.iter().flat_map(|(holder, labels)| [holder.role.as_str(), &holder.principal, labels]);
    names::digest(&std::iter::once(agent).chain(texts).collect::<Vec<_>>())
}

/// What somebody has on an agent.
struct Holding {
    /// The one for whom it is, after those whose reservations it refines.
    holders: Vec<Holder>,
    /// By name, volumes among them.
    amounts: BTreeMap<Arc<str>, u64>,
    volumes: Vec<Value>,
}

/// The Reservation objects for what is kept on an agent by nobody else's object. Volumes that have no uid get one; those
/// that are no more lose theirs.
fn reservations(state: &State, agent: &str, kept: &Kept, uids: &mut Uids) -> BTreeMap<String, Value> {
    let Some(found) = state.agent_id(agent).and_then(|id| state.agents().get(&id)) else { return BTreeMap::new() };
    let mut holdings: BTreeMap<String, Holding> = BTreeMap::new();
    let old = std::mem::take(uids);
    for (id, amount) in found.total.iter() {
        let is_made = |kind: &&Kind| kind.is_dynamic() && kind.reservations.iter().all(|one| one.dynamic);
        let Some(kind) = state.names().kind(id).filter(is_made) else { continue };
        let holders: Vec<Holder> = kind.reservations.iter().map(Holder::of_kernel).collect();
        let holding = holdings.entry(whose(agent, &holders)).or_insert_with(|| Holding {
            holders,
            amounts: BTreeMap::new(),
            volumes: Vec::new(),
        });
        *holding.amounts.entry(kind.name.clone()).or_default() += amount;
        if let Some(name) = VolumeName::of(kind) {
            let uid = old.get(&name).cloned().unwrap_or_else(|| Uuid::new_v4().to_string());
            if !kept.volumes.contains_key(&name) {
                holding.volumes.push(volume(kind, amount, &uid));
            }
            uids.insert(name, uid);
        }
    }
    let object = |(whose, mut holding): (String, Holding)| {
        for (name, amount) in &mut holding.amounts {
            let known = kept.amounts.get(&(whose.clone(), name.to_string())).copied().unwrap_or_default();
            *amount = amount.saturating_sub(known);
        }
        holding.amounts.retain(|_, amount| *amount > 0);
        let name = format!("reserved-{whose}");
        let is_some = !holding.amounts.is_empty() || !holding.volumes.is_empty();
        is_some.then(|| (name.clone(), holding.object(name, agent)))
    };
    holdings.into_iter().filter_map(object).collect()
}

impl Holding {
    fn object(mut self, name: String, agent: &str) -> Value {
        let quantity = |(name, amount): (Arc<str>, u64)| {
            let text = if &*name == "cpu" { format!("{amount}m") } else { amount.to_string() };
            (name.to_string(), Value::from(text))
        };
        let mut spec = self.holders.pop().map(Holder::object).unwrap_or_default();
        spec["agent"] = agent.into();
        spec["resources"] = self.amounts.into_iter().map(quantity).collect::<Map<_, _>>().into();
        spec["volumes"] = self.volumes.into();
        if !self.holders.is_empty() {
            spec["refines"] = self.holders.into_iter().map(Holder::object).collect();
        }
        json!({
            "apiVersion": "kernel.kubernel.io/v1alpha1", "kind": "Reservation",
            "metadata": {"name": name, "labels": {mesos::RESERVED_ON: names::label(agent)}}, "spec": spec,
        })
    }
}

fn volume(kind: &Kind, amount: u64, uid: &str) -> Value {
    let Some(volume) = kind.volume() else { return Value::Null };
    json!({
        "id": &*volume.id, "uid": uid, "containerPath": &*volume.container_path, "size": amount.to_string(),
        "principal": volume.principal.as_deref().unwrap_or_default(), "readOnly": volume.read_only, "shared": kind.shared,
    })
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

#[cfg(test)]
mod tests {
    use kubernel_kernel::{Config, Millis, Traits};

    use super::*;

    #[test]
    fn each_holder_has_an_object_that_says_on_what_it_lies() {
        let mut books = Books::new(Config::default());
        let holder = |role: &str, principal: &str| Reservation {
            dynamic: true,
            role: role.into(),
            principal: (!principal.is_empty()).then(|| principal.into()),
            labels: Vec::new(),
        };
        let (above, below) = (holder("a", "who"), holder("a/b", ""));
        let mut total = kubernel_kernel::Resources::default();
        for (stack, amount) in [(vec![], 500), (vec![above.clone()], 2_000), (vec![above, below], 1_000)] {
            let kind = Kind { reservations: stack, ..Kind::plain("cpu") };
            total.set(books.kind(&kind).unwrap(), amount);
        }
        let (name, traits) = ("n".into(), Arc::new(Traits::default()));
        books.step(Millis::default(), Input::RegisterAgent { name, total, traits, tasks: Vec::new() });
        let objects = reservations(books.state(), "n", &Kept::default(), &mut Uids::new());
        let mut specs: Vec<&Value> = objects.values().map(|object| &object["spec"]).collect();
        specs.sort_by_key(|spec| spec["role"].to_string());
        let spec = |role: &str, principal: &str, cpu: &str| {
            json!({
                "role": role, "principal": principal, "labels": {}, "agent": "n", "resources": {"cpu": cpu}, "volumes": [],
            })
        };
        let mut refined = spec("a/b", "", "1000m");
        refined["refines"] = json!([{"role": "a", "principal": "who", "labels": {}}]);
        assert_eq!(specs, [&spec("a", "who", "2000m"), &refined]);
        // What objects of others keep is not kept twice.
        let mut kept = Kept::default();
        let whose = whose("n", &[Holder::of_object(&spec("a", "who", ""))]);
        kept.amounts.insert((whose, "cpu".into()), 2_000);
        assert_eq!(reservations(books.state(), "n", &kept, &mut Uids::new()).len(), 1);
    }
}
