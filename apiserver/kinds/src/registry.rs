//! The table of all built-in kinds. Adding a kind is adding its file and its line here.

use std::collections::HashMap;
use std::sync::LazyLock;

use kubernel_meta::Gvk;

use crate::{
    Kind, admissionregistration, apiextensions, apiregistration, apps, authentication, authorization, autoscaling,
    batch, certificates, coordination, core, discovery, events, flowcontrol, kernel, networking, node, policy,
    previews, rbac, resource, scheduling, storage,
};

/// Every built-in kind, groups and versions in the order in which discovery lists them (the first one wins where
/// kubectl finds a short name or a kind twice).
static KINDS: &[&Kind] = &[
    &core::binding::KIND,
    &core::component_status::KIND,
    &core::config_map::KIND,
    &core::endpoints::KIND,
    &core::event::KIND,
    &core::limit_range::KIND,
    &core::namespace::KIND,
    &core::node::KIND,
    &core::persistent_volume_claim::KIND,
    &core::persistent_volume::KIND,
    &core::pod::KIND,
    &core::pod_template::KIND,
    &core::replication_controller::KIND,
    &core::resource_quota::KIND,
    &core::secret::KIND,
    &core::service_account::KIND,
    &core::service::KIND,
    &apiregistration::api_service::KIND,
    &apps::controller_revision::KIND,
    &apps::daemon_set::KIND,
    &apps::deployment::KIND,
    &apps::replica_set::KIND,
    &apps::stateful_set::KIND,
    &events::event::KIND,
    &authentication::self_subject_review::KIND,
    &authentication::token_review::KIND,
    &authorization::local_subject_access_review::KIND,
    &authorization::self_subject_access_review::KIND,
    &authorization::self_subject_rules_review::KIND,
    &authorization::subject_access_review::KIND,
    &autoscaling::horizontal_pod_autoscaler_v2::KIND,
    &autoscaling::horizontal_pod_autoscaler_v1::KIND,
    &batch::cron_job::KIND,
    &batch::job::KIND,
    &certificates::certificate_signing_request::KIND,
    &networking::ingress_class::KIND,
    &networking::ingress::KIND,
    &networking::ip_address::KIND,
    &networking::network_policy::KIND,
    &networking::service_cidr::KIND,
    &policy::pod_disruption_budget::KIND,
    &rbac::cluster_role_binding::KIND,
    &rbac::cluster_role::KIND,
    &rbac::role_binding::KIND,
    &rbac::role::KIND,
    &storage::csi_driver::KIND,
    &storage::csi_node::KIND,
    &storage::csi_storage_capacity::KIND,
    &storage::storage_class::KIND,
    &storage::volume_attachment::KIND,
    &storage::volume_attributes_class::KIND,
    &admissionregistration::mutating_admission_policy::KIND,
    &admissionregistration::mutating_admission_policy_binding::KIND,
    &admissionregistration::mutating_webhook_configuration::KIND,
    &admissionregistration::validating_admission_policy::KIND,
    &admissionregistration::validating_admission_policy_binding::KIND,
    &admissionregistration::validating_webhook_configuration::KIND,
    &apiextensions::custom_resource_definition::KIND,
    &scheduling::priority_class::KIND,
    &coordination::lease::KIND,
    &node::runtime_class::KIND,
    &discovery::endpoint_slice::KIND,
    &resource::device_class::KIND,
    &resource::resource_claim::KIND,
    &resource::resource_claim_template::KIND,
    &resource::resource_slice::KIND,
    &flowcontrol::flow_schema::KIND,
    &flowcontrol::priority_level_configuration::KIND,
    &kernel::agent::KIND,
    &kernel::framework::KIND,
    &kernel::offer::KIND,
    &kernel::reservation::KIND,
    &kernel::resource_role::KIND,
];

static BY_RESOURCE: LazyLock<HashMap<(&str, &str, &str), &Kind>> =
    LazyLock::new(|| KINDS.iter().map(|kind| ((&*kind.group, &*kind.version, &*kind.plural), *kind)).collect());

/// Every built-in kind that is served by default, in discovery's order of groups.
pub fn all() -> &'static [&'static Kind] {
    KINDS
}

/// Every kind that is known, also those that are served only when somebody asks for them.
pub fn known() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().copied().chain(previews::all().iter().map(|preview| preview.kind))
}

/// The kind that a request's path names.
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    BY_RESOURCE.get(&(group, version, plural)).copied()
}

/// The kind that an object's `apiVersion` and `kind` name.
pub fn find_kind(gvk: &Gvk) -> Option<&'static Kind> {
    known().find(|kind| kind.group == gvk.group && kind.version == gvk.version && kind.kind == gvk.kind)
}
