//! What a request is about, read from its method, path and query alone.
//!
//! Nothing here knows which resources exist; the handler looks that up.

mod options;
mod query;

use http::{Method, Uri};

pub use options::{delete_options_of_body, delete_options_of_query, list_options, write_options};
pub use query::Query;

/// What a request is about (upstream's request.RequestInfo).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestInfo {
    /// The decoded path.
    pub path: String,
    /// Whether it is about a resource; else only `path` and `verb` say anything.
    pub is_resource: bool,
    /// `get`, `list`, `watch`, `create`, …; for other paths the HTTP method in lower case.
    pub verb: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The version.
    pub version: String,
    /// The plural resource.
    pub resource: String,
    /// The subresource, or empty.
    pub subresource: String,
    /// The namespace, or empty.
    pub namespace: String,
    /// The object's name, or empty.
    pub name: String,
    /// What follows the subresource, with its leading slash (proxy paths).
    pub rest: String,
}

impl RequestInfo {
    /// Reads a request's method and URI. A path that cannot be decoded is taken as it is.
    pub fn parse(method: &Method, uri: &Uri, query: &Query) -> Self {
        let path = percent_encoding::percent_decode_str(uri.path()).decode_utf8_lossy().into_owned();
        let mut info = Self { verb: method.as_str().to_ascii_lowercase(), path: path.clone(), ..Self::default() };
        let trimmed = path.trim_matches('/');
        if path.starts_with("//") || trimmed.is_empty() {
            return info;
        }
        let mut parts: &[&str] = &trimmed.split('/').collect::<Vec<_>>();
        match parts {
            ["api", version, rest @ ..] if !rest.is_empty() => {
                (*version).clone_into(&mut info.version);
                parts = rest;
            }
            ["apis", group, version, rest @ ..] if !rest.is_empty() => {
                (*group).clone_into(&mut info.group);
                (*version).clone_into(&mut info.version);
                parts = rest;
            }
            _ => return info,
        }
        info.is_resource = true;
        let watch_path = parts[0] == "watch" && parts.len() > 1;
        if watch_path {
            parts = &parts[1..];
        }
        info.verb = match *method {
            Method::POST => "create",
            Method::GET | Method::HEAD => "get",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE => "delete",
            _ => "",
        }
        .to_owned();
        if let ["namespaces", namespace, rest @ ..] = parts {
            (*namespace).clone_into(&mut info.namespace);
            if !matches!(rest, [] | ["status" | "finalize", ..]) {
                parts = rest;
            }
        }
        let mut words = parts.iter().map(|part| (*part).to_owned());
        info.resource = words.next().unwrap_or_default();
        info.name = words.next().unwrap_or_default();
        info.subresource = words.next().unwrap_or_default();
        if parts.len() > 3 {
            let tail = if path.ends_with('/') { "/" } else { "" };
            info.rest = format!("/{}{tail}", parts[3..].join("/"));
        } else if info.subresource == "proxy" && path.ends_with('/') {
            info.rest = "/".to_owned();
        }
        if watch_path && info.verb == "get" {
            info.verb = "watch".to_owned();
        } else if info.name.is_empty() && info.verb == "get" {
            info.verb = if query.flag("watch") { "watch" } else { "list" }.to_owned();
        } else if info.name.is_empty() && info.verb == "delete" {
            info.verb = "deletecollection".to_owned();
        }
        if info.name.is_empty() && matches!(info.verb.as_str(), "list" | "watch" | "deletecollection") {
            info.name = selected_name(query).unwrap_or_default();
        }
        info
    }

    /// Whether the request may stay open for as long as the client likes: watches and streams.
    pub fn is_long_running(&self) -> bool {
        self.verb == "watch" || matches!(self.subresource.as_str(), "exec" | "attach" | "portforward" | "proxy" | "log")
    }

    /// Whether the request is for a collection: the name, if any, came from a selector.
    pub fn is_collection(&self) -> bool {
        matches!(self.verb.as_str(), "list" | "watch" | "deletecollection")
    }
}

/// The name that a field selector of the form `metadata.name=x` asks for: authorization treats it as a name.
fn selected_name(query: &Query) -> Option<String> {
    let selector = query.get("fieldSelector")?;
    selector.split(',').find_map(|term| {
        let value = term.strip_prefix("metadata.name=")?;
        Some(value.strip_prefix('=').unwrap_or(value).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, uri: &str, expect: &str) {
        let uri: Uri = uri.parse().unwrap();
        let query = Query::parse(uri.query().unwrap_or_default());
        let info = RequestInfo::parse(&method.parse().unwrap(), &uri, &query);
        let got = if info.is_resource {
            let RequestInfo { verb, group, version, resource, subresource, namespace, name, rest, .. } = info;
            format!("{verb} {group}/{version} {namespace}:{resource}/{name}/{subresource} {rest}")
        } else {
            format!("{} {}", info.verb, info.path)
        };
        assert_eq!(got.trim_end(), expect, "{method} {uri}");
    }

    #[test]
    fn reads_verbs_and_targets() {
        check("GET", "/healthz", "get /healthz");
        check("GET", "/api/v1", "get /api/v1");
        check("GET", "/apis/apps/v1/", "get /apis/apps/v1/");
        check("GET", "//api/v1/pods", "get //api/v1/pods");
        check("GET", "/api/v1/pods", "list /v1 :pods//");
        check("GET", "/api/v1/pods?watch=1", "watch /v1 :pods//");
        check("GET", "/api/v1/namespaces", "list /v1 :namespaces//");
        check("GET", "/api/v1/namespaces/a", "get /v1 a:namespaces/a/");
        check("PUT", "/api/v1/namespaces/a/finalize", "update /v1 a:namespaces/a/finalize");
        check("DELETE", "/apis/apps/v1/namespaces/a/deployments", "deletecollection apps/v1 a:deployments//");
        check("PATCH", "/apis/apps/v1/namespaces/a/deployments/d/scale", "patch apps/v1 a:deployments/d/scale");
        check("GET", "/api/v1/watch/namespaces/a/pods/p", "watch /v1 a:pods/p/");
        check("GET", "/api/v1/namespaces/a/pods/p?watch=true", "get /v1 a:pods/p/");
        check("GET", "/api/v1/pods?fieldSelector=metadata.name%3Dx,a%3Db", "list /v1 :pods/x/");
        check("POST", "/api/v1/namespaces/a/services/s:http/proxy/x/y/", "create /v1 a:services/s:http/proxy /x/y/");
        check("GET", "/api/v1/namespaces/a/configmaps/a%2Fb", "get /v1 a:configmaps/a/b");
    }
}
