//! What the objects of a namespace use of the resources that a quota names.

use std::collections::BTreeSet;

use jiff::Timestamp;
use kube::Client;
use kubernel_kinds::core::pod::amounts::Amounts;
use kubernel_kinds::quota::{self, Classes, MEASURED, Measure};
use kubernel_meta::Object;

use crate::{Error, trees};

const CLAIMS: (&str, &str) = ("resource.k8s.io", "resourceclaims");

/// Counts; of a resource that is not served there is nothing.
pub(super) async fn of(client: &Client, quota: &Object, now: Timestamp) -> Result<Amounts, Error> {
    let names: BTreeSet<String> =
        quota.map_at(&["spec", "hard"]).into_iter().flatten().map(|(k, _)| k.clone()).collect();
    let classes = classes(client, &names).await?;
    let has_scopes = quota.at(&["spec", "scopes"]).is_some() || quota.at(&["spec", "scopeSelector"]).is_some();
    let mut resources: BTreeSet<(&str, &str)> = MEASURED.into_iter().collect();
    resources.extend(names.iter().filter_map(|name| quota::counted_resource(name)));
    let mut used = Amounts::new();
    for (group, plural) in resources {
        let Some(measure) = Measure::of(group, plural) else { continue };
        let counted: BTreeSet<String> = names.iter().filter(|name| measure.counts(name, &classes)).cloned().collect();
        let mut sum: Amounts = counted.iter().map(|name| (name.clone(), quota::whole(0))).collect();
        let Some(path) = path(client, group, plural, quota.namespace(), &counted).await? else {
            quota::add(&mut used, &sum);
            continue;
        };
        if !has_scopes && measure.is_plain_count(&counted) {
            let count = i64::try_from(trees::count(client, &path).await?).unwrap_or(i64::MAX);
            sum.values_mut().for_each(|amount| *amount = quota::whole(count));
        } else {
            let see = |object: Object| {
                if measure.is_in_scope(quota, &object) {
                    let mut usage = measure.usage(&object, &classes, now);
                    usage.retain(|name, _| counted.contains(name));
                    quota::add(&mut sum, &usage);
                }
            };
            trees::each(client, &path, see).await?;
        }
        // Two resources can use the same: Pods and claims both take devices.
        quota::add(&mut used, &sum);
    }
    Ok(used)
}

/// The device classes, where a name may be about devices.
async fn classes(client: &Client, names: &BTreeSet<String>) -> Result<Classes, Error> {
    let mut all = Vec::new();
    if names.iter().any(|name| name.starts_with("requests.") && name.contains('/')) {
        trees::each(client, "/apis/resource.k8s.io/v1/deviceclasses", |class| all.push(class)).await?;
    }
    Ok(Classes::read(&all))
}

/// Where the objects are, in the version that the API prefers; none where nothing is counted or the group is not served.
async fn path(
    client: &Client,
    group: &str,
    plural: &str,
    namespace: &str,
    counted: &BTreeSet<String>,
) -> Result<Option<String>, Error> {
    if counted.is_empty() {
        return Ok(None);
    }
    if group.is_empty() {
        return Ok(Some(format!("/api/v1/namespaces/{namespace}/{plural}")));
    }
    if (group, plural) == CLAIMS {
        return Ok(Some(format!("/apis/{group}/v1/namespaces/{namespace}/{plural}")));
    }
    let served = trees::get(client, &format!("/apis/{group}")).await?;
    let version = served.map(|served| served.str_at(&["preferredVersion", "groupVersion"]).to_owned());
    Ok(version.map(|version| format!("/apis/{version}/namespaces/{namespace}/{plural}")))
}
