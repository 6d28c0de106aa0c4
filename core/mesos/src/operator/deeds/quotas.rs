//! Weights and quotas of roles.

use std::collections::BTreeMap;

use kubernel_mesos_proto::{
    quota::{QuotaConfig, QuotaRequest},
    v1::{Scalar, ValueType, WeightInfo},
};

use super::{bad, may};
use crate::{
    OperatorDeed, Refused,
    auth::{Action, Asker},
    framework::check_role,
    legacy::Desk,
    operator::{show, sight::Sight},
    resources::check as check_resources,
};

pub(crate) fn weights(desk: &Desk, asker: Asker<'_>, infos: Vec<WeightInfo>) -> Result<OperatorDeed, Refused> {
    let wrong = |why: String| bad(&format!("Failed to validate update weights request JSON: {why}"));
    let mut weights = Vec::with_capacity(infos.len());
    for WeightInfo { weight, role } in infos {
        let role = role.unwrap_or_default().trim().to_owned();
        check_role(&role).map_err(|why| wrong(format!("Invalid role '{role}': {why}")))?;
        if !(weight > 0.0 && weight.is_finite()) {
            return Err(wrong(format!("Invalid weight '{weight}': Weights must be positive")));
        }
        weights.push((role, weight));
    }
    for (role, _) in &weights {
        may(desk, asker, Action::UpdateWeights, Some(role))?;
    }
    Ok(OperatorDeed::SetWeights(weights))
}

pub(super) fn quota(
    desk: &Desk,
    asker: Asker<'_>,
    configs: Vec<QuotaConfig>,
    force: bool,
) -> Result<OperatorDeed, Refused> {
    for config in &configs {
        check_quota(config).map_err(|why| bad(&format!("Invalid QuotaConfig: {why}")))?;
        may(desk, asker, Action::UpdateQuotas, Some(&config.role))?;
    }
    Ok(OperatorDeed::SetQuota { configs, force })
}

fn check_quota(config: &QuotaConfig) -> Result<(), String> {
    let role = &config.role;
    check_role(role).map_err(|why| format!("Invalid 'QuotaConfig.role': {why}"))?;
    if role == "*" {
        return Err("Invalid 'QuotaConfig.role': setting quota for the default '*' role is not supported".to_owned());
    }
    for (name, map) in [("guarantees", &config.guarantees), ("limits", &config.limits)] {
        if let Some((resource, value)) = map.iter().find(|(_, value)| !(value.value >= 0.0 && value.value.is_finite()))
        {
            return Err(format!("Invalid 'QuotaConfig.{name}': {resource}: {} is not a valid amount", value.value));
        }
    }
    let over = config
        .guarantees
        .iter()
        .find(|(name, guarantee)| config.limits.get(*name).is_some_and(|limit| guarantee.value > limit.value));
    match over {
        Some((name, _)) => {
            Err(format!("'QuotaConfig.guarantees' {name} is not contained within the 'QuotaConfig.limits'"))
        }
        None => Ok(()),
    }
}

/// The older form: what is guaranteed is the limit as well, and there must not be a quota yet.
pub(crate) fn set_quota(desk: &Desk, asker: Asker<'_>, asked: QuotaRequest) -> Result<OperatorDeed, Refused> {
    let wrong = |why: &str| bad(&format!("Failed to validate set quota request: {why}"));
    let role = asked.role.unwrap_or_default();
    check_role(&role).map_err(|why| wrong(&format!("QuotaInfo with invalid role: {why}")))?;
    if role == "*" {
        return Err(wrong("QuotaInfo must not specify the default '*' role"));
    }
    if asked.guarantee.is_empty() {
        return Err(wrong("QuotaInfo with empty 'guarantee'"));
    }
    let mut amounts = BTreeMap::new();
    for resource in &asked.guarantee {
        let plain = resource.r#type == ValueType::Scalar
            && resource.reservation.is_none()
            && resource.reservations.is_empty()
            && resource.disk.is_none()
            && resource.revocable.is_none();
        check_resources(std::slice::from_ref(resource)).map_err(|why| wrong(&why))?;
        if !plain {
            return Err(wrong("QuotaInfo must only contain plain scalar resources"));
        }
        let amount = Scalar { value: resource.scalar.as_ref().map_or(0.0, |scalar| scalar.value) };
        if amounts.insert(resource.name.clone(), amount).is_some() {
            return Err(wrong(&format!("QuotaInfo contains duplicate resource name '{}'", resource.name)));
        }
    }
    if show::quota(&Sight::all(&desk.door)).configs.iter().any(|config| config.role == role) {
        return Err(wrong(&format!("Cannot set quota for role '{role}' which already has quota")));
    }
    may(desk, asker, Action::UpdateQuotas, Some(&role))?;
    let config = QuotaConfig { role, guarantees: amounts.clone(), limits: amounts };
    Ok(OperatorDeed::SetQuota { configs: vec![config], force: asked.force.unwrap_or_default() })
}

pub(crate) fn remove_quota(desk: &Desk, asker: Asker<'_>, role: String) -> Result<OperatorDeed, Refused> {
    let wrong = |why: String| bad(&format!("Failed to validate remove quota request: {why}"));
    check_role(&role).map_err(wrong)?;
    if !show::quota(&Sight::all(&desk.door)).configs.iter().any(|config| config.role == role) {
        return Err(bad(&format!("Failed to remove quota: Role '{role}' has no quota set")));
    }
    may(desk, asker, Action::UpdateQuotas, Some(&role))?;
    Ok(OperatorDeed::RemoveQuota { role })
}
