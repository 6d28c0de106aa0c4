//! `pods/log`: a container's log, as its node's kubelet has it.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use kubernel_meta::field::{self, Path};
use kubernel_meta::{ApiError, Details, Gvk, Reason, time};
use kubernel_store::At;

use crate::context::Context;
use crate::document;
use crate::request::Query;
use crate::resources::Resource;
use crate::verbs::get;

use super::connect::{container, pair};
use super::kubelet;

/// At most this much of a kubelet's error text is passed on.
const ERROR_BYTES_MAX: usize = 2048;

/// Answers a GET.
pub(super) async fn serve(context: &Context, pods: &Arc<Resource>) -> Result<Response<Body>, ApiError> {
    let info = &context.info;
    let options = Options::read(&context.query)?;
    let wrong = options.validate();
    if !wrong.is_empty() {
        return Err(ApiError::invalid(&Gvk::new("", "v1", "PodLogOptions"), &info.name, &wrong));
    }
    let entry = get::entry(context, pods, &info.namespace, &info.name, At::Latest).await?;
    let pod = document::decode(pods, &entry)?;
    let container = container(&pod, context.query.get("container").unwrap_or_default())?;
    let node = pod.str_at(&["spec", "nodeName"]);
    if node.is_empty() {
        // There is no log yet, which is no error.
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        return Ok(response);
    }
    let backend = kubelet::of_node(context, node).await?;
    let path = format!("/containerLogs/{}/{}/{container}?{}", info.namespace, info.name, options.to_query());
    let url = format!("https://{}{path}", backend.address);
    let request = Request::get(path).body(Body::empty()).map_err(ApiError::internal)?;
    let sent = kubelet::send(&context.server, &backend, request).await;
    let response = sent.map_err(|text| kubelet::unknown(format!("Get {url:?}: {text}")))?.map(Body::new);
    if response.status().is_success() {
        let (_, body) = response.into_parts();
        let mut response = Response::new(body);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        return Ok(response);
    }
    Err(refusal(context, response).await)
}

/// What the kubelet's refusal is to the client (HttpResponseChecker).
async fn refusal(context: &Context, response: Response<Body>) -> ApiError {
    let code = response.status();
    let body = http_body_util::Limited::new(response.into_body(), ERROR_BYTES_MAX).collect().await;
    let text = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).trim().to_owned()).unwrap_or_default();
    match code {
        StatusCode::BAD_REQUEST => ApiError::bad_request(text),
        StatusCode::NOT_FOUND => {
            let message = format!("the server could not find the requested resource ( pods/log {})", context.info.name);
            let details =
                Details { name: context.info.name.clone(), kind: "pods/log".to_owned(), ..Details::default() };
            ApiError::new(404, Reason::NotFound, message).with_details(details)
        }
        _ => ApiError::internal(text),
    }
}

/// PodLogOptions.
#[derive(Debug, Default)]
struct Options {
    follow: bool,
    previous: bool,
    timestamps: bool,
    since_seconds: Option<i64>,
    since_time: Option<String>,
    tail_lines: Option<i64>,
    limit_bytes: Option<i64>,
    stream: bool,
}

impl Options {
    fn read(query: &Query) -> Result<Self, ApiError> {
        let number = |name: &str| {
            let Some(text) = query.non_empty(name) else { return Ok(None) };
            let wrong = |why: &std::num::ParseIntError| {
                let out_of_range =
                    matches!(why.kind(), std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow);
                let why = if out_of_range { "value out of range" } else { "invalid syntax" };
                ApiError::bad_request(format!("strconv.ParseInt: parsing {text:?}: {why}"))
            };
            text.parse().map(Some).map_err(|error| wrong(&error))
        };
        let since_time = match query.non_empty("sinceTime").filter(|text| *text != "null") {
            None => None,
            Some(text) => {
                let time = time::parse(text).map_err(|error| ApiError::bad_request(error.to_string()))?;
                Some(time::format(time))
            }
        };
        Ok(Self {
            follow: query.flag("follow"),
            previous: query.flag("previous"),
            timestamps: query.flag("timestamps"),
            since_seconds: number("sinceSeconds")?,
            since_time,
            tail_lines: number("tailLines")?,
            limit_bytes: number("limitBytes")?,
            stream: query.get("stream").is_some(),
        })
    }

    fn validate(&self) -> Vec<field::Error> {
        let mut wrong = Vec::new();
        if let Some(lines) = self.tail_lines.filter(|lines| *lines < 0) {
            wrong.push(Path::root("tailLines").invalid(lines, "must be greater than or equal to 0"));
        }
        if let Some(bytes) = self.limit_bytes.filter(|bytes| *bytes < 1) {
            wrong.push(Path::root("limitBytes").invalid(bytes, "must be greater than 0"));
        }
        match (self.since_seconds, &self.since_time) {
            (Some(_), Some(_)) => {
                wrong.push(Path::root("").forbidden("at most one of `sinceTime` or `sinceSeconds` may be specified"));
            }
            (Some(secs), None) if secs < 1 => {
                wrong.push(Path::root("sinceSeconds").invalid(secs, "must be greater than 0"));
            }
            _ => {}
        }
        // Only with upstream's alpha gate PodLogsQuerySplitStreams may a client choose.
        if self.stream {
            wrong.push(Path::root("stream").forbidden("may not be specified"));
        }
        wrong
    }

    /// As the kubelet reads them.
    fn to_query(&self) -> String {
        let mut query = String::new();
        for (name, flag) in [("follow", self.follow), ("previous", self.previous), ("timestamps", self.timestamps)] {
            if flag {
                pair(&mut query, name, "true");
            }
        }
        let numbers =
            [("sinceSeconds", self.since_seconds), ("tailLines", self.tail_lines), ("limitBytes", self.limit_bytes)];
        for (name, number) in numbers.into_iter().filter_map(|(name, number)| Some((name, number?))) {
            pair(&mut query, name, &number.to_string());
        }
        if let Some(time) = &self.since_time {
            pair(&mut query, "sinceTime", time);
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options() {
        for (query, wanted) in [
            ("", Ok("")),
            ("follow&timestamps=0&previous=true", Ok("follow=true&previous=true")),
            ("tailLines=5&limitBytes=1", Ok("tailLines=5&limitBytes=1")),
            ("sinceTime=2024-01-01T00:00:00%2B01:00", Ok("sinceTime=2023%2D12%2D31T23%3A00%3A00Z")),
            ("tailLines=x", Err("strconv.ParseInt: parsing \"x\": invalid syntax")),
            (
                "tailLines=99999999999999999999",
                Err("strconv.ParseInt: parsing \"99999999999999999999\": value out of range"),
            ),
            (
                "sinceTime=noon",
                Err("parsing time \"noon\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"noon\" as \"2006\""),
            ),
            ("tailLines=-1", Err("tailLines: Invalid value: -1: must be greater than or equal to 0")),
            ("limitBytes=0", Err("limitBytes: Invalid value: 0: must be greater than 0")),
            ("sinceSeconds=0", Err("sinceSeconds: Invalid value: 0: must be greater than 0")),
            (
                "sinceSeconds=0&sinceTime=2024-01-01T00:00:00Z",
                Err(": Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"),
            ),
            ("stream=Stdout", Err("stream: Forbidden: may not be specified")),
        ] {
            let outcome = Options::read(&Query::parse(query)).map_err(|error| error.message().to_owned());
            let outcome = outcome.and_then(|options| match options.validate().first() {
                Some(wrong) => Err(wrong.to_string()),
                None => Ok(options.to_query()),
            });
            assert_eq!(outcome.as_deref().map_err(String::as_str), wanted, "{query}");
        }
    }
}
