//! Roles, their weights and quotas as messages.

use kubernel_kernel::{Resources, Role, RoleId, State};
use kubernel_mesos_proto::{
    quota::{QuotaConfig, QuotaInfo, QuotaStatus},
    v1::{FrameworkID, Resource, Role as RoleMessage, Scalar, WeightInfo},
};

use super::{full, quantities};
use crate::operator::sight::Sight;

/// A role with all that is told of it anywhere.
#[derive(Debug)]
pub(crate) struct RoleView {
    pub(crate) name: String,
    pub(crate) weight: f64,
    pub(crate) quota: Option<QuotaConfig>,
    pub(crate) frameworks: Vec<String>,
    pub(crate) consumed: Vec<Resource>,
    pub(crate) allocated: Vec<Resource>,
    pub(crate) offered: Vec<Resource>,
    pub(crate) reserved: Vec<Resource>,
    /// What is allocated and offered together.
    pub(crate) used: Vec<Resource>,
}

/// All roles.
pub(crate) fn roles(sight: &Sight) -> Vec<RoleView> {
    sight.read(|book| {
        sight.ledger().read(|state| {
            let roles = state.roles().iter().filter(|(_, role)| sight.sees_role(&role.path));
            let shown = roles.map(|(id, role)| {
                let mut view = view(state, id, role);
                view.frameworks =
                    role.frameworks.iter().filter_map(|id| book.id_of(*id)).map(ToString::to_string).collect();
                view
            });
            shown.collect()
        })
    })
}

fn view(state: &State, id: RoleId, role: &Role) -> RoleView {
    let names = state.names();
    let mut offered = Resources::default();
    let subscriptions = role.frameworks.iter().filter_map(|id| state.frameworks().get(id));
    for subscription in subscriptions.filter_map(|framework| framework.subscriptions.get(&id)) {
        offered.add(&subscription.offered);
    }
    let used = names.quantities(&role.used);
    let plain = |amounts: &Resources| full(amounts, names, None);
    RoleView {
        name: role.path.to_string(),
        weight: weight(role),
        quota: config(state, role),
        frameworks: Vec::new(),
        consumed: plain(&names.quantities(&state.roles().consumed(id))),
        allocated: plain(&used.saturating_sub(&offered)),
        offered: plain(&offered),
        reserved: plain(&state.roles().reserved(&role.path)),
        used: plain(&used),
    }
}

impl RoleView {
    /// As the operator API tells it.
    pub(crate) fn message(self) -> RoleMessage {
        RoleMessage {
            name: self.name,
            weight: self.weight,
            frameworks: self.frameworks.into_iter().map(|value| FrameworkID { value }).collect(),
            resources: self.used,
        }
    }
}

/// The weights that somebody settled.
pub(crate) fn weights(sight: &Sight) -> Vec<WeightInfo> {
    sight.ledger().read(|state| {
        let settled = state.roles().iter().filter(|(_, role)| role.kept && sight.sees_role(&role.path));
        settled.map(|(_, role)| WeightInfo { role: Some(role.path.to_string()), weight: weight(role) }).collect()
    })
}

/// The quotas that somebody settled.
pub(crate) fn quota(sight: &Sight) -> QuotaStatus {
    sight.ledger().read(|state| {
        let mut status = QuotaStatus::default();
        for (_, role) in state.roles().iter().filter(|(_, role)| sight.sees_quota(&role.path)) {
            let (Some(quota), Some(config)) = (&role.quota, config(state, role)) else { continue };
            if !quota.guarantee.is_zero() {
                status.infos.push(QuotaInfo {
                    role: Some(config.role.clone()),
                    guarantee: full(&quota.guarantee, state.names(), None),
                    ..QuotaInfo::default()
                });
            }
            status.configs.push(config);
        }
        status
    })
}

fn config(state: &State, role: &Role) -> Option<QuotaConfig> {
    let quota = role.quota.as_ref()?;
    let scalars =
        |amounts: Vec<_>| -> std::collections::BTreeMap<String, Scalar> { quantities(amounts, state.names()) };
    Some(QuotaConfig {
        role: role.path.to_string(),
        guarantees: scalars(quota.guarantee.iter().collect()),
        limits: scalars(quota.limits.iter().map(|(id, amount)| (*id, *amount)).collect()),
    })
}

fn weight(role: &Role) -> f64 {
    f64::from(role.weight_milli) / 1_000.0
}
