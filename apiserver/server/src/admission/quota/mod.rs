//! ResourceQuota: what a write would use is counted against the namespace's quotas in the same transaction.
//!
//! A quota counts once its controller has written `status.hard` and `status.used`. Names of resources and texts are
//! upstream's (apiserver `admission/plugin/resourcequota`).

mod scope;
mod turns;
mod usage;

pub use turns::{Turn, Turns};

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use kubernel_kinds::core::pod::amounts::{self, Amounts};
use kubernel_meta::{ApiError, Object};
use kubernel_store::{Change, Expect};
use serde_json::{Map, Value, json};

use super::{Attributes, Operation, View};
use crate::{ApiServer, codec, document};

/// The name under which the count is owned.
const MANAGER: &str = "kube-apiserver";

/// Checks the write, and counts it where anything changes by it: the quotas' new states go into the write's own
/// transaction, and no other write of the namespace is counted before the turn is dropped.
pub(super) async fn count(
    server: &ApiServer,
    view: &View<'_>,
    request: &Attributes<'_>,
    object: &Object,
    old: Option<&Object>,
) -> Result<(Vec<Change>, Option<Turn>), ApiError> {
    if check(view, request, object, old).await?.is_empty() || request.dry_run {
        return Ok((Vec::new(), None));
    }
    let turn = server.quota_turns().take(request.namespace).await;
    let quotas = check(view, request, object, old).await?;
    Ok((changes(server, quotas)?, turn))
}

/// Checks the write against every quota that concerns it. Returns the quotas with what
/// they count afterwards, and as they were.
async fn check(
    view: &View<'_>,
    request: &Attributes<'_>,
    object: &Object,
    old: Option<&Object>,
) -> Result<Vec<(Object, Object)>, ApiError> {
    if request.namespace.is_empty() || !request.subresource.is_empty() {
        return Ok(Vec::new());
    }
    let before = match request.operation {
        Operation::Create => None,
        Operation::Update if usage::changes(request.kind) => old,
        _ => return Ok(Vec::new()),
    };
    let quotas = view.list(&format!("/registry/core/resourcequotas/{}/", request.namespace)).await?;
    if quotas.is_empty() {
        return Ok(Vec::new());
    }
    let now = usage::of(request.kind, object);
    let before = before.map(|before| usage::of(request.kind, before)).unwrap_or_default();
    let delta = subtract(&now, &before);
    let mut changed = Vec::new();
    for quota in quotas {
        let hard = at(&quota, "hard");
        let counted: BTreeSet<&String> =
            hard.keys().filter(|name| now.contains_key(*name) || is_required(request, name)).collect();
        if counted.is_empty() || !scope::matches(&quota, request.kind, object) {
            continue;
        }
        check_required(request, &quota, &counted, object)?;
        let used = at(&quota, "used");
        if counted.iter().any(|name| !used.contains_key(*name)) {
            let names: Vec<&str> = counted.iter().map(|name| name.as_str()).collect();
            let text = format!("status unknown for quota: {}, resources: {}", quota.name(), names.join(","));
            return Err(request.forbidden(text));
        }
        let asked: Amounts = delta
            .iter()
            .filter(|(name, amount)| counted.contains(name) && amount.signum() != 0)
            .map(|(name, amount)| (name.clone(), amount.clone()))
            .collect();
        if asked.is_empty() {
            continue;
        }
        let after = add(&used, &asked);
        let exceeded: Vec<&String> = asked
            .iter()
            .filter(|(name, amount)| amount.signum() > 0 && after[*name] > hard[*name])
            .map(|(name, _)| name)
            .collect();
        if !exceeded.is_empty() {
            let text = |amounts: &Amounts| -> String {
                let parts: Vec<String> = exceeded.iter().map(|name| format!("{name}={}", amounts[*name])).collect();
                parts.join(",")
            };
            return Err(request.forbidden(format!(
                "exceeded quota: {}, requested: {}, used: {}, limited: {}",
                quota.name(),
                text(&asked),
                text(&used),
                text(&hard)
            )));
        }
        let before = Arc::unwrap_or_clone(quota);
        let mut quota = before.clone();
        let values: Map<String, Value> =
            after.iter().map(|(name, amount)| (name.clone(), json!(amount.to_string()))).collect();
        quota.set(&["status", "used"], values);
        changed.push((quota, before));
    }
    Ok(changed)
}

/// The writes of changed quotas. Each fails where somebody else has counted in between.
fn changes(server: &ApiServer, quotas: Vec<(Object, Object)>) -> Result<Vec<Change>, ApiError> {
    if quotas.is_empty() {
        return Ok(Vec::new());
    }
    let resources = server.resources();
    let Some(resource) = resources.find("", "v1", "resourcequotas") else { return Ok(Vec::new()) };
    let encode = |(mut quota, old): (Object, Object)| {
        let revision = quota.resource_version().parse().map_err(ApiError::internal)?;
        codec::own(resource, "status", Some(&old), &mut quota, MANAGER, Timestamp::now());
        let document = document::encode_as_it_is(resource, &quota)?;
        let key = resource.key(quota.namespace(), quota.name());
        Ok(Change::Put { key, expect: Expect::Revision(revision), document })
    };
    quotas.into_iter().map(encode).collect()
}

/// Where a quota counts CPU or memory, every container must say how much it wants.
fn check_required(
    request: &Attributes<'_>,
    quota: &Object,
    counted: &BTreeSet<&String>,
    object: &Object,
) -> Result<(), ApiError> {
    if !request.is_of("", "pods") || object.at(&["spec", "resources"]).is_some_and(Value::is_object) {
        return Ok(());
    }
    let mut missing = Vec::new();
    for name in counted.iter().filter(|name| usage::REQUIRED.contains(&name.as_str())) {
        let lists = ["containers", "initContainers"].into_iter().flat_map(|list| object.list_at(&["spec", list]));
        let without = lists.filter(|container| !usage::of_container(container).contains_key(*name));
        let mut names: Vec<&str> = without.filter_map(|container| container["name"].as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if !names.is_empty() {
            missing.push(format!("{name} for: {}", names.join(",")));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(request.forbidden(format!("failed quota: {}: must specify {}", quota.name(), missing.join("; "))))
}

fn is_required(request: &Attributes<'_>, name: &str) -> bool {
    request.is_of("", "pods") && usage::REQUIRED.contains(&name)
}

fn at(quota: &Object, list: &str) -> Amounts {
    quota.at(&["status", list]).map(amounts::read).unwrap_or_default()
}

fn add(left: &Amounts, right: &Amounts) -> Amounts {
    let mut sum = left.clone();
    for (name, amount) in right {
        let total = sum.get(name).map_or_else(|| amount.clone(), |old| old.add(amount));
        sum.insert(name.clone(), total);
    }
    sum
}

fn subtract(left: &Amounts, right: &Amounts) -> Amounts {
    let mut difference = left.clone();
    for (name, amount) in right {
        let old = difference.get(name).cloned().unwrap_or_default();
        difference.insert(name.clone(), old.sub(amount));
    }
    difference
}
