//! The parameters that operations take: where they stand and of which type they are.

use serde_json::{Value, json};

use super::Dialect;
use super::operation::BODY;

/// A parameter in the path or the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// `path` or `query`.
    pub(super) place: &'static str,
    pub(super) kind: &'static str,
}

/// What every operation takes that answers in JSON.
pub(super) const PRETTY: &[Parameter] = &[query("pretty", "string")];
/// Of create and update.
pub(super) const WRITE: &[Parameter] =
    &[query("dryRun", "string"), query("fieldManager", "string"), query("fieldValidation", "string")];
/// Of patch, besides [`WRITE`].
pub(super) const FORCE: &[Parameter] = &[query("force", "boolean")];
/// Of delete.
pub(super) const DELETE: &[Parameter] = &[
    query("dryRun", "string"),
    query("gracePeriodSeconds", "integer"),
    query("ignoreStoreReadErrorWithClusterBreakingPotential", "boolean"),
    query("orphanDependents", "boolean"),
    query("propagationPolicy", "string"),
];
/// Of list and deletecollection.
pub(super) const SELECT: &[Parameter] = &[
    query("continue", "string"),
    query("fieldSelector", "string"),
    query("labelSelector", "string"),
    query("limit", "integer"),
    query("resourceVersion", "string"),
    query("resourceVersionMatch", "string"),
    query("sendInitialEvents", "boolean"),
    query("shardSelector", "string"),
    query("timeoutSeconds", "integer"),
];
/// Of list and watch, besides [`SELECT`].
pub(super) const WATCH: &[Parameter] = &[query("allowWatchBookmarks", "boolean"), query("watch", "boolean")];
/// Of get, where the kind is a custom resource.
pub(super) const VERSION: &[Parameter] = &[query("resourceVersion", "string")];
/// Of a Pod's log.
pub(super) const LOG: &[Parameter] = &[
    query("container", "string"),
    query("follow", "boolean"),
    query("insecureSkipTLSVerifyBackend", "boolean"),
    query("limitBytes", "integer"),
    query("pretty", "string"),
    query("previous", "boolean"),
    query("sinceSeconds", "integer"),
    query("stream", "string"),
    query("tailLines", "integer"),
    query("timestamps", "boolean"),
];
const ATTACH: &[Parameter] = &[
    query("container", "string"),
    query("stderr", "boolean"),
    query("stdin", "boolean"),
    query("stdout", "boolean"),
    query("tty", "boolean"),
];
const EXEC: &[Parameter] = &[
    query("command", "string"),
    query("container", "string"),
    query("stderr", "boolean"),
    query("stdin", "boolean"),
    query("stdout", "boolean"),
    query("tty", "boolean"),
];
const PORT_FORWARD: &[Parameter] = &[query("ports", "integer")];
const PROXY: &[Parameter] = &[query("path", "string")];

/// What a subresource takes to which one connects.
pub(super) fn of_connection(subresource: &str) -> &'static [Parameter] {
    match subresource {
        "attach" => ATTACH,
        "exec" => EXEC,
        "portforward" => PORT_FORWARD,
        _ => PROXY,
    }
}

/// A word of the path.
pub(super) const fn path(name: &'static str) -> Parameter {
    Parameter { name, place: "path", kind: "string" }
}

const fn query(name: &'static str, kind: &'static str) -> Parameter {
    Parameter { name, place: "query", kind }
}

impl Parameter {
    pub(super) fn written(&self, dialect: Dialect) -> Value {
        let mut out = match dialect {
            Dialect::V2 => json!({ "name": self.name, "in": self.place, "type": self.kind, "uniqueItems": true }),
            Dialect::V3 => {
                json!({ "name": self.name, "in": self.place, "schema": { "type": self.kind, "uniqueItems": true } })
            }
        };
        if self.place == "path" {
            out["required"] = json!(true);
        }
        out
    }

    /// Whether v2 writes it once, to be referred to: a name means another thing on every path.
    pub(super) fn is_shared(&self) -> bool {
        self.name != "name" && self.name != BODY
    }
}
