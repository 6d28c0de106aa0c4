//! One rule of a webhook or policy: which operations on which resources (`RuleWithOperations`, and its form with names).

use kubernel_meta::Gvr;
use serde_json::Value;

/// What a rule is compared with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Write<'a> {
    /// `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.
    pub(crate) operation: &'a str,
    /// The resource, as the request said or in an equivalent version.
    pub(crate) resource: &'a Gvr,
    /// The subresource, or empty.
    pub(crate) subresource: &'a str,
    /// Whether the object lives in a namespace; a namespace itself does not.
    pub(crate) namespaced: bool,
    /// The object's name; empty where it is not known yet.
    pub(crate) name: &'a str,
}

/// A rule. Empty lists match nothing, an empty list of names everything.
#[derive(Clone, Debug, Default)]
pub(super) struct Rule {
    operations: Vec<String>,
    groups: Vec<String>,
    versions: Vec<String>,
    resources: Vec<String>,
    names: Vec<String>,
    scope: Scope,
}

#[derive(Clone, Copy, Debug, Default)]
enum Scope {
    #[default]
    All,
    Cluster,
    Namespaced,
}

impl Rule {
    pub(super) fn parse(rule: &Value) -> Self {
        let list = |field: &str| -> Vec<String> {
            let values = rule.get(field).and_then(Value::as_array).into_iter().flatten();
            values.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let scope = match rule.get("scope").and_then(Value::as_str) {
            Some("Cluster") => Scope::Cluster,
            Some("Namespaced") => Scope::Namespaced,
            _ => Scope::All,
        };
        Self {
            operations: list("operations"),
            groups: list("apiGroups"),
            versions: list("apiVersions"),
            resources: list("resources"),
            names: list("resourceNames"),
            scope,
        }
    }

    pub(super) fn matches(&self, write: Write<'_>) -> bool {
        let Gvr { group, version, resource } = write.resource;
        let scope = match self.scope {
            Scope::All => true,
            Scope::Cluster => !write.namespaced,
            Scope::Namespaced => write.namespaced,
        };
        scope
            && lists(&self.operations, write.operation)
            && lists(&self.groups, group)
            && lists(&self.versions, version)
            && self.resources.iter().any(|wanted| is_resource(wanted, resource, write.subresource))
            && (self.names.is_empty() || self.names.iter().any(|name| name == write.name))
    }
}

fn lists(list: &[String], word: &str) -> bool {
    list.iter().any(|listed| listed == "*" || listed == word)
}

/// `pods`, `pods/status`, `pods/*`, `*/scale`, `*`, `*/*`; without a slash no subresource is meant.
fn is_resource(wanted: &str, resource: &str, subresource: &str) -> bool {
    let (wanted, sub) = wanted.split_once('/').unwrap_or((wanted, ""));
    (wanted == "*" || wanted == resource) && (sub == "*" || sub == subresource)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rules_match_as_upstream_s() {
        let rule = |change: Value| {
            let mut rule = json!({ "operations": ["CREATE"], "apiGroups": ["apps"], "apiVersions": ["v1"],
                                   "resources": ["deployments"], "scope": "*" });
            for (key, value) in change.as_object().unwrap() {
                rule[key] = value.clone();
            }
            Rule::parse(&rule)
        };
        let cases = [
            (json!({}), "CREATE", "", true, true),
            (json!({}), "UPDATE", "", true, false),
            (json!({ "operations": ["*"] }), "UPDATE", "", true, true),
            (json!({ "apiGroups": ["*"], "apiVersions": ["v2"] }), "CREATE", "", true, false),
            (json!({ "apiGroups": [""] }), "CREATE", "", true, false),
            (json!({}), "CREATE", "scale", true, false),
            (json!({ "resources": ["*"] }), "CREATE", "scale", true, false),
            (json!({ "resources": ["*"] }), "CREATE", "", true, true),
            (json!({ "resources": ["*/*"] }), "CREATE", "scale", true, true),
            (json!({ "resources": ["*/scale"] }), "CREATE", "scale", true, true),
            (json!({ "resources": ["*/scale"] }), "CREATE", "", true, false),
            (json!({ "resources": ["deployments/*"] }), "CREATE", "", true, true),
            (json!({ "resources": ["pods", "deployments/scale"] }), "CREATE", "scale", true, true),
            (json!({ "scope": "Cluster" }), "CREATE", "", true, false),
            (json!({ "scope": "Cluster" }), "CREATE", "", false, true),
            (json!({ "scope": "Namespaced" }), "CREATE", "", true, true),
            (json!({ "scope": "Namespaced" }), "CREATE", "", false, false),
            (json!({ "resourceNames": ["x"] }), "CREATE", "", true, false),
            (json!({ "resourceNames": ["x", "web"] }), "CREATE", "", true, true),
            (json!({ "resources": [] }), "CREATE", "", true, false),
        ];
        let resource = Gvr::new("apps", "v1", "deployments");
        for (change, operation, subresource, namespaced, expected) in cases {
            let write = Write { operation, resource: &resource, subresource, namespaced, name: "web" };
            assert_eq!(rule(change.clone()).matches(write), expected, "{change} {operation} {subresource}");
        }
    }
}
