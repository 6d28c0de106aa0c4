//! OpenAPI documents: v3 one for each group and version and for each path that is about none, v2 all in one. Each is made
//! when it is first asked for and kept compressed, which is how most clients want it. When the table of resources
//! changes, the documents of groups and versions that did not change are taken over.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use kubernel_meta::{ApiError, GroupVersion, Gvk};
use kubernel_schema::openapi::{self, Fixed};
use serde_json::{Map, Value, json};

use crate::aggregation;
use crate::context::Context;
use crate::resources::{Resource, Resources};
use crate::verbs::delete::deletion_shows_object;
use crate::{negotiate, respond};

const JSON: &str = "application/json";
/// What clients may ask for besides JSON, under its newer and its older name; answers carry the newer one.
const V2_PROTOBUF: [&str; 2] = [
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
];
const V3_PROTOBUF: [&str; 2] = [
    "application/com.github.proto-openapi.spec.v3.v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v3@v1.0+protobuf",
];

/// The documents of one table of resources.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    /// By their names, which are paths: `apis/apps/v1`.
    v3: BTreeMap<String, Arc<Document>>,
    v2: OnceLock<Packed>,
    v2_binary: OnceLock<Packed>,
}

/// A v3 document, made or not.
#[derive(Debug)]
struct Document {
    about: About,
    packed: OnceLock<Packed>,
    binary: OnceLock<Packed>,
}

/// What a document is about.
#[derive(Debug)]
enum About {
    Version(GroupVersion, Vec<Arc<Resource>>),
    Fixed(Fixed),
}

/// A compressed document.
#[derive(Debug)]
struct Packed {
    gzip: Bytes,
    hash: String,
}

/// Answers `/openapi/v3` and what is below it.
pub(super) async fn v3(context: &Context, parts: &Parts, rest: &[&str]) -> Result<Response<Body>, ApiError> {
    let headers = &context.headers;
    let resources = context.resources.clone();
    let name = rest.join("/");
    if name.is_empty() {
        let index = made(move || resources.openapi().index()).await?;
        let merged = aggregation::v3_index(context.server.aggregation(), || index.value());
        return serve(headers, &merged.map_or(index, |merged| Packed::new(&merged)), JSON, false);
    }
    if let Some(response) = aggregation::v3_document(context, &name, parts).await {
        return Ok(response);
    }
    let Some(binary) = binary_wanted(headers, V3_PROTOBUF) else { return Ok(not_acceptable()) };
    let Some(document) = resources.openapi().v3.get(&name).cloned() else {
        return Ok(respond::text(StatusCode::NOT_FOUND, "404 page not found\n"));
    };
    let document = made(move || {
        if binary {
            document.binary()
        } else {
            document.packed()
        };
        document
    })
    .await?;
    let (found, media) = if binary { (document.binary(), V3_PROTOBUF[0]) } else { (document.packed(), JSON) };
    match context.query.non_empty("hash") {
        Some(hash) if hash != found.hash => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
            let url = format!("/openapi/v3/{name}?hash={}", found.hash);
            let value = HeaderValue::from_str(&url).map_err(ApiError::internal)?;
            response.headers_mut().insert(header::LOCATION, value);
            Ok(response)
        }
        hash => serve(headers, found, media, hash.is_some()),
    }
}

/// Answers `/openapi/v2`.
pub(super) async fn v2(context: &Context, headers: &HeaderMap) -> Result<Response<Body>, ApiError> {
    let Some(binary) = binary_wanted(headers, V2_PROTOBUF) else { return Ok(not_acceptable()) };
    let resources = context.resources.clone();
    let others = aggregation::v2_documents(&context.server).await;
    let media = if binary { V2_PROTOBUF[0] } else { JSON };
    if !others.is_empty() {
        let merged = move || Packed::v2(&aggregation::v2_merged(v2_document(&resources), &others), binary);
        return serve(headers, &made(merged).await?, media, false);
    }
    let resources = made(move || {
        resources.openapi().v2(&resources, binary);
        resources
    })
    .await?;
    serve(headers, resources.openapi().v2(&resources, binary), media, false)
}

/// Lets a document be made where it does not hold up other requests.
async fn made<T: Send + 'static>(make: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(make).await.map_err(ApiError::internal)
}

impl Documents {
    /// The documents of these resources. What `earlier` ones say of the same resources is not made again.
    pub(crate) fn new(resources: &[Arc<Resource>], earlier: Option<&Self>) -> Self {
        let mut versions: BTreeMap<GroupVersion, Vec<Arc<Resource>>> = BTreeMap::new();
        for resource in resources {
            let version = GroupVersion::new(&*resource.gvk.group, &*resource.gvk.version);
            versions.entry(version).or_default().push(resource.clone());
        }
        let fixed = fixed(resources).into_iter().map(About::Fixed);
        let all = versions.into_iter().map(|(version, resources)| About::Version(version, resources)).chain(fixed);
        let v3 = all.map(|about| {
            let name = about.name();
            let known = earlier.and_then(|earlier| earlier.v3.get(&name)).filter(|known| known.about.is_same(&about));
            let document = known
                .cloned()
                .unwrap_or_else(|| Arc::new(Document { about, packed: OnceLock::new(), binary: OnceLock::new() }));
            (name, document)
        });
        Self { v3: v3.collect(), ..Self::default() }
    }

    fn index(&self) -> Packed {
        let entry = |(name, document): (&String, &Arc<Document>)| {
            let url = format!("/openapi/v3/{name}?hash={}", document.packed().hash);
            (name.clone(), json!({ "serverRelativeURL": url }))
        };
        let paths: Map<String, Value> = self.v3.iter().map(entry).collect();
        Packed::new(&json!({ "paths": paths }))
    }

    fn v2(&self, resources: &Resources, binary: bool) -> &Packed {
        let kept = if binary { &self.v2_binary } else { &self.v2 };
        kept.get_or_init(|| Packed::v2(&v2_document(resources), binary))
    }
}

/// What v2 says of these resources.
fn v2_document(resources: &Resources) -> Value {
    let all: Vec<Arc<Resource>> = resources.iter().cloned().collect();
    openapi::v2(&fixed(&all), &all.iter().map(described).collect::<Vec<_>>())
}

impl Document {
    fn packed(&self) -> &Packed {
        self.packed.get_or_init(|| Packed::new(&self.value()))
    }

    /// The same in protobuf, under the hash of the JSON: it is one document.
    fn binary(&self) -> &Packed {
        self.binary.get_or_init(|| {
            let hash = self.packed().hash.clone();
            Packed { hash, ..Packed::of(&openapi::v3_binary(&self.value())) }
        })
    }

    fn value(&self) -> Value {
        match &self.about {
            About::Fixed(fixed) => openapi::v3_fixed(fixed),
            About::Version(version, resources) => {
                openapi::v3(version, &resources.iter().map(described).collect::<Vec<_>>())
            }
        }
    }
}

impl About {
    fn name(&self) -> String {
        match self {
            Self::Fixed(fixed) => fixed.name().into_owned(),
            Self::Version(version, _) if version.group.is_empty() => format!("api/{version}"),
            Self::Version(version, _) => format!("apis/{version}"),
        }
    }

    /// Whether a document about this says what one about the other says.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Fixed(one), Self::Fixed(other)) => one == other,
            (Self::Version(_, one), Self::Version(_, other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| Arc::ptr_eq(one, other))
            }
            _ => false,
        }
    }
}

/// The paths that are about no kind; a group has one where a kind of it is part of the binary.
fn fixed(resources: &[Arc<Resource>]) -> Vec<Fixed> {
    let mut all = vec![Fixed::Core, Fixed::Groups, Fixed::Version, Fixed::Issuer, Fixed::IssuerKeys];
    for resource in resources.iter().filter(|resource| resource.kind.is_built_in()) {
        let group = Fixed::Group(resource.gvk.group.clone());
        if !resource.gvk.group.is_empty() && !all.contains(&group) {
            all.push(group);
        }
    }
    all
}

/// A resource as the documents describe it.
fn described(resource: &Arc<Resource>) -> openapi::Resource {
    let texts = |texts: &[kubernel_kinds::Text]| texts.iter().map(ToString::to_string).collect();
    let subresource = |sub: &kubernel_kinds::Subresource| openapi::Subresource {
        name: sub.name.to_string(),
        gvk: sub.kind.as_ref().map(|(group, version, kind)| Gvk::new(&**group, &**version, &**kind)),
        verbs: texts(&sub.verbs),
    };
    openapi::Resource {
        gvk: resource.gvk.clone(),
        plural: resource.gvr.resource.clone(),
        namespaced: resource.kind.namespaced,
        verbs: texts(&resource.kind.verbs),
        definition: resource.definition.clone(),
        subresources: resource.kind.subresources.iter().map(subresource).collect(),
        deletion_shows_object: deletion_shows_object(resource),
    }
}

impl Packed {
    fn new(document: &Value) -> Self {
        Self::of(document.to_string().as_bytes())
    }

    fn v2(document: &Value, binary: bool) -> Self {
        if binary { Self::of(&openapi::v2_binary(document)) } else { Self::new(document) }
    }

    fn value(&self) -> Option<Value> {
        serde_json::from_slice(&self.unpacked().ok()?).ok()
    }

    fn of(bytes: &[u8]) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let gzip = encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default();
        Self { gzip: gzip.into(), hash: openapi::hash(bytes) }
    }

    fn unpacked(&self) -> Result<Vec<u8>, ApiError> {
        let mut bytes = Vec::new();
        GzDecoder::new(&*self.gzip).read_to_end(&mut bytes).map_err(ApiError::internal)?;
        Ok(bytes)
    }
}

/// Whether a client wants protobuf rather than JSON; `None` for one that takes neither.
fn binary_wanted(headers: &HeaderMap, protobuf: [&'static str; 2]) -> Option<bool> {
    negotiate::preferred(headers, &[JSON, protobuf[0], protobuf[1]]).map(|media| media != JSON)
}

/// 406 without a word, as upstream's handlers of these documents have it.
fn not_acceptable() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_ACCEPTABLE;
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}

fn serve(
    headers: &HeaderMap,
    document: &Packed,
    media: &'static str,
    immutable: bool,
) -> Result<Response<Body>, ApiError> {
    let etag = format!("\"{}\"", document.hash);
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let gzip = accepts.split(',').any(|word| word.split(';').next().unwrap_or_default().trim() == "gzip");
    let mut response = if super::has(headers, &etag) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else if gzip {
        let mut response = Response::new(Body::from(document.gzip.clone()));
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        Response::new(Body::from(document.unpacked()?))
    };
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    out.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if immutable {
        out.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, immutable"));
        let year = jiff::Timestamp::now().as_second() + 365 * 24 * 3600;
        let expires = jiff::Timestamp::from_second(year).map(|at| at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
        if let Ok(value) = HeaderValue::from_str(&expires.unwrap_or_default()) {
            out.insert(header::EXPIRES, value);
        }
    }
    if let Ok(value) = HeaderValue::from_str(&etag) {
        out.insert(header::ETAG, value);
    }
    Ok(response)
}
