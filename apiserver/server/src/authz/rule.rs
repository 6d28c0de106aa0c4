//! One RBAC rule (`rbac.authorization.k8s.io/v1` PolicyRule): what it allows, and whether it covers another.

use serde_json::{Value, json};

use super::Attributes;

/// A rule, parsed.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Rule {
    /// `verbs`; `*` is all.
    pub verbs: Vec<String>,
    /// `apiGroups`; `*` is all.
    pub groups: Vec<String>,
    /// `resources`, with subresources as `pods/log`; `*` is all, `*/scale` that subresource of all.
    pub resources: Vec<String>,
    /// `resourceNames`; none is all.
    pub names: Vec<String>,
    /// `nonResourceURLs`; `/x/*` is all below.
    pub urls: Vec<String>,
}

impl Rule {
    /// Reads a rule; what is missing is empty.
    pub fn parse(value: &Value) -> Self {
        let list = |key: &str| -> Vec<String> {
            let items = value.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Self {
            verbs: list("verbs"),
            groups: list("apiGroups"),
            resources: list("resources"),
            names: list("resourceNames"),
            urls: list("nonResourceURLs"),
        }
    }

    /// Reads a list of rules.
    pub fn parse_all(rules: &[Value]) -> Vec<Self> {
        rules.iter().map(Self::parse).collect()
    }

    /// Whether the rule allows a request.
    pub fn allows(&self, attributes: &Attributes) -> bool {
        if !has(&self.verbs, &attributes.verb) {
            return false;
        }
        if attributes.is_resource {
            has(&self.groups, &attributes.group)
                && self.has_resource(&attributes.resource, &attributes.subresource)
                && (self.names.is_empty() || self.names.contains(&attributes.name))
        } else {
            self.urls.iter().any(|url| url_covers(url, &attributes.path))
        }
    }

    /// Whether everything that `other`, a rule of one verb and at most one resource, name and URL, allows is allowed
    /// by this rule too (component-helpers `ruleCovers`).
    fn covers(&self, other: &Self) -> bool {
        let resource = |wanted: &String| {
            let (main, sub) = wanted.split_once('/').unwrap_or((wanted, ""));
            self.has_resource(main, sub)
        };
        other.verbs.iter().all(|verb| has(&self.verbs, verb))
            && other.groups.iter().all(|group| has(&self.groups, group))
            && other.resources.iter().all(resource)
            && other.urls.iter().all(|url| self.urls.iter().any(|own| url_covers(own, url)))
            && (self.names.is_empty()
                || (!other.names.is_empty() && other.names.iter().all(|name| self.names.contains(name))))
    }

    fn has_resource(&self, resource: &str, subresource: &str) -> bool {
        self.resources.iter().any(|own| match own.split_once('/') {
            _ if own == "*" => true,
            None => subresource.is_empty() && own == resource,
            Some((main, sub)) => sub == subresource && (main == resource || main == "*"),
        })
    }

    /// Whether `held` together allow everything that `rule` allows.
    pub fn covers_all(held: &[Self], rule: &Self) -> bool {
        rule.break_down().iter().all(|part| held.iter().any(|own| own.covers(part)))
    }

    /// The rule as rules of one verb, group, resource, name or URL each.
    fn break_down(&self) -> Vec<Self> {
        let one = |text: &String| vec![text.clone()];
        let mut out = Vec::new();
        for group in &self.groups {
            for resource in &self.resources {
                for verb in &self.verbs {
                    let part =
                        Self { verbs: one(verb), groups: one(group), resources: one(resource), ..Self::default() };
                    if self.names.is_empty() {
                        out.push(part);
                        continue;
                    }
                    out.extend(self.names.iter().map(|name| Self { names: one(name), ..part.clone() }));
                }
            }
        }
        for url in &self.urls {
            out.extend(self.verbs.iter().map(|verb| Self { verbs: one(verb), urls: one(url), ..Self::default() }));
        }
        out
    }

    /// The rule as upstream prints it: `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`.
    pub fn describe(&self) -> String {
        let parts = [
            ("APIGroups", &self.groups),
            ("Resources", &self.resources),
            ("NonResourceURLs", &self.urls),
            ("ResourceNames", &self.names),
            ("Verbs", &self.verbs),
        ];
        let present = parts.into_iter().filter(|(_, list)| !list.is_empty());
        let parts: Vec<String> = present.map(|(name, list)| format!("{name}:{}", quote_list(list))).collect();
        format!("{{{}}}", parts.join(", "))
    }

    /// The rule's JSON, empty lists left out.
    pub fn to_value(&self) -> Value {
        let mut value = json!({ "verbs": self.verbs });
        let lists = [
            ("apiGroups", &self.groups),
            ("resources", &self.resources),
            ("resourceNames", &self.names),
            ("nonResourceURLs", &self.urls),
        ];
        for (key, list) in lists {
            if !list.is_empty() {
                value[key] = json!(list);
            }
        }
        value
    }
}

/// What `wanted` allows and `held` does not, in upstream's compact form, sorted; empty where everything is held.
pub(super) fn missing(held: &[Rule], wanted: &[Rule]) -> Vec<String> {
    let parts = wanted.iter().flat_map(Rule::break_down);
    let missing: Vec<Rule> = parts.filter(|part| !held.iter().any(|rule| rule.covers(part))).collect();
    let mut texts: Vec<String> = compact(missing).iter().map(Rule::describe).collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

/// A list of texts as Go prints it with `%q`: `["a" "b"]`.
pub(super) fn quote_list(list: &[String]) -> String {
    let quoted: Vec<String> = list.iter().map(|text| format!("{text:?}")).collect();
    format!("[{}]", quoted.join(" "))
}

/// Joins rules that differ in nothing but their verbs, where they are for a resource.
fn compact(rules: Vec<Rule>) -> Vec<Rule> {
    let mut out: Vec<Rule> = Vec::new();
    for rule in rules {
        let same = |other: &&mut Rule| {
            !rule.resources.is_empty()
                && other.groups == rule.groups
                && other.resources == rule.resources
                && other.names == rule.names
        };
        match out.iter_mut().find(same) {
            Some(other) => other.verbs.extend(rule.verbs),
            None => out.push(rule),
        }
    }
    out
}

fn has(list: &[String], wanted: &str) -> bool {
    list.iter().any(|item| item == "*" || item == wanted)
}

fn url_covers(rule: &str, path: &str) -> bool {
    rule == path || (rule.ends_with('*') && path.starts_with(rule.trim_end_matches('*')))
}
