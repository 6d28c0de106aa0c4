//! Kinds and versions that are served only when somebody asks for them: upstream's alpha and beta groups.
//!
//! Most are a stable kind under an earlier version: the same objects, stored in the stable form ([`earlier`]). The others
//! are kinds of their own, in their group's folder. Some count only where a feature gate is on as well.

mod earlier;
mod resource_v1beta1;

use std::sync::LazyLock;

use self::earlier::{Version, earlier};
use crate::{
    Kind, admissionregistration, apiserverinternal, certificates, coordination, networking, resource, scheduling,
    storage, storagemigration,
};

/// A kind that is not served by default.
#[derive(Debug)]
pub struct Preview {
    /// The descriptor.
    pub kind: &'static Kind,
    /// The feature gate without which it is not served either, where that is off by default.
    pub gate: Option<&'static str>,
}

static PREVIEWS: LazyLock<Vec<Preview>> = LazyLock::new(|| {
    let resource_v1beta2 = resource_v1beta2();
    let resource_v1beta1 =
        Version { name: "v1beta1", to_stored: resource_v1beta1::to_stored, from_stored: resource_v1beta1::from_stored };
    let kinds = [
        (&networking::ip_address::KIND, networking_v1beta1()),
        (&networking::service_cidr::KIND, networking_v1beta1()),
        (&storage::volume_attributes_class::KIND, storage_v1beta1()),
        (&admissionregistration::mutating_admission_policy::KIND, admission_v1beta1()),
        (&admissionregistration::mutating_admission_policy_binding::KIND, admission_v1beta1()),
        (&admissionregistration::mutating_admission_policy::KIND, admission_v1alpha1()),
        (&admissionregistration::mutating_admission_policy_binding::KIND, admission_v1alpha1()),
        (&resource::device_class::KIND, resource_v1beta2),
        (&resource::resource_claim::KIND, resource_v1beta2),
        (&resource::resource_claim_template::KIND, resource_v1beta2),
        (&resource::resource_slice::KIND, resource_v1beta2),
        (&resource::device_class::KIND, resource_v1beta1),
        (&resource::resource_claim::KIND, resource_v1beta1),
        (&resource::resource_claim_template::KIND, resource_v1beta1),
        (&resource::resource_slice::KIND, resource_v1beta1),
        (&resource::device_taint_rule::KIND, resource_v1alpha3()),
        (&certificates::cluster_trust_bundle::KIND, certificates_v1alpha1()),
        (&coordination::lease_candidate::KIND, coordination_v1alpha2()),
    ];
    let stable = kinds.into_iter().map(|(kind, version)| Preview { kind: earlier(kind, version), gate: gate(kind) });
    let own = OWN.iter().map(|kind| Preview { kind, gate: gate(kind) });
    own.chain(stable).collect()
});

/// Kinds that have no stable version.
static OWN: [&Kind; 9] = [
    &certificates::cluster_trust_bundle::KIND,
    &certificates::pod_certificate_request::KIND,
    &coordination::lease_candidate::KIND,
    &resource::device_taint_rule::KIND,
    &resource::resource_pool_status_request::KIND,
    &scheduling::pod_group::KIND,
    &scheduling::workload::KIND,
    &apiserverinternal::storage_version::KIND,
    &storagemigration::storage_version_migration::KIND,
];

/// All kinds that are served only when asked for.
pub fn all() -> &'static [Preview] {
    &PREVIEWS
}

/// The kind that is served in a stable one's place while a feature gate is on.
pub fn with_gate(gate: &str, kind: &'static Kind) -> &'static Kind {
    match gate {
        "CoordinatedLeaderElection" if kind.kind == "Lease" => &coordination::lease::COORDINATED_LEASE,
        _ => kind,
    }
}

/// The gates that upstream's v1.36 knows, as `--feature-gates` takes them.
pub fn is_gate(name: &str) -> bool {
    include_str!("../../data/feature-gates.txt").lines().any(|known| known == name)
}

/// The gate that upstream asks for beside the group's version.
fn gate(kind: &Kind) -> Option<&'static str> {
    match &*kind.kind {
        "ClusterTrustBundle" => Some("ClusterTrustBundle"),
        "PodCertificateRequest" => Some("PodCertificateRequest"),
        "DeviceTaintRule" => Some("DRADeviceTaintRules"),
        "ResourcePoolStatusRequest" => Some("DRAResourcePoolStatus"),
        "StorageVersion" => Some("StorageVersionAPI"),
        "StorageVersionMigration" => Some("StorageVersionMigrator"),
        "LeaseCandidate" => Some("CoordinatedLeaderElection"),
        "Workload" | "PodGroup" => Some("GenericWorkload"),
        _ => None,
    }
}

/// A version whose objects have the stable version's shape.
macro_rules! same_shape {
    ($name:ident, $version:literal, $own:literal, $stored:literal) => {
        fn $name() -> Version {
            Version {
                name: $version,
                to_stored: |object| object.set(&["apiVersion"], $stored),
                from_stored: |object| object.set(&["apiVersion"], $own),
            }
        }
    };
}

same_shape!(networking_v1beta1, "v1beta1", "networking.k8s.io/v1beta1", "networking.k8s.io/v1");
same_shape!(storage_v1beta1, "v1beta1", "storage.k8s.io/v1beta1", "storage.k8s.io/v1");
same_shape!(admission_v1beta1, "v1beta1", "admissionregistration.k8s.io/v1beta1", "admissionregistration.k8s.io/v1");
same_shape!(admission_v1alpha1, "v1alpha1", "admissionregistration.k8s.io/v1alpha1", "admissionregistration.k8s.io/v1");
same_shape!(resource_v1beta2, "v1beta2", "resource.k8s.io/v1beta2", "resource.k8s.io/v1");
same_shape!(resource_v1alpha3, "v1alpha3", "resource.k8s.io/v1alpha3", "resource.k8s.io/v1beta2");
same_shape!(certificates_v1alpha1, "v1alpha1", "certificates.k8s.io/v1alpha1", "certificates.k8s.io/v1beta1");
same_shape!(coordination_v1alpha2, "v1alpha2", "coordination.k8s.io/v1alpha2", "coordination.k8s.io/v1beta1");
