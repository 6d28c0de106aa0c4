//! Who may do what: Mesos' ACLs, those of them that settle something. Pure.

use serde_json::Value;

use super::Asker;
use crate::Authorizer;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the ACL of Mesos of that name")]
pub enum Action {
    RegisterFrameworks,
    RunTasks,
    TeardownFrameworks,
    ReserveResources,
    UnreserveResources,
    CreateVolumes,
    DestroyVolumes,
    ResizeVolumes,
    UpdateQuotas,
    UpdateWeights,
    UpdateMaintenanceSchedules,
    StartMaintenances,
    StopMaintenances,
    GetMaintenanceSchedules,
    GetMaintenanceStatuses,
    DrainAgent,
    DeactivateAgent,
    ReactivateAgent,
    MarkAgentsGone,
    ViewFrameworks,
    ViewTasks,
    ViewExecutors,
    ViewRoles,
    GetQuotas,
    ViewFlags,
}

/// The names of the lists, and of what an entry speaks besides principals.
const LISTS: [(Action, &str, Option<&str>); 25] = [
    (Action::RegisterFrameworks, "register_frameworks", Some("roles")),
    (Action::RunTasks, "run_tasks", Some("users")),
    (Action::TeardownFrameworks, "teardown_frameworks", Some("framework_principals")),
    (Action::ReserveResources, "reserve_resources", Some("roles")),
    (Action::UnreserveResources, "unreserve_resources", Some("reserver_principals")),
    (Action::CreateVolumes, "create_volumes", Some("roles")),
    (Action::DestroyVolumes, "destroy_volumes", Some("creator_principals")),
    (Action::ResizeVolumes, "resize_volumes", Some("roles")),
    (Action::UpdateQuotas, "update_quotas", Some("roles")),
    (Action::UpdateWeights, "update_weights", Some("roles")),
    (Action::UpdateMaintenanceSchedules, "update_maintenance_schedules", None),
    (Action::StartMaintenances, "start_maintenances", None),
    (Action::StopMaintenances, "stop_maintenances", None),
    (Action::GetMaintenanceSchedules, "get_maintenance_schedules", Some("machines")),
    (Action::GetMaintenanceStatuses, "get_maintenance_statuses", Some("machines")),
    (Action::DrainAgent, "drain_agents", None),
    (Action::DeactivateAgent, "deactivate_agents", None),
    (Action::ReactivateAgent, "reactivate_agents", None),
    (Action::MarkAgentsGone, "mark_agents_gone", None),
    (Action::ViewFrameworks, "view_frameworks", Some("users")),
    (Action::ViewTasks, "view_tasks", Some("users")),
    (Action::ViewExecutors, "view_executors", Some("users")),
    (Action::ViewRoles, "view_roles", Some("roles")),
    (Action::GetQuotas, "get_quotas", Some("roles")),
    (Action::ViewFlags, "view_flags", Some("flags")),
];

/// Who may do what. The first entry that speaks of both sides decides; where none does, `permissive`.
#[derive(Clone, Debug)]
pub struct Acls {
    permissive: bool,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    action: Action,
    principals: Whom,
    objects: Whom,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Whom {
    Any,
    None,
    Some(Vec<String>),
}

impl Default for Acls {
    fn default() -> Self {
        Self { permissive: true, entries: Vec::new() }
    }
}

impl Acls {
    /// Reads Mesos' JSON.
    ///
    /// # Errors
    ///
    /// If it is no such JSON, or speaks of rights that are not known here: they would be thought to hold.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let json: Value = serde_json::from_slice(bytes).map_err(|why| why.to_string())?;
        let object = json.as_object().ok_or("ACLs are a JSON object")?;
        let mut acls = Self::default();
        for (name, value) in object {
            if name == "permissive" {
                acls.permissive = value.as_bool().ok_or("'permissive' is true or false")?;
                continue;
            }
            let known = LISTS.iter().find(|(_, known, _)| known == name);
            let (action, _, objects) = known.ok_or_else(|| format!("unknown ACL '{name}'"))?;
            for entry in value.as_array().ok_or_else(|| format!("'{name}' is a list"))? {
                acls.entries.push(Entry {
                    action: *action,
                    principals: whom(entry.get("principals"))?,
                    objects: match objects {
                        Some(objects) => whom(entry.get(objects))?,
                        None => Whom::Any,
                    },
                });
            }
        }
        Ok(acls)
    }

    /// Whether somebody may do something to a role, a user or what a principal made; `None`: to something that has none.
    pub fn may(&self, asker: Asker<'_>, action: Action, object: Option<&str>) -> bool {
        let mut entries = self.entries.iter().filter(|entry| entry.action == action);
        let speaks = |entry: &&Entry| entry.principals.speaks_of(asker) && entry.objects.speaks_of(object);
        entries
            .find(speaks)
            .map_or(self.permissive, |entry| entry.principals.allows(asker) && entry.objects.allows(object))
    }
}

impl Authorizer for Acls {
    fn may_register(&self, principal: Option<&str>, role: &str) -> bool {
        self.may(principal, Action::RegisterFrameworks, Some(role))
    }

    fn may_run(&self, principal: Option<&str>, user: &str) -> bool {
        self.may(principal, Action::RunTasks, Some(user))
    }
}

impl Whom {
    fn speaks_of(&self, who: Option<&str>) -> bool {
        match self {
            Self::Any | Self::None => true,
            Self::Some(values) => who.is_some_and(|who| values.iter().any(|value| value == who)),
        }
    }

    fn allows(&self, who: Option<&str>) -> bool {
        *self != Self::None && self.speaks_of(who)
    }
}

fn whom(entity: Option<&Value>) -> Result<Whom, String> {
    let entity = entity.ok_or("an entry of an ACL names principals and what they may do it to")?;
    match entity.get("type").and_then(Value::as_str) {
        Some("ANY") => Ok(Whom::Any),
        Some("NONE") => Ok(Whom::None),
        None | Some("SOME") => {
            let values = entity.get("values").and_then(Value::as_array).ok_or("an entity has values or a type")?;
            let texts: Option<Vec<String>> = values.iter().map(|value| value.as_str().map(str::to_owned)).collect();
            texts.map(Whom::Some).ok_or_else(|| "the values of an entity are texts".to_owned())
        }
        Some(other) => Err(format!("unknown type of entity '{other}'")),
    }
}
