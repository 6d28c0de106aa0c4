//! Health endpoints and the pages of metrics, as probes, dashboards and alerts read them.

use crate::common::{Api, CONFIG_MAPS};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

async fn text(api: &Api, method: &str, path: &str) -> (u16, String, String) {
    let (parts, body) = api.send(method, path, "", String::new()).await.into_parts();
    let content_type = parts.headers.get("content-type").map_or("", |value| value.to_str().unwrap()).to_owned();
    let bytes = body.collect().await.unwrap().to_bytes();
    (parts.status.as_u16(), content_type, String::from_utf8(bytes.to_vec()).unwrap())
}

const PLAIN: &str = "text/plain; charset=utf-8";

#[tokio::test]
async fn health_is_told_in_upstreams_words() {
    let api = Api::new().await;
    for (path, code, starts, ends) in [
        ("/healthz", 200, "ok", "ok"),
        ("/livez", 200, "ok", "ok"),
        ("/readyz", 200, "ok", "ok"),
        ("/livez/ping", 200, "ok", "ok"),
        ("/readyz/etcd", 200, "ok", "ok"),
        ("/readyz/poststarthook/rbac/bootstrap-roles", 200, "ok", "ok"),
        ("/livez/shutdown", 404, "404 page not found\n", ""),
        ("/readyz/none", 404, "404 page not found\n", ""),
        ("/healthz?verbose", 200, "[+]ping ok\n[+]log ok\n[+]etcd ok\n[+]poststarthook/", "healthz check passed\n"),
        (
            "/livez?verbose=true&exclude=etcd",
            200,
            "[+]ping ok\n[+]log ok\n[+]etcd excluded: ok\n",
            "livez check passed\n",
        ),
        (
            "/readyz?verbose&exclude=b&exclude=a&exclude=log",
            200,
            "[+]ping ok\n[+]log excluded: ok\n[+]etcd ok\n[+]etcd-readiness ok\n[+]informer-sync ok\n",
            "[+]shutdown ok\nwarn: some health checks cannot be excluded: no matches for \"a\",\"b\"\nreadyz check passed\n",
        ),
    ] {
        let (got, content_type, body) = text(&api, "GET", path).await;
        assert_eq!((got, content_type.as_str()), (code, PLAIN), "{path}: {body}");
        assert!(body.starts_with(starts) && body.ends_with(ends), "{path}: {body}");
    }
}

#[tokio::test]
async fn documents_are_only_read() {
    let api = Api::new().await;
    for (method, path, code) in [
        ("POST", "/version", 405),
        ("HEAD", "/version", 405),
        ("DELETE", "/apis", 405),
        ("PUT", "/api/v1", 405),
        ("PATCH", "/apis/apps", 405),
        ("OPTIONS", "/apis/apps/v1", 405),
        ("POST", "/apis/none", 404),
        ("POST", "/none", 404),
        ("POST", "//version", 404),
        ("POST", "/healthz", 200),
        ("HEAD", "/livez/ping", 200),
        ("POST", "/metrics", 200),
        ("HEAD", "/openapi/v2", 200),
    ] {
        assert_eq!(text(&api, method, path).await.0, code, "{method} {path}");
    }
}

#[tokio::test]
async fn a_server_that_stops_is_alive_but_not_ready() {
    let api = Api::new().await;
    api.server.shut_down();
    for (path, code, ends) in [
        ("/livez", 200, "ok"),
        ("/readyz", 500, "[-]shutdown failed: reason withheld\nreadyz check failed\n"),
        ("/readyz?exclude=shutdown", 200, "ok"),
        ("/readyz/shutdown", 500, "internal server error: process is shutting down\n"),
    ] {
        let (got, _, body) = text(&api, "GET", path).await;
        assert_eq!(got, code, "{path}: {body}");
        assert!(body.ends_with(ends), "{path}: {body}");
    }
    let (_, _, page) = text(&api, "GET", "/metrics/slis").await;
    for (line, value) in [
        ("kubernetes_healthcheck{name=\"shutdown\",type=\"readyz\"}", "0"),
        ("kubernetes_healthcheck{name=\"ping\",type=\"livez\"}", "1"),
        ("kubernetes_healthchecks_total{name=\"shutdown\",status=\"error\",type=\"readyz\"}", "1"),
    ] {
        assert!(page.lines().any(|found| found == format!("{line} {value}")), "{line}: {page}");
    }
}

/// Makes some of everything that is counted.
async fn busy(api: &Api) -> String {
    api.config_map("a", "1").await;
    let made = format!("{CONFIG_MAPS}/a");
    api.get(&made).await;
    api.get(CONFIG_MAPS).await;
    api.get("/api/v1/nodes").await;
    api.call("GET", &format!("{CONFIG_MAPS}/none"), Value::Null).await;
    api.call("PATCH", &format!("{made}?dryRun=All"), json!({"data": {"a": "b"}})).await;
    api.call(
        "GET",
        &format!("{CONFIG_MAPS}?watch=1&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"),
        Value::Null,
    )
    .await;
    api.get("/api/v1/endpoints").await;
    api.call("GET", "/healthz", Value::Null).await;
    text(api, "GET", "/metrics").await.2
}

/// The samples of a page that begin with a name and have these labels.
fn samples<'a>(page: &'a str, name: &str, labels: &[(&str, &str)]) -> Vec<&'a str> {
    let named = page.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
    let has = |line: &str| labels.iter().all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")));
    named.filter(|line| has(line)).collect()
}

#[tokio::test]
async fn requests_are_counted_by_what_they_are_about() {
    let api = Api::new().await;
    let page = busy(&api).await;
    let request = |verb: &str, scope: &str, code: &str, dry_run: &str, resource: &str| {
        format!(
            "apiserver_request_total{{code=\"{code}\",component=\"apiserver\",dry_run=\"{dry_run}\",group=\"\",\
             resource=\"{resource}\",scope=\"{scope}\",subresource=\"\",verb=\"{verb}\",version=\"v1\"}} 1"
        )
    };
    for line in [
        request("POST", "resource", "201", "", "configmaps"),
        request("GET", "resource", "200", "", "configmaps"),
        request("GET", "resource", "404", "", "configmaps"),
        request("LIST", "namespace", "200", "", "configmaps"),
        request("LIST", "cluster", "200", "", "nodes"),
        request("PATCH", "resource", "200", "All", "configmaps"),
        request("WATCH", "namespace", "200", "", "configmaps"),
        "apiserver_request_total{code=\"200\",component=\"apiserver\",dry_run=\"\",group=\"\",resource=\"\",scope=\"\",\
         subresource=\"/healthz\",verb=\"GET\",version=\"\"} 1"
            .to_owned(),
        "apiserver_longrunning_requests{component=\"apiserver\",group=\"\",resource=\"configmaps\",scope=\"namespace\",\
         subresource=\"\",verb=\"WATCH\",version=\"v1\"} 0"
            .to_owned(),
        "apiserver_watch_events_total{group=\"\",resource=\"configmaps\",version=\"v1\"} 2".to_owned(),
        "apiserver_requested_deprecated_apis{group=\"\",removed_release=\"\",resource=\"endpoints\",subresource=\"\",version=\"v1\"} 1"
            .to_owned(),
        "apiserver_resource_objects{group=\"\",resource=\"configmaps\"} 1".to_owned(),
        "apiserver_storage_objects{resource=\"clusterroles.rbac.authorization.k8s.io\"}".to_owned(),
    ] {
        assert!(page.lines().any(|found| found.starts_with(&line)), "{line}\n{page}");
    }
}

/// What the dashboards and alerts of kubernetes-mixin ask an API server for: a metric, and labels with values that a busy
/// server has.
const DASHBOARDS: &str = include_str!("data/dashboards.tsv");

#[tokio::test]
async fn dashboards_find_their_series() {
    let api = Api::new().await;
    let page = busy(&api).await;
    for row in DASHBOARDS.lines().filter(|row| !row.starts_with('#')) {
        let (name, labels) = row.split_once('\t').unwrap_or((row, ""));
        let labels: Vec<(&str, &str)> = labels.split(',').filter_map(|label| label.split_once('=')).collect();
        assert!(!samples(&page, name, &labels).is_empty(), "{row}\n{page}");
    }
}

#[tokio::test]
async fn a_page_is_well_formed() {
    let api = Api::new().await;
    let page = busy(&api).await;
    let mut families: Vec<&str> = Vec::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(!families.contains(&name), "{name} comes twice");
            assert!(matches!(kind, "counter" | "gauge" | "histogram"), "{line}");
            families.push(name);
        } else if !line.starts_with('#') {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            let family = families.last().unwrap();
            let suffix = name.strip_prefix(family).unwrap_or_else(|| panic!("{name} under {family}"));
            assert!(matches!(suffix, "" | "_bucket" | "_sum" | "_count"), "{line}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
    let mut series: Vec<&str> =
        page.lines().filter(|line| !line.starts_with('#')).filter_map(|line| Some(line.rsplit_once(' ')?.0)).collect();
    let all = series.len();
    series.sort_unstable();
    series.dedup();
    assert_eq!(series.len(), all, "a series comes twice");
}

#[tokio::test]
async fn a_scraper_that_takes_nothing_else_gets_openmetrics() {
    let api = Api::new().await;
    let accept = [("accept", "application/openmetrics-text;version=1.0.0")];
    let (parts, body) = api.fetch("/metrics", &accept).await.into_parts();
    assert_eq!(parts.headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let bytes = body.collect().await.unwrap().to_bytes();
    assert!(std::str::from_utf8(&bytes).unwrap().ends_with("\n# EOF\n"));
}
