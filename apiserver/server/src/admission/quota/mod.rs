//! ResourceQuota: what a write would use is counted against the namespace's quotas in the same transaction.
//!
//! What counts for how much is [`kubernel_kinds::quota`]'s; here quotas are checked and charged. A quota counts once its
//! controller has written `status.hard` and `status.used`. What is used less by a write or a deletion the controller
//! takes off. Texts are upstream's (apiserver `admission/plugin/resourcequota`).

mod turns;

pub use turns::{Turn, Turns};

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use kubernel_kinds::core::pod::amounts::{self, Amounts};
use kubernel_kinds::quota::{self, Classes, Measure};
use kubernel_meta::{ApiError, Object};
use kubernel_store::{Change, Expect};
use serde_json::{Map, Value, json};

use super::{Attributes, Operation, View};
use crate::versions::{Conversions, Kin};
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
    let Some(write) = Write::of(request, object, old) else { return Ok((Vec::new(), None)) };
    if write.check(view).await?.is_empty() || request.dry_run {
        return Ok((Vec::new(), None));
    }
    let turn = server.quota_turns().take(request.namespace).await;
    let quotas = write.check(view).await?;
    Ok((changes(server, quotas)?, turn))
}

/// A write that quotas count.
struct Write<'a> {
    request: &'a Attributes<'a>,
    measure: Measure<'a>,
    object: &'a Object,
    old: Option<&'a Object>,
}

/// A quota before and after it was charged.
struct Charged {
    before: Object,
    after: Object,
}

impl<'a> Write<'a> {
    fn of(request: &'a Attributes<'a>, object: &'a Object, old: Option<&'a Object>) -> Option<Self> {
        if request.namespace.is_empty() || !can_grow(request) {
            return None;
        }
        let measure = Measure::of(&request.kind.group, &request.kind.plural)?;
        Some(Self { request, measure, object, old })
    }

    /// Checks the write against every quota that concerns it; those that it grows.
    async fn check(&self, view: &View<'_>) -> Result<Vec<Charged>, ApiError> {
        let Self { request, measure, object, old } = *self;
        let quotas = view.list(&format!("/registry/core/resourcequotas/{}/", request.namespace)).await?;
        if quotas.is_empty() {
            return Ok(Vec::new());
        }
        let classes = classes(view, request).await?;
        let mut concerned = Vec::new();
        for quota in quotas {
            let names: BTreeSet<String> =
                amounts_of(&quota, "hard").into_keys().filter(|name| measure.counts(name, &classes)).collect();
            if names.is_empty() || !measure.is_in_scope(&quota, object) {
                continue;
            }
            if let Some(missing) = quota::missing(&names, object).filter(|_| request.is_of("", "pods")) {
                return Err(request.forbidden(format!("failed quota: {}: {missing}", quota.name())));
            }
            let used = amounts_of(&quota, "used");
            if names.iter().any(|name| !used.contains_key(name)) {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let text = format!("status unknown for quota: {}, resources: {}", quota.name(), names.join(","));
                return Err(request.forbidden(text));
            }
            concerned.push(quota);
        }
        if concerned.is_empty() {
            return Ok(Vec::new());
        }
        let now = Timestamp::now();
        let usage = measure.usage(object, &classes, now);
        let negative: Vec<&str> =
            usage.iter().filter(|(_, amount)| amount.signum() < 0).map(|(name, _)| name.as_str()).collect();
        if !negative.is_empty() {
            let text = format!("quota usage is negative for resource(s): {}", negative.join(","));
            return Err(request.forbidden(text));
        }
        let before = old.map(|old| measure.usage(old, &classes, now)).unwrap_or_default();
        let mut charged = Vec::new();
        for quota in concerned {
            // What did not count for this quota before counts in full.
            let counted = old.is_some_and(|old| measure.is_in_scope(&quota, old));
            let asked = if counted { quota::growth(&usage, &before) } else { quota::growth(&usage, &Amounts::new()) };
            charged.extend(self.charge(quota, asked)?);
        }
        Ok(charged)
    }

    /// Charges one quota, unless that is more than it has left.
    fn charge(&self, quota: Arc<Object>, mut asked: Amounts) -> Result<Option<Charged>, ApiError> {
        let (hard, used) = (amounts_of(&quota, "hard"), amounts_of(&quota, "used"));
        asked.retain(|name, _| hard.contains_key(name));
        if asked.is_empty() {
            return Ok(None);
        }
        let mut sum = used.clone();
        quota::add(&mut sum, &asked);
        let exceeded: Vec<&String> = asked.keys().filter(|name| sum.get(*name) > hard.get(*name)).collect();
        // What a status tells has happened already.
        if !exceeded.is_empty() && self.request.subresource != "status" {
            let text = |amounts: &Amounts| {
                let parts = exceeded.iter().filter_map(|name| Some(format!("{name}={}", amounts.get(*name)?)));
                parts.collect::<Vec<_>>().join(",")
            };
            return Err(self.request.forbidden(format!(
                "exceeded quota: {}, requested: {}, used: {}, limited: {}",
                quota.name(),
                text(&asked),
                text(&used),
                text(&hard)
            )));
        }
        let before = Arc::unwrap_or_clone(quota);
        let mut after = before.clone();
        let values: Map<String, Value> =
            sum.iter().map(|(name, amount)| (name.clone(), json!(amount.to_string()))).collect();
        after.set(&["status", "used"], values);
        Ok(Some(Charged { before, after }))
    }
}

/// Whether such a write can make an object count for more.
fn can_grow(request: &Attributes<'_>) -> bool {
    let of = |group, plural| request.is_of(group, plural);
    match (request.operation, request.subresource) {
        (Operation::Create, "") => true,
        (Operation::Update, "") => {
            of("", "services") || of("", "persistentvolumeclaims") || of("resource.k8s.io", "resourceclaims")
        }
        (Operation::Update, "status") => of("", "persistentvolumeclaims"),
        (Operation::Update, "resize") => of("", "pods"),
        _ => false,
    }
}

/// The device classes, where they matter.
async fn classes(view: &View<'_>, request: &Attributes<'_>) -> Result<Classes, ApiError> {
    if !request.is_of("resource.k8s.io", "resourceclaims") {
        return Ok(Classes::default());
    }
    let classes = view.list("/registry/resource.k8s.io/deviceclasses/").await?;
    Ok(Classes::read(classes.iter().map(|class| &**class)))
}

/// The writes of charged quotas. Each fails where somebody else has counted in between.
fn changes(server: &ApiServer, charged: Vec<Charged>) -> Result<Vec<Change>, ApiError> {
    if charged.is_empty() {
        return Ok(Vec::new());
    }
    let resources = server.resources();
    let Some(resource) = resources.find("", "v1", "resourcequotas") else { return Ok(Vec::new()) };
    let encode = |Charged { before, mut after }: Charged| {
        let revision = after.resource_version().parse().map_err(ApiError::internal)?;
        let kin = Kin { resource, subresource: "status", conversions: &Conversions::default() };
        codec::own(&kin, Some(&before), &mut after, MANAGER, Timestamp::now());
        let document = document::encode_as_it_is(resource, &after)?;
        let key = resource.key(after.namespace(), after.name());
        Ok(Change::Put { key, expect: Expect::Revision(revision), document })
    };
    charged.into_iter().map(encode).collect()
}

fn amounts_of(quota: &Object, list: &str) -> Amounts {
    quota.at(&["status", list]).map(amounts::read).unwrap_or_default()
}
