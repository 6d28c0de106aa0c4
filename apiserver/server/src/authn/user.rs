//! The user of a request, as authorization and admission see it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The group of everybody who authenticated.
pub const AUTHENTICATED: &str = "system:authenticated";
/// The group of everybody who did not.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";
/// The group that may do everything.
pub const MASTERS: &str = "system:masters";
/// The user of requests without credentials.
pub const ANONYMOUS: &str = "system:anonymous";
/// The group of nodes.
pub const NODES: &str = "system:nodes";
/// What the name of a node's user starts with.
pub const NODE_PREFIX: &str = "system:node:";
/// What the name of a ServiceAccount's user starts with.
pub const SERVICE_ACCOUNT_PREFIX: &str = "system:serviceaccount:";
/// The group of all ServiceAccounts.
pub const SERVICE_ACCOUNTS: &str = "system:serviceaccounts";

/// Who sends a request (upstream's `user.Info`). A caller in the same process sets it as a request extension; the
/// server sets it for all others, over whatever was there.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct User {
    /// The name, for example `system:serviceaccount:default:web`.
    pub name: String,
    /// The uid; empty where there is none.
    pub uid: String,
    /// The groups, in the order in which they were found.
    pub groups: Vec<String>,
    /// Anything more that the authenticator knows, for example the Pod that a token is bound to.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// A user of this name and these groups.
    pub fn new(name: impl Into<String>, groups: &[&str]) -> Self {
        Self { name: name.into(), groups: groups.iter().map(|group| (*group).to_owned()).collect(), ..Self::default() }
    }

    /// A part of the server itself, of this name, which may do everything.
    pub fn system(name: &str) -> Self {
        Self::new(name, &[MASTERS, AUTHENTICATED])
    }

    /// The user of requests without credentials.
    pub fn anonymous() -> Self {
        Self::new(ANONYMOUS, &[UNAUTHENTICATED])
    }

    /// Whether anybody has proven to be this user.
    pub fn is_known(&self) -> bool {
        self.name != ANONYMOUS && !self.in_group(UNAUTHENTICATED)
    }

    /// The user of a ServiceAccount, with its groups.
    pub fn service_account(namespace: &str, name: &str, uid: &str) -> Self {
        let mut user = Self::new(format!("{SERVICE_ACCOUNT_PREFIX}{namespace}:{name}"), &[SERVICE_ACCOUNTS]);
        user.groups.push(format!("{SERVICE_ACCOUNTS}:{namespace}"));
        user.groups.push(AUTHENTICATED.to_owned());
        uid.clone_into(&mut user.uid);
        user
    }

    /// Whether the user is in this group.
    pub fn in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|g| g == group)
    }

    /// The node's name where the user is a node (`system:node:NAME` in group `system:nodes`).
    pub fn node_name(&self) -> Option<&str> {
        self.name.strip_prefix(NODE_PREFIX).filter(|_| self.in_group(NODES))
    }

    /// Namespace and name of the ServiceAccount, where the user is one.
    pub fn service_account_name(&self) -> Option<(&str, &str)> {
        self.name.strip_prefix(SERVICE_ACCOUNT_PREFIX)?.split_once(':')
    }

    /// The JSON of `authentication.k8s.io/v1` UserInfo; empty fields are left out.
    pub fn to_value(&self) -> Value {
        let mut info = json!({ "username": self.name });
        if self.name.is_empty() {
            info = json!({});
        }
        if !self.uid.is_empty() {
            info["uid"] = json!(self.uid);
        }
        if !self.groups.is_empty() {
            info["groups"] = json!(self.groups);
        }
        if !self.extra.is_empty() {
            info["extra"] = json!(self.extra);
        }
        info
    }
}
