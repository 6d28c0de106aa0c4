//! WATCH: a stream of events, from a revision or from everything that is there.
//!
//! Each watcher is a cursor in the store; its events are copies of the store's bytes, gathered into one piece for as
//! long as more are at hand. No task runs for it: the connection polls the stream.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::stream;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use kubernel_kinds::Source;
use kubernel_meta::{ApiError, ListOptions, Object};
use kubernel_metrics::Histogram;
use kubernel_schema::protobuf;
use kubernel_store::{At, Entry, Event, StoreError, Watch};
use rand::RngExt as _;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::negotiate::{Media, Output, Scope, Transform};
use crate::resources::Resource;
use crate::{ApiServer, binary, crds, document, request, table};

use super::live::LiveWatch;
use super::select::Select;
use super::{bare, parse_version, store_error, websocket};

/// How long a watch lasts where the client says nothing, in seconds: at random in this range, so that clients do not
/// come back all at once.
const DEFAULT_SECS: std::ops::Range<u64> = 1800..3600;
/// How often a watcher that asked for bookmarks gets one.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// How long before the end of the watch it gets the last one.
const BOOKMARK_BEFORE_END: Duration = Duration::from_secs(2);
/// Initial events go out in pieces of about this size.
const PIECE_BYTES: usize = 64 * 1024;
const INITIAL_END: &str = "k8s.io/initial-events-end";

/// Where events come from.
pub(super) enum Feed {
    /// The store.
    Store(Box<dyn Watch>),
    /// Somebody's memory.
    Live(LiveWatch),
    /// Nowhere any more: what is queued is the end.
    Ended,
}

/// A running watch.
pub(super) struct Stream {
    resource: Arc<Resource>,
    select: Select,
    /// What the keys of its objects start with: a narrowed feed knows the resource alone.
    prefix: String,
    writer: Writer,
    /// What was there when the watch began, still to be sent.
    initial: std::vec::IntoIter<Arc<Entry>>,
    /// The revision of `initial`, where a bookmark ends it.
    initial_end: Option<u64>,
    /// An error that ends the stream.
    error: Option<ApiError>,
    feed: Feed,
    bookmarks: bool,
    next_bookmark: Instant,
    deadline: Instant,
    shutdown: CancellationToken,
    /// Cancelled when the resource is no longer served like that.
    retired: CancellationToken,
    server: ApiServer,
    /// Where the sizes of its events are counted.
    sizes: Arc<Histogram>,
}

/// Writes events in the negotiated form.
pub(super) struct Writer {
    resource: Arc<Resource>,
    output: Output,
    include: table::Include,
    /// Whether a Table with column definitions was sent.
    headed: bool,
}

/// Answers a WATCH.
pub(crate) async fn watch(
    context: &Context,
    resource: &Arc<Resource>,
    mut parts: Parts,
) -> Result<Response<Body>, ApiError> {
    let output = context.output(Scope::Watch, binary::has_form(resource))?;
    let mut options = request::list_options(&context.query, true)?;
    let info = &context.info;
    if !info.name.is_empty() && options.fields.exact("metadata.name") != Some(info.name.as_str()) {
        if !options.fields.is_empty() {
            return Err(ApiError::bad_request("fieldSelector metadata.name doesn't match requested name"));
        }
        options.fields.terms.push(("metadata.name".to_owned(), info.name.clone(), true));
    }
    let stream = open(context, resource, &options, output).await?;
    if websocket::is_requested(&context.headers) {
        return websocket::serve(&context.headers, &mut parts.extensions, stream);
    }
    let pieces = stream::unfold(stream, |mut stream| async move {
        let events = stream.next().await?;
        let piece = match <[Bytes; 1]>::try_from(events) {
            Ok([one]) => one,
            Err(many) => {
                let mut piece = BytesMut::with_capacity(many.iter().map(Bytes::len).sum());
                many.iter().for_each(|event| piece.extend_from_slice(event));
                piece.freeze()
            }
        };
        Some((Ok::<Bytes, std::io::Error>(piece), stream))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    *response.status_mut() = StatusCode::OK;
    let content_type = match output.media {
        Media::Protobuf => "application/vnd.kubernetes.protobuf;stream=watch",
        Media::Json | Media::Yaml => "application/json",
    };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    Ok(response)
}

async fn open(
    context: &Context,
    resource: &Arc<Resource>,
    options: &ListOptions,
    output: Output,
) -> Result<Stream, ApiError> {
    let select = Select::new(resource, options)?;
    let secs = options.timeout_secs.filter(|secs| *secs > 0).unwrap_or_else(|| rand::rng().random_range(DEFAULT_SECS));
    let now = Instant::now();
    let deadline = now + Duration::from_secs(secs.min(24 * 3600));
    let writer = Writer { resource: resource.clone(), output, include: table::include(context)?, headed: false };
    let version = match &options.resource_version {
        None => None,
        Some(text) => Some(parse_version(text).map_err(bare)?),
    };
    let mut stream = Stream {
        resource: resource.clone(),
        select,
        prefix: String::new(),
        writer,
        initial: Vec::new().into_iter(),
        initial_end: None,
        error: None,
        feed: Feed::Ended,
        bookmarks: options.allow_watch_bookmarks,
        next_bookmark: now + BOOKMARK_EVERY,
        deadline,
        shutdown: context.server.shutdown_token(),
        retired: resource.custom.as_ref().map(|custom| custom.retired.clone()).unwrap_or_default(),
        server: context.server.clone(),
        sizes: context.server.metrics().requests.events(resource),
    };
    if resource.kind.source != Source::Store {
        let namespace = context.info.namespace.clone();
        let send_initial = options.send_initial_events.unwrap_or(version.is_none_or(|version| version == 0));
        let end = options.send_initial_events == Some(true);
        stream.feed = Feed::Live(LiveWatch::new(context, resource, namespace, send_initial, end));
        return Ok(stream);
    }
    let namespace = match context.info.namespace.as_str() {
        "" => stream.select.namespace().unwrap_or_default().to_owned(),
        named => named.to_owned(),
    };
    let prefix = match stream.select.name() {
        Some(name) if !namespace.is_empty() || !resource.kind.namespaced => resource.key(&namespace, name).to_string(),
        _ => resource.collection_prefix(&namespace),
    };
    let store = context.server.store();
    let initial = options.send_initial_events.unwrap_or(version.is_none_or(|version| version == 0));
    let after = if initial {
        let at = version.map_or(At::Latest, At::NotOlderThan);
        let snapshot = store.snapshot(&prefix, at).await.map_err(store_error)?;
        let entries: Vec<Arc<Entry>> = if resource.custom.is_some() {
            let all = crds::seen(&context.server, resource, snapshot.range(&prefix, "").collect()).await?;
            all.into_iter().filter(|entry| stream.select.entry(entry)).collect()
        } else {
            snapshot.range(&prefix, "").filter(|entry| stream.select.entry(entry)).collect()
        };
        stream.initial = entries.into_iter();
        stream.initial_end = (options.send_initial_events == Some(true)).then(|| snapshot.revision());
        snapshot.revision()
    } else {
        version.filter(|version| *version > 0).unwrap_or_else(|| store.revision())
    };
    let watch = match stream.select.topic(resource, &namespace) {
        Some(topic) => context.server.hubs().watch(store, &resource.key_prefix, topic, after),
        None => store.watch(&prefix, after),
    };
    stream.prefix = prefix;
    match watch {
        Ok(watch) => stream.feed = Feed::Store(watch),
        Err(error) => stream.error = Some(too_old(error)),
    }
    Ok(stream)
}

fn too_old(error: StoreError) -> ApiError {
    match error {
        StoreError::Compacted { requested, oldest } => {
            ApiError::expired(format!("too old resource version: {requested} ({oldest})"))
        }
        other => store_error(other),
    }
}

impl Stream {
    /// Whether events are protobuf frames.
    pub(super) fn is_binary(&self) -> bool {
        self.writer.output.media == Media::Protobuf
    }

    /// The next events, each as its own text with a newline or as its own frame; `None` is the end.
    pub(super) async fn next(&mut self) -> Option<Vec<Bytes>> {
        let events = self.take().await?;
        for event in &events {
            #[expect(clippy::cast_precision_loss, reason = "no event has 2^53 bytes")]
            self.sizes.observe(event.len() as f64);
        }
        Some(events)
    }

    async fn take(&mut self) -> Option<Vec<Bytes>> {
        loop {
            let mut out = Vec::new();
            let mut size = 0;
            for entry in self.initial.by_ref() {
                if let Some(event) = self.writer.entry("ADDED", &entry) {
                    size += event.len();
                    out.push(event);
                }
                if size >= PIECE_BYTES {
                    return Some(out);
                }
            }
            if let Some(revision) = self.initial_end.take() {
                out.push(self.writer.bookmark(revision, true));
            }
            if let Some(error) = self.error.take() {
                self.feed = Feed::Ended;
                out.push(self.writer.error(&error));
            }
            if !out.is_empty() {
                return Some(out);
            }
            let now = Instant::now();
            if now >= self.deadline || self.shutdown.is_cancelled() {
                return None;
            }
            let last_bookmark = self.deadline.checked_sub(BOOKMARK_BEFORE_END).filter(|at| *at > now);
            let mut wake = self.deadline;
            if self.bookmarks {
                wake = wake.min(self.next_bookmark).min(last_bookmark.unwrap_or(wake));
            }
            let events = match &mut self.feed {
                Feed::Ended => return None,
                Feed::Store(watch) => tokio::select! {
                    biased;
                    events = watch.next() => Some(events),
                    () = self.shutdown.cancelled() => return None,
                    () = self.retired.cancelled() => return None,
                    () = tokio::time::sleep_until(wake) => None,
                },
                Feed::Live(live) => {
                    let events = tokio::select! {
                        events = live.next(&self.resource, &self.select, &mut self.writer) => events?,
                        () = self.shutdown.cancelled() => return None,
                        () = tokio::time::sleep_until(wake) => Vec::new(),
                    };
                    if !events.is_empty() {
                        return Some(events);
                    }
                    self.next_bookmark = Instant::now() + BOOKMARK_EVERY;
                    continue;
                }
            };
            match events {
                Some(Ok(events)) => {
                    let events = match crds::events(&self.server, &self.resource, events).await {
                        Ok(events) => events,
                        Err(error) => {
                            self.error = Some(error);
                            continue;
                        }
                    };
                    let out: Vec<Bytes> = events.iter().filter_map(|event| self.event(event)).collect();
                    if !out.is_empty() {
                        return Some(out);
                    }
                }
                Some(Err(error)) => self.error = Some(too_old(error)),
                None if self.bookmarks && Instant::now() < self.deadline => {
                    self.next_bookmark = Instant::now() + BOOKMARK_EVERY;
                    if let Feed::Store(watch) = &mut self.feed {
                        let revision = watch.progress();
                        return Some(vec![self.writer.bookmark(revision, false)]);
                    }
                }
                None => {}
            }
        }
    }

    /// What a change of the store is to this watcher: objects come and go with the selector, too.
    fn event(&mut self, event: &Event) -> Option<Bytes> {
        if !event.entry.key.starts_with(&*self.prefix) {
            return None;
        }
        let now = !event.deleted && self.select.entry(&event.entry);
        let before = event.previous.as_ref().filter(|previous| self.select.entry(previous));
        match (before, now) {
            (None, true) => self.writer.entry("ADDED", &event.entry),
            (Some(_), true) => self.writer.entry("MODIFIED", &event.entry),
            (Some(_), false) if event.deleted => self.writer.entry("DELETED", &event.entry),
            (Some(previous), false) => self.writer.json("DELETED", &at_revision(previous, event.revision)),
            (None, false) => None,
        }
    }
}

/// An entry's JSON with another resourceVersion.
fn at_revision(entry: &Entry, revision: u64) -> Bytes {
    let digits = entry.json.get(entry.hole..).map_or(0, |rest| rest.iter().take_while(|b| b.is_ascii_digit()).count());
    let mut out = BytesMut::with_capacity(entry.json.len() + 8);
    out.extend_from_slice(&entry.json[..entry.hole.min(entry.json.len())]);
    out.extend_from_slice(revision.to_string().as_bytes());
    out.extend_from_slice(entry.json.get(entry.hole + digits..).unwrap_or_default());
    out.freeze()
}

impl Writer {
    fn entry(&mut self, kind: &str, entry: &Entry) -> Option<Bytes> {
        if self.output.media != Media::Protobuf || self.output.transform != Transform::None {
            return self.json(kind, &entry.json);
        }
        self.logged(|writer| Ok(writer.message(kind, &binary::of_entry(&writer.resource, entry)?)))
    }

    /// An event about an object of the resource, whose message this is.
    fn message(&self, kind: &str, message: &[u8]) -> Bytes {
        let object = binary::enveloped(&self.resource.api_version, &self.resource.gvk.kind, message);
        binary::frame(kind, &object)
    }

    /// An event about a stored object; `None` where it cannot be read, which is logged.
    pub(super) fn json(&mut self, kind: &str, stored: &Bytes) -> Option<Bytes> {
        let as_stored = self.output.transform == Transform::None && self.resource.kind.stored_as.is_none();
        if as_stored && self.output.media != Media::Protobuf {
            return Some(frame(kind, stored));
        }
        let plain = self.resource.kind.stored_as.is_none() && self.output.media != Media::Protobuf;
        self.logged(|writer| {
            if plain && writer.output.transform == Transform::PartialObject {
                return Ok(frame(kind, &table::partial_json(&writer.resource, stored, writer.output.beta)?));
            }
            let mut object = document::parse(stored)?;
            if let Some(stored_as) = writer.resource.kind.stored_as {
                (stored_as.from_stored)(&mut object);
            }
            match (writer.output.transform, writer.output.media) {
                (Transform::None, Media::Protobuf) => {
                    Ok(writer.message(kind, &protobuf::message(&writer.resource.schema, &object)))
                }
                (Transform::None, _) => Ok(frame(kind, &document::to_json(&object)?)),
                _ => {
                    let view = writer.transformed(&object);
                    Ok(writer.value(kind, &view))
                }
            }
        })
    }

    /// What was written, or `None` and a line in the log.
    fn logged(&mut self, write: impl FnOnce(&mut Self) -> Result<Bytes, ApiError>) -> Option<Bytes> {
        write(self)
            .inspect_err(|error| {
                tracing::error!(%error, resource = %self.resource.gvr.resource, "an event could not be written");
            })
            .ok()
    }

    /// An event about a value of a kind that the API itself defines.
    fn value(&self, kind: &str, value: &Value) -> Bytes {
        let message = if self.output.media == Media::Protobuf { binary::of_value(value) } else { None };
        match message {
            Some(message) => binary::frame(kind, &message),
            None => frame(kind, value.to_string().as_bytes()),
        }
    }

    /// The event that ends a stream for a reason.
    fn error(&self, error: &ApiError) -> Bytes {
        self.value("ERROR", &error.to_status())
    }

    fn transformed(&mut self, object: &Object) -> Value {
        let beta = self.output.beta;
        if self.output.transform != Transform::Table {
            return table::partial(&self.resource, object, beta);
        }
        let meta = json!({ "resourceVersion": object.resource_version() });
        let now = jiff::Timestamp::now();
        let objects = std::slice::from_ref(object);
        let mut value = table::of(&self.resource, objects, &meta, beta, self.include, now);
        if std::mem::replace(&mut self.headed, true) {
            value["columnDefinitions"] = Value::Null;
        }
        value
    }

    /// A bookmark at this revision.
    pub(super) fn bookmark(&mut self, revision: u64, initial_end: bool) -> Bytes {
        let mut metadata = json!({ "resourceVersion": revision.to_string() });
        if initial_end {
            metadata["annotations"] = json!({ INITIAL_END: "true" });
        }
        let object = match self.output.transform {
            Transform::PartialObject | Transform::PartialObjectList => {
                let version = if self.output.beta { "meta.k8s.io/v1beta1" } else { "meta.k8s.io/v1" };
                json!({ "kind": "PartialObjectMetadata", "apiVersion": version, "metadata": metadata })
            }
            Transform::None | Transform::Table => {
                let (kind, version) = (&self.resource.gvk.kind, &self.resource.api_version);
                json!({ "kind": kind, "apiVersion": version, "metadata": metadata })
            }
        };
        self.value("BOOKMARK", &object)
    }
}

/// `{"type":"ADDED","object":…}` and a newline.
fn frame(kind: &str, json: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(json.len() + 40);
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"object\":");
    out.extend_from_slice(json);
    out.extend_from_slice(b"}\n");
    out.freeze()
}
