//! Classes of Pods that are alike to the scheduler: what fits one fits all of them. Ten thousand replicas are one class.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use kubernel_kernel::Resources;

use crate::{
    requests::{self, Amounts},
    wire::{NodeSelector, PodSpec, Preferred, Toleration},
};

/// All that placement depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Class {
    pub(crate) requests: Amounts,
    pub(crate) node_selector: BTreeMap<String, String>,
    pub(crate) required: Option<NodeSelector>,
    /// The only nodes that `required` lets through by name, where each of its terms names some (DaemonSets do).
    pub(crate) pinned: Option<BTreeSet<String>>,
    pub(crate) preferred: Vec<Preferred>,
    pub(crate) tolerations: Vec<Toleration>,
    pub(crate) ports: Vec<HostPort>,
    /// `preemptionPolicy: Never`: told apart for the words of a failure.
    pub(crate) never_preempts: bool,
    /// The role it counts in, where that makes a difference: something is settled for roles, or kept for this one.
    pub(crate) role: Option<Arc<str>>,
}

/// A port of the machine that a Pod takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct HostPort {
    pub(crate) port: u16,
    pub(crate) protocol: Box<str>,
    /// The address; `0.0.0.0` is every address.
    pub(crate) ip: Box<str>,
}

/// The number of a class.
pub(crate) type ClassId = u32;

/// The classes that some Pod belongs to.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    ids: HashMap<Arc<Class>, ClassId>,
    members: HashMap<ClassId, Member>,
    last: ClassId,
}

#[derive(Debug)]
struct Member {
    class: Arc<Class>,
    resources: Resources,
    pods: usize,
}

impl Class {
    /// The class of a Pod.
    pub(crate) fn of(spec: &PodSpec) -> Self {
        let affinity = spec.affinity.as_ref().and_then(|a| a.node_affinity.clone()).unwrap_or_default();
        let sidecars = spec.init_containers.iter().filter(|container| requests::is_sidecar(container));
        let mut ports: Vec<HostPort> = spec
            .containers
            .iter()
            .chain(sidecars)
            .flat_map(|container| &container.ports)
            .filter_map(|port| HostPort::of(port, spec.host_network))
            .collect();
        ports.sort();
        ports.dedup();
        Self {
            requests: requests::of_pod(spec),
            node_selector: spec.node_selector.clone(),
            pinned: affinity.required.as_ref().and_then(pinned),
            required: affinity.required,
            preferred: affinity.preferred,
            tolerations: spec.tolerations.clone(),
            ports,
            never_preempts: spec.preemption_policy == "Never",
            role: None,
        }
    }
}

/// The names that a node selector allows; `None` where it allows others too.
fn pinned(selector: &NodeSelector) -> Option<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for term in &selector.node_selector_terms {
        let mut of_term: Option<BTreeSet<&String>> = None;
        for field in term.match_fields.iter().filter(|field| field.key == "metadata.name" && field.operator == "In") {
            let values: BTreeSet<&String> = field.values.iter().collect();
            of_term = Some(match of_term {
                Some(already) => &already & &values,
                None => values,
            });
        }
        names.extend(of_term?.into_iter().cloned());
    }
    Some(names)
}

impl HostPort {
    fn of(port: &crate::wire::Port, host_network: bool) -> Option<Self> {
        let number = if port.host_port == 0 && host_network { port.container_port } else { port.host_port };
        let or = |text: &str, default: &str| if text.is_empty() { default.into() } else { text.into() };
        (number > 0).then(|| Self {
            port: number,
            protocol: or(&port.protocol, "TCP"),
            ip: or(&port.host_ip, "0.0.0.0"),
        })
    }

    /// Whether both cannot be on one machine.
    pub(crate) fn clashes(&self, other: &Self) -> bool {
        self.port == other.port
            && self.protocol == other.protocol
            && (self.ip == other.ip || &*self.ip == "0.0.0.0" || &*other.ip == "0.0.0.0")
    }
}

impl Classes {
    /// The number of a class, with one Pod more in it. `resources`: its requests as the kernel counts.
    pub(crate) fn join(&mut self, class: Class, resources: impl FnOnce(&Amounts) -> Resources) -> ClassId {
        if let Some(id) = self.ids.get(&class).copied() {
            if let Some(member) = self.members.get_mut(&id) {
                member.pods += 1;
            }
            return id;
        }
        self.last += 1;
        let resources = resources(&class.requests);
        let class = Arc::new(class);
        self.ids.insert(class.clone(), self.last);
        self.members.insert(self.last, Member { class, resources, pods: 1 });
        self.last
    }

    /// One Pod less; whether the class is gone with it.
    pub(crate) fn leave(&mut self, id: ClassId) -> bool {
        let Some(member) = self.members.get_mut(&id) else { return false };
        member.pods -= 1;
        if member.pods > 0 {
            return false;
        }
        if let Some(member) = self.members.remove(&id) {
            self.ids.remove(&member.class);
        }
        true
    }

    /// A class and its requests as the kernel counts.
    pub(crate) fn get(&self, id: ClassId) -> Option<(&Arc<Class>, &Resources)> {
        self.members.get(&id).map(|member| (&member.class, &member.resources))
    }
}
