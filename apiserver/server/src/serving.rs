//! Which built-in kinds are served, upstream's `--runtime-config` and `--feature-gates`, and which admission plug-ins run.
//!
//! Stable versions are served unless they are switched off; alpha and beta versions only where they are switched on, and
//! some of them only with their feature gate. What says more about a resource wins: `api/all`, then `api/ga`, `api/beta`
//! or `api/alpha`, then a group and version, then a single resource of it.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use kubernel_kinds::{Kind, previews, registry};

use crate::admission::Plugins;

/// Our own group, which is always served: its version says how young it is, not that it is optional.
const OWN_GROUP: &str = "kernel.kubernel.io";

/// What is served.
#[derive(Clone, Debug, Default)]
pub struct Serving {
    /// From `--runtime-config`.
    pub versions: RuntimeConfig,
    /// From `--feature-gates`.
    pub gates: FeatureGates,
    /// Which admission plug-ins look at what is written.
    pub plugins: Plugins,
}

/// `api/beta=true,networking.k8s.io/v1beta1/ipaddresses=false`: switches by what they switch.
#[derive(Clone, Debug, Default)]
pub struct RuntimeConfig(BTreeMap<String, bool>);

/// `GenericWorkload=true,AllAlpha=false`: the gates that are on.
#[derive(Clone, Debug, Default)]
pub struct FeatureGates(BTreeSet<&'static str>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Stable,
    Beta,
    Alpha,
}

/// The gates that change what is served, and their stage. All are off by default. Upstream's others are taken as well
/// and change nothing here.
const GATES: [(&str, Stage); 8] = [
    ("ClusterTrustBundle", Stage::Beta),
    ("CoordinatedLeaderElection", Stage::Beta),
    ("DRADeviceTaintRules", Stage::Beta),
    ("DRAResourcePoolStatus", Stage::Alpha),
    ("GenericWorkload", Stage::Alpha),
    ("PodCertificateRequest", Stage::Beta),
    ("StorageVersionAPI", Stage::Alpha),
    ("StorageVersionMigrator", Stage::Beta),
];

impl Serving {
    /// The kinds that are served, in discovery's order: a group's versions follow one another.
    pub(crate) fn kinds(&self) -> Vec<&'static Kind> {
        let gated =
            previews::all().iter().filter(|preview| preview.gate.is_none_or(|gate| self.gates.0.contains(gate)));
        let mut previews: Vec<&'static Kind> = gated.map(|preview| preview.kind).collect();
        previews.retain(|kind| self.versions.serves(kind));
        let mut kinds: Vec<&'static Kind> = Vec::new();
        let changed = |kind| self.gates.0.iter().fold(kind, |kind, gate| previews::with_gate(gate, kind));
        let mut stable =
            registry::all().iter().copied().filter(|kind| self.versions.serves(kind)).map(changed).peekable();
        while let Some(kind) = stable.next() {
            kinds.push(kind);
            if stable.peek().is_none_or(|next| next.group != kind.group) {
                kinds.extend(previews.extract_if(.., |preview| preview.group == kind.group));
            }
        }
        kinds.extend(previews);
        kinds
    }
}

impl RuntimeConfig {
    fn serves(&self, kind: &Kind) -> bool {
        let stage = stage(&kind.version);
        if kind.group == OWN_GROUP {
            return true;
        }
        let of_stage = match stage {
            Stage::Stable => "api/ga",
            Stage::Beta => "api/beta",
            Stage::Alpha => "api/alpha",
        };
        let version = kind.api_version();
        let resource = format!("{version}/{}", kind.plural);
        let switches = [resource.as_str(), &version, of_stage, "api/all"];
        switches.iter().find_map(|switch| self.0.get(*switch)).copied().unwrap_or(stage == Stage::Stable)
    }
}

impl FromStr for RuntimeConfig {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut switches = BTreeMap::new();
        for (switch, on) in pairs(text)? {
            if !is_known(switch) {
                return Err(format!(
                    "{switch}: no such group, version or resource; known are api/all, api/ga, api/beta, \
                                    api/alpha, and what `kubectl api-versions` prints with api/all=true"
                ));
            }
            switches.insert(switch.to_owned(), on);
        }
        Ok(Self(switches))
    }
}

impl FeatureGates {
    /// Every gate, its stage as metrics name it, and whether it is on.
    pub(crate) fn all(&self) -> Vec<(&'static str, &'static str, bool)> {
        let word = |stage| match stage {
            Stage::Stable => "",
            Stage::Beta => "BETA",
            Stage::Alpha => "ALPHA",
        };
        GATES.iter().map(|(name, stage)| (*name, word(*stage), self.0.contains(name))).collect()
    }
}

impl FromStr for FeatureGates {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let switches = pairs(text)?;
        for (gate, _) in &switches {
            if !matches!(*gate, "AllAlpha" | "AllBeta") && !previews::is_gate(gate) {
                return Err(format!("unrecognized feature gate: {gate}"));
            }
        }
        let is_on = |(gate, stage): &(&'static str, Stage)| {
            let all = if *stage == Stage::Alpha { "AllAlpha" } else { "AllBeta" };
            let said = |name: &str| switches.iter().rev().find(|(switch, _)| *switch == name).map(|(_, on)| *on);
            said(gate).or_else(|| said(all)).unwrap_or(false)
        };
        Ok(Self(GATES.iter().filter(|gate| is_on(gate)).map(|(name, _)| *name).collect()))
    }
}

/// `a=true,b=false,c` as pairs; what has no value is on.
fn pairs(text: &str) -> Result<Vec<(&str, bool)>, String> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    words
        .map(|word| match word.split_once('=') {
            None | Some((_, "")) => Ok((word.trim_end_matches('='), true)),
            Some((name, "true")) => Ok((name, true)),
            Some((name, "false")) => Ok((name, false)),
            Some((name, value)) => Err(format!("{name}={value}: want true or false")),
        })
        .collect()
}

fn is_known(switch: &str) -> bool {
    matches!(switch, "api/all" | "api/ga" | "api/beta" | "api/alpha")
        || registry::known().any(|kind| {
            let rest = switch.strip_prefix(kind.api_version().as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix('/') == Some(&*kind.plural))
        })
}

fn stage(version: &str) -> Stage {
    if version.contains("alpha") {
        Stage::Alpha
    } else if version.contains("beta") {
        Stage::Beta
    } else {
        Stage::Stable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serves(versions: &str, gates: &str, kind: &str) -> bool {
        let serving =
            Serving { versions: versions.parse().unwrap(), gates: gates.parse().unwrap(), ..Serving::default() };
        serving.kinds().iter().any(|found| format!("{}/{}", found.api_version(), found.plural) == kind)
    }

    #[test]
    fn what_says_more_wins() {
        let addresses = "networking.k8s.io/v1beta1/ipaddresses";
        let rows = [
            ("", "", addresses, false),
            ("api/all=true", "", addresses, true),
            ("api/beta", "", addresses, true),
            ("api/alpha=true", "", addresses, false),
            ("api/all=true,api/beta=false", "", addresses, false),
            ("api/beta=false,networking.k8s.io/v1beta1=true", "", addresses, true),
            ("networking.k8s.io/v1beta1=true,networking.k8s.io/v1beta1/ipaddresses=false", "", addresses, false),
            ("", "", "v1/pods", true),
            ("api/all=false", "", "v1/pods", false),
            ("api/all=false,v1=true", "", "v1/pods", true),
            ("api/all=false", "", "kernel.kubernel.io/v1alpha1/offers", true),
            ("api/alpha=true", "", "scheduling.k8s.io/v1alpha2/workloads", false),
            ("api/alpha=true", "GenericWorkload=true", "scheduling.k8s.io/v1alpha2/workloads", true),
            ("", "GenericWorkload=true", "scheduling.k8s.io/v1alpha2/workloads", false),
            ("api/alpha=true", "AllAlpha=true", "scheduling.k8s.io/v1alpha2/podgroups", true),
            ("api/alpha=true", "AllAlpha=true,GenericWorkload=false", "scheduling.k8s.io/v1alpha2/podgroups", false),
        ];
        for (versions, gates, kind, wanted) in rows {
            assert_eq!(serves(versions, gates, kind), wanted, "{versions} {gates} {kind}");
        }
    }

    #[test]
    fn the_versions_of_a_group_follow_one_another() {
        let all = Serving {
            versions: "api/all=true".parse().unwrap(),
            gates: "AllAlpha,AllBeta".parse().unwrap(),
            ..Serving::default()
        };
        let mut groups: Vec<&str> = all.kinds().iter().map(|kind| &*kind.group).collect();
        groups.dedup();
        let distinct: BTreeSet<&str> = groups.iter().copied().collect();
        assert_eq!(groups.len(), distinct.len(), "{groups:?}");
        assert_eq!(Serving::default().kinds().len(), registry::all().len());
    }

    #[test]
    fn mistakes_are_told() {
        for wrong in ["api/gamma=true", "nobody.io/v1=true", "v1/podz=true", "api/all=yes"] {
            assert!(wrong.parse::<RuntimeConfig>().is_err(), "{wrong}");
        }
        for wrong in ["NoSuchGate=true", "GenericWorkload=on"] {
            assert!(wrong.parse::<FeatureGates>().is_err(), "{wrong}");
        }
    }
}
