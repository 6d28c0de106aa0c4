//! `POST /api/v1`: what operators ask and settle, in Mesos' order and words.
//!
//! `check.rs` looks at a call by itself, `show/` makes messages of the kernel's state and the book, of
//! what `sight.rs` lets the caller see, `metrics.rs` counts,
//! `deeds.rs` says what may be settled and has it settled, `watch.rs` tells subscribers what happens. The older endpoints
//! (`crate::legacy`) show the same messages in another form and settle through the same deeds.

mod check;
pub(crate) mod deeds;
pub(crate) mod master;
pub(crate) mod metrics;
pub(crate) mod show;
pub(crate) mod sight;
mod watch;

use axum::{body::Body, http::HeaderMap};
use http::{Response, StatusCode, header};
use kubernel_mesos_proto::{
    Message,
    maintenance::Schedule,
    master::{self as messages, Call, call::Type, response},
    v1::Metric,
};

use sight::Sight;
pub(crate) use watch::Watchers;

use crate::{
    auth::Asker,
    http::{Answer, accepted, answer, read, refuse},
    legacy::Desk,
    stream::Encoding,
};

/// Does what a call says. The method, the leader and the caller were looked at before.
pub(crate) async fn operate(desk: &Desk, headers: &HeaderMap, body: &[u8], asker: Asker<'_>) -> Response<Body> {
    let call: Call = match read(headers, body) {
        Ok(call) => call,
        Err(answer) => return answer,
    };
    let of = match check::check(&call) {
        Ok(of) => of,
        Err(why) => {
            return refuse(StatusCode::BAD_REQUEST, &format!("Failed to validate master::Call: {why}"));
        }
    };
    let Some(encoding) = accepted(headers) else {
        return refuse(
            StatusCode::NOT_ACCEPTABLE,
            "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
        );
    };
    if of == Type::Subscribe {
        return watch::subscribe(desk, desk.sight(asker), encoding);
    }
    let sight = desk.sight(asker);
    if of == Type::GetFlags && !sight.sees_flags() {
        return refuse(StatusCode::FORBIDDEN, "");
    }
    let looked = desk.look(move |desk| look(desk, &sight, of).map(|found| message(&found, encoding)));
    match looked.await {
        Some(Some(found)) => found,
        Some(None) => settle(desk, of, call, asker).await,
        None => refuse(StatusCode::INTERNAL_SERVER_ERROR, ""),
    }
}

/// The answer to a call that only looks.
fn look(desk: &Desk, sight: &Sight, of: Type) -> Option<messages::Response> {
    use response::Type as As;
    let door = &desk.door;
    let empty = messages::Response::default();
    let (of, found) = match of {
        Type::GetHealth => {
            let get_health = Some(response::GetHealth { healthy: true });
            (As::GetHealth, messages::Response { get_health, ..empty })
        }
        Type::GetFlags => {
            let get_flags = Some(response::GetFlags { flags: master::flags(door) });
            (As::GetFlags, messages::Response { get_flags, ..empty })
        }
        Type::GetVersion => {
            let get_version = Some(response::GetVersion { version_info: master::version(door) });
            (As::GetVersion, messages::Response { get_version, ..empty })
        }
        Type::GetMetrics => {
            let all = metrics::all(desk).into_iter();
            let metrics = all.map(|(name, value)| Metric { name, value: Some(value) }).collect();
            (As::GetMetrics, messages::Response { get_metrics: Some(response::GetMetrics { metrics }), ..empty })
        }
        Type::GetState => (As::GetState, messages::Response { get_state: Some(show::state(sight)), ..empty }),
        Type::GetAgents => (As::GetAgents, messages::Response { get_agents: Some(show::agents(sight)), ..empty }),
        Type::GetFrameworks => {
            (As::GetFrameworks, messages::Response { get_frameworks: Some(show::frameworks(sight)), ..empty })
        }
        Type::GetExecutors => {
            (As::GetExecutors, messages::Response { get_executors: Some(show::executors(sight)), ..empty })
        }
        Type::GetOperations => {
            (As::GetOperations, messages::Response { get_operations: Some(show::operations(sight)), ..empty })
        }
        Type::GetTasks => (As::GetTasks, messages::Response { get_tasks: Some(show::tasks(sight)), ..empty }),
        Type::GetRoles => {
            let roles = show::roles(sight).into_iter().map(show::RoleView::message).collect();
            (As::GetRoles, messages::Response { get_roles: Some(response::GetRoles { roles }), ..empty })
        }
        Type::GetWeights => {
            let get_weights = Some(response::GetWeights { weight_infos: show::weights(sight) });
            (As::GetWeights, messages::Response { get_weights, ..empty })
        }
        Type::GetMaster => (As::GetMaster, messages::Response { get_master: Some(master::get(door)), ..empty }),
        Type::GetMaintenanceStatus => {
            let status = show::maintenance_status(sight);
            let get_maintenance_status = Some(response::GetMaintenanceStatus { status });
            (As::GetMaintenanceStatus, messages::Response { get_maintenance_status, ..empty })
        }
        Type::GetMaintenanceSchedule => {
            let schedule: Schedule = show::schedule(sight);
            let get_maintenance_schedule = Some(response::GetMaintenanceSchedule { schedule });
            (As::GetMaintenanceSchedule, messages::Response { get_maintenance_schedule, ..empty })
        }
        Type::GetQuota => {
            let get_quota = Some(response::GetQuota { status: show::quota(sight) });
            (As::GetQuota, messages::Response { get_quota, ..empty })
        }
        _ => return None,
    };
    Some(messages::Response { r#type: Some(of), ..found })
}

/// Settles what a call says.
async fn settle(desk: &Desk, of: Type, call: Call, asker: Asker<'_>) -> Response<Body> {
    let done = match of {
        Type::Unknown | Type::GetLoggingLevel | Type::SetLoggingLevel => {
            return refuse(StatusCode::NOT_IMPLEMENTED, "");
        }
        // No file of the master is given out: logs go to standard output.
        Type::ListFiles | Type::ReadFile => return refuse(StatusCode::NOT_FOUND, ""),
        Type::Teardown => {
            let id = call.teardown.map(|teardown| teardown.framework_id.value).unwrap_or_default();
            deeds::teardown(desk, asker, &id)
        }
        _ => match deeds::of_call(desk, asker, of, call) {
            Ok(deed) => deeds::settle(desk, deed).await,
            Err(refused) => Err(refused),
        },
    };
    match done {
        Ok(()) => answer(if deeds::is_accepted(of) { Answer::Accepted } else { Answer::Ok }),
        Err(refused) => deeds::refusal(&refused),
    }
}

fn message(message: &impl Message, encoding: Encoding) -> Response<Body> {
    let mut response = Response::new(Body::from(encoding.encode(message)));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(encoding.media_type()));
    response
}
