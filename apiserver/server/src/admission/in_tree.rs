//! The plug-ins that are part of the server, in upstream's order, each where it is switched on.

use kubernel_meta::{ApiError, Object};

use super::laps::Laps;
use super::{
    Attributes, Plugin, View, admin_access, certificates, claim_resize, escalation, ingress_class, limit_ranger,
    namespace_lifecycle, node_restriction, node_taint, optional, owner_references, pod_certificates, pod_security,
    priority, runtime_class, service_account, storage, tolerations, topology_labels,
};
use crate::ApiServer;

/// Changes what is written; the same is asked again after others have changed it.
pub(super) async fn mutate(
    server: &ApiServer,
    view: &View<'_>,
    attributes: &Attributes<'_>,
    laps: &mut Laps<'_>,
    object: &mut Object,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    let plugins = server.plugins();
    let on = |plugin| plugins.run(plugin);
    if on(Plugin::NamespaceLifecycle) {
        laps.over(Plugin::NamespaceLifecycle, namespace_lifecycle::admit(view, attributes, object).await)?;
    } else if on(Plugin::NamespaceExists) {
        laps.over(Plugin::NamespaceExists, namespace_lifecycle::check_exists(view, attributes).await)?;
    }
    if on(Plugin::LimitRanger) {
        laps.over(Plugin::LimitRanger, limit_ranger::admit(view, attributes, object).await)?;
    }
    if on(Plugin::ServiceAccount) {
        laps.over(Plugin::ServiceAccount, service_account::admit(view, attributes, object).await)?;
    }
    if on(Plugin::NodeRestriction) {
        laps.over(Plugin::NodeRestriction, node_restriction::check(server, view, attributes, Some(object), old).await)?;
    }
    if on(Plugin::TaintNodesByCondition) {
        node_taint::admit(attributes, object);
        laps.done(Plugin::TaintNodesByCondition);
    }
    if on(Plugin::AlwaysPullImages) {
        optional::always_pull(attributes, object);
        laps.done(Plugin::AlwaysPullImages);
    }
    if on(Plugin::Priority) {
        laps.over(Plugin::Priority, priority::admit(view, attributes, object, old).await)?;
    }
    if on(Plugin::DefaultTolerationSeconds) {
        tolerations::admit(attributes, object);
        laps.done(Plugin::DefaultTolerationSeconds);
    }
    if on(Plugin::ExtendedResourceToleration) {
        optional::tolerate_extended(attributes, object);
        laps.done(Plugin::ExtendedResourceToleration);
    }
    if on(Plugin::DefaultStorageClass) {
        laps.over(Plugin::DefaultStorageClass, storage::admit_class(view, attributes, object).await)?;
    }
    if on(Plugin::StorageObjectInUseProtection) {
        storage::admit_finalizer(attributes, object);
        laps.done(Plugin::StorageObjectInUseProtection);
    }
    if on(Plugin::RuntimeClass) {
        laps.over(Plugin::RuntimeClass, runtime_class::admit(view, attributes, object).await)?;
    }
    certificates::admit(attributes, object);
    if on(Plugin::DefaultIngressClass) {
        laps.over(Plugin::DefaultIngressClass, ingress_class::admit(view, attributes, object).await)?;
    }
    if on(Plugin::PodTopologyLabels) {
        laps.over(Plugin::PodTopologyLabels, topology_labels::admit(view, attributes, object).await)?;
    }
    Ok(())
}

/// The same for what is no object of the resource.
pub(super) async fn mutate_carried(
    server: &ApiServer,
    view: &View<'_>,
    attributes: &Attributes<'_>,
    laps: &mut Laps<'_>,
    object: Option<&mut Object>,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    let plugins = server.plugins();
    if plugins.run(Plugin::NodeRestriction) {
        let outcome = node_restriction::check(server, view, attributes, object.as_deref(), old).await;
        laps.over(Plugin::NodeRestriction, outcome)?;
    }
    match object.filter(|_| plugins.run(Plugin::PodTopologyLabels)) {
        Some(object) => laps.over(Plugin::PodTopologyLabels, topology_labels::admit(view, attributes, object).await),
        None => Ok(()),
    }
}

/// Accepts or refuses a write; the warnings of those that accept it.
pub(super) async fn validate(
    server: &ApiServer,
    view: &View<'_>,
    attributes: &Attributes<'_>,
    laps: &mut Laps<'_>,
    object: &Object,
    old: Option<&Object>,
) -> Result<Vec<String>, ApiError> {
    let plugins = server.plugins();
    let on = |plugin| plugins.run(plugin);
    // What upstream's strategies check there with a look at other objects.
    admin_access::check(view, attributes, object, old).await?;
    escalation::check(server.authorizer(), attributes, object, old)?;
    pod_certificates::check(server, attributes, object, old).await?;
    if on(Plugin::LimitPodHardAntiAffinityTopology) {
        laps.over(Plugin::LimitPodHardAntiAffinityTopology, optional::limit_anti_affinity(attributes, object))?;
    }
    if on(Plugin::LimitRanger) {
        laps.over(Plugin::LimitRanger, limit_ranger::check(view, attributes, object, old).await)?;
    }
    if on(Plugin::ServiceAccount) {
        laps.over(Plugin::ServiceAccount, service_account::check(view, attributes, object).await)?;
    }
    let mut warnings = Vec::new();
    if on(Plugin::PodSecurity) {
        warnings = laps.over(Plugin::PodSecurity, pod_security::check(view, attributes, object, old).await)?;
    }
    if on(Plugin::Priority) {
        laps.over(Plugin::Priority, priority::check(view, attributes, object).await)?;
    }
    if on(Plugin::OwnerReferencesPermissionEnforcement) {
        laps.over(
            Plugin::OwnerReferencesPermissionEnforcement,
            owner_references::check(server, attributes, object, old).await,
        )?;
    }
    if on(Plugin::PersistentVolumeClaimResize) {
        laps.over(Plugin::PersistentVolumeClaimResize, claim_resize::check(view, attributes, object, old).await)?;
    }
    certificates::check(server, attributes, object, old).await?;
    if on(Plugin::DenyServiceExternalIPs) {
        laps.over(Plugin::DenyServiceExternalIPs, optional::deny_external_ips(attributes, object, old))?;
    }
    Ok(warnings)
}

/// Refuses the deletion of what the cluster itself needs.
pub(super) fn check_delete(
    server: &ApiServer,
    attributes: &Attributes<'_>,
    laps: &mut Laps<'_>,
) -> Result<(), ApiError> {
    if server.plugins().run(Plugin::NamespaceLifecycle) {
        laps.over(Plugin::NamespaceLifecycle, namespace_lifecycle::check_delete(attributes))?;
    }
    if server.plugins().run(Plugin::Priority) {
        laps.over(Plugin::Priority, priority::check_delete(attributes))?;
    }
    Ok(())
}

/// The name of the newest class that an annotation marks as default; the first by name where several are as new.
pub(super) async fn default_class(view: &View<'_>, prefix: &str, annotation: &str) -> Result<Option<String>, ApiError> {
    let classes = view.list(prefix).await?;
    let marked = classes.iter().filter(|class| class.annotations().any(|(k, v)| k == annotation && v == "true"));
    let newest = marked.max_by(|a, b| {
        let created = |class: &Object| class.str_at(&["metadata", "creationTimestamp"]).to_owned();
        created(a).cmp(&created(b)).then_with(|| b.name().cmp(a.name()))
    });
    Ok(newest.map(|class| class.name().to_owned()))
}
