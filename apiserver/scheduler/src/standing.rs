//! How roles and frameworks stand: the status of ResourceRoles and of this framework's own Framework object.
//!
//! Pure: says what should be written; `run.rs` writes what differs from what was written last.

use std::collections::BTreeMap;

use kubernel_kernel::{FrameworkId, Resources, RoleId, State};
use kubernel_ledger::amounts;
use serde_json::{Value, json};

use crate::engine::Engine;

/// What the kernel's objects should say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    /// ResourceRoles that have to be made, with the object to make.
    pub(crate) missing: Vec<(String, Value)>,
    /// The status of each ResourceRole.
    pub(crate) roles: BTreeMap<String, Value>,
    /// The status of each Reservation.
    pub(crate) reservations: BTreeMap<String, Value>,
    /// The status of the framework.
    pub(crate) framework: Value,
}

/// How everything stands now.
pub(crate) fn standing(state: &State, engine: &Engine) -> Standing {
    let tenancy = engine.tenancy();
    let offered = offered(state);
    let mut out = Standing { framework: framework(state, engine.framework()), ..Standing::default() };
    for namespace in engine.namespaces() {
        let name = tenancy.role_of(namespace);
        if tenancy.role(name).is_none() && !out.missing.iter().any(|(missing, _)| missing == name) {
            let mut object = json!({
                "apiVersion": "kernel.kubernel.io/v1alpha1", "kind": "ResourceRole",
                "metadata": {"name": name}, "spec": {"weight": tenancy.weight_of(namespace)},
            });
            // What was made for a namespace goes with it.
            if let Some(uid) = tenancy.uid_of(namespace).filter(|_| name == &**namespace) {
                object["metadata"]["ownerReferences"] =
                    json!([{"apiVersion": "v1", "kind": "Namespace", "name": name, "uid": uid}]);
            }
            out.missing.push((name.to_owned(), object));
        }
    }
    for name in tenancy.roles() {
        let generation = tenancy.role(name).map_or(0, |spec| spec.generation);
        let id = state.roles().id(&tenancy.path(name));
        let mut status = role(state, id, &offered, generation);
        let settled = tenancy.role(name).is_some_and(|spec| spec.settled.is_some());
        status["conditions"] = match (settled, engine.refusal(name)) {
            (false, _) => json!([]),
            (true, None) => json!([condition("True", "Accepted", "", generation)]),
            (true, Some(why)) => json!([condition("False", "Refused", why, generation)]),
        };
        out.roles.insert(name.to_owned(), status);
    }
    for (name, kept) in engine.reservations().iter() {
        let (phase, message) = kept.lacks.as_deref().map_or(("Reserved", ""), |why| ("Pending", why));
        out.reservations.insert(name.to_string(), json!({"phase": phase, "message": message}));
    }
    out
}

fn role(state: &State, id: Option<RoleId>, offered: &BTreeMap<RoleId, Resources>, generation: i64) -> Value {
    let found = id.and_then(|id| state.roles().get(id));
    let used = found.map(|role| role.used.clone()).unwrap_or_default();
    let open = id.and_then(|id| offered.get(&id)).cloned().unwrap_or_default();
    let dominant = id.and_then(|id| state.roles().dominant(id));
    json!({
        "allocated": amounts::to_value(&used.saturating_sub(&open), state.names()),
        "offered": amounts::to_value(&open, state.names()),
        "reserved": amounts::to_value(&found.map(|role| state.roles().reserved(&role.path)).unwrap_or_default(), state.names()),
        "dominantShare": amounts::share(dominant.map_or(0, |(_, millionths)| millionths)),
        "dominantResource": dominant.and_then(|(id, _)| state.names().name(id)).unwrap_or_default(),
        "frameworks": found.map_or(0, |role| role.frameworks.len()),
        "observedGeneration": generation,
    })
}

/// Whether what is settled for a role holds. Its time is set when it is written.
fn condition(status: &str, reason: &str, message: &str, generation: i64) -> Value {
    json!({
        "type": "QuotaAccepted", "status": status, "reason": reason, "message": message,
        "observedGeneration": generation,
    })
}

/// What is in open offers, by role, each with all below it.
fn offered(state: &State) -> BTreeMap<RoleId, Resources> {
    let mut out: BTreeMap<RoleId, Resources> = BTreeMap::new();
    for offer in state.offers().values() {
        let mut at = Some(offer.role);
        while let Some(id) = at {
            out.entry(id).or_default().add(&offer.resources);
            at = state.roles().get(id).and_then(|role| role.parent);
        }
    }
    out
}

fn framework(state: &State, id: FrameworkId) -> Value {
    let Some(found) = state.frameworks().get(&id) else { return Value::Null };
    let mut used = Resources::default();
    for subscription in found.subscriptions.values() {
        used.add(&subscription.used);
    }
    let mut offered = Resources::default();
    for offer in found.offers.iter().filter_map(|id| state.offers().get(id)) {
        offered.add(&offer.resources);
    }
    json!({
        "connected": found.connected, "active": found.connected,
        "offers": found.offers.len(), "tasks": found.tasks,
        "allocated": amounts::to_value(&used.saturating_sub(&offered), state.names()),
        "offered": amounts::to_value(&offered, state.names()),
    })
}
