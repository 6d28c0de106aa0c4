//! `/roles`, `/weights` and `/quota` in the older form.

use kubernel_mesos_proto::{Message, quota::QuotaConfig, v1::Scalar};
use std::collections::BTreeMap;

use super::{
    amounts::{amounts, number},
    json::{Object, list, text},
};
use crate::operator::{
    show::{self, RoleView},
    sight::Sight,
};

/// All roles.
pub(super) fn page(sight: &Sight) -> String {
    let mut object = Object::new();
    object.list("roles", show::roles(sight).iter().map(role_json));
    object.finish()
}

/// The weights that somebody settled.
pub(super) fn weights(sight: &Sight) -> String {
    list(show::weights(sight).iter().map(Message::to_json))
}

/// The quotas that somebody settled.
pub(super) fn quota(sight: &Sight) -> String {
    show::quota(sight).to_json()
}

fn role_json(role: &RoleView) -> String {
    let mut object = Object::new();
    object.field("name", role.name.clone());
    object.field("weight", number(role.weight));
    let none = QuotaConfig::default();
    let config = role.quota.as_ref().unwrap_or(&none);
    let mut quota = Object::new();
    quota.field("role", role.name.clone());
    quota.raw("guarantee", &scalars(&config.guarantees));
    quota.raw("limit", &scalars(&config.limits));
    quota.raw("consumed", &quantities(&role.consumed));
    object.raw("quota", &quota.finish());
    object.raw("resources", &amounts(&role.used));
    object.raw("allocated", &amounts(&role.allocated));
    object.raw("offered", &amounts(&role.offered));
    object.raw("reserved", &amounts(&role.reserved));
    object.raw("frameworks", &list(role.frameworks.iter().map(|id| text(id))));
    object.finish()
}

fn scalars(of: &BTreeMap<String, Scalar>) -> String {
    let mut object = Object::new();
    of.iter().for_each(|(name, scalar)| object.field(name, number(scalar.value)));
    object.finish()
}

fn quantities(of: &[kubernel_mesos_proto::v1::Resource]) -> String {
    let mut object = Object::new();
    for resource in of {
        if let Some(scalar) = &resource.scalar {
            object.field(&resource.name, number(scalar.value));
        }
    }
    object.finish()
}
