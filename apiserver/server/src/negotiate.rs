//! Which form an answer takes (`Accept`) and which one a body has (`Content-Type`).
//!
//! It decides and refuses; reading and writing the forms is done elsewhere (`body`, `respond`).

use http::{HeaderMap, header};
use kubernel_meta::{ApiError, Details, Reason};

/// A media type that the server reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    Yaml,
    Protobuf,
}

/// What the object is turned into before it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transform {
    None,
    Table,
    PartialObject,
    PartialObjectList,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    /// The media type.
    pub(crate) media: Media,
    /// The transformation.
    pub(crate) transform: Transform,
    /// Of the transformed kind: `v1` or `v1beta1`.
    pub(crate) beta: bool,
    /// Indented for people.
    pub(crate) pretty: bool,
}

/// What kind of answer is negotiated: decides what is acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Get, list and watch of a collection.
    Collection,
    /// Anything else about an object.
    Object,
    /// A watch stream.
    Watch,
}

const ACCEPTED: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
const STREAMED: &str = "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";

impl Output {
    /// Plain JSON.
    pub(crate) const JSON: Self = Self { media: Media::Json, transform: Transform::None, beta: false, pretty: false };
}

impl Media {
    /// The `Content-Type` of answers.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Yaml => "application/yaml",
            Self::Protobuf => "application/vnd.kubernetes.protobuf",
        }
    }
}

/// Picks the form of the answer. `binary` says whether what is asked for has a protobuf form; views of its metadata
/// always have one.
pub(crate) fn output(
    headers: &HeaderMap,
    pretty: Option<&str>,
    scope: Scope,
    binary: bool,
) -> Result<Output, ApiError> {
    let accept = accepted(headers);
    let pretty = is_pretty(headers, pretty);
    if accept.trim().is_empty() {
        return Ok(Output { pretty, ..Output::JSON });
    }
    routable(accept, scope)?;
    for clause in clauses(accept) {
        let media = match clause.media {
            "application/json" | "*/*" | "application/*" => Media::Json,
            "application/yaml" if scope != Scope::Watch => Media::Yaml,
            "application/vnd.kubernetes.protobuf" => Media::Protobuf,
            _ => continue,
        };
        let Some((transform, beta)) = clause.transform() else { continue };
        let has_form = match transform {
            Transform::None => binary,
            Transform::Table => false,
            Transform::PartialObject | Transform::PartialObjectList => true,
        };
        if (media == Media::Protobuf && !has_form) || !matches!(clause.parameter("stream"), "" | "watch") {
            continue;
        }
        return Ok(Output { media, transform, beta, pretty: pretty || clause.parameter("pretty") == "1" });
    }
    Err(not_acceptable(scope))
}

/// Picks the form of the Status of a failed request: JSON where nothing fits, because the failure must be told.
pub(crate) fn status(headers: &HeaderMap, pretty: Option<&str>) -> Output {
    let pretty = is_pretty(headers, pretty);
    let plain = |clause: &Clause<'_>| clause.parameter("as").is_empty() && clause.parameter("stream").is_empty();
    for clause in clauses(accepted(headers)).into_iter().filter(plain) {
        let media = match clause.media {
            "application/json" | "*/*" | "application/*" => Media::Json,
            "application/yaml" => Media::Yaml,
            "application/vnd.kubernetes.protobuf" => Media::Protobuf,
            _ => continue,
        };
        return Output { media, pretty: pretty || clause.parameter("pretty") == "1", ..Output::JSON };
    }
    Output::JSON
}

fn accepted(headers: &HeaderMap) -> &str {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The clauses of an `Accept` header, the most wanted first: by quality, then those that name a type.
fn clauses(accept: &str) -> Vec<Clause<'_>> {
    let mut clauses: Vec<Clause<'_>> = accept.split(',').filter_map(Clause::parse).collect();
    let wild = |clause: &Clause<'_>| clause.media.matches('*').count();
    clauses.sort_by(|a, b| b.quality.total_cmp(&a.quality).then(wild(a).cmp(&wild(b))));
    clauses
}

/// The media type in which a client wants aggregated discovery; `None` where it wants the older documents more, or
/// takes none that we have.
pub(crate) fn aggregated_discovery(headers: &HeaderMap) -> Option<Media> {
    for clause in clauses(accepted(headers)) {
        let media = match clause.media {
            "application/json" | "*/*" | "application/*" => Media::Json,
            "application/yaml" => Media::Yaml,
            "application/vnd.kubernetes.protobuf" => Media::Protobuf,
            _ => continue,
        };
        match (clause.parameter("as"), clause.parameter("g"), clause.parameter("v")) {
            ("", ..) => return None,
            ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2") => return Some(media),
            _ => {}
        }
    }
    None
}

/// Which of these media types an `Accept` header wants most; no header is the first.
pub(crate) fn preferred<'a>(headers: &HeaderMap, offered: &[&'a str]) -> Option<&'a str> {
    let accept = accepted(headers);
    if accept.is_empty() {
        return offered.first().copied();
    }
    let matches = |clause: &Clause<'_>, offer: &str| {
        clause.media == offer
            || clause.media == "*/*"
            || clause.media.strip_suffix("/*").is_some_and(|class| offer.split('/').next() == Some(class))
    };
    clauses(accept).iter().find_map(|clause| offered.iter().copied().find(|offer| matches(clause, offer)))
}

/// Whether people read the answer: the client says so, or is a browser or curl.
fn is_pretty(headers: &HeaderMap, pretty: Option<&str>) -> bool {
    match pretty {
        Some(value) => !matches!(value, "0" | "false"),
        None => {
            let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
            ["curl", "Wget", "Mozilla/5.0"].iter().any(|prefix| agent.starts_with(prefix))
        }
    }
}

/// The form of a body; `None` for an unknown one. No `Content-Type` is JSON.
pub(crate) fn input(headers: &HeaderMap) -> Option<Media> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Some(Media::Json) };
    let text = value.to_str().ok()?.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match text.as_str() {
        "application/json" | "" => Some(Media::Json),
        "application/yaml" => Some(Media::Yaml),
        "application/vnd.kubernetes.protobuf" => Some(Media::Protobuf),
        _ => None,
    }
}

/// 415 for a body whose form is unknown.
pub(crate) fn unsupported(accepted: &str) -> ApiError {
    let message =
        format!("the body of the request was in an unknown format - accepted media types include: {accepted}");
    ApiError::new(415, Reason::UnsupportedMediaType, message)
}

/// 415 for a write.
pub(crate) fn unsupported_write() -> ApiError {
    unsupported(ACCEPTED)
}

/// 406 with the media types that there are.
fn not_acceptable(scope: Scope) -> ApiError {
    let accepted = if scope == Scope::Watch { STREAMED } else { ACCEPTED };
    let message = format!("only the following media types are accepted: {accepted}");
    ApiError::new(406, Reason::NotAcceptable, message)
}

/// Upstream's router refuses what matches none of a route's media types before its negotiation runs, in other words.
fn routable(accept: &str, scope: Scope) -> Result<(), ApiError> {
    let collection = scope != Scope::Object;
    let known = |clause: &str| {
        let media = clause.split(';').next().unwrap_or_default().trim();
        matches!(media, "*/*" | "application/json" | "application/yaml" | "application/vnd.kubernetes.protobuf")
    };
    if accept.split(',').any(known) {
        return Ok(());
    }
    let mut available = ACCEPTED.to_owned();
    if collection {
        available = format!("{ACCEPTED}, {STREAMED}");
    }
    let message = format!("406: Not Acceptable\n\nAvailable representations: {available}");
    Err(ApiError::new(406, Reason::NotAcceptable, message).with_details(Details::default()))
}

/// One clause of an `Accept` header.
struct Clause<'a> {
    media: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    quality: f32,
}

impl<'a> Clause<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut words = text.split(';').map(str::trim);
        let media = words.next().filter(|media| !media.is_empty())?;
        let parameters: Vec<(&str, &str)> = words.filter_map(|word| word.split_once('=')).collect();
        let mut clause = Self { media, parameters, quality: 1.0 };
        clause.quality = clause.parameter("q").parse().unwrap_or(1.0);
        Some(clause)
    }

    fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }

    /// What the clause wants the object turned into, and whether in v1beta1; `None` where that does not exist.
    fn transform(&self) -> Option<(Transform, bool)> {
        let transform = match self.parameter("as") {
            "" => return Some((Transform::None, false)),
            "Table" => Transform::Table,
            "PartialObjectMetadata" => Transform::PartialObject,
            "PartialObjectMetadataList" => Transform::PartialObjectList,
            _ => return None,
        };
        match (self.parameter("g"), self.parameter("v")) {
            ("meta.k8s.io", "v1") => Some((transform, false)),
            ("meta.k8s.io", "v1beta1") => Some((transform, true)),
            _ => None,
        }
    }
}
