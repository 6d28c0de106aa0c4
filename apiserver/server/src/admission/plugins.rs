//! Which plug-ins run: upstream's `--enable-admission-plugins` and `--disable-admission-plugins`.
//!
//! Names, order and errors are upstream's. What upstream has and this server has not (they need files or providers of
//! their own) cannot be enabled. NodeRestriction is on by default: nodes have an authorizer of their own here.

/// A plug-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "upstream's names")]
pub enum Plugin {
    AlwaysAdmit,
    NamespaceLifecycle,
    NamespaceExists,
    LimitPodHardAntiAffinityTopology,
    LimitRanger,
    ServiceAccount,
    NodeRestriction,
    TaintNodesByCondition,
    AlwaysPullImages,
    PodSecurity,
    Priority,
    DefaultTolerationSeconds,
    ExtendedResourceToleration,
    DefaultStorageClass,
    StorageObjectInUseProtection,
    OwnerReferencesPermissionEnforcement,
    PersistentVolumeClaimResize,
    RuntimeClass,
    CertificateApproval,
    CertificateSigning,
    ClusterTrustBundleAttest,
    CertificateSubjectRestriction,
    DefaultIngressClass,
    DenyServiceExternalIPs,
    PodTopologyLabels,
    MutatingAdmissionPolicy,
    MutatingAdmissionWebhook,
    ValidatingAdmissionPolicy,
    ValidatingAdmissionWebhook,
    ResourceQuota,
    AlwaysDeny,
}

use Plugin::*;

use super::Operation;

/// All of them in upstream's order, and whether they run where nobody says otherwise.
const ALL: [(Plugin, &str, bool); 31] = [
    (AlwaysAdmit, "AlwaysAdmit", false),
    (NamespaceLifecycle, "NamespaceLifecycle", true),
    (NamespaceExists, "NamespaceExists", false),
    (LimitPodHardAntiAffinityTopology, "LimitPodHardAntiAffinityTopology", false),
    (LimitRanger, "LimitRanger", true),
    (ServiceAccount, "ServiceAccount", true),
    (NodeRestriction, "NodeRestriction", true),
    (TaintNodesByCondition, "TaintNodesByCondition", true),
    (AlwaysPullImages, "AlwaysPullImages", false),
    (PodSecurity, "PodSecurity", true),
    (Priority, "Priority", true),
    (DefaultTolerationSeconds, "DefaultTolerationSeconds", true),
    (ExtendedResourceToleration, "ExtendedResourceToleration", false),
    (DefaultStorageClass, "DefaultStorageClass", true),
    (StorageObjectInUseProtection, "StorageObjectInUseProtection", true),
    (OwnerReferencesPermissionEnforcement, "OwnerReferencesPermissionEnforcement", false),
    (PersistentVolumeClaimResize, "PersistentVolumeClaimResize", true),
    (RuntimeClass, "RuntimeClass", true),
    (CertificateApproval, "CertificateApproval", true),
    (CertificateSigning, "CertificateSigning", true),
    (ClusterTrustBundleAttest, "ClusterTrustBundleAttest", true),
    (CertificateSubjectRestriction, "CertificateSubjectRestriction", true),
    (DefaultIngressClass, "DefaultIngressClass", true),
    (DenyServiceExternalIPs, "DenyServiceExternalIPs", false),
    (PodTopologyLabels, "PodTopologyLabels", true),
    (MutatingAdmissionPolicy, "MutatingAdmissionPolicy", true),
    (MutatingAdmissionWebhook, "MutatingAdmissionWebhook", true),
    (ValidatingAdmissionPolicy, "ValidatingAdmissionPolicy", true),
    (ValidatingAdmissionWebhook, "ValidatingAdmissionWebhook", true),
    (ResourceQuota, "ResourceQuota", true),
    (AlwaysDeny, "AlwaysDeny", false),
];
/// Upstream's others, all off by default.
const ABSENT: [&str; 5] =
    ["NamespaceAutoProvision", "ImagePolicyWebhook", "PodNodeSelector", "PodTolerationRestriction", "EventRateLimit"];

impl Plugin {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        ALL[self as usize].1
    }

    /// Whether it looks at such writes at all (upstream's `Handles`).
    pub(super) fn handles(self, operation: Operation) -> bool {
        match self {
            TaintNodesByCondition
            | DefaultStorageClass
            | StorageObjectInUseProtection
            | RuntimeClass
            | CertificateSubjectRestriction
            | DefaultIngressClass
            | PodTopologyLabels => operation == Operation::Create,
            PersistentVolumeClaimResize | CertificateApproval | CertificateSigning => operation == Operation::Update,
            NamespaceLifecycle | NodeRestriction | Priority => operation != Operation::Connect,
            AlwaysAdmit
            | AlwaysDeny
            | MutatingAdmissionPolicy
            | MutatingAdmissionWebhook
            | ValidatingAdmissionPolicy
            | ValidatingAdmissionWebhook => true,
            _ => matches!(operation, Operation::Create | Operation::Update),
        }
    }

    /// All of them, in the order of their declaration.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        ALL.into_iter().map(|(plugin, ..)| plugin)
    }
}

/// The plug-ins that run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plugins(u64);

/// Why the flags cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum PluginError {
    #[error("{flag}-admission-plugins plugin {name:?} is unknown")]
    Unknown { flag: &'static str, name: String },
    #[error("enable-admission-plugins plugin {0:?} is not part of this server")]
    Absent(String),
    #[error("[{0}] in enable-admission-plugins and disable-admission-plugins overlapped")]
    Overlap(String),
}

impl Plugins {
    /// The default ones, with these and without those.
    pub fn new(enabled: &[String], disabled: &[String]) -> Result<Self, PluginError> {
        let find = |flag, name: &String| {
            let found = ALL.into_iter().find(|(_, known, _)| known == name).map(|(plugin, ..)| plugin);
            match found {
                None if !ABSENT.contains(&name.as_str()) => Err(PluginError::Unknown { flag, name: name.clone() }),
                None if flag == "enable" => Err(PluginError::Absent(name.clone())),
                found => Ok(found),
            }
        };
        let mut plugins = Self::default();
        for name in enabled {
            plugins.0 |= find("enable", name)?.map_or(0, bit);
        }
        for name in disabled {
            plugins.0 &= !find("disable", name)?.map_or(0, bit);
        }
        let mut both: Vec<&str> = enabled.iter().filter(|name| disabled.contains(name)).map(String::as_str).collect();
        both.sort_unstable();
        if both.is_empty() { Ok(plugins) } else { Err(PluginError::Overlap(both.join(" "))) }
    }

    /// Whether the plug-in runs.
    pub(super) fn run(self, plugin: Plugin) -> bool {
        self.0 & bit(plugin) != 0
    }
}

impl Default for Plugins {
    fn default() -> Self {
        Self(ALL.into_iter().filter(|(_, _, on)| *on).fold(0, |set, (plugin, ..)| set | bit(plugin)))
    }
}

fn bit(plugin: Plugin) -> u64 {
    1 << plugin as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_switch_plugins() {
        let words = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        for (enabled, disabled, expect) in [
            ("", "", Ok((true, false))),
            ("AlwaysDeny", "LimitRanger", Ok((false, true))),
            ("LimitRanger", "AlwaysDeny EventRateLimit", Ok((true, false))),
            ("Nope", "", Err("enable-admission-plugins plugin \"Nope\" is unknown")),
            ("", "Nope", Err("disable-admission-plugins plugin \"Nope\" is unknown")),
            (
                "EventRateLimit",
                "",
                Err("enable-admission-plugins plugin \"EventRateLimit\" is not part of this server"),
            ),
            (
                "Priority AlwaysDeny",
                "AlwaysDeny Priority",
                Err("[AlwaysDeny Priority] in enable-admission-plugins and disable-admission-plugins overlapped"),
            ),
        ] {
            let found = Plugins::new(&words(enabled), &words(disabled))
                .map(|plugins| (plugins.run(LimitRanger), plugins.run(AlwaysDeny)))
                .map_err(|error| error.to_string());
            assert_eq!(found, expect.map_err(str::to_owned), "{enabled} {disabled}");
        }
    }
}
