//! Links on another server's pages, as they have to be where the page is seen through a proxy (upstream's
//! `proxy.Transport`).

/// What is known of the page that links are on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    /// What rewritten links begin with; both empty for links without a host.
    pub(crate) scheme: String,
    pub(crate) host: String,
    /// The path under which the other server is seen.
    pub(crate) prefix: String,
    /// The other server's own host, and the one that the client asked for.
    pub(crate) source_host: String,
    pub(crate) request_host: String,
}

impl Links {
    /// The link as the client can follow it. Relative links, links to other hosts and what is no URL stay as they are.
    pub(crate) fn rewrite(&self, target: &str) -> String {
        let Some(url) = Url::parse(target) else { return target.to_owned() };
        let elsewhere = !url.host.is_empty() && url.host != self.source_host && url.host != self.request_host;
        if elsewhere || !url.path.starts_with('/') {
            return target.to_owned();
        }
        let keeps_host = url.host == self.request_host && self.scheme.is_empty() && self.host.is_empty();
        let (scheme, host) = if keeps_host { (url.scheme, url.host) } else { (&*self.scheme, &*self.host) };
        let path = if url.path.starts_with(&self.prefix) { url.path.to_owned() } else { join(&self.prefix, url.path) };
        let mut out = String::new();
        if !scheme.is_empty() {
            out.push_str(scheme);
            out.push(':');
        }
        if !scheme.is_empty() || !host.is_empty() {
            out.push_str("//");
            out.push_str(host);
        }
        out.push_str(&path);
        out.push_str(url.rest);
        out
    }
}

/// Joins two paths, without empty and dot segments; a slash at the end of the second one stays.
pub(crate) fn join(first: &str, second: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in first.split('/').chain(second.split('/')) {
        match word {
            "" | "." => {}
            ".." => drop(words.pop()),
            word => words.push(word),
        }
    }
    let mut path = format!("/{}", words.join("/"));
    if second.ends_with('/') && !path.ends_with('/') {
        path.push('/');
    }
    path
}

/// The parts of an URL that matter here.
struct Url<'a> {
    scheme: &'a str,
    host: &'a str,
    path: &'a str,
    /// Query and fragment.
    rest: &'a str,
}

impl<'a> Url<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        if text.chars().any(|c| c.is_ascii_control()) {
            return None;
        }
        let (before, rest) = text.split_at(text.find(['?', '#']).unwrap_or(text.len()));
        let (scheme, after) = match before.split_once(':') {
            Some((scheme, after)) if is_scheme(scheme) => (scheme, after),
            _ => ("", before),
        };
        let (host, path) = match after.strip_prefix("//") {
            Some(after) => after.split_at(after.find('/').unwrap_or(after.len())),
            None => ("", after),
        };
        Some(Self { scheme, host, path, rest })
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links() {
        let own = Links {
            prefix: "/api/v1/namespaces/t/pods/p/proxy".to_owned(),
            source_host: "10.0.0.9:80".to_owned(),
            request_host: "localhost:8001".to_owned(),
            ..Links::default()
        };
        let other = Links { scheme: "https".to_owned(), host: "s.t.svc:443".to_owned(), ..own.clone() };
        for (links, target, wanted) in [
            (&own, "/x?a=/b#c", "/api/v1/namespaces/t/pods/p/proxy/x?a=/b#c"),
            (&own, "/x//y/", "/api/v1/namespaces/t/pods/p/proxy/x/y/"),
            (&own, "/", "/api/v1/namespaces/t/pods/p/proxy/"),
            (&own, "x/y", "x/y"),
            (&own, "?a", "?a"),
            (&own, "#top", "#top"),
            (&own, "mailto:a@b", "mailto:a@b"),
            (&own, "http://10.0.0.9:80/x", "/api/v1/namespaces/t/pods/p/proxy/x"),
            (&own, "http://localhost:8001/x", "http://localhost:8001/api/v1/namespaces/t/pods/p/proxy/x"),
            (&own, "https://example.com/x", "https://example.com/x"),
            (&own, "/api/v1/namespaces/t/pods/p/proxy/x", "/api/v1/namespaces/t/pods/p/proxy/x"),
            (&other, "/x", "https://s.t.svc:443/api/v1/namespaces/t/pods/p/proxy/x"),
            (&own, "/a\u{1}b", "/a\u{1}b"),
        ] {
            assert_eq!(links.rewrite(target), wanted, "{target}");
        }
    }
}
