//! The operator API and the older endpoints: each row a request with its code, and what its answer and the work it makes
//! have.

use crate::world::World;
use axum::body::Body;
use http::{Method, Request, header};
use kubernel_mesos::Access;
use kubernel_mesos_proto::{Message, master};
use serde::Deserialize;
use serde_json::Value;

/// A request and what is expected.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    path: Option<String>,
    /// A call to the operator API.
    #[serde(default)]
    call: Option<Value>,
    /// Any other body.
    #[serde(default)]
    body: Option<String>,
    status: u16,
    /// The answer, if it is words.
    #[serde(default)]
    says: Option<String>,
    /// What the answer has at least, if it is JSON.
    #[serde(default)]
    has: Option<Value>,
    /// How the deed that the bridge was given begins.
    #[serde(default)]
    deed: Option<String>,
    #[serde(default)]
    location: Option<String>,
}

async fn check(row: &Row, protobuf: bool) {
    let world = World::new(Access::default());
    let path = row.path.as_deref().unwrap_or("/api/v1");
    let method: Method =
        row.method.as_deref().unwrap_or(if row.call.is_some() { "POST" } else { "GET" }).parse().unwrap();
    let mut request = Request::builder().method(method).uri(path);
    let mut body = row.body.clone().unwrap_or_default().into_bytes();
    if let Some(call) = &row.call {
        let of = if protobuf { "application/x-protobuf" } else { "application/json" };
        request = request.header(header::CONTENT_TYPE, of).header(header::ACCEPT, of);
        body = match protobuf {
            false => call.to_string().into_bytes(),
            true => match master::Call::from_value(call) {
                Ok(call) => call.encode(),
                // What is no message has no protobuf.
                Err(_) => return,
            },
        };
    }
    let (status, headers, answer) = world.ask(request.body(Body::from(body)).unwrap()).await;
    let words = String::from_utf8_lossy(&answer);
    let shown = format!("{path} {} (protobuf: {protobuf}): {status} {words}", row.call.clone().unwrap_or_default());
    assert_eq!(status.as_u16(), row.status, "{shown}");
    if let Some(says) = &row.says {
        assert_eq!(words, says.as_str(), "{shown}");
    }
    if let Some(has) = &row.has {
        let found: Value = match protobuf {
            true => serde_json::from_str(&master::Response::decode(&answer).unwrap().to_json()).unwrap(),
            false => serde_json::from_slice(&answer).unwrap(),
        };
        contains(&found, has, "").unwrap_or_else(|at| panic!("{at} of {shown}\nlacks {has}"));
    }
    if let Some(location) = &row.location {
        assert_eq!(headers.get(header::LOCATION).unwrap().to_str().unwrap(), location, "{shown}");
    }
    let deeds = world.deeds.lock();
    match &row.deed {
        Some(deed) => {
            let done = deeds.iter().map(|deed| format!("{deed:?}")).collect::<Vec<_>>().join("\n");
            assert!(done.starts_with(deed.as_str()), "{shown}\ndid {done}");
        }
        None => assert!(deeds.is_empty(), "{shown}\ndid {deeds:?}"),
    }
}

/// Whether all of `wanted` is in `found`; lists have to be as long.
fn contains(found: &Value, wanted: &Value, at: &str) -> Result<(), String> {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted.iter().try_for_each(|(name, wanted)| {
            let at = format!("{at}.{name}");
            contains(found.get(name).ok_or_else(|| at.clone())?, wanted, &at)
        }),
        (Value::Array(found), Value::Array(wanted)) if found.len() == wanted.len() => {
            found.iter().zip(wanted).try_for_each(|(found, wanted)| contains(found, wanted, at))
        }
        (Value::Number(found), Value::Number(wanted)) if found.as_f64() == wanted.as_f64() => Ok(()),
        _ if found == wanted => Ok(()),
        _ => Err(format!("{at}: {found}")),
    }
}

#[tokio::test]
async fn calls_are_answered_in_both_encodings() {
    let rows: Vec<Row> = serde_json::from_str(include_str!("../data/operator.json")).unwrap();
    for row in &rows {
        check(row, false).await;
        check(row, true).await;
    }
}

#[tokio::test]
async fn older_endpoints_show_and_settle() {
    let rows: Vec<Row> = serde_json::from_str(include_str!("../data/operator-legacy.json")).unwrap();
    for row in &rows {
        check(row, false).await;
    }
}
