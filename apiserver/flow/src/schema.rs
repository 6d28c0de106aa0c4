//! A FlowSchema as flow control reads it, and what it looks at in a request.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::Value;

const SERVICE_ACCOUNT_PREFIX: &str = "system:serviceaccount:";

/// What of a request decides where it belongs.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The user's name.
    pub user: &'a str,
    /// The user's groups.
    pub groups: &'a [String],
    /// Whether it is for a resource; else for a path.
    pub is_resource: bool,
    /// `get`, `list`, …
    pub verb: &'a str,
    /// The API group.
    pub group: &'a str,
    /// The plural name.
    pub resource: &'a str,
    /// The subresource; empty for none.
    pub subresource: &'a str,
    /// The namespace; empty for none.
    pub namespace: &'a str,
    /// The path of a request that is for no resource.
    pub path: &'a str,
}

/// Which requests belong to a level, and which of them share their queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The object's name.
    pub name: String,
    /// Its uid, which responses carry.
    pub uid: String,
    /// The name of the level.
    pub level: String,
    /// Lower ones are asked first.
    pub precedence: i64,
    distinguisher: Distinguisher,
    rules: Vec<Rule>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Distinguisher {
    Nothing,
    User,
    Namespace,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    subjects: Vec<Subject>,
    resources: Vec<ResourceRule>,
    paths: Vec<PathRule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    User(String),
    Group(String),
    ServiceAccount { namespace: String, name: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ResourceRule {
    verbs: Vec<String>,
    groups: Vec<String>,
    /// `pods`, `pods/status`.
    resources: Vec<String>,
    namespaces: Vec<String>,
    cluster_scope: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PathRule {
    verbs: Vec<String>,
    paths: Vec<String>,
}

impl Schema {
    /// Reads the object.
    pub fn parse(object: &Value) -> Self {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let distinguisher = match object.pointer("/spec/distinguisherMethod/type").and_then(Value::as_str) {
            Some("ByUser") => Distinguisher::User,
            Some("ByNamespace") => Distinguisher::Namespace,
            _ => Distinguisher::Nothing,
        };
        Self {
            name: text("/metadata/name"),
            uid: text("/metadata/uid"),
            level: text("/spec/priorityLevelConfiguration/name"),
            precedence: object.pointer("/spec/matchingPrecedence").and_then(Value::as_i64).unwrap_or(1000),
            distinguisher,
            rules: list(&object["spec"]["rules"]).iter().map(Rule::parse).collect(),
        }
    }

    /// The order in which schemas are asked.
    pub fn order(&self) -> (i64, &str) {
        (self.precedence, &self.name)
    }

    /// Whether a request belongs here.
    pub fn matches(&self, request: &Request<'_>) -> bool {
        self.rules.iter().any(|rule| rule.matches(request))
    }

    /// With whose requests it shares its queues.
    pub fn flow<'a>(&self, request: &Request<'a>) -> &'a str {
        match self.distinguisher {
            Distinguisher::Nothing => "",
            Distinguisher::User => request.user,
            Distinguisher::Namespace => request.namespace,
        }
    }

    /// A number that stands for the schema and the flow.
    pub fn hash(&self, flow: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.name, flow).hash(&mut hasher);
        hasher.finish()
    }
}

impl Rule {
    fn parse(rule: &Value) -> Self {
        let resources = list(&rule["resourceRules"]).iter().map(|rule| ResourceRule {
            verbs: texts(&rule["verbs"]),
            groups: texts(&rule["apiGroups"]),
            resources: texts(&rule["resources"]),
            namespaces: texts(&rule["namespaces"]),
            cluster_scope: rule["clusterScope"] == true,
        });
        let paths = list(&rule["nonResourceRules"])
            .iter()
            .map(|rule| PathRule { verbs: texts(&rule["verbs"]), paths: texts(&rule["nonResourceURLs"]) });
        Self {
            subjects: list(&rule["subjects"]).iter().filter_map(Subject::parse).collect(),
            resources: resources.collect(),
            paths: paths.collect(),
        }
    }

    fn matches(&self, request: &Request<'_>) -> bool {
        if !self.subjects.iter().any(|subject| subject.is(request)) {
            return false;
        }
        if request.is_resource {
            self.resources.iter().any(|rule| rule.matches(request))
        } else {
            self.paths
                .iter()
                .any(|rule| has(&rule.verbs, request.verb) && rule.paths.iter().any(|path| is_path(path, request.path)))
        }
    }
}

impl Subject {
    fn parse(subject: &Value) -> Option<Self> {
        let text = |part: &str, field: &str| subject[part][field].as_str().unwrap_or_default().to_owned();
        Some(match subject["kind"].as_str()? {
            "User" => Self::User(text("user", "name")),
            "Group" => Self::Group(text("group", "name")),
            "ServiceAccount" => Self::ServiceAccount {
                namespace: text("serviceAccount", "namespace"),
                name: text("serviceAccount", "name"),
            },
            _ => return None,
        })
    }

    fn is(&self, request: &Request<'_>) -> bool {
        match self {
            Self::User(name) => name == "*" || name == request.user,
            Self::Group(name) => name == "*" || request.groups.iter().any(|group| group == name),
            Self::ServiceAccount { namespace, name } => {
                let account = request.user.strip_prefix(SERVICE_ACCOUNT_PREFIX).and_then(|rest| rest.split_once(':'));
                account.is_some_and(|(of, account)| of == namespace && (name == "*" || name == account))
            }
        }
    }
}

impl ResourceRule {
    fn matches(&self, request: &Request<'_>) -> bool {
        let is_resource = |known: &String| {
            known == "*"
                || match known.strip_prefix(request.resource) {
                    Some("") => request.subresource.is_empty(),
                    Some(rest) => {
                        rest.strip_prefix('/') == Some(request.subresource) && !request.subresource.is_empty()
                    }
                    None => false,
                }
        };
        let in_scope = match request.namespace {
            "" => self.cluster_scope,
            namespace => has(&self.namespaces, namespace),
        };
        has(&self.verbs, request.verb)
            && has(&self.groups, request.group)
            && self.resources.iter().any(is_resource)
            && in_scope
    }
}

fn is_path(rule: &str, path: &str) -> bool {
    match rule.strip_suffix('*') {
        Some(prefix) => path.starts_with(prefix),
        None => rule == path,
    }
}

fn has(list: &[String], text: &str) -> bool {
    list.iter().any(|item| item == "*" || item == text)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn texts(value: &Value) -> Vec<String> {
    list(value).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
