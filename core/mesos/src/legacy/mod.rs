//! All of a master's paths but the scheduler's: the operator API, and the older endpoints that tools read and write.
//!
//! `endpoint.rs` knows the paths. What is shown comes from `crate::operator::show`, what is settled goes through
//! `crate::operator::deeds`; here it only takes the older form: `agents.rs`, `frameworks.rs`, `tasks.rs`, `state.rs` and
//! `roles.rs` write it, `writes.rs` reads it.

mod agents;
mod amounts;
mod endpoint;
mod frameworks;
mod json;
mod query;
mod roles;
mod state;
mod tasks;
mod writes;

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    middleware,
};
use http::{HeaderValue, Method, Response, StatusCode, header};
use tokio::sync::{Semaphore, watch};

pub(crate) use endpoint::{Endpoint, Realm};

use crate::{
    Access, Door, Principal,
    auth::{Acls, Asker, Credentials, Leader, gate},
    http::{method_not_allowed, refuse, router},
    operator::{self, Watchers, master, metrics, sight::Sight},
};
use json::Object;
use query::Query;

/// How many write down the state of a cluster at once; others wait. Each may hold as much as all tasks take as JSON.
const READERS_MAX: usize = 4;

/// What the paths of a master need.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    pub(crate) door: Door,
    pub(crate) credentials: Option<Arc<Credentials>>,
    pub(crate) acls: Arc<Acls>,
    pub(crate) leader: watch::Receiver<Leader>,
    pub(crate) watchers: Arc<Watchers>,
    readers: Arc<Semaphore>,
}

impl Desk {
    /// Whether this master leads.
    pub(crate) fn leads(&self) -> bool {
        *self.leader.borrow() == Leader::Me
    }

    /// What a caller may see.
    pub(crate) fn sight(&self, asker: Asker<'_>) -> Sight {
        Sight::new(self.door.clone(), self.acls.clone(), asker)
    }

    /// Has something looked up that may take long, where nobody else has to wait for it.
    pub(crate) async fn look<T: Send + 'static>(&self, look: impl FnOnce(&Self) -> T + Send + 'static) -> Option<T> {
        let slot = self.readers.clone().acquire_owned().await.ok()?;
        let desk = self.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            look(&desk)
        });
        looked.await.ok()
    }
}

/// All paths of a master, with whoever watches over them.
pub fn master(door: Door, access: Access) -> Router {
    let Access { credentials, acls, leader, .. } = access;
    let desk = Desk {
        door: door.clone(),
        credentials,
        acls,
        leader,
        watchers: Arc::default(),
        readers: Arc::new(Semaphore::new(READERS_MAX)),
    };
    let others = Router::new().fallback(serve).with_state(desk.clone());
    router(door).fallback_service(others).layer(middleware::from_fn_with_state(desk, gate))
}

async fn serve(State(desk): State<Desk>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Some((endpoint, below)) = Endpoint::of(parts.uri.path()) else {
        return refuse(StatusCode::NOT_FOUND, "");
    };
    if endpoint.is_led() && !desk.door.is_recovered() {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "Master has not finished recovery");
    }
    let Ok(body) = to_bytes(body, desk.door.config().body_bytes_max).await else {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large");
    };
    let asker = parts.extensions.get::<Principal>().map(|principal| principal.0.as_str());
    if endpoint == Endpoint::Operator {
        return match parts.method {
            Method::POST => operator::operate(&desk, &parts.headers, &body, asker).await,
            _ => method_not_allowed(&parts.method),
        };
    }
    let (method, uri) = (parts.method.clone(), parts.uri.clone());
    let sight = desk.sight(asker);
    let looked = desk.look(move |desk| {
        let query = Query::parse(uri.query().unwrap_or_default());
        look(desk, &sight, endpoint, &method, uri.path(), &query)
    });
    match looked.await {
        Some(Some(answer)) => answer,
        Some(None) => writes::write(&desk, endpoint, &parts.method, below, &body, asker).await,
        None => refuse(StatusCode::INTERNAL_SERVER_ERROR, ""),
    }
}

/// What an endpoint shows; `None` where something is to be settled.
fn look(
    desk: &Desk,
    sight: &Sight,
    endpoint: Endpoint,
    method: &Method,
    path: &str,
    query: &Query,
) -> Option<Response<Body>> {
    let door = &desk.door;
    let reads = *method == Method::GET;
    Some(match endpoint {
        Endpoint::State => shown(state::state(desk, sight), query),
        Endpoint::StateSummary => shown(state::summary(sight), query),
        Endpoint::Slaves => shown(agents::page(sight, query.get("slave_id")), query),
        Endpoint::Frameworks => shown(frameworks::page(sight, query.get("framework_id")), query),
        Endpoint::Tasks => shown(tasks::page(sight, query), query),
        Endpoint::Roles => shown(roles::page(sight), query),
        Endpoint::Metrics => {
            let mut object = Object::new();
            metrics::all(desk).iter().for_each(|(name, value)| object.field(name, *value));
            shown(object.finish(), query)
        }
        Endpoint::Version => shown(version(door), query),
        Endpoint::Flags if !sight.sees_flags() => refuse(StatusCode::FORBIDDEN, ""),
        Endpoint::Flags => {
            let mut object = Object::new();
            object.raw("flags", &state::flags(door));
            shown(object.finish(), query)
        }
        Endpoint::Health => refuse(StatusCode::OK, ""),
        // Another leader was looked for before.
        Endpoint::Redirect => {
            let config = door.config();
            crate::auth::redirect(&format!("//{}:{}", config.hostname, config.port))
        }
        Endpoint::Files => files(path, query),
        Endpoint::Weights if reads => shown(roles::weights(sight), query),
        Endpoint::Quota if reads => shown(roles::quota(sight), query),
        Endpoint::MaintenanceSchedule if reads => shown(state::schedule(sight), query),
        Endpoint::MaintenanceStatus => shown(state::maintenance(sight), query),
        _ => return None,
    })
}

/// No file of the master is given out: its log goes to standard output.
fn files(path: &str, query: &Query) -> Response<Body> {
    if path.contains("/files/debug") {
        return shown(Object::new().finish(), query);
    }
    if query.get("path").is_none_or(str::is_empty) {
        return refuse(StatusCode::BAD_REQUEST, "Expecting 'path=value' in query.\n");
    }
    for name in ["offset", "length"] {
        if let Some(value) = query.get(name).filter(|value| value.parse::<i64>().is_err()) {
            let why = format!("Failed to parse {name}: Failed to convert '{value}' to number.\n");
            return refuse(StatusCode::BAD_REQUEST, &why);
        }
    }
    refuse(StatusCode::NOT_FOUND, "")
}

fn version(door: &Door) -> String {
    let version = master::version(door);
    let mut object = Object::new();
    object.field("build_date", "");
    object.field("build_time", 0.0);
    object.field("build_user", version.build_user.unwrap_or_default());
    object.field("git_tag", version.git_tag.unwrap_or_default());
    object.field("version", version.version);
    object.finish()
}

/// JSON, or a script that calls with it.
fn shown(json: String, query: &Query) -> Response<Body> {
    let called = query.get("jsonp").filter(|name| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$' | '[' | ']'))
    });
    let (body, of) = match called {
        Some(name) => (format!("{name}({json});"), "text/javascript"),
        None => (json, "application/json"),
    };
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(of));
    response
}
