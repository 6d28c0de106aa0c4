//! A `clientConfig`: where a webhook is, and which certificate it must show.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use serde_json::Value;

use crate::backend::{Origin, Route, Trust};

/// Where a Service's webhook listens where the configuration does not say.
const PORT: u16 = 443;

/// Where a webhook is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Whom to connect to.
    pub(super) origin: Origin,
    /// The URL, without a query.
    pub(super) url: String,
}

impl Target {
    /// Reads a `clientConfig` of a webhook or of a CRD's conversion: `url` or `service`, and `caBundle`.
    pub(crate) fn parse(config: &Value) -> Result<Self, String> {
        let trust = trust(&config["caBundle"])?;
        let (origin, path) = match (config["url"].as_str(), config["service"].as_object()) {
            (_, Some(service)) => {
                let text = |field: &str| service.get(field).and_then(Value::as_str).unwrap_or_default();
                let port = service.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
                let origin = Origin::service(text("namespace"), text("name"), port.unwrap_or(PORT), trust);
                (origin, text("path").to_owned())
            }
            (Some(url), None) => {
                let uri: Uri = url.parse().map_err(|error| format!("Unparsable URL: {error}"))?;
                let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
                let port = uri.port_u16().unwrap_or(PORT);
                let route = Route::Host(host.clone());
                let origin = Origin { route, server_name: host, port, trust, as_front_proxy: false };
                (origin, uri.path().to_owned())
            }
            (None, None) => return Err("webhook configuration must have either service or URL".to_owned()),
        };
        // Upstream joins the path to its root, which takes double slashes and the last one away.
        let words: Vec<&str> = path.split('/').filter(|word| !word.is_empty() && *word != ".").collect();
        let authority = match config["url"].as_str().and_then(|url| url.parse::<Uri>().ok()) {
            Some(uri) if config["service"].is_null() => uri.authority().map(ToString::to_string).unwrap_or_default(),
            _ => origin.authority(),
        };
        Ok(Self { url: format!("https://{authority}/{}", words.join("/")), origin })
    }
}

/// Whom to believe: the bundle's issuers, or the machine's where there is none.
fn trust(bundle: &Value) -> Result<Trust, String> {
    match bundle.as_str() {
        None | Some("") => Ok(Trust::System),
        Some(text) => {
            let bytes = STANDARD.decode(text).map_err(|error| error.to_string())?;
            Ok(Trust::Bundle(String::from_utf8_lossy(&bytes).into_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn urls() {
        let service = |path: &str| json!({"service": {"namespace": "n", "name": "s", "path": path}});
        for (config, url) in [
            (service(""), "https://s.n.svc:443/"),
            (service("/a//b/"), "https://s.n.svc:443/a/b"),
            (json!({"service": {"namespace": "n", "name": "s", "port": 8443}}), "https://s.n.svc:8443/"),
            (json!({"url": "https://127.0.0.1:7280/v/"}), "https://127.0.0.1:7280/v"),
            (json!({"url": "https://hooks.example.com"}), "https://hooks.example.com/"),
            (json!({"url": "https://[::1]:9/x"}), "https://[::1]:9/x"),
        ] {
            assert_eq!(Target::parse(&config).unwrap().url, url, "{config}");
        }
        assert!(Target::parse(&json!({})).is_err());
    }
}
