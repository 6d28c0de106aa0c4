//! What the older endpoints settle: forms and JSON in, deeds out.

use axum::body::Body;
use http::{Method, Response, StatusCode, header};
use kubernel_mesos_proto::{
    Message,
    maintenance::Schedule,
    quota::QuotaRequest,
    v1::{MachineID, Resource, WeightInfo},
};
use serde_json::Value;

use super::{Desk, Endpoint, query::Query};
use crate::{
    OperatorDeed, Refused,
    auth::Asker,
    http::{Answer, answer, refuse},
    operator::deeds,
};

/// Settles what a request to an endpoint says.
pub(super) async fn write(
    desk: &Desk,
    endpoint: Endpoint,
    method: &Method,
    below: &str,
    body: &[u8],
    asker: Asker<'_>,
) -> Response<Body> {
    let allowed: &[Method] = match endpoint {
        Endpoint::Weights => &[Method::GET, Method::PUT],
        Endpoint::Quota => &[Method::GET, Method::POST, Method::DELETE],
        Endpoint::MaintenanceSchedule => &[Method::GET, Method::POST],
        _ => &[Method::POST],
    };
    if !allowed.contains(method) {
        return not_allowed(allowed, method);
    }
    let text = String::from_utf8_lossy(body);
    if endpoint == Endpoint::Teardown {
        let form = Query::parse(&text);
        let done = match form.get("frameworkId") {
            Some(id) => deeds::teardown(desk, asker, id),
            None => Err(bad("Missing 'frameworkId' query parameter in the request body".to_owned())),
        };
        return answered(done, Answer::Ok);
    }
    let done = match deed(desk, endpoint, method, below, &text, asker) {
        Ok(deed) => deeds::settle(desk, deed).await,
        Err(refused) => Err(refused),
    };
    let accepted = matches!(
        endpoint,
        Endpoint::Reserve | Endpoint::Unreserve | Endpoint::CreateVolumes | Endpoint::DestroyVolumes
    );
    answered(done, if accepted { Answer::Accepted } else { Answer::Ok })
}

fn deed(
    desk: &Desk,
    endpoint: Endpoint,
    method: &Method,
    below: &str,
    body: &str,
    asker: Asker<'_>,
) -> Result<OperatorDeed, Refused> {
    match endpoint {
        Endpoint::Reserve => {
            let form = Query::parse(body);
            let (agent, resources) = of_form(&form, "resources")?;
            let source = form.get("source").map_or(Ok(Vec::new()), |_| in_form(&form, "source"))?;
            deeds::reserve(desk, asker, agent, source, resources)
        }
        Endpoint::Unreserve => {
            let (agent, resources) = of_form(&Query::parse(body), "resources")?;
            deeds::unreserve(desk, asker, agent, resources)
        }
        Endpoint::CreateVolumes => {
            let (agent, volumes) = of_form(&Query::parse(body), "volumes")?;
            deeds::create_volumes(desk, asker, agent, volumes)
        }
        Endpoint::DestroyVolumes => {
            let (agent, volumes) = of_form(&Query::parse(body), "volumes")?;
            deeds::destroy_volumes(desk, asker, agent, volumes)
        }
        Endpoint::Weights => {
            let wrong =
                |what: &str, why: String| bad(format!("Failed to {what} update weights request JSON '{body}': {why}"));
            let infos: Vec<WeightInfo> =
                list(body).map_err(|(parsed, why)| wrong(if parsed { "convert" } else { "parse" }, why))?;
            deeds::weights(desk, asker, infos)
        }
        Endpoint::Quota if *method == Method::DELETE => deeds::remove_quota(desk, asker, below.to_owned()),
        Endpoint::Quota => {
            let parsed: Value = serde_json::from_str(body)
                .map_err(|why| bad(format!("Failed to parse set quota request JSON '{body}': {why}")))?;
            let asked = QuotaRequest::from_value(&parsed)
                .map_err(|why| bad(format!("Failed to validate set quota request JSON '{body}': {why}")))?;
            deeds::set_quota(desk, asker, asked)
        }
        Endpoint::MaintenanceSchedule => {
            let asked = Schedule::from_json(body.as_bytes()).map_err(|why| bad(why.to_string()))?;
            deeds::schedule(desk, asker, asked)
        }
        Endpoint::MachineDown => deeds::start_maintenance(desk, asker, machines(body)?),
        Endpoint::MachineUp => deeds::stop_maintenance(desk, asker, machines(body)?),
        _ => Err(Refused { status: 404, message: String::new() }),
    }
}

fn of_form(form: &Query, name: &str) -> Result<(String, Vec<Resource>), Refused> {
    let missing = |name: &str| bad(format!("Missing '{name}' query parameter in the request body"));
    let agent = form.get("slaveId").ok_or_else(|| missing("slaveId"))?;
    form.get(name).ok_or_else(|| missing(name))?;
    Ok((agent.to_owned(), in_form(form, name)?))
}

fn in_form(form: &Query, name: &str) -> Result<Vec<Resource>, Refused> {
    list(form.get(name).unwrap_or_default())
        .map_err(|(_, why)| bad(format!("Error in parsing '{name}' query parameter in the request body: {why}")))
}

fn machines(body: &str) -> Result<Vec<MachineID>, Refused> {
    list(body).map_err(|(_, why)| bad(why))
}

/// A list of messages; else whether it was a list of JSON at least, and what is wrong.
fn list<M: Message>(body: &str) -> Result<Vec<M>, (bool, String)> {
    let parsed: Value = serde_json::from_str(body).map_err(|why| (false, why.to_string()))?;
    let items = parsed.as_array().ok_or_else(|| (false, "Unexpected JSON type parsed".to_owned()))?;
    items.iter().map(|item| M::from_value(item).map_err(|why| (true, why.to_string()))).collect()
}

fn answered(done: Result<(), Refused>, with: Answer) -> Response<Body> {
    match done {
        Ok(()) => answer(with),
        Err(refused) => deeds::refusal(&refused),
    }
}

fn not_allowed(allowed: &[Method], method: &Method) -> Response<Body> {
    let names: Vec<String> = allowed.iter().map(|allowed| format!("'{allowed}'")).collect();
    let why = format!("Expecting one of {{ {} }}, but received '{method}'", names.join(", "));
    let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, &why);
    let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
    if let Ok(value) = names.join(", ").parse() {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

fn bad(message: String) -> Refused {
    Refused { status: 400, message }
}
