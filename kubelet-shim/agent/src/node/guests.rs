//! Pods that stand for a task of an executor: they run inside of the executor's Pod. Whoever made them writes their
//! status; this node only knows where to look when somebody asks for their logs.

use std::collections::{HashMap, HashSet};

use kubernel_meta::mesos::RUNS_IN;
use parking_lot::Mutex;
use serde_json::Value;

/// Such Pods of this node, by uid.
#[derive(Default)]
pub(crate) struct Guests {
    pods: Mutex<HashMap<String, Guest>>,
}

struct Guest {
    namespace: String,
    name: String,
    host: String,
}

impl Guests {
    /// Takes a Pod if it is one of these.
    pub(crate) fn take(&self, uid: &str, object: &Value) -> bool {
        let meta = &object["metadata"];
        let Some(host) = meta["annotations"][RUNS_IN].as_str() else { return false };
        let text = |field: &str| meta[field].as_str().unwrap_or_default().to_owned();
        let guest = Guest { namespace: text("namespace"), name: text("name"), host: host.to_owned() };
        self.pods.lock().insert(uid.to_owned(), guest);
        true
    }

    /// Forgets a Pod.
    pub(crate) fn remove(&self, uid: &str) {
        self.pods.lock().remove(uid);
    }

    /// Forgets all others.
    pub(crate) fn keep(&self, uids: &HashSet<String>) {
        self.pods.lock().retain(|uid, _| uids.contains(uid));
    }

    /// The Pod inside of which one runs, in the same namespace.
    pub(crate) fn host(&self, namespace: &str, name: &str) -> Option<String> {
        let pods = self.pods.lock();
        let mut found = pods.values().filter(|guest| guest.namespace == namespace && guest.name == name);
        found.next().map(|guest| guest.host.clone())
    }
}
